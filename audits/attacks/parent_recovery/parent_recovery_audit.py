"""Parent recovery audit: decide whether an attacker can find the persons from whom synthetic records were mixed.

Here, the parents of a synthetic record are the persons from whose records it was mixed. A lineage lists these
records and their weights. The audit measures how often attacks on texts and vectors find train persons rather than
control persons, whom the generator never saw. With a lineage, it also measures how often they find true parents
(recall), and how much a single person contributes to a record or class. A violated rule or a significant test makes
the audit fail. For a pass, each share of train persons and each recall must be proven to be within its limit.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from numpy.typing import NDArray

from audits.attacks.parent_recovery.exact_attack import SegmentEvidence, attack_segments
from audits.attacks.parent_recovery.lineage import LineageExposure, check_lineage, lineage_exposure
from audits.attacks.parent_recovery.noise_tolerant_attack import (
    MARGINS,
    EncoderShares,
    ParentRecall,
    ShareTest,
    encoder_shares,
)
from audits.core import stats
from audits.core.holdout import Arms, HoldoutTables
from audits.core.rates import TAUS, exact
from audits.core.two_sided import compared, envelope, power, too_few_rows, two_sided_result
from audits.core.types import AuditInputs, AuditResult, Estimate, Rng, Verdict, persons
from audits.embeddings.encoders import EncodedTables
from audits.embeddings.planted import EncoderAudit

MAX_RECALL_RATIO = 3.0  # true parents may be found at most this many times as often as by chance
SMALL_RECALL = TAUS[-1]  # a recall whose interval ends at or below 1 % never makes the verdict insufficient
# smallest effective number of parents of a record: 1 / (sum of the squared weights of the persons); two parents have
# this effective number if their weights are .79 and .21
MIN_EFFECTIVE_PARENTS = 1.5
MIN_CLASS_PERSONS = 11  # smallest number of persons who contribute to a class; statistical offices omit lower counts
N_SHARES = 3  # number of shares tested for each encoder (`EncoderShares.shares`)
_RECALLS = {  # key: name of an entry of the report; value: field of `ParentRecall` with the entry's value
    "parent_recall": "one",
    "parent_recall_by_chance": "one_chance",
    "pair_recall": "pair",
    "pair_recall_by_chance": "pair_chance",
}
PASSED = "The attack finds control persons as parents of synthetic records as often as train persons."


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentRecoveryEvidence:
    """All measurements that the verdict depends on."""

    findings: tuple[EncoderShares, ...]  # one per encoder
    segments: Mapping[str, SegmentEvidence]  # by name of the encoder whose vectors the caller passed
    lineage: LineageExposure | None  # None if no lineage was given


class ParentRecovery(EncoderAudit):
    """Test whether synthetic records reveal the train persons they were mixed from, and whether one person dominates.

    `audits explain parent_recovery` describes the attack and the verdicts. For each synthetic record, the attack
    searches among equally many train and control persons for a pair: the two persons whose records, combined, are
    nearest to the synthetic record. The first person of a pair is the one whose record is nearer to the synthetic
    record. If the caller passes vectors of the tables, `attack_segments` attacks these vectors as well.

    Metrics; with several encoders, the value furthest from the safe value is reported:

    - train_share: share of train persons among both persons of all pairs; .5 is safe.
    - first_share: share of train persons among the first persons of all pairs; .5 is safe. The share falls if
      synthetic records near train were dropped.
    - both_excess: share of records with a pair of two train persons, minus the share expected if the roles (train or
      control) are random; 0 is safe.
    - scan_p: p-value of the scan test for leaks of a few persons. The test checks whether train persons are over- or
      under-represented among the persons whose records are most similar to a synthetic record.
    - parent_recall (with a lineage): share of records with a pair whose first person is a parent. parent_recall_ratio
      is this share divided by its value by chance. pair_recall is the share of records with a pair of two parents.
    - vectors_between_train (with passed vectors): share of synthetic vectors that lie between two train vectors.
    - max_weight, min_effective_parents, min_row_persons, max_person_share, max_person_rows, min_class_persons (with a
      lineage): extremes of `LineageExposure`, on which policies set limits. records_with_parents: number of records
      that have parents according to the lineage.
    - margin: largest allowed distance of a share from chance (`margin_of`); omitted if a share has too few records.
    - lineage: 1 if a lineage was given, otherwise 0.

    With a lineage, the audit fails if a record has fewer than 1.5 effective parents (`MIN_EFFECTIVE_PARENTS`),
    because it is mostly made from one person. It also fails if a class is made from fewer than 11 persons.
    `details.power.smallest_leak` is the smallest distance of the train share from one half that, with probability .8,
    prevents a pass.

    Privacy: reads all texts, vectors and the lineage; returns shares, counts and extremes of lineage weights.
    Randomness: the control persons who become the reference (texts on which encoders are fitted), draws of equally
        many train and control persons, the order of the records (for ties), permutations, the encoders' seeds.
    Cost: for 10,000 rows and 22,800 real texts of 90 words, 8 s with the encoder of words and 3 s with the encoder of
        characters on one core, without the encoding; 1.3 GB.
    Reference: the tests and the rules on persons were designed for this project, following exact attacks on SMOTE.
    """

    name = "parent_recovery"

    def run(self, inputs: AuditInputs, rng: Rng, confidence: float) -> AuditResult:
        """Return the result; raise the errors of `EncoderAudit.run` and `check_lineage`."""
        if inputs.lineage is not None:
            check_lineage(inputs.lineage, len(inputs.synthetic), len(inputs.train))
        return super().run(inputs, rng, confidence)

    def _measure(self, inputs: AuditInputs, tables: EncodedTables, rng: Rng, confidence: float) -> AuditResult:
        holdout, people, encoded = tables.holdout, tables.people, tables.encoded
        train_person = persons(holdout.train.groups)[1]
        evidence = ParentRecoveryEvidence(
            findings=tuple(encoder_shares(e, people, inputs, N_SHARES * len(encoded), rng) for e in encoded),
            segments={
                name: attack_segments(vectors, holdout.train.vectors[name], holdout.control.vectors[name])
                for name, vectors in sorted(holdout.synthetic.vectors.items())
            },
            lineage=None
            if inputs.lineage is None
            else lineage_exposure(inputs.lineage, train_person, people.synthetic_class),
        )
        return _judge(evidence, holdout, people, confidence)


def _violated_rules(evidence: ParentRecoveryEvidence) -> list[str]:
    """Return a statement for each violated rule on the passed vectors and on the lineage."""
    segments = evidence.segments.values()
    corrected = stats.holm([segment.sign_test_p for segment in segments])
    between = any(segment.proven or p < stats.CHANCE_LEVEL for segment, p in zip(segments, corrected, strict=True))
    violated = ["synthetic vectors lie exactly between the vectors of two train rows"] if between else []
    if (lineage := evidence.lineage) is not None:
        if n_records := int((lineage.effective_parents < MIN_EFFECTIVE_PARENTS).sum()):
            violated.append(
                f"{n_records} records are mostly made from one person (fewer than {MIN_EFFECTIVE_PARENTS} effective "
                "parents)"
            )
        if n_classes := int((lineage.persons_of_class < MIN_CLASS_PERSONS).sum()):
            violated.append(f"{n_classes} classes are made from fewer than {MIN_CLASS_PERSONS} persons")
    return violated


def _proven_statements(findings: Sequence[EncoderShares]) -> list[str]:
    """Return a statement for each significant test of the shares, scans and recalls, after Holm's correction."""
    tests = []
    for finding in findings:
        for test in finding.shares:
            statement = f"the share of train persons among {test.what} differs from chance"
            if test is finding.both:
                statement = f"there are more or fewer {test.what} than expected by chance"
            tests.append((statement, test.p_beyond(MARGINS[-1] if test.margin is None else test.margin)))
        most_similar = "the persons whose records are most similar to a synthetic record"
        tests.append((f"train persons are too many or too few among {most_similar}", finding.scan.p))
    too_often = f"true parents are found more than {MAX_RECALL_RATIO:g} times as often as by chance"
    tests += [(too_often, recall.p_above(limit)) for recall, limit in _recall_limits(findings)]
    corrected = stats.holm([p for _, p in tests])
    return sorted({statement for (statement, _), p in zip(tests, corrected, strict=True) if p < stats.FAIL_LEVEL})


