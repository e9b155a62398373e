"""Parent recovery audit: verdict on two attacks on mixed records and on the lineage."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
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
from audits.core.holdout import Arms, HoldoutTables
from audits.core.rates import TIERS, exact
from audits.core.stats import CHANCE_LEVEL, FAIL_LEVEL, holm, needed_for_share, needed_for_zero_events, power_of_each
from audits.core.two_sided import compared, envelope, power, too_few_rows, two_sided_result
from audits.core.types import AuditInputs, AuditResult, Estimate, Verdict, persons
from audits.embeddings.encoders import EncodedTables, TableEncoder, encode_tables
from audits.embeddings.planted import confirmed

MAX_RECALL_RATIO = 3.0
SMALL_RECALL = TIERS[-1]  # one record in a hundred: below it, too few records to detect three times chance
MIN_EFFECTIVE_PARENTS = 1.5  # with two persons, the heavier one has weight .79
MIN_CLASS_PERSONS = 11  # the cell size below which statistics of persons are not published
PASSED = "The persons found as parents of synthetic records are as often control persons as train persons."


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentRecoveryEvidence:
    """Evidence for the verdict: results per encoder, per matrix of vectors, and from the lineage."""

    findings: tuple[EncoderShares, ...]
    segments: Mapping[str, SegmentEvidence]
    lineage: LineageExposure | None


class ParentRecovery:
    """Test whether synthetic records lie between train persons, and whether one person contributes too much to them.

    Attack: the attacker knows or guesses that records were mixed from real ones, and searches for the two real texts
    between which each synthetic record lies best. If these are in train more often than among equally many control
    persons, both parents are identified, and roughly what they wrote. With access to the vectors no search is needed:
    mixed points lie on lines, and real records lie where lines meet.

    Metrics:

    - train_share: share of train among the two persons found for each record; .5 is safe.
    - first_share: the same for the nearer of the two; it falls if records near train were dropped.
    - both_excess: share of records between two train persons, less its value under permuted roles; 0 is safe.
    - scan_p: exact scan for over- or under-represented train persons among the persons closest to a record. It
      detects a few persons mixed into a few records, and persons whose neighbourhood was emptied.
    - parent_recall_ratio: with a lineage, how often the first person found is a true parent, relative to chance.
    - vectors_between_train: share of the points of a passed matrix that lie between two train rows.
    - max_weight, min_effective_parents, min_row_persons, max_person_share, max_person_rows, min_class_persons: from
      the lineage, for policies to limit; the weights of one person's records are summed first.
    - records_with_parents: number of records with parents according to the lineage; if 0, persons are still tested.
    - margin: the widest margin of all shares; lineage: 1 if a lineage was given, otherwise 0.

    The audit fails if, corrected over all tests (Holm, at .05 whatever the confidence), a share is proven outside its
    margin (`MARGINS`, the strictest that its independent rows support), the scan is significant, or the recall is
    above three times chance. It also fails if passed vectors contain points between train rows beyond chance, if a
    row has less than 1.5 effective parents, or if a class is made from fewer than 11 persons. It passes if every
    interval lies within its margin and, if it does not lie within the strictest one, does not differ significantly
    from chance (Holm); the upper end of the recall is at most three times chance or 1 %; no rule is violated; and a
    leak planted in the table is found (`audits/embeddings/planted.py`).

    With 1.5 effective parents, the heavier of two has weight .79, so the row is mostly one person's. SMOTE with
    weights from 0 to 1 makes such rows in four of ten cases; with weights from .3 to .7 (at least 1.7 effective
    parents) it makes none. Policies can set further limits, such as a weight of at most .35. `smallest_leak` in the
    details is the distance of the train share from one half that prevents a pass with power .8.

    Privacy: reads all texts, vectors and the lineage; returns shares, counts and extremes of lineage weights.
    Randomness: persons set aside, equalised draws, the order of the index, permutations, the encoders' seeds.
    Cost: O(m · n · d) per encoder; O(256 · n) memory beside the encoded tables. 10,000 rows against 22,800 real texts
        of 90 words take 8 s for words and 3 s for characters, without encoding, on one core and 1.3 GB.
    Reference: exact attacks on SMOTE motivate the search; nulls, two-sided tests and rules on persons are ours.
    """

    name = "parent_recovery"

    def __init__(self, encode_tables: TableEncoder = encode_tables) -> None:
        self.encode_tables = encode_tables

    def run(self, inputs: AuditInputs, rng: np.random.Generator, confidence: float) -> AuditResult:
        """Return the train share among the parents found, with a three-way verdict.

        Raises:
            NotMeasurable: if there are fewer than 20 persons or synthetic records.
            InputError: if the passed vectors or the lineage do not fit the tables.
        """
        if inputs.lineage is not None:
            check_lineage(inputs.lineage, len(inputs.synthetic), len(inputs.train))
        result = self._measure(inputs, self.encode_tables(inputs, rng), rng, confidence)
        return confirmed(
            result, inputs, lambda planted, own: self._measure(planted, encode_tables(planted, own), own, confidence)
        )

    def _measure(
        self, inputs: AuditInputs, tables: EncodedTables, rng: np.random.Generator, confidence: float
    ) -> AuditResult:
        holdout, people, encoded = tables.holdout, tables.people, tables.encoded
        train_person = persons(holdout.train.groups)[1]
        evidence = ParentRecoveryEvidence(
            findings=tuple(encoder_shares(e, people, inputs, 3 * len(encoded), rng) for e in encoded),
            segments={
                name: attack_segments(vectors, holdout.train.vectors[name], holdout.control.vectors[name])
                for name, vectors in sorted(holdout.synthetic.vectors.items())
            },
            lineage=None
            if inputs.lineage is None
            else lineage_exposure(inputs.lineage, train_person, people.synthetic_class),
        )
        return _judge(evidence, holdout, people, confidence)


def _hard_rules(evidence: ParentRecoveryEvidence) -> list[str]:
    """Return the violated rules that do not depend on a statistical test."""
    signs = dict(zip(evidence.segments, holm([s.sign_test_p for s in evidence.segments.values()]), strict=True))
    between = any(s.proven or signs[name] < CHANCE_LEVEL for name, s in evidence.segments.items())
    violated = ["points of the vectors lie exactly between two train rows"] if between else []
    if (e := evidence.lineage) is not None:
        if alone := int((e.effective_parents < MIN_EFFECTIVE_PARENTS).sum()):
            violated.append(f"{alone} records are made by one person alone, or nearly")
        if small := int((e.persons_of_class < MIN_CLASS_PERSONS).sum()):
            violated.append(f"{small} classes are made from fewer than {MIN_CLASS_PERSONS} persons")
    return violated


def _proven_claims(findings: Sequence[EncoderShares]) -> list[str]:
    """Return the proven findings of the attacks on text, corrected over all tests."""
    claims = [(s.what, s.p_beyond(MARGINS[-1] if s.margin is None else s.margin)) for f in findings for s in f.shares]
    claims += [("the persons most closely approached", f.scan.p) for f in findings]
    claims += [("how often true parents are found", r.p_above(limit)) for r, limit in _recalls(findings)]
    corrected = holm([p for _, p in claims])
    return sorted({what for (what, _), p in zip(claims, corrected, strict=True) if p < FAIL_LEVEL})


def _unclear(findings: Sequence[EncoderShares], confidence: float) -> list[ShareTest]:
    """Return the shares not shown to be safe: outside their margin, or significant and outside the strictest margin.

    The wide margin only makes up for few rows; a share that differs significantly must lie in the strictest margin.
    """
    shares = [s for f in findings for s in f.shares]
    by_chance = holm([s.p_beyond(0.0) for s in shares])
    return [
        s
        for s, p in zip(shares, by_chance, strict=True)
        if not s.is_within(s.margin, confidence) or (p < FAIL_LEVEL and not s.is_within(MARGINS[0], confidence))
    ]


def _recalls(findings: Sequence[EncoderShares]) -> list[tuple[ParentRecall, float]]:
    return [(f.recall, MAX_RECALL_RATIO * f.recall.one_chance) for f in findings if f.recall is not None]


def _judge(evidence: ParentRecoveryEvidence, holdout: HoldoutTables, people: Arms, confidence: float) -> AuditResult:
    findings = evidence.findings
    worst = max(findings, key=lambda f: abs(f.train.share.value - 0.5))
    fails = [*_hard_rules(evidence), *_proven_claims(findings)]
    unclear = _unclear(findings, confidence)
    unfound = [r for r, limit in _recalls(findings) if r.ends(confidence)[1] > max(limit, SMALL_RECALL)]
    verdict: Verdict = "fail"
    reason = f"Synthetic records reveal the persons they were mixed from: {'; '.join(fails)}."
    if not fails:
        verdict = "insufficient" if unclear or unfound else "pass"
        reason = PASSED if verdict == "pass" else _lacking(unclear, unfound, holdout, people, confidence)
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

    def counted(value: float, n: int) -> Estimate:
        return exact(float(value), confidence=confidence, n=n)

    metrics = {
        "train_share": envelope([f.train.share.estimate(confidence) for f in findings]),
        "first_share": envelope([f.first.share.estimate(confidence) for f in findings]),
        "both_excess": envelope([f.both.share.estimate(confidence, less=f.both.null) for f in findings], centre=0.0),
        "scan_p": counted(min(holm([f.scan.p for f in findings])), n_persons),
        "lineage": counted(evidence.lineage is not None, n_persons),
    }
    margins = [s.margin for f in findings for s in f.shares if s.margin is not None]
    if len(margins) == 3 * len(findings):
        metrics["margin"] = counted(max(margins), min(f.train.share.n for f in findings))
    for r, _ in sorted(_recalls(findings), key=lambda pair: pair[0].one):
        (low, high), n, c = r.ends(confidence), int(r.n), r.one_chance
        metrics["parent_recall"] = Estimate(value=r.one, low=low, high=high, confidence=confidence, n=n)
        metrics["pair_recall"] = counted(r.pair, n)
        if c > 0:
            ratio = Estimate(value=r.one / c, low=low / c, high=high / c, confidence=confidence, n=n)
            metrics["parent_recall_ratio"] = ratio
    for s in sorted(evidence.segments.values(), key=lambda s: s.between_train / s.rows):
        metrics["vectors_between_train"] = counted(s.between_train / s.rows, s.rows)
    if (e := evidence.lineage) is not None:
        rows = len(e.max_weight)
        metrics["records_with_parents"] = counted(rows, rows + e.parentless_rows)
        if rows > 0:
            n_mixed = int((e.rows_of_person > 0).sum())
            metrics |= {
                "max_weight": counted(e.max_weight.max(), rows),
                "min_effective_parents": counted(e.effective_parents.min(), rows),
                "min_row_persons": counted(e.persons_of_row.min(), rows),
                "max_person_share": counted(e.max_share_of_class.max(), n_mixed),
                "max_person_rows": counted(e.rows_of_person.max(), n_mixed),
                "min_class_persons": counted(e.persons_of_class.min(), n_mixed),
            }
    return metrics


def _details(
    evidence: ParentRecoveryEvidence, holdout: HoldoutTables, people: Arms, worst: EncoderShares, confidence: float
) -> dict[str, Any]:
    n_shares = 3 * len(evidence.findings)
    return compared(people, has_groups=holdout.has_groups) | {
        "margins_supported": {f.encoder: {j.what: j.margin for j in f.shares} for f in evidence.findings},
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
                **_recall_details(f.recall),
            }
            for f in evidence.findings
        },
        "vectors": {name: asdict(s) for name, s in evidence.segments.items()},
        "vectors_note": "on text that was encoded again, finding no points between rows does not show safety",
        "lineage": None if evidence.lineage is None else _lineage_details(evidence.lineage),
        "power": power(
            worst.train.share.n,
            needed_for_share(MARGINS[0], confidence=confidence, power=power_of_each(n_shares)),
            worst.train.smallest_leak(n_shares, confidence),
        ),
    }


def _recall_details(r: ParentRecall | None) -> dict[str, float]:
    names = ("parent_recall", "parent_recall_by_chance", "pair_recall", "pair_recall_by_chance")
    return {} if r is None else dict(zip(names, (r.one, r.one_chance, r.pair, r.pair_chance), strict=True))


def _lineage_details(e: LineageExposure) -> dict[str, Any]:
    rows_of_person = e.rows_of_person[e.rows_of_person > 0]
    return {
        "records_with_parents": len(e.max_weight),
        "parentless_records": e.parentless_rows,
        "records_of_one_person": int((e.effective_parents < MIN_EFFECTIVE_PARENTS).sum()),
        "mean_effective_parents": _mean(e.effective_parents),
        "mean_largest_weight": _mean(e.max_weight),
        "persons_mixed": len(rows_of_person),
        "mean_records_of_a_person": _mean(rows_of_person),
    }


def _mean(values: NDArray[Any]) -> float | None:
    return float(values.mean()) if len(values) > 0 else None


def _lacking(
    unclear: list[ShareTest], unfound: list[ParentRecall], holdout: HoldoutTables, people: Arms, confidence: float
) -> str:
    """Return why the verdict is insufficient, and how many records or persons would decide."""
    if not unclear:
        n = max(math.ceil(r.n) for r in unfound)
        return (
            f"{n} records are too few to show whether true parents are found more than {MAX_RECALL_RATIO:g} times as "
            f"often as by chance, or for more than {SMALL_RECALL:.0%} of the records; about "
            f"{max(needed_for_zero_events(SMALL_RECALL), 2 * n)} would decide."
        )
    fewest = min(unclear, key=lambda j: j.share.n)
    least = needed_for_share(MARGINS[-1], confidence=confidence)
    if fewest.margin is None:
        aside = holdout.reference_is_control
        return too_few_rows("The persons found", fewest.share.n, least, people, reference_is_control=aside)
    over = max(unclear, key=lambda j: abs(j.share.value - j.null) / j.share.error)
    excess = abs(over.share.value - over.null)
    limits = (MARGINS[0], MARGINS[-1] if over.margin is None else over.margin)
    room = max(0.01, min(abs(excess - margin) for margin in limits))
    decisive = max(2 * over.share.n, needed_for_share(room, confidence=confidence))
    return (
        f"The interval of {over.what} exceeds its limit; about {decisive} independent records would decide, but "
        f"there are {over.share.n}, from {min(people.n_train, people.n_control)} persons in the smaller arm."
    )
