import math
import re
import typing
from pathlib import Path

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from audits.gate import disclosure
from audits.gate.coarse import RATES
from audits.gate.evidence import AUDIT_NAMES, Evidence
from audits.gate.shipped import load_policy
from audits.gate.shown_utility import MIN_SUBGROUP_PERSONS
from audits.verify.gates import MAX_CONFIDENCES
from audits.verify.published import (
    MAX_BINS,
    Curve,
    Histogram,
    ReportFile,
    Score,
    Share,
    _checked_persons,
    shown_results,
)
from audits.verify.statement import ReleasePredicate, no_repeats
from audits.verify.vocabulary import (
    AGE_BANDS,
    CONTRADICTIONS,
    LIBRARIES,
    LICENSES,
    MAX_LANGUAGES,
    MAX_RECORDS,
    MODELS,
    REASONS,
    SETTINGS,
    SEXES,
    STAGES,
    STYLE_KINDS,
    STYLES,
    public_config,
)
from synthgen.config import Config


def test_results_have_only_published_metrics_and_details(releases):
    policy, audit = releases.policy_of(releases.POLICY), releases.audit_json()
    memorization, membership = shown_results(audit, policy)
    assert set(memorization["metrics"]) == {"memorization.hard_hits"}
    assert (memorization["details"], set(membership["details"])) == ({}, {"roc"})
    assert set(membership["metrics"]) == {"membership.auc", "membership.epsilon_lower_bound"}
    assert "reason" not in memorization


def test_public_settings_are_a_fixed_point_without_names_paths_and_text():
    given = {"version": 1, "source": {"path": "n.jsonl", "text": "note of John"}, "interpolate": {"total": 10}}
    given |= {"decode": {"prompt": "hallway 7", "temperature": 0.123456789}, "embed": {"model": "models/john"}}
    shown = public_config(Config.parse(given).model_dump(mode="json"))
    assert public_config(shown) == shown
    assert not [word for word in ("John", "john", "n.jsonl", "hallway", "path", "seed") if word in repr(shown)]
    assert (shown["decode"]["temperature"], shown["embed"]["model"]) == (0.123457, "(private)")
    assert shown["interpolate"]["method"] == "smote"


def test_a_kind_of_access_is_listed_once():
    assert no_repeats(("words", "votes")) == ("words", "votes")
    with pytest.raises(ValueError, match="an item is repeated"):
        no_repeats(("words", "words"))


def test_a_subgroup_checked_persons():
    few, enough = (Score(value=0.5, low=0.4, high=0.6, n=MIN_SUBGROUP_PERSONS - missing) for missing in (1, 0))
    assert _checked_persons(enough) is enough
    with pytest.raises(ValueError, match="a subgroup of too few persons"):
        _checked_persons(few)


@pytest.mark.parametrize(("low", "high", "is_refused"), [(0.0, 1.0, False), (-0.1, 1.0, True), (0.0, 1.1, True)])
def test_share_is_between_0_and_1(releases, low, high, is_refused):
    share, context = TypeAdapter(Share), {"policy": releases.policy_of(releases.POLICY)}
    number = {"value": 0.5, "low": low, "high": high, "n": 200}
    if is_refused:
        with pytest.raises(ValidationError, match="not between 0 and 1"):
            share.validate_python(number, context=context)
    else:
        assert share.validate_python(number, context=context).model_dump() == number


# --- capacity: the number of bits that the holder of a key can choose in a bundle without a DP claim

