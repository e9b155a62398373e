"""Neighbours audit: decide whether synthetic records are closer to train than to control, or further away.

The generator was trained on the records of train, and never saw those of control.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from audits.core import stats, two_sided
from audits.core.holdout import Arms, HoldoutTables
from audits.core.rates import exact
from audits.core.types import AuditInputs, AuditResult, Rng, Verdict
from audits.embeddings import distances
from audits.embeddings.encoders import Encoded, EncodedTables
from audits.embeddings.planted import EncoderAudit

REPEATS = 20  # number of draws of equally many train and control persons; `share` is the mean over the draws
MIN_CLASS_CONTROL = 100  # a class is measured separately only if at least this many control persons are in it
CLASS_MARGIN = 0.05  # within a class, `share` may be at most this far from one half

# (number of independent rows needed; margin: largest allowed distance of `share` from one half). Synthetic rows near
# the same person do not count as independent; `Share.n` is the number of independent rows.
# Without a leak, the intervals of `share` by the word encoder and by the character encoder both lie within the margin
# .03 or .05 with probability .95. The number of rows for the margin .10 is enough to detect a share of .40 or .60
# with power .8.
MARGINS: tuple[tuple[int, float], ...] = (
    *((stats.needed_for_share(d, power=stats.power_of_each(2, stats.PASS_POWER)), d) for d in (0.03, 0.05)),
    (stats.needed_for_share(0.10), 0.10),
)

# a share whose interval exceeds the limit: (name in the reason, share, limit as the distance from one half)
Over = tuple[str, distances.Share, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderNeighbours:
    """Results with one encoder, which turns texts into vectors."""

    encoder: str
    share: distances.Share  # share of synthetic rows whose nearest person is in train
    classes: dict[int, distances.Share]  # `share` by class number, if the class has MIN_CLASS_CONTROL control persons
    scans: dict[str, stats.Scan]  # scan tests over persons, by name of the score (`Neighbours`, metric scan_p)
    histogram: dict[str, Any]  # distances of synthetic rows to the nearest train and control record
    details: dict[str, Any]  # further numbers for the report


class Neighbours(EncoderAudit):
    """Test whether synthetic records are closer to train than to control: overall, by class, or for a few persons.

    `audits explain neighbours` describes the attack and the verdicts. For each synthetic record, the audit finds the
    nearest person among equal numbers of train and control persons of each class. Every test is two-sided, because a
    generator that drops records near train also reveals train.

    Metrics:

    - share: share of synthetic records whose nearest person is in train; ties are broken at random. One half is safe.
    - scan_p: smallest p-value of exact scan tests, corrected for the number of tests. A scan test checks whether
      train persons are over- or under-represented at the top of a ranking by a score. The first score is the person's
      highest similarity to a synthetic record. For the second score, `crowding`, a record's mean similarity to its
      most similar reference records (public records, or records of control persons set aside) is first subtracted
      from its similarity to a synthetic record.
    - margin: largest allowed distance of the share from one half, given the number of independent rows.
    - worst_class_share: the class `share` furthest from one half, with the outermost interval ends of all classes.

    A pass alone is weak evidence: releases that pass tests of nearest neighbours can still be attacked ("The DCR
    Delusion", Yao et al. 2025).

    Privacy: reads all texts of train and control; returns shares, p-values and counts. Each count in the
        histogram is 0 or at least ten.
    Randomness: control persons who become the reference, 20 draws of equally many train and control persons, the
        order of the records (for ties), the encoders' seeds.
    Reference: share with holdout, Platzer and Reutterer, Frontiers in Big Data 2021; the tests were designed for this
        project.
    """

    name = "neighbours"

    def _measure(self, _inputs: AuditInputs, tables: EncodedTables, rng: Rng, confidence: float) -> AuditResult:
        results = [_neighbours_of(encoded, tables.people, rng) for encoded in tables.encoded]
        return _judge(results, tables.holdout, tables.people, confidence)


def _neighbours_of(encoded: Encoded, people: Arms, rng: Rng) -> EncoderNeighbours:
    included = distances.balanced_draws(people, REPEATS, rng)
    real = distances.stack_arms(encoded)
    nearest = distances.nearest_person_of_rows(encoded.synthetic, real, people, included, rng)
    control_of_class = np.bincount(people.person_class[~people.is_train], minlength=people.n_classes)
    # classes that are measured separately; none if there is only one class
    large = [c for c in range(people.n_classes) if control_of_class[c] >= MIN_CLASS_CONTROL] * (people.n_classes > 1)
    classes = {c: distances.share_of_train(nearest[:, people.synthetic_class == c], included, people) for c in large}
    scores = distances.crowding(encoded, people)
    arms = {name: (score[people.is_train], score[~people.is_train]) for name, score in scores.items()}
    to_train, to_control = distances.two_nearest_distances(encoded, people, included[0])
    p = stats.conformal_p(*arms["crowding"])  # p-value of each train person, compared with the control persons
    return EncoderNeighbours(
        encoder=encoded.name,
        share=distances.share_of_train(nearest, included, people),
        classes={c: share for c, share in classes.items() if share.n > 0},
        scans={name: stats.scan_test(train, control) for name, (train, control) in arms.items()},
        histogram=distances.distance_histogram(to_train[:, 0], to_control[:, 0]),
        details={
            "nndr_ratio_q10": distances.nndr_ratio(to_train, to_control),
            "train_persons_closer_than_99_percent_of_control": int((p <= 0.01).sum()),
        },
    )


def _judge(results: list[EncoderNeighbours], holdout: HoldoutTables, people: Arms, confidence: float) -> AuditResult:
    n = min(f.share.n for f in results)
    margin = two_sided.supported_margin(n, MARGINS)
    limit = MARGINS[-1][1] if margin is None else margin
    scans = stats.holm([scan.p for f in results for scan in f.scans.values()])
    p_from_half = stats.holm([f.share.p_beyond(0.0) for f in results])
    classes = [share for f in results for share in f.classes.values()]
    needed = class_rows_needed(len(classes))
    fails = {  # key: end of "Train and control persons differ significantly in ..."; value: whether it is proven
        "how many synthetic records are nearest to them": _is_any_outside([f.share for f in results], limit),
        "how many synthetic records of a class are nearest to them": _is_any_outside(classes, CLASS_MARGIN),
        "how similar the most similar persons are to a synthetic record": min(scans) < stats.CHANCE_LEVEL,
    }
    failed = [what for what, is_proven in fails.items() if is_proven]
    # a wide margin must not hide that a share differs significantly from one half
    differs = any(
        p < stats.CHANCE_LEVEL and not two_sided.is_inside(f.share.ends(confidence), MARGINS[0][1])
        for f, p in zip(results, p_from_half, strict=True)
    )
    limited = [("the share of synthetic records nearest to train", f.share, limit) for f in results]
    limited += [
        ("the share of synthetic records of a class nearest to train", share, CLASS_MARGIN)
        for share in classes
        if share.n >= needed
    ]
    over = [entry for entry in limited if not two_sided.is_inside(entry[1].ends(confidence), entry[2])]
    verdict: Verdict = "fail" if failed else "insufficient" if margin is None or differs or over else "pass"
    metrics = {"share": two_sided.envelope([f.share.estimate(confidence) for f in results])}
    metrics["scan_p"] = exact(min(scans), confidence=confidence, n=len(people.is_train))
    if margin is not None:
        metrics["margin"] = exact(margin, confidence=confidence, n=n)
    if classes:
        metrics["worst_class_share"] = two_sided.envelope([s.estimate(confidence) for s in classes])
    smallest_leak = stats.detectable_share(n, confidence=confidence) if n > 0 else None
    details = _details(results, holdout, people, margin)
    return two_sided.two_sided_result(
        "neighbours",
        verdict,
        metrics["share"],
        limit,
        metrics=metrics,
        details=details | {"power": two_sided.power(n, MARGINS[0][0], smallest_leak)},
        reason=_reason(verdict, failed, n, over, holdout, people, differs=differs, details=details),
    )


def class_rows_needed(n_shares: int) -> int:
    """Return how many rows each class needs so that, without a leak, all class shares pass with probability .95."""
    return stats.needed_for_share(CLASS_MARGIN, power=stats.power_of_each(max(1, n_shares), stats.PASS_POWER))


def _reason(  # noqa: PLR0913 - all numbers that a reason can state
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
        return f"Train and control persons differ significantly in {', and in '.join(fails)}."
    if verdict == "pass":
        small = details["classes_too_small_to_show"]
        untested = (
            f" {small} of {details['classes']} classes are too small to be tested separately: a class needs "
            f"{details['class_rows_needed']} independent records and {MIN_CLASS_CONTROL} control persons."
        )
        return f"Synthetic records are as close to control persons as to train persons.{untested if small else ''}"
    if n < MARGINS[-1][0]:
        what, is_control = "The test of the nearest neighbours", tables.reference_is_control
        return two_sided.too_few_rows(what, n, MARGINS[-1][0], people, reference_is_control=is_control)
    if differs:
        return (
            f"The share of synthetic records nearest to train differs significantly from one half, and {n} "
            f"independent records are too few to show that it lies within {MARGINS[0][1]} of one half; about "
            f"{MARGINS[0][0]} independent records are needed for a verdict."
        )
    what, share, limit = max(over, key=lambda o: (abs(o[1].value - 0.5) - o[2]) / o[1].error)
    decisive = max(2 * share.n, stats.needed_for_share(max(0.01, abs(abs(share.value - 0.5) - limit))))
    return (
        f"The interval of {what} exceeds its limit; about {decisive} independent records are needed for a verdict, "
        f"but there are {share.n}, from {min(people.n_train, people.n_control)} persons in the smaller of train and "
        "control."
    )


def _details(
    results: list[EncoderNeighbours], holdout: HoldoutTables, people: Arms, margin: float | None
) -> dict[str, Any]:
    worst = max(results, key=lambda f: abs(f.share.value - 0.5))
    needed = class_rows_needed(sum(len(f.classes) for f in results))
    n_large = sum(all(c in f.classes and f.classes[c].n >= needed for f in results) for c in range(people.n_classes))
    return two_sided.compared(people, has_groups=holdout.has_groups) | {
        "reference": "control persons set aside" if holdout.reference_is_control else "reference table",
        "margin_supported": margin,
        "margins": [list(line) for line in MARGINS],
        "classes": people.n_classes if holdout.has_labels else None,
        "classes_measured": len(worst.classes),
        "class_rows_needed": needed,
        "classes_too_small_to_show": people.n_classes - n_large if holdout.has_labels and people.n_classes > 1 else 0,
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
            for f in results
        },
    }


def _is_any_outside(shares: list[distances.Share], margin: float) -> bool:
    """Return whether at least one share is significantly farther from one half than the margin."""
    return min(stats.holm([s.p_beyond(margin) for s in shares]), default=1.0) < stats.FAIL_LEVEL
