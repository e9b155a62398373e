"""A bundle whose numbers contradict each other is refused, even if it has a valid signature."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from audits.attacks.canaries import canaries_audit
from audits.attacks.linkage.attacks import LIMITS
from audits.attacks.membership import membership_audit
from audits.attacks.neighbours import neighbours_audit
from audits.attacks.parent_recovery import noise_tolerant_attack
from audits.core.errors import VerifyError
from audits.core.rates import TAUS
from audits.gate.disclosure import public_evidence
from audits.gate.evidence import Metric, evidence_from
from audits.gate.policy import decide
from audits.verify import gates
from audits.verify.consistency import (
    MAIN,
    ONE_SIDED,
    TWO_SIDED,
    count_problems,
    model_problems,
    most_units,
    score_problems,
    written_problems,
)
from audits.verify.published import Score
from audits.verify.vocabulary import HIDDEN
from synthgen.release.commitment import commit_records
from synthgen.release.statement import bundle_parts
from synthgen.release.tables import data_files

RULE = (
    "  - {id: worst, metric: utility.worst_class_ratio, bound: value, op: '>=', limit: 0.8, why: No class is lost.}\n"
)


def audited(releases, change=lambda _results: None, numbers=()):
    """Return the content of a bundle whose audit report was changed."""
    audit, content = releases.audit_json(), releases.content()
    change({result["name"]: result for result in audit["results"]})
    of_engine = {**releases.engine_numbers(), **dict(numbers)}
    evidence = public_evidence(evidence_from(audit, of_engine, content.evidence.digests), content.policy)
    return {"audit_json": audit, "evidence": evidence, "decision": decide(evidence, content.policy)}


def in_result(name, **changes):
    """Return a function that gives the content of a bundle with a changed result of an audit."""
    return lambda releases: audited(releases, lambda results: results[name].update(changes))


LABELS = ("cardiology", "ear & nose", "x|y")


def measured(value, low, high, n=500):
    return {"value": value, "low": low, "high": high, "confidence": 0.96, "n": n}


def counted(name, **ends):
    return lambda releases: audited(releases, numbers={name: releases.estimate(1, **ends)})


def scored(macro, accuracy, *f1, ratio=None):
    """Return a function that gives a page with these scores of training on synthetic records; on real, all are 1."""

    def score(value):
        return {"value": value, "low": value, "high": value, "n": 200}

    def arm(macro, accuracy, f1):
        per_class = {
            label: {"f1": None if one is None else score(one)} for label, one in zip(LABELS, f1, strict=False)
        }
        return {"accuracy": score(accuracy), "macro_f1": score(macro), "per_class": per_class}

    def change(releases):
        arms = {"real": arm(1.0, 1.0, (1.0, 1.0, 1.0)), "synthetic": arm(macro, accuracy, f1)}
        page = releases.page(releases.policy_of(releases.POLICY)) | {
            "utility": {"classifiers": {"tfidf-linear": arms}}
        }
        if ratio is None:
            return {"page": page}
        policy = releases.POLICY.replace("validity_days", f"{RULE}validity_days")
        numbers = {**releases.engine_numbers(), "utility.worst_class_ratio": releases.estimate(ratio, n=200)}
        content = releases.content(policy)
        made = evidence_from(releases.audit_json(), numbers, content.evidence.digests)
        evidence = public_evidence(made, content.policy)
        decision = decide(evidence, content.policy)
        return {"page": page, "policy": policy, "evidence": evidence, "decision": decision}

    return change


def with_inputs(train, control):
    def change(_releases):
        sides = {"train": train, "control": control}
        return {"inputs": [commit_records(role, [str(i) for i in range(n)], b"k" * 32) for role, n in sides.items()]}

    return change


def with_models(change):
    def apply(releases):
        models = [dict(model) for model in releases.content().models]
        return {"models": change(models)}

    return apply


def with_page(**changes):
    return lambda releases: {"page": releases.page(releases.policy_of(releases.POLICY)) | changes}


def stages(**written):
    return [{"name": name, "n_in": "20-50", "n_out": n_out} for name, n_out in written.items()]


PERFECT = {"fpr": [0.0, 1.0], "tpr": [1.0, 1.0]}
# the scores of 1 % of the train persons are below those of all control persons
ALMOST_PERFECT = {"fpr": [0.0, 1.0], "tpr": [0.99, 0.99]}
CASES = {
    "pass-above-the-threshold": (in_result("memorization", estimate=measured(0.9, 0.85, 0.95)), "outside its thresh"),
    "pass-below-the-lower-threshold": (
        in_result("membership", verdict="pass", estimate=measured(0.3, 0.25, 0.5)),
        "outside its threshold",
    ),
    "wide-threshold": (in_result("memorization", threshold=0.9), "wider than this audit allows"),
    "wide-two-sided-threshold": (
        in_result("membership", verdict="pass", threshold=(0.0, 1.0)),
        "wider than this audit allows",
    ),
    "other-direction": (in_result("memorization", direction="higher_is_safer"), "its `threshold` or its `direction`"),
    "no-threshold": (in_result("memorization", threshold=None), "its estimate or its threshold is missing"),
    "no-estimate": (in_result("memorization", estimate=None), "its estimate or its threshold is missing"),
    "another-estimate": (in_result("membership", estimate=measured(0.5, 0.48, 0.52)), "differs from the estimate"),
    "perfect-curve": (in_result("membership", details={"roc": PERFECT}), "the area under the ROC curve"),
    "almost-perfect-curve": (in_result("membership", details={"roc": ALMOST_PERFECT}), "the area under the ROC"),
    "macro-f1-above-its-classes": (scored(0.9, 0.5, 0.0, 0.0, 0.0), "the macro F1 does not follow"),
    "accuracy-above-its-classes": (scored(0.9, 1.0, 0.9, 0.9, 0.9), "the accuracy does not follow"),
    "accuracy-below-its-classes": (scored(0.9, 0.1, 0.9, 0.9, 0.9), "the accuracy does not follow"),
    "class-left-out": (scored(0.9, 0.9, 0.9, 0.9), "the classes with scores differ"),
    "worst-class-above-its-f1": (scored(0.9, 0.9, 1.0, 1.0, 0.7, ratio=0.97), "larger than the F1 scores"),
    "sample-size-of-the-secret": (counted("secret.private", n=7), "its sample size differs from its value"),
    "claim-per-record": (in_result("membership", details={"claim_scope": "record"}), "`claim_scope` in the report"),
    "more-persons-than-records": (with_inputs(12, 12), "its sample size is above the number of records"),
    "more-persons-than-control-records": (with_inputs(600, 12), "its sample size is above the number of records"),
    "larger-classes-than-train": (
        with_page(balance=[
            {"label": label, "real": "500-1k", "requested": 4, "released": n}
            for label, n in (("cardiology", 4), ("ear & nose", 4), ("x|y", 3))
        ]),
        "the classes together have more real records than",
    ),
    "second-decoder": (with_models(lambda models: [*models, models[0]]), "more than one model of the role decoder"),
    "no-decoder": (with_models(lambda models: models[1:]), "the decoder is not the model in the setting decode.mo"),
    "another-embedder": (
        with_models(lambda models: [models[0], {**models[1], "name": HIDDEN}]),
        "the embedder is not the model in the setting embed.model",
    ),
    "judge-without-a-server": (
        with_models(lambda models: [*models, {**models[0], "role": "judge"}]),
        "no server wrote the texts",
    ),
    "class-without-f1": (scored(0.9, 0.9, 0.9, 0.9, None), "the F1 of a class is missing"),
    "fewer-written-than-released": (with_page(stages=stages(decode="1-9")), "fewer records were written"),
    "fewer-kept-than-released": (
        with_page(stages=stages(decode="20-50", filter="1-9")),
        "fewer records were kept than released",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_bundle_with_contradicting_numbers_is_not_written(case, releases, tmp_path):
    change, message = CASES[case]
    with pytest.raises(VerifyError, match=f"E_MANIFEST .*{message}"):
        releases.bundle(tmp_path, **change(releases))


@pytest.mark.parametrize("case", ["pass-above-the-threshold", "more-persons-than-records", "second-decoder"])
def test_contradicting_numbers_are_refused_although_signed(case, releases, tmp_path, monkeypatch, refused):
    change, message = CASES[case]
    monkeypatch.setattr("synthgen.release.statement.check_agreement", lambda _parts: None)
    refused(releases.bundle(tmp_path, **change(releases)), 10, "manifest", message)


def pass_with(auc, **changes):
    """Return a function that gives content whose membership passes with this AUC; `changes` are of memorization."""

    def change(results):
        metrics = {**results["membership"]["metrics"], "auc": auc}
        results["membership"].update(verdict="pass", estimate=auc, metrics=metrics)
        results["memorization"].update(changes)

    return lambda releases: audited(releases, change)


@pytest.mark.parametrize(
    "change",
    [
        pass_with(measured(0.51, 0.47, 0.546), estimate=measured(0.0, -0.01, 0.0099)),
        pass_with(measured(0.5, 0.451, 0.55), threshold=0.003, estimate=measured(0.0, -0.001, 0.0029)),
        with_inputs(500, 1100),
        with_page(stages=stages(decode="10-20", filter="10-20")),
        scored(0.9, 0.905, 0.905, 0.9, 0.89, ratio=0.87),
    ],
)
def test_numbers_that_agree_up_to_rounding_are_accepted(change, releases, tmp_path):
    assert releases.bundle(tmp_path, **change(releases)).is_dir()


def parts_of(releases):
    content = releases.content()
    return bundle_parts(content, data_files(content.records, content.formats), releases.NOW)


@pytest.mark.parametrize(("n_written", "is_refused"), [(10, True), (11, False), ("5-10", True), ("10-20", False)])
def test_released_records_must_have_been_written(n_written, is_refused):
    rows = {"decode": 0, "decode-2": n_written, "decode-reconstruction": 96}
    page = SimpleNamespace(stages=[SimpleNamespace(name=name, n_out=n) for name, n in rows.items()])
    dataset = SimpleNamespace(records=11)
    parts = SimpleNamespace(report=SimpleNamespace(page=page), predicate=SimpleNamespace(dataset=dataset))
    assert list(written_problems(parts)) == is_refused * ["stages: fewer records were written than released"]


def test_models_need_not_be_stated(releases):
    parts = parts_of(releases)
    predicate = parts.predicate.model_copy(update={"models": ()})
    assert list(model_problems(replace(parts, predicate=predicate))) == []


@pytest.mark.parametrize(
    ("unit", "settings", "is_compared"),
    [("record", {}, True), ("group", {"segments": {}}, True), ("record", {"segments": {}}, False)],
)
def test_sample_sizes_are_compared_unless_records_are_cut_and_have_no_persons(releases, unit, settings, is_compared):
    parts = parts_of(releases)
    privacy = parts.predicate.privacy.model_copy(update={"unit": unit})
    inputs = tuple(side.model_copy(update={"count_bucket": "10-20"}) for side in parts.predicate.inputs)
    predicate = parts.predicate.model_copy(update={"privacy": privacy, "inputs": inputs})
    found = list(count_problems(replace(parts, predicate=predicate, config={**parts.config, **settings})))
    assert any("its sample size is above the number of records" in problem for problem in found) == is_compared


def score_parts(sources, *, has_all=True, ratio=None):
    """Return the parts that `score_problems` reads: the macro F1 and the F1 scores of the classes, by table."""

    def number(value):
        return SimpleNamespace(value=value, n=200)

    def scores(macro, *f1):
        per_class = {label: SimpleNamespace(f1=number(one)) for label, one in zip(LABELS, f1, strict=False)}
        return SimpleNamespace(accuracy=None, macro_f1=number(macro), per_class=per_class)

    classifiers = {"tfidf-linear": {table: scores(*values) for table, values in sources.items()}}
    page = SimpleNamespace(utility=SimpleNamespace(classifiers=classifiers), balance=[SimpleNamespace(requested=9)])
    return SimpleNamespace(
        report=SimpleNamespace(page=page),
        config={"interpolate": {"balance": "equal", "total": 9 if has_all else 12}},
        predicate=SimpleNamespace(inputs=[]),
        evidence=SimpleNamespace(metrics={} if ratio is None else {"utility.worst_class_ratio": number(ratio)}),
    )


@pytest.mark.parametrize(
    ("table", "values", "has_all", "is_refused"),
    [
        ("real", (0.9, 0.5, 0.5, 0.5), True, True),
        ("real", (0.9, 0.5, 0.5, 0.5), False, False),  # a class that is not shown may have a higher F1
        ("real", (0.9,), True, False),
        ("synthetic", (0.9, 0.5, 0.5, 0.5), False, True),
        ("synthetic", (0.9,), False, False),
    ],
)
def test_macro_f1_is_compared_if_it_follows_from_the_shown_classes(table, values, has_all, is_refused):
    found = list(score_problems(score_parts({table: values}, has_all=has_all)))
    assert found == is_refused * ["utility: the macro F1 does not follow from the F1 scores of the classes"]


def test_ratio_of_the_worst_class_needs_the_scores_of_both_tables():
    same = (0.5, 0.5, 0.5, 0.5)
    for tables, is_refused in ((("real",), False), (("synthetic",), False), (("real", "synthetic"), True)):
        found = list(score_problems(score_parts(dict.fromkeys(tables, same), ratio=9.0)))
        assert found == is_refused * [
            "utility.worst_class_ratio: the number is larger than the F1 scores of the classes allow"
        ]


def test_limits_are_those_of_the_audits():
    margins = {
        "neighbours": neighbours_audit.MARGINS[-1][1],
        "membership": membership_audit.MARGIN,
        "parent_recovery": noise_tolerant_attack.MARGINS[-1],
        "canaries": canaries_audit.MARGIN,
    }
    assert {name: (0.5 - margin, 0.5 + margin) for name, margin in margins.items()} == {
        name: ends for name, ends in TWO_SIDED.items() if name != "linkage"
    }
    assert TWO_SIDED["linkage"] == (-LIMITS[-1], LIMITS[-1])
    assert set(ONE_SIDED.values()) == {TAUS[-1]}
    assert len(MAIN) == len({name.split(".")[0] for name in MAIN})


def test_bound_of_a_sample_size_depends_on_its_unit():
    sizes = {"train": 50, "control": 20, "released": 11}
    names = ("memorization.estimate", "memorization.scan_p", "utility.tstr_over_trtr", "identifiers.hard_hits")
    assert [most_units(name, **sizes) for name in names] == [20, 70, 20, 11]
    names = ("membership.estimate", "membership.auc", "membership.scan_p", "linkage.estimate")
    assert [most_units(name, **sizes) for name in names] == [20, 20, 70, 20]
    assert most_units("neighbours.share", **sizes) is None


def balance(*numbers):
    rows = zip(("cardiology", "ear & nose", "x|y"), numbers, strict=True)
    keys = ("label", "requested", "released", "real")
    return {"balance": [dict(zip(keys, (label, *pair, "200-500"), strict=True)) for label, pair in rows]}


REQUEST = "the requested numbers of records contradict"


def with_distance(releases, distance):
    """Return the content of a run with this distance between the released and the requested class shares."""
    numbers = {**releases.engine_numbers(), "balance.tv_distance": releases.estimate(distance)}
    content = releases.content()
    evidence = evidence_from(releases.audit_json(), numbers, content.evidence.digests)
    evidence = public_evidence(evidence, content.policy)
    return {"evidence": evidence, "decision": decide(evidence, content.policy)}


def test_class_without_a_record_has_the_distance_1(releases, tmp_path, judge):
    changes = with_distance(releases, 1.0)
    with pytest.raises(VerifyError, match=REQUEST):
        releases.bundle(tmp_path, **changes)
    assert judge(releases.bundle(tmp_path, **changes, config=releases.settings(total=16))).ok


def test_the_first_of_equal_classes_have_the_remainder(releases, tmp_path):
    changes = {**with_distance(releases, 2 / 13), "config": releases.settings(total=13)}
    releases.bundle(tmp_path / "a", **changes, page=balance((5, 4), (4, 4), (4, 3)))
    with pytest.raises(VerifyError, match=REQUEST):
        releases.bundle(tmp_path / "b", **changes, page=balance((4, 4), (5, 4), (4, 3)))


def test_no_number_of_attempts_is_in_the_evidence_of_an_independent_policy():
    one = Metric(value=1, low=1, high=1, confidence=1, n=1)
    given = {"dataset": SimpleNamespace(records=1), "attempts": SimpleNamespace(number=None)}
    policy, metrics = SimpleNamespace(is_independent=True), {"records.synthetic": one}
    gates._check_stated_counts(SimpleNamespace(**given), policy, SimpleNamespace(metrics=metrics))
    with pytest.raises(VerifyError, match="the number of audits of the control persons is stated"):
        gates._check_stated_counts(
            SimpleNamespace(**given), policy, SimpleNamespace(metrics={**metrics, "attempts.number": one})
        )


def test_the_style_gap_of_the_report_is_that_of_the_evidence():
    shown = Score(value=0.5, low=0.4, high=0.6, n=200)
    page = SimpleNamespace(utility=SimpleNamespace(style_gap=shown, classifiers={}))
    for value, fits in ((0.5, True), (0.51, False)):
        gap = Metric(value=value, low=0.4, high=0.6, confidence=0.96, n=200)
        assert gates._fits_utility(page, SimpleNamespace(metrics={"style.gap": gap})) is fits


@pytest.mark.parametrize(
    ("section", "changes"),
    [
        ("source", {"kind": "fhir"}),
        ("source", {"max_records": 100}),
        ("interpolate", {"balance": "as-source"}),
        ("filter", {"length": "auto"}),
        ("decode", {"bridge": HIDDEN}),
        ("decode", {"examples": HIDDEN}),
        ("segments", {"by": "auto", "words": 90, "least_persons": 5, "context_tokens": 192}),
    ],
)
def test_settings_that_read_private_records_without_budget_are_refused(
    releases, tmp_path, monkeypatch, refused, section, changes
):
    settings = releases.settings(method="dp-gaussian")
    given = {
        "privacy": releases.DP_PRIVACY,
        "config": {**settings, section: {**settings.get(section, {}), **changes}},
    }
    monkeypatch.setattr("synthgen.release.statement.check_agreement", lambda _parts: None)
    path = releases.bundle(tmp_path, releases.DP_POLICY, **given)
    refused(path, 10, "manifest", "the claimed epsilon does not cover all uses" if section != "segments" else "")


@pytest.mark.parametrize("name", [HIDDEN, f"custom:{HIDDEN}-{HIDDEN}", "smollm2"])
def test_exactly_the_models_that_are_not_shipped_count_as_private(releases, name):
    parts = parts_of(releases)
    model, *others = parts.predicate.models
    for is_private in (True, False):
        changed = model.model_copy(update={"name": name, "trained_on_private_data": is_private})
        predicate = parts.predicate.model_copy(update={"models": (changed, *others)})
        found = [p for p in model_problems(replace(parts, predicate=predicate)) if "must not be marked so" in p]
        assert bool(found) == (is_private != (name != "smollm2"))
