"""The membership audit: can someone who holds only the release tell who was in the training data?"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.core.coin_guesses import guess_coins
from audits.core.holdout import REFERENCE_SHARE, Arms, HoldoutTables, person_scores
from audits.core.rates import exact
from audits.core.stats import detectable_auc, holm, needed_for_auc
from audits.core.two_sided import auc_estimate, compared, exact_share, is_inside, is_outside, power, two_sided_result
from audits.core.types import AuditInputs, AuditResult, Estimate, Verdict
from audits.membership.attack import CrossFitted, cross_fit, roc_curve, true_positives
from audits.membership.scores import Float, membership_scores
from audits.space.encoded_tables import TableEncoder, encode_tables

MARGIN = 0.05
EPSILON_LIMIT = 1.0
MIN_CLASS_CONTROL = 100

# false-positive rate: the control persons it needs (ten false positives), the upper bound allowed, the metric's name
RATES = ((0.01, 1_000, 0.03, "tpr_at_fpr_1pct"), (0.001, 10_000, 0.01, "tpr_at_fpr_01pct"))


class Membership:
    """Whether train persons can be told from control persons with nothing but the synthetic table.

    The attacker's story: a stranger holds the release and somebody's text, knows the domain, and wants to know
    whether that person was a patient of this hospital. They try every score of `audits/membership/scores.py`,
    settle on the best on people whose answer they know, and use it on the others.

    Persons, each with the highest score of their records, are dealt into five folds; each fold is scored by the
    attack that separates the other four best, turned round where absence betrays membership, or by the mean rank of
    all attacks where none separates them beyond chance; ranks within folds are pooled.

    auc: P[train > control] of the pooled ranks; its interval by drawing persons again.
    tpr_at_fpr_1pct: share of train found while one control in a hundred is accused; only from 1,000 control persons.
    scan_p: smallest p-value of the exact scans of all attacks, corrected for how many there are.
    epsilon_lower_bound: what guessing who is train proves about any claim of differential privacy, in one run; `low`
        and `high` equal it. Its ceiling, what the audit could have proved at most, is in the details.
    worst_class_auc: the class furthest from one half, among those with 100 control persons.

    The smallest leak in `power` is an AUC so far from one half.

    It passes when the AUC's interval lies in [.45, .55] with at least 413 persons in each arm, the bounds on the
    rates hold, no scan is significant and the bound on epsilon is at most 1. It fails where one is proven broken.

    Privacy: per-record scores stay in memory; at most 60 points of the ROC curve, over all persons, are returned.
    Random: persons set aside, folds, thinning to equal arms for epsilon, the bootstrap, the encoders' seeds.
    Cost: O(n · m · d) time for each encoder, O(total words · log) for the rest.
    Source: AUC and rates, Carlini et al., "Membership inference attacks from first principles", 2022; epsilon,
        Steinke et al., arXiv 2305.08846; choosing and measuring on different people, ours.
    """

    name = "membership"

    def __init__(self, encode_tables: TableEncoder = encode_tables) -> None:
        self.encode_tables = encode_tables

    def run(self, inputs: AuditInputs, rng: np.random.Generator, confidence: float) -> AuditResult:
        """Return how well the attacks separate train from control, with a three-way verdict.

        Raises:
            NotMeasurable: fewer than 20 persons or synthetic records.
            InputError: passed vectors do not fit the tables.
        """
        tables = self.encode_tables(inputs, rng)
        holdout, people = tables.holdout, tables.people
        rows = membership_scores(holdout, tables.encoded)
        scores = {name: person_scores(s, people.row_person) for name, s in rows.items()}
        fitted = cross_fit(scores, people, rng)
        metrics, limits, bound = _metrics(fitted, scores, people, rng, confidence)
        return _judge(metrics, limits, _details(fitted, holdout, people, bound, confidence))


def epsilon_bound(
    scores: Mapping[str, Float], is_train: NDArray[np.bool_], rng: np.random.Generator, alpha: float
) -> dict[str, Any]:
    """Return what guessing who is train proves about epsilon; see `coin_guesses`.

    The bound holds for independent fair coins, so the larger arm is thinned first, each person kept with the
    probability n_smaller / n_larger. The ranks that the AUC is taken of would not do: each fold's attack was chosen
    with the answers of the others.
    """
    n_train, n_control = int(is_train.sum()), int((~is_train).sum())
    keep_train, keep_control = min(1.0, n_control / n_train), min(1.0, n_train / n_control)
    kept = rng.random(len(is_train)) < np.where(is_train, keep_train, keep_control)
    bound = guess_coins({name: score[kept] for name, score in scores.items()}, is_train[kept], rng, alpha=alpha)
    return bound._asdict() | {"persons": int(kept.sum())}


def _metrics(
    fitted: CrossFitted, scores: Mapping[str, Float], people: Arms, rng: np.random.Generator, confidence: float
) -> tuple[dict[str, Estimate], dict[str, float], dict[str, Any]]:
    is_train, pooled = people.is_train, fitted.pooled
    metrics = {"auc": auc_estimate(pooled[is_train], pooled[~is_train], rng, confidence=confidence)}
    limits = {}
    for rate, needed, limit, name in RATES:
        if people.n_control >= needed:
            found = true_positives(pooled, is_train, rate)
            metrics[name] = exact_share(found, people.n_train, confidence=confidence)
            limits[name] = limit
    scan_p = min(holm([s.p for s in fitted.scans.values()]))
    metrics["scan_p"] = exact(scan_p, confidence=confidence, n=len(is_train))
    bound = epsilon_bound(scores, is_train, rng, 1 - confidence)
    metrics["epsilon_lower_bound"] = exact(float(bound["epsilon"]), confidence=confidence, n=bound["persons"])
    classes = _class_estimates(pooled, people, rng, confidence)
    if classes:
        metrics["worst_class_auc"] = max(classes, key=lambda e: max(e.high - 0.5, 0.5 - e.low))
    return metrics, limits, bound


def _class_estimates(pooled: Float, people: Arms, rng: np.random.Generator, confidence: float) -> list[Estimate]:
    if people.n_classes == 1:
        return []
    arms_of = [
        (pooled[in_class & people.is_train], pooled[in_class & ~people.is_train])
        for in_class in (people.person_class == c for c in range(people.n_classes))
    ]
    sized = [(t, h) for t, h in arms_of if len(t) >= MIN_CLASS_CONTROL and len(h) >= MIN_CLASS_CONTROL]
    return [auc_estimate(t, h, rng, confidence=1 - (1 - confidence) / len(sized)) for t, h in sized]


def _judge(metrics: Mapping[str, Estimate], limits: Mapping[str, float], details: dict[str, Any]) -> AuditResult:
    area, scan_p = metrics["auc"], metrics["scan_p"].value
    confidence = area.confidence
    worst_class = metrics.get("worst_class_auc")
    fails = [
        *(["how well the attacks separate them"] if is_outside(area, MARGIN) else []),
        *(["how well they do in a class"] if worst_class is not None and is_outside(worst_class, MARGIN) else []),
        *(f"the rate {name}" for name, limit in limits.items() if metrics[name].low > limit),
        *(["who stands at the top of a ranking"] if scan_p < 1 - confidence else []),
        *(["the guesses, which prove epsilon"] if metrics["epsilon_lower_bound"].value > EPSILON_LIMIT else []),
    ]
    needed = needed_for_auc(MARGIN)
    smaller = min(details["n_train_persons"], details["n_control_persons"])
    unclear = not is_inside(area, MARGIN) or any(metrics[name].high > limit for name, limit in limits.items())
    if worst_class is not None and worst_class.n >= needed:
        unclear |= not is_inside(worst_class, MARGIN)
    verdict: Verdict = "fail" if fails else "insufficient" if unclear or smaller < needed else "pass"
    reason = _reason(verdict, fails, smaller, area, details)
    return two_sided_result("membership", verdict, area, MARGIN, metrics=metrics, details=details, reason=reason)


def _reason(verdict: Verdict, fails: list[str], smaller: int, area: Estimate, details: Mapping[str, Any]) -> str:
    if verdict == "fail":
        return f"Train persons can be told from control persons by {', and by '.join(fails)}."
    if verdict == "pass":
        return "No attack, chosen on other people, tells train persons from control persons."
    share = 1 - REFERENCE_SHARE if details["reference_is_control"] else 1.0
    least = needed_for_auc(MARGIN)
    if smaller < least:
        return (
            f"{smaller} persons in the smaller arm are too few; {least} of train and {-(-least // share):.0f} of "
            "control would be enough."
        )
    decisive = needed_for_auc(max(0.01, abs(abs(area.value - 0.5) - MARGIN)))
    return (
        f"The intervals reach over their limits with {smaller} persons in the smaller arm; about "
        f"{max(decisive, 2 * smaller)} of train and {max(decisive, 2 * smaller) / share:.0f} of control would decide."
    )


def _details(
    fitted: CrossFitted, holdout: HoldoutTables, people: Arms, bound: Mapping[str, Any], confidence: float
) -> dict[str, Any]:
    smaller = min(people.n_train, people.n_control)
    return compared(people, has_groups=holdout.has_groups) | {
        "reference_is_control": holdout.reference_is_control,
        "attack_of_each_fold": list(fitted.chosen),
        "attacks": {
            n: {"auc": fitted.aucs[n], "scan_p": s.p, "scan_cut": s.cut, "scan_train_in_cut": s.n_train_in_cut}
            for n, s in fitted.scans.items()
        },
        "epsilon": dict(bound),
        "roc": roc_curve(fitted.pooled, people.is_train),
        "power": power(
            smaller,
            needed_for_auc(MARGIN),
            detectable_auc(smaller, confidence=confidence),
            epsilon_ceiling=bound["ceiling"],
        ),
    }