DIGEST, TIME, FLOAT, BUCKET, COUNT = 256, 31, 64, math.log2(len(disclosure._EDGES) + 3), 53
SHORT = math.log2(2 * disclosure.MAX_MEASURED * 1000 + 1 + 2 * len(disclosure._EDGES))  # one end of a number
SHARES = math.log2(math.comb(1003, 3)) + BUCKET  # low <= value <= high in steps of 0.001, and n
VERSION = math.log2(10**4 * (1 + 1000 + 1000**2) * (1 + 5 * 10) * (1 + 1 + 1000 + 100))
TAG = sum(map(math.log2, (26**2 + 26**3, 1 + 26**4, 1 + 26**2 + 1000, 1 + sum(36**n for n in range(5, 9)))))
NAME = math.log2(3 * (len(MODELS) + len(STYLES) + 1) * (len(MODELS) + len(STYLES) + 2))
CURVE = math.log2(math.comb(101 + len(RATES), len(RATES)))  # a non-decreasing line of multiples of 0.01
EDGES = math.log2(math.comb(MAX_BINS + 1 + 2 * MAX_BINS, 2 * MAX_BINS))  # non-decreasing
BINS = MAX_BINS * math.log2(101)
N_AUDITS, N_STATED, N_CLASSIFIERS, N_ARMS = len(AUDIT_NAMES), 6, 2, 3
N_SCORES = N_CLASSIFIERS * N_ARMS
N_METRICS = 9 + max(
    len({rule.metric for rule in load_policy(name).all_rules()} | {f"{audit}.estimate" for audit in AUDIT_NAMES})
    for name in ("research", "hospital-external", "strict-dp")
)
CONFIDENCE = math.log2(MAX_CONFIDENCES)
STATEMENT = {
    "time_created": TIME,
    "expires": TIME,
    "dataset.language": MAX_LANGUAGES * TAG,
    "dataset.license": math.log2(len(LICENSES)),
    "producer.version": 3 * math.log2(10**4),
    "producer.python": VERSION,
    "producer.made_by": 2 * DIGEST + len(LIBRARIES) * VERSION,
    "models.role": 12 * math.log2(6),
    "models.name": 12 * NAME,
    "models.digest.sha256": 12 * DIGEST,
    "models.trained_on_private_data": 12,
    "privacy.unit": 1,
    "inputs.role": 2,
    "inputs.commitment.key_ref": 2 * 122,
    "inputs.commitment.root": 2 * DIGEST,
    "inputs.count_bucket": 2 * BUCKET,
    "attempts.number": math.log2(10**6),
    "attempts.ledger.id": 128,
    "attempts.ledger.entries": math.log2(10**9),
    "attempts.ledger.head": DIGEST,
    "limitations": 20,  # one bit for each public sentence
}
EVIDENCE = {
    **dict.fromkeys(("metrics.value", "metrics.low", "metrics.high"), N_METRICS * (SHORT + 1)),
    "metrics.confidence": MAX_CONFIDENCES * FLOAT + N_METRICS * CONFIDENCE,
    "metrics.n": N_METRICS * BUCKET + N_STATED * COUNT,
    "audits.verdict": N_AUDITS * math.log2(4),
    "audits.status": N_AUDITS * 2,
    "audits.confidence": N_AUDITS * CONFIDENCE,
    "digests": DIGEST,  # the digest of the self-test
}
ENDS = ("value", "low", "high")
REPORT = {
    "audit.results.direction": N_AUDITS * 2,
    **dict.fromkeys((f"audit.results.control.{end}" for end in ENDS), N_AUDITS * (SHORT + 1)),
    "audit.results.control.confidence": N_AUDITS * CONFIDENCE,
    "audit.results.control.n": N_AUDITS * BUCKET,
    "audit.results.threshold": 2 * N_AUDITS * SHORT,
    "audit.results.details.claim_scope": 2 * N_AUDITS,
    "audit.results.details.histogram.bins.low": EDGES,
    **dict.fromkeys((f"audit.results.details.histogram.bins.{role}" for role in ("train", "control")), BINS),
    **dict.fromkeys((f"audit.results.details.roc.{line}" for line in ("tpr", "low", "high")), CURVE),
    "page.filters": (len(REASONS) + 2) * BUCKET,
    "page.stages.name": len(STAGES),
    "page.stages.n_in": len(STAGES) * BUCKET,
    "page.stages.n_out": len(STAGES) * BUCKET,
    **{
        f"page.utility.classifiers.{name}.value": N_SCORES * SHARES
        for name in ("accuracy", "macro_f1", "weighted_f1")
    },
    "page.utility.subgroups.sex.value": len(SEXES) * 4 * SHARES,
    "page.utility.subgroups.age_band.value": len(AGE_BANDS) * 4 * SHARES,
    "page.utility.style": 2 * len(STYLE_KINDS) * math.log2(101),
    "page.utility.style_gap.value": 3 * SHORT + BUCKET,
    "page.utility.coherence.synthetic": len(CONTRADICTIONS) * math.log2(101),
    "page.utility.coherence.real": len(CONTRADICTIONS) * math.log2(21),
}
OF_A_CLASS = {
    "page.balance.real": BUCKET,
    "page.balance.requested": math.log2(MAX_RECORDS),
    "page.utility.classifiers.per_class.f1.value": N_SCORES * SHARES,
}
# fields without bits of their own: they follow from other files, are compared with them, or are counted above
DERIVED = re.compile(
    r"schema.*|release_id|verdict|dataset\.(records|classes|intended_use)|use\..*|producer\.tool|config\..*"
    r"|models\.format|policy\..*|gates\..*|privacy\.(mechanism|decision|non_private_steps)|inputs\.commitment\.scheme"
    r"|evidence\..*|approvals_required\..*|audit\.schemaVersion|audit\.results\.(name|verdict|status|confidence)"
    r"|audit\.results\.(estimate|metrics)\..*|audit\.results\.details\.(histogram\.bins\.high|roc\.fpr)"
    r"|page\.balance\.released|page\.utility\.(classifiers|subgroups|style_gap)\..*"
)
STATED_AS_FREE = re.compile(r"dataset\.name|page\.balance\.label")
ONLY_WITH_DP = re.compile(
    r"privacy\.(neighbouring|epsilon|delta|accountant|sampling|noise_multiplier|sample_rate|steps|composition.*|budget.*)"
    r"|audit\.results\.details\.(claim\..*|checks|mechanisms.*|accounted_reads.*|unaccounted_reads|outside_reads)"
)