def _unclear_shares(findings: Sequence[EncoderShares], confidence: float) -> list[ShareTest]:
    """Return the shares that prevent a pass.

    A share prevents a pass if it has no margin, or if its interval is not within the margin. It also prevents a pass
    if it differs significantly from chance and its interval is not within the strictest margin. Without the second
    rule, a wide margin would hide the difference.
    """
    shares = [s for f in findings for s in f.shares]
    p_values = stats.holm([s.p_beyond(0.0) for s in shares])
    return [
        s
        for s, p in zip(shares, p_values, strict=True)
        if not s.is_within(s.margin, confidence) or (p < stats.FAIL_LEVEL and not s.is_within(MARGINS[0], confidence))
    ]


def _recall_limits(findings: Sequence[EncoderShares]) -> list[tuple[ParentRecall, float]]:
    """Return (recall, limit on `ParentRecall.one`) for each encoder; none without a lineage or without parents."""
    return [(f.recall, MAX_RECALL_RATIO * f.recall.one_chance) for f in findings if f.recall is not None]


def _judge(evidence: ParentRecoveryEvidence, holdout: HoldoutTables, people: Arms, confidence: float) -> AuditResult:
    findings = evidence.findings
    worst = max(findings, key=lambda f: abs(f.train.share.value - 0.5))
    fails = [*_violated_rules(evidence), *_proven_statements(findings)]
    unclear = _unclear_shares(findings, confidence)
    unclear_recalls = [r for r, limit in _recall_limits(findings) if r.ends(confidence)[1] > max(limit, SMALL_RECALL)]
    verdict: Verdict = "fail"
    reason = f"Synthetic records reveal the persons they were mixed from: {'; '.join(fails)}."
    if not fails:
        verdict = "insufficient" if unclear or unclear_recalls else "pass"
        reason = (
            PASSED
            if verdict == "pass"
            else _insufficient_reason(unclear, unclear_recalls, holdout, people, confidence)
        )
    margin = MARGINS[-1] if worst.train.margin is None else worst.train.margin
    return two_sided_result(
        "parent_recovery",
        verdict,
        envelope([f.train.share.estimate(confidence) for f in findings]),
        margin,
        metrics=_metrics(evidence, len(people.is_train), confidence),
        details=_details(evidence, holdout, people, worst, confidence),
        reason=reason,
    )


