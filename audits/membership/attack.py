"""The membership attack: each fold of persons is ranked by the score that separates the others best.

The verdict on it is drawn in `audits/membership/audit.py`; the scores are those of `audits/membership/scores.py`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from audits.core.holdout import Arms
from audits.core.stats import Scan, auc, scan_test
from audits.membership.scores import Float

FOLDS = 5
CHOICE_ALPHA = 0.05
ROC_POINTS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossFitted:
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


def cross_fit(scores: Mapping[str, Float], people: Arms, rng: np.random.Generator) -> CrossFitted:
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
        ranks = {n: mid_ranks(scores[n][mine]) for n in names}
        pooled[mine] = mid_ranks(np.mean(list(ranks.values()), axis=0) if name is None else sign * ranks[name])
        chosen.append("all" if name is None else name if sign > 0 else f"-{name}")
    return CrossFitted(
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


def mid_ranks(scores: Float) -> Float:
    """Return the rank of each score as a share of all, equal ones in the middle of their places; in (0, 1)."""
    return np.asarray((stats.rankdata(scores) - 0.5) / len(scores), dtype=np.float64)