def inside(annotation):
    yield annotation
    for part in typing.get_args(annotation):
        yield from inside(part)


def leaves(model, prefix=""):
    """Return the paths of all fields of a model that are not models."""
    for name, field in model.model_fields.items():
        models = [kind for kind in inside(field.annotation) if isinstance(kind, type) and issubclass(kind, BaseModel)]
        for kind in models:
            yield from leaves(kind, f"{prefix}{name}.")
        if not models:
            yield prefix + name


def test_capacity_of_a_bundle_is_the_documented_one():
    """A new field fails here until its bits are added. Labels, name and records are free and are not counted."""
    for model, bits in ((ReleasePredicate, STATEMENT), (Evidence, EVIDENCE), (ReportFile, {**REPORT, **OF_A_CLASS})):
        paths = set(leaves(model))
        assert set(bits) <= paths
        others = [path for path in paths - set(bits) if not re.fullmatch(f"{DERIVED.pattern}", path)]
        assert [p for p in others if not STATED_AS_FREE.fullmatch(p) and not ONLY_WITH_DP.fullmatch(p)] == []
    numbers_of = [
        (one, max(0, round((one.high - one.low) / one.step) + 1)) for k in SETTINGS.values() for one in k.values()
    ]
    settings = sum(math.log2(len(one.words) + 1 + numbers) for one, numbers in numbers_of)
    whole = settings + sum(sum(bits.values()) for bits in (STATEMENT, EVIDENCE, REPORT))
    formats = Path(__file__).parents[4] / "docs/reference/formats.md"
    most, of_a_class = re.search(
        r"at\s+most ([\d,]+) bytes, and ([\d,]+) bytes per class", formats.read_text()
    ).groups()
    assert whole / 8 <= int(most.replace(",", "")) < 1.1 * whole / 8
    assert sum(OF_A_CLASS.values()) / 8 <= int(of_a_class)


INCREASING, FALLING = (0.1, 0.2, 0.2, 0.3), (0.1, 0.2, 0.15, 0.3)


@pytest.mark.parametrize(("edges", "shares"), [(FALLING, (0.5, 0.5)), (INCREASING, (0.9, 0.5))])
def test_bins_are_in_increasing_order_and_contain_shares(edges, shares):
    def histogram(edges, shares):
        pairs = zip(edges[::2], edges[1::2], shares, strict=True)
        bins = ({"low": low, "high": high, "train": share, "control": share} for low, high, share in pairs)
        return Histogram.model_validate({"bins": tuple(bins)})

    assert len(histogram(INCREASING, (0.5, 0.5)).bins) == 2
    with pytest.raises(ValidationError, match="not a histogram of shares"):
        histogram(edges, shares)


def test_a_curve_has_the_fixed_rates_and_never_falls():
    rising = tuple(round(i / len(RATES), 2) for i in range(len(RATES)))
    assert Curve(fpr=RATES, tpr=rising).tpr == rising
    for fpr, tpr in (((*RATES[:-1], 0.5), rising), (RATES, rising[:-1]), (RATES, rising[::-1])):
        with pytest.raises(ValidationError, match="or the curve decreases"):
            Curve(fpr=fpr, tpr=tpr)