def _metrics(evidence: ParentRecoveryEvidence, n_persons: int, confidence: float) -> dict[str, Estimate]:
    findings = evidence.findings

    def as_exact(value: float, n: int) -> Estimate:
        return exact(float(value), confidence=confidence, n=n)

    metrics = {
        "train_share": envelope([f.train.share.estimate(confidence) for f in findings]),
        "first_share": envelope([f.first.share.estimate(confidence) for f in findings]),
        "both_excess": envelope([f.both.share.estimate(confidence, less=f.both.null) for f in findings], centre=0.0),
        "scan_p": as_exact(min(stats.holm([f.scan.p for f in findings])), n_persons),
        "lineage": as_exact(evidence.lineage is not None, n_persons),
    }
    margins = [s.margin for f in findings for s in f.shares if s.margin is not None]
    if len(margins) == N_SHARES * len(findings):
        metrics["margin"] = as_exact(max(margins), min(f.train.share.n for f in findings))
    # ascending order, so that the metrics of the highest recall remain
    for recall, _ in sorted(_recall_limits(findings), key=lambda pair: pair[0].one):
        (low, high), n, chance = recall.ends(confidence), int(recall.n), recall.one_chance
        metrics["parent_recall"] = Estimate(value=recall.one, low=low, high=high, confidence=confidence, n=n)
        metrics["pair_recall"] = as_exact(recall.pair, n)
        if chance > 0:
            metrics["parent_recall_ratio"] = Estimate(
                value=recall.one / chance, low=low / chance, high=high / chance, confidence=confidence, n=n
            )
    # ascending order, so that the highest share remains
    for segment in sorted(evidence.segments.values(), key=lambda s: s.between_train / s.rows):
        metrics["vectors_between_train"] = as_exact(segment.between_train / segment.rows, segment.rows)
    if (lineage := evidence.lineage) is not None:
        rows = len(lineage.max_weight)
        metrics["records_with_parents"] = as_exact(rows, rows + lineage.parentless_rows)
        if rows > 0:
            n_mixed = int((lineage.rows_of_person > 0).sum())
            metrics |= {
                "max_weight": as_exact(lineage.max_weight.max(), rows),
                "min_effective_parents": as_exact(lineage.effective_parents.min(), rows),
                "min_row_persons": as_exact(lineage.persons_of_row.min(), rows),
                "max_person_share": as_exact(lineage.max_share_of_class.max(), n_mixed),
                "max_person_rows": as_exact(lineage.rows_of_person.max(), n_mixed),
                "min_class_persons": as_exact(lineage.persons_of_class.min(), n_mixed),
            }
    return metrics


