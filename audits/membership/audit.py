"""The membership audit: can someone who holds only the release tell who was in the training data?"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from audits.core.coin_guesses import guess_coins
from audits.core.holdout import REFERENCE_SHARE, Arms, HoldoutTables, person_scores
from audits.core.stats import (
    Scan,
    auc,
    auc_bootstrap,
    clopper_pearson,
    detectable_auc,
    holm,
    needed_for_auc,
    scan_test,
)
from audits.core.types import AuditInputs, AuditResult, Estimate, Verdict
from audits.membership.scores import Float, membership_scores
from audits.space.encoded_tables import TableEncoder, encode_tables

FOLDS = 5
CHOICE_ALPHA = 0.05
MARGIN = 0.05
EPSILON_LIMIT = 1.0
MIN_CLASS_CONTROL = 100
ROC_POINTS = 60

# false-positive rate: the control persons it needs (ten false positives), the upper bound allowed, the metric's name
RATES = ((0.01, 1_000, 0.03, "tpr_at_fpr_1pct"), (0.001, 10_000, 0.01, "tpr_at_fpr_01pct"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Attacked:
    """What the attacks gave on people they were not chosen on.

    Args:
        pooled: for each person the rank, within their fold, under the attack chosen on the other folds; (P,).
        chosen: the attack of each fold, with a minus where it was turned round; "all" for the mean rank.
        scans: the scan over all persons of each attack.
        aucs: the AUC of each attack over all persons; for the report, never for the verdict.
    """

    pooled: Float
    chosen: tuple[str, ...]
    scans: Mapping[str, Scan]
    aucs: Mapping[str, float]


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
        parts, people = tables.holdout, tables.people
        rows = membership_scores(parts, tables.encoded)
        scores = {name: person_scores(s, people.row_person) for name, s in rows.items()}
        attacked = attack(scores, people, rng)
        metrics, limits, bound = _metrics(attacked, scores, people, rng, confidence)
        return _judge(metrics, limits, _details(attacked, parts, people, bound, confidence))


def attack(scores: Mapping[str, Float], people: Arms, rng: np.random.Generator) -> Attacked:
    """Return every person's rank by an attack chosen on other people, and the scans of all attacks.

    Args:
        scores: for each attack one score per person; (P,).
        people: the persons.
        rng: deals each arm into folds.
    """
    names = sorted(scores)
    is_train = people.is_train
    fold = np.empty(len(is_train), dtype=np.int64)
    for arm in (is_train, ~is_train):
        fold[arm] = rng.permutation(int(arm.sum())) % FOLDS
    pooled, chosen = np.empty(len(is_train)), []
    for f in range(FOLDS):
        others, mine = fold != f, fold == f
        name, sign = _choose({n: scores[n][others] for n in names}, is_train[others])
        ranks = {n: _ranks(scores[n][mine]) for n in names}
        pooled[mine] = _ranks(np.mean(list(ranks.values()), axis=0) if name is None else sign * ranks[name])
        chosen.append("all" if name is None else name if sign > 0 else f"-{name}")
    return Attacked(
        pooled=pooled,
        chosen=tuple(chosen),
        scans={n: scan_test(scores[n][is_train], scores[n][~is_train]) for n in names},
        aucs={n: auc(scores[n][is_train], scores[n][~is_train]) for n in names},
    )


def _choose(scores: Mapping[str, Float], is_train: NDArray[np.bool_]) -> tuple[str | None, float]:
    """Return the attack whose AUC is furthest from one half and its direction; None where chance explains it.

    Always taking the furthest would, without a leak, take noise, and the same noise in most folds: the pooled AUC
    would then scatter half as widely again as its interval says.
    """
    n_train, n_control = int(is_train.sum()), int((~is_train).sum())
    aucs = {n: auc(s[is_train], s[~is_train]) for n, s in scores.items()}
    name = max(aucs, key=lambda n: abs(aucs[n] - 0.5))
    error = math.sqrt((n_train + n_control + 1) / (12 * n_train * n_control))
    chance = float(stats.norm.ppf(1 - CHOICE_ALPHA / (2 * len(aucs)))) * error
    return (name if abs(aucs[name] - 0.5) > chance else None), math.copysign(1.0, aucs[name] - 0.5)


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


def true_positives(pooled: Float, is_train: NDArray[np.bool_], rate: float) -> int:
    """Return how many train persons score above the highest threshold that accuses at most `rate` of control."""
    control = np.sort(pooled[~is_train])[::-1]
    threshold = control[int(rate * len(control))]
    return int((pooled[is_train] > threshold).sum())


def roc_curve(pooled: Float, is_train: NDArray[np.bool_]) -> dict[str, list[float]]:
    """Return at most 60 points of the ROC curve on a logarithmic grid of rates from 1 / n_control to 1."""
    n_control = int((~is_train).sum())
    accused = np.unique(np.round(np.geomspace(1, n_control, ROC_POINTS - 1)).astype(int))
    control, train = np.sort(-pooled[~is_train]), np.sort(-pooled[is_train])
    found = np.searchsorted(train, control[accused - 1], side="right") / len(train)
    fpr = np.searchsorted(control, control[accused - 1], side="right") / n_control
    points = sorted({(0.0, 0.0), *zip(fpr.tolist(), found.tolist(), strict=True)})
    return {"fpr": [p[0] for p in points], "tpr": [p[1] for p in points]}


def _metrics(
    attacked: Attacked, scores: Mapping[str, Float], people: Arms, rng: np.random.Generator, confidence: float
) -> tuple[dict[str, Estimate], dict[str, float], dict[str, Any]]:
    is_train, pooled = people.is_train, attacked.pooled
    n = len(is_train)
    metrics = {"auc": _auc_estimate(pooled[is_train], pooled[~is_train], rng, confidence)}
    limits = {}
    for rate, needed, limit, name in RATES:
        if people.n_control >= needed:
            found = true_positives(pooled, is_train, rate)
            low, high = clopper_pearson(found, people.n_train, confidence=confidence)
            metrics[name] = Estimate(
                value=found / people.n_train, low=low, high=high, confidence=confidence, n=people.n_train
            )
            limits[name] = limit
    scan_p = min(holm([s.p for s in attacked.scans.values()]))
    metrics["scan_p"] = Estimate(value=scan_p, low=scan_p, high=scan_p, confidence=confidence, n=n)
    bound = epsilon_bound(scores, is_train, rng, 1 - confidence)
    epsilon = float(bound["epsilon"])
    metrics["epsilon_lower_bound"] = Estimate(
        value=epsilon, low=epsilon, high=epsilon, confidence=confidence, n=bound["persons"]
    )
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
    return [_auc_estimate(t, h, rng, 1 - (1 - confidence) / len(sized)) for t, h in sized]


def _judge(metrics: Mapping[str, Estimate], limits: Mapping[str, float], details: dict[str, Any]) -> AuditResult:
    area, scan_p = metrics["auc"], metrics["scan_p"].value
    confidence = area.confidence
    worst_class = metrics.get("worst_class_auc")
    fails = [
        *(["how well the attacks separate them"] if _outside(area) else []),
        *(["how well they do in a class"] if worst_class is not None and _outside(worst_class) else []),
        *(f"the rate {name}" for name, limit in limits.items() if metrics[name].low > limit),
        *(["who stands at the top of a ranking"] if scan_p < 1 - confidence else []),
        *(["the guesses, which prove epsilon"] if metrics["epsilon_lower_bound"].value > EPSILON_LIMIT else []),
    ]
    needed = needed_for_auc(MARGIN)
    smaller = min(details["n_train_persons"], details["n_control_persons"])
    unclear = not _inside(area) or any(metrics[name].high > limit for name, limit in limits.items())
    if worst_class is not None and worst_class.n >= needed:
        unclear |= not _inside(worst_class)
    verdict: Verdict = "fail" if fails else "insufficient" if unclear or smaller < needed else "pass"
    return AuditResult(
        name="membership",
        verdict=verdict,
        status="measured",
        estimate=area,
        control=None,
        threshold=(0.5 - MARGIN, 0.5 + MARGIN),
        direction="two_sided",
        metrics=metrics,
        details=details,
        reason=_reason(verdict, fails, smaller, area, details),
    )


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
    attacked: Attacked, parts: HoldoutTables, people: Arms, bound: Mapping[str, Any], confidence: float
) -> dict[str, Any]:
    smaller = min(people.n_train, people.n_control)
    return {
        "claim_scope": "person" if parts.has_groups else "record",
        "n_train_persons": people.n_train,
        "n_control_persons": people.n_control,
        "reference_is_control": parts.reference_is_control,
        "attack_of_each_fold": list(attacked.chosen),
        "attacks": {
            n: {"auc": attacked.aucs[n], "scan_p": s.p, "scan_cut": s.cut, "scan_train_in_cut": s.n_train_in_cut}
            for n, s in attacked.scans.items()
        },
        "epsilon": dict(bound),
        "roc": roc_curve(attacked.pooled, people.is_train),
        "power": {
            "n": smaller,
            "n_needed": needed_for_auc(MARGIN),
            "smallest_leak": detectable_auc(smaller, confidence=confidence),
            "epsilon_ceiling": bound["ceiling"],
        },
    }


def _auc_estimate(train: Float, control: Float, rng: np.random.Generator, confidence: float) -> Estimate:
    low, high = auc_bootstrap(train, control, rng=rng, confidence=confidence)
    value = auc(train, control)
    return Estimate(value=value, low=low, high=high, confidence=confidence, n=min(len(train), len(control)))


def _ranks(scores: Float) -> Float:
    ordered = np.sort(scores)
    below, up_to = (np.searchsorted(ordered, scores, side=side) for side in ("left", "right"))
    return np.asarray((below + up_to) / (2 * len(scores)), dtype=np.float64)


def _outside(area: Estimate) -> bool:
    return area.low > 0.5 + MARGIN or area.high < 0.5 - MARGIN


def _inside(area: Estimate) -> bool:
    return area.low >= 0.5 - MARGIN and area.high <= 0.5 + MARGIN
