"""Neighbours audit: verdict and report; the measurements are in `audits/embeddings/distances.py`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from audits.core.holdout import Arms, HoldoutTables
from audits.core.rates import exact
from audits.core.stats import (
    CHANCE_LEVEL,
    FAIL_LEVEL,
    Scan,
    conformal_p,
    detectable_share,
    holm,
    needed_for_share,
    power_of_each,
    scan_test,
)
from audits.core.two_sided import (
    compared,
    envelope,
    is_inside,
    power,
    supported_margin,
    too_few_rows,
    two_sided_result,
)
from audits.core.types import AuditInputs, AuditResult, Verdict
from audits.embeddings.distances import (
    Share,
    balanced_draws,
    crowding,
    distance_histogram,
    nearest_person_of_rows,
    nndr_ratio,
    share_of_train,
    stack_arms,
    two_nearest_distances,
)
from audits.embeddings.encoders import Encoded, EncodedTables, TableEncoder, encode_tables
from audits.embeddings.planted import confirmed

REPEATS = 20
MIN_CLASS_CONTROL = 100
CLASS_MARGIN = 0.05

# (independent rows needed, margin): how far from one half the share may lie. Each margin is the difference from one
# half that so many rows detect with power .8. With fewer rows than the last entry the verdict is insufficient.
MARGINS: tuple[tuple[int, float], ...] = tuple((needed_for_share(d), d) for d in (0.03, 0.05, 0.10))

Over = tuple[str, Share, float]  # name of a share whose interval exceeds its limit; the share; the limit


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderNeighbours:
    """Results of one encoder: the share over all rows and by class, the scans over persons, and report details."""

    encoder: str
    share: Share
    classes: dict[int, Share]
    scans: dict[str, Scan]
    histogram: dict[str, Any]
    details: dict[str, Any]


class Neighbours:
    """Test whether synthetic records lie closer to train than to control, overall, by class, or for few persons.

    Attack: someone who has the release and a person's text checks whether a synthetic record is closer to that text
    than chance predicts. For each synthetic record, the nearest person is searched among equal numbers of train and
    control persons of each class. A generator that does not copy favours neither. One that dropped records resembling
    train favours control, which also reveals train, so every test is two-sided.

    Metrics:

    - share: share of synthetic records whose nearest person is in train, ties broken at random; .5 is safe.
    - scan_p: exact scan test of whether train persons are over- or under-represented among the persons closest to a
      synthetic record, once by distance and once relative to how close other persons of the domain are.
    - margin: how far from one half the share may lie, given the number of independent rows.
    - worst_class_share: the class share furthest from one half, with the outermost interval ends of all classes.

    The audit passes if, for every encoder, the interval of the share lies within the margin that the number of
    independent rows supports (`MARGINS`) and, if it does not lie within the strictest margin, the share does not
    differ significantly from one half (Holm over encoders); every class with enough rows lies within .05; no scan is
    significant; and a leak planted in the table is found (`audits/embeddings/planted.py`). It fails if a share,
    overall or of a class, is proven outside its margin, corrected for encoders and classes, or a corrected scan is
    significant, at level .05 whatever the confidence. A pass alone is weak evidence: releases that pass such tests
    can still be attacked ("The DCR Delusion", Yao et al. 2025); see the membership audit.

    Privacy: reads all texts of train and control; returns aggregates over at least ten records.
    Randomness: persons set aside, 20 equalised draws, the order of the joint index, the encoders' seeds.
    Cost: O(m · n · d) time per encoder; O(256 · n) memory beside the encoded tables.
    Reference: distance-to-closest-record share with holdout, Platzer and Reutterer, Frontiers in Big Data 2021; the
        exact permutation variance, the scan and the two-sided tests are ours.
    """

    name = "neighbours"

    def __init__(self, encode_tables: TableEncoder = encode_tables) -> None:
        self.encode_tables = encode_tables

    def run(self, inputs: AuditInputs, rng: np.random.Generator, confidence: float) -> AuditResult:
        """Return the share, its worst class and the scan, with a three-way verdict.

        Raises:
            NotMeasurable: there are fewer than 20 persons or synthetic records.
            InputError: the passed vectors do not fit the tables.
        """

        def measure(tables: EncodedTables, rng: np.random.Generator) -> AuditResult:
            findings = [_measure(encoded, tables.people, rng) for encoded in tables.encoded]
            return _judge(findings, tables.holdout, tables.people, confidence)

        result = measure(self.encode_tables(inputs, rng), rng)
        return confirmed(result, inputs, lambda planted, own: measure(encode_tables(planted, own), own))


def _measure(encoded: Encoded, people: Arms, rng: np.random.Generator) -> EncoderNeighbours:
    included = balanced_draws(people, REPEATS, rng)
    nearest = nearest_person_of_rows(encoded.synthetic, stack_arms(encoded), people, included, rng)
    control_of_class = np.bincount(people.person_class[~people.is_train], minlength=people.n_classes)
    sized = [c for c in range(people.n_classes) if control_of_class[c] >= MIN_CLASS_CONTROL] * (people.n_classes > 1)
    classes = {c: share_of_train(nearest[:, people.synthetic_class == c], included, people) for c in sized}
    scores = crowding(encoded, people)
    arms = {name: (score[people.is_train], score[~people.is_train]) for name, score in scores.items()}
    to_train, to_control = two_nearest_distances(encoded, people, included[0])
    p = conformal_p(*arms["crowding"])
    return EncoderNeighbours(
        encoder=encoded.name,
        share=share_of_train(nearest, included, people),
        classes={c: share for c, share in classes.items() if share.n > 0},
        scans={name: scan_test(train, control) for name, (train, control) in arms.items()},
        histogram=distance_histogram(to_train[:, 0], to_control[:, 0]),
        details={
            "nndr_ratio_q10": nndr_ratio(to_train, to_control),
            "train_persons_closer_than_99_percent_of_control": int((p <= 0.01).sum()),
        },
    )


def _judge(findings: list[EncoderNeighbours], holdout: HoldoutTables, people: Arms, confidence: float) -> AuditResult:
    n = min(f.share.n for f in findings)
    margin = supported_margin(n, MARGINS)
    limit = MARGINS[-1][1] if margin is None else margin
    scans = holm([scan.p for f in findings for scan in f.scans.values()])
    by_chance = holm([f.share.p_beyond(0.0) for f in findings])
    classes = [share for f in findings for share in f.classes.values()]
    needed = class_rows_needed(len(classes))
    fails = {
        "the share of nearest neighbours": _proven([f.share for f in findings], limit),
        "the share within a class": _proven(classes, CLASS_MARGIN),
        "the persons closest to a synthetic record": min(scans) < CHANCE_LEVEL,
    }
    failed = [what for what, is_proven in fails.items() if is_proven]
    # the wide margin only makes up for few rows; a share that differs significantly must lie in the strictest margin
    differs = any(
        p < CHANCE_LEVEL and not is_inside(f.share.ends(confidence), MARGINS[0][1])
        for f, p in zip(findings, by_chance, strict=True)
    )
    limited = [("the share", f.share, limit) for f in findings]
    limited += [("the share within a class", share, CLASS_MARGIN) for share in classes if share.n >= needed]
    over = [entry for entry in limited if not is_inside(entry[1].ends(confidence), entry[2])]
    verdict: Verdict = "fail" if failed else "insufficient" if margin is None or differs or over else "pass"
    metrics = {"share": envelope([f.share.estimate(confidence) for f in findings])}
    metrics["scan_p"] = exact(min(scans), confidence=confidence, n=len(people.is_train))
    if margin is not None:
        metrics["margin"] = exact(margin, confidence=confidence, n=n)
    if classes:
        metrics["worst_class_share"] = envelope([s.estimate(confidence) for s in classes])
    smallest_leak = detectable_share(n, confidence=confidence) if n > 0 else None
    details = _details(findings, holdout, people, margin)
    return two_sided_result(
        "neighbours",
        verdict,
        metrics["share"],
        limit,
        metrics=metrics,
        details=details | {"power": power(n, MARGINS[0][0], smallest_leak)},
        reason=_reason(verdict, failed, n, over, holdout, people, differs=differs, details=details),
    )


def class_rows_needed(n_shares: int) -> int:
    """Return the independent rows with which a class without a leak passes, as all shares do, with power .8."""
    return needed_for_share(CLASS_MARGIN, power=power_of_each(max(1, n_shares)))


def _reason(  # noqa: PLR0913 - the findings and the persons
    verdict: Verdict,
    fails: list[str],
    n: int,
    over: list[Over],
    tables: HoldoutTables,
    people: Arms,
    *,
    differs: bool,
    details: Mapping[str, Any],
) -> str:
    if verdict == "fail":
        return f"Train and control differ significantly in {', and in '.join(fails)}."
    if verdict == "pass":
        small = details["classes_too_small_to_show"]
        alone = (
            f" {small} of {details['classes']} classes are too small to be tested separately: a class needs "
            f"{details['class_rows_needed']} independent records and {MIN_CLASS_CONTROL} control persons."
        )
        return f"Synthetic records are as close to control persons as to train persons.{alone if small else ''}"
    if n < MARGINS[-1][0]:
        aside = tables.reference_is_control
        return too_few_rows("The nearest neighbours", n, MARGINS[-1][0], people, reference_is_control=aside)
    if differs:
        return (
            f"The share differs significantly from one half, and {n} independent records are too few to show that it "
            f"lies within {MARGINS[0][1]} of it; about {MARGINS[0][0]} would decide."
        )
    what, share, limit = max(over, key=lambda o: (abs(o[1].value - 0.5) - o[2]) / o[1].error)
    decisive = max(2 * share.n, needed_for_share(max(0.01, abs(abs(share.value - 0.5) - limit))))
    return (
        f"The interval of {what} exceeds its limit; about {decisive} independent records would decide, but there are "
        f"{share.n}, from {min(people.n_train, people.n_control)} persons in the smaller arm."
    )


def _details(
    findings: list[EncoderNeighbours], holdout: HoldoutTables, people: Arms, margin: float | None
) -> dict[str, Any]:
    worst = max(findings, key=lambda f: abs(f.share.value - 0.5))
    needed = class_rows_needed(sum(len(f.classes) for f in findings))
    shown = sum(all(c in f.classes and f.classes[c].n >= needed for f in findings) for c in range(people.n_classes))
    return compared(people, has_groups=holdout.has_groups) | {
        "reference": "control persons set aside" if holdout.reference_is_control else "reference table",
        "margin_supported": margin,
        "margins": [list(line) for line in MARGINS],
        "classes": people.n_classes if holdout.has_labels else None,
        "classes_measured": len(worst.classes),
        "class_rows_needed": needed,
        "classes_too_small_to_show": people.n_classes - shown if holdout.has_labels and people.n_classes > 1 else 0,
        "histogram": worst.histogram,
        "histogram_encoder": worst.encoder,
        "encoders": {
            f.encoder: {
                "share": f.share.value,
                "standard_error": f.share.error,
                "independent_rows": f.share.n,
                "share_p": f.share.p_beyond(0.0) if f.share.n > 0 else None,
                "scans": {n: {"p": s.p, "cut": s.cut, "train_in_cut": s.n_train_in_cut} for n, s in f.scans.items()},
                **f.details,
            }
            for f in findings
        },
    }


def _proven(shares: list[Share], margin: float) -> bool:
    """Return whether a share is proven beyond its margin, corrected for the number of shares."""
    return min(holm([s.p_beyond(margin) for s in shares]), default=1.0) < FAIL_LEVEL