def _details(
    evidence: ParentRecoveryEvidence, holdout: HoldoutTables, people: Arms, worst: EncoderShares, confidence: float
) -> dict[str, Any]:
    n_shares = N_SHARES * len(evidence.findings)
    return compared(people, has_groups=holdout.has_groups) | {
        "margins_supported": {f.encoder: {test.what: test.margin for test in f.shares} for f in evidence.findings},
        "encoders": {
            f.encoder: {
                "train_share": f.train.share.value,
                "train_share_error": f.train.share.error,
                "first_share": f.first.share.value,
                "first_share_error": f.first.share.error,
                "both_train": f.both.share.value,
                "both_train_by_chance": f.both.null,
                "both_train_error": f.both.share.error,
                "independent_records": f.train.share.n,
                "scan_p": f.scan.p,
                "scan_cut": f.scan.cut,
                "scan_train_in_cut": f.scan.n_train_in_cut,
                **({} if f.recall is None else {name: getattr(f.recall, field) for name, field in _RECALLS.items()}),
            }
            for f in evidence.findings
        },
        "vectors": {name: asdict(s) for name, s in evidence.segments.items()},
        "vectors_note": "if the texts were encoded again, a count of 0 does not show that the table is safe",
        "lineage": None if evidence.lineage is None else _lineage_details(evidence.lineage),
        "power": power(
            worst.train.share.n,
            stats.needed_for_share(
                MARGINS[0], confidence=confidence, power=stats.power_of_each(n_shares, stats.PASS_POWER)
            ),
            worst.train.smallest_leak(n_shares, confidence),
        ),
    }


def _lineage_details(lineage: LineageExposure) -> dict[str, Any]:
    rows_of_person = lineage.rows_of_person[lineage.rows_of_person > 0]
    return {
        "records_with_parents": len(lineage.max_weight),
        "parentless_records": lineage.parentless_rows,
        "records_of_one_person": int((lineage.effective_parents < MIN_EFFECTIVE_PARENTS).sum()),
        "mean_effective_parents": _mean(lineage.effective_parents),
        "mean_largest_weight": _mean(lineage.max_weight),
        "persons_mixed": len(rows_of_person),
        "mean_records_of_a_person": _mean(rows_of_person),
    }


def _mean(values: NDArray[Any]) -> float | None:
    return float(values.mean()) if len(values) > 0 else None


def _insufficient_reason(
    unclear: list[ShareTest], recalls: list[ParentRecall], holdout: HoldoutTables, people: Arms, confidence: float
) -> str:
    """Return the reason of the verdict "insufficient", with the number of records that would be enough."""
    if not unclear:
        n = max(math.ceil(recall.n) for recall in recalls)
        return (
            f"{n} records are too few to show that true parents are found at most {MAX_RECALL_RATIO:g} times as "
            f"often as by chance, or for at most {SMALL_RECALL:.0%} of the records; about "
            f"{max(stats.needed_for_zero_events(SMALL_RECALL), 2 * n)} are needed for a verdict."
        )
    fewest = min(unclear, key=lambda test: test.share.n)
    if fewest.margin is None:
        needed = stats.needed_for_share(MARGINS[-1], confidence=confidence)
        what, is_control = "The test of the persons found", holdout.reference_is_control
        return too_few_rows(what, fewest.share.n, needed, people, reference_is_control=is_control)
    over = max(unclear, key=lambda test: abs(test.share.value - test.null) / test.share.error)
    excess = abs(over.share.value - over.null)
    limits = (MARGINS[0], MARGINS[-1] if over.margin is None else over.margin)
    room = max(0.01, min(abs(excess - margin) for margin in limits))
    decisive = max(2 * over.share.n, stats.needed_for_share(room, confidence=confidence))
    return (
        f"The interval of the share for {over.what} exceeds its limit. About {decisive} independent records are "
        f"needed for a verdict, but there are {over.share.n}, from {min(people.n_train, people.n_control)} persons "
        "in the smaller of train and control."
    )
