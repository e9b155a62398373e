"""Membership attacks: measure how well the scores of persons distinguish train persons from control persons.

Each score is an attack. The stacked attack combines all scores with weights, which are fitted on some persons and
applied to others. An arm is train or control. A person's role is the arm of the person. P is the number of persons.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import binom, hypergeom, norm
from scipy.stats import f as f_distribution

from audits.core import stats
from audits.core.coin_guesses import guessed_persons, guesses_tried
from audits.core.holdout import Arms
from audits.core.two_sided import Area, area_of, envelope, is_inside
from audits.core.types import Bool, Estimate, Float, Rng

STACKED = "stacked"  # name of the attack that combines all scores
FOLDS = 5  # number of parts into which persons are split to fit and apply the weights of the stacked attack
STACKING_LEVEL = 0.01  # fitted weights are used only if the F-test of the fit is significant at this level
RIDGE = 0.02  # ridge penalty per person; needed because similar scores correlate strongly
ROC_POINTS = 60  # the ROC curve is reported with at most this many points
MIN_CLASS_PERSONS = 100  # a class is attacked separately if each arm has at least this many persons of the class
POWERS = (0.5, 0.8, 0.95)  # powers for which the smallest detected leaks are reported
MAX_EPSILON = 20.0  # largest epsilon, for replacing one person, in the search for the smallest detected epsilon


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossFitted:
    """Results of each attack, by name."""

    scores: Mapping[str, Float]  # score of each person, (P,); for `STACKED`, the rank within the fold
    weights: tuple[Mapping[str, float] | None, ...]  # by fold: weight of each score in `STACKED`; None if all equal
    scans: Mapping[str, stats.Scan]  # scan test over all persons; no entry for `STACKED`
    areas: Mapping[str, Area]  # AUC over all persons

    def auc(self, confidence: float) -> Estimate:
        """Return the AUC furthest from one half, with the outermost interval ends of all attacks."""
        return envelope([area.estimate(confidence) for area in self.areas.values()])

    def all_inside(self, margin: float, confidence: float) -> bool:
        """Return whether every AUC interval lies within the margin around one half."""
        return all(is_inside(area.ends(confidence), margin) for area in self.areas.values())

    def p_outside(self, margin: float) -> float:
        """Return the p-value of the hypothesis that every AUC is within the margin, corrected for all attacks."""
        return min(stats.holm([area.p_beyond(margin) for area in self.areas.values()]))

    def scan_p(self) -> float:
        """Return the smallest p-value of the scan tests, corrected for the number of tests."""
        return min(stats.holm([scan.p for scan in self.scans.values()]))


def cross_fit(scores: Mapping[str, Float], people: Arms, rng: Rng) -> CrossFitted:
    """Return the results of every attack on these persons; `scores` are (P,) each.

    The stacked attack splits each arm into five folds and ranks the persons of each fold by

        z · w,  w = (Z'Z + .02 · n · I)^-1 · Z'y

    z has the normal quantiles of a person's ranks in all scores. For the n persons of the four remaining folds, Z has
    these quantiles, and y has the roles (+1 for train, -1 for control). Z and y are centred. If an F-test of the fit
    is not significant at 1 %, all weights are equal: weights fitted to noise would make the interval too narrow.

    Randomness: splits each arm into folds.
    Reference: stacking, Wolpert 1992; fitting and measuring on different persons was designed for this project.
    """
    names = sorted(scores)
    is_train = people.is_train
    fold = np.empty(len(is_train), dtype=np.int64)
    for arm in (is_train, ~is_train):
        fold[arm] = rng.permutation(int(arm.sum())) % FOLDS
    z = np.stack([norm.ppf(stats.mid_ranks(scores[name])) for name in names], axis=1)
    pooled, weights = np.empty(len(is_train)), []
    for number in range(FOLDS):
        others, tested = fold != number, fold == number
        fitted = _weights(z[others], is_train[others])
        pooled[tested] = stats.mid_ranks(z[tested].mean(axis=1) if fitted is None else z[tested] @ fitted)
        weights.append(None if fitted is None else dict(zip(names, fitted.tolist(), strict=True)))
    all_scores = {**{name: np.asarray(scores[name], dtype=np.float64) for name in names}, STACKED: pooled}
    return CrossFitted(
        scores=all_scores,
        weights=tuple(weights),
        scans={name: stats.scan_test(scores[name][is_train], scores[name][~is_train]) for name in names},
        areas={name: area_of(score[is_train], score[~is_train]) for name, score in all_scores.items()},
    )


def _weights(z: Float, is_train: Bool) -> Float | None:
    """Return w of `cross_fit`; None if the F-test is not significant or there are too few persons."""
    y = np.where(is_train, 1.0, -1.0)
    y -= y.mean()
    centred = z - z.mean(axis=0)
    n, k = z.shape
    if n <= k + 1:
        return None
    fitted = centred @ np.linalg.lstsq(centred, y, rcond=None)[0]
    residual, explained = float(((y - fitted) ** 2).sum()), float((fitted**2).sum())
    if residual > 0 and f_distribution.sf(explained / k / (residual / (n - k - 1)), k, n - k - 1) >= STACKING_LEVEL:
        return None
    return np.asarray(np.linalg.solve(centred.T @ centred + RIDGE * n * np.eye(k), centred.T @ y), dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassAreas:
    """The AUCs within classes, because an average over classes can hide a leak."""

    areas: Sequence[Sequence[Area]]  # for each class with at least 100 persons per arm, the AUC of every attack
    n_classes: int  # number of all classes
    needed: int  # persons per arm with which, without a leak, all classes pass all tests with probability .8

    @property
    def n_too_small(self) -> int:
        """Number of classes with fewer than `needed` persons in train or in control."""
        return self.n_classes - sum(of_class[0].n >= self.needed for of_class in self.areas)

    def estimate(self, confidence: float) -> Estimate | None:
        """Return the AUC furthest from one half with the outermost interval ends; None if `areas` is empty."""
        estimates = [area.estimate(confidence) for of_class in self.areas for area in of_class]
        return envelope(estimates) if estimates else None

    def p_outside(self, margin: float) -> float:
        """Return the p-value of the hypothesis that every AUC is within the margin, corrected for all AUCs."""
        return min(stats.holm([area.p_beyond(margin) for of_class in self.areas for area in of_class]), default=1.0)

    def all_inside(self, margin: float, confidence: float) -> bool:
        """Return whether every AUC interval of a class with `needed` persons per arm lies within the margin.

        The result is true if no class has so many persons.
        """
        tested = [area for of_class in self.areas for area in of_class if area.n >= self.needed]
        return all(is_inside(area.ends(confidence), margin) for area in tested)


def areas_by_class(scores: Mapping[str, Float], people: Arms, margin: float) -> ClassAreas | None:
    """Return the AUC of every attack in each class, or None if there is only one class; `scores` are (P,) each."""
    if people.n_classes == 1:
        return None
    by_class = [people.person_class == c for c in range(people.n_classes)]
    arms = [(of_class & people.is_train, of_class & ~people.is_train) for of_class in by_class]
    large = [(train, control) for train, control in arms if min(train.sum(), control.sum()) >= MIN_CLASS_PERSONS]
    n_tests = max(1, len(large)) * len(scores)
    return ClassAreas(
        areas=[[area_of(s[train], s[control]) for s in scores.values()] for train, control in large],
        n_classes=people.n_classes,
        needed=stats.needed_for_auc(margin, power=stats.power_of_each(n_tests)),
    )


def true_positives(scores: Float, is_train: Bool, rate: float) -> int:
    """Return the number of true positives at the false-positive rate `rate`.

    They are the train persons with scores above a threshold that at most the share `rate` of control persons exceed.
    """
    control = np.sort(scores[~is_train])[::-1]
    return int((scores[is_train] > control[int(rate * len(control))]).sum())


def roc_curve(scores: Float, is_train: Bool) -> dict[str, list[float]]:
    """Return at most 60 points of the ROC curve on a logarithmic grid of false-positive rates from 1 / n_control."""
    n_control = int((~is_train).sum())
    flagged = np.unique(np.round(np.geomspace(1, n_control, ROC_POINTS - 1)).astype(int))
    control, train = np.sort(-scores[~is_train]), np.sort(-scores[is_train])
    tpr = np.searchsorted(train, control[flagged - 1], side="right") / len(train)
    fpr = np.searchsorted(control, control[flagged - 1], side="right") / n_control
    points = sorted({(0.0, 0.0), *zip(fpr.tolist(), tpr.tolist(), strict=True)})
    return {"fpr": [p[0] for p in points], "tpr": [p[1] for p in points]}


def smallest_detected_leaks(
    n_train: int, n_control: int, *, attacks: int, margin: float, epsilon_limit: float, coins: int
) -> dict[str, Any]:
    """Return the smallest leaks that make the audit fail with power .5, .8 and .95, one value per power.

    auc: the true AUC of one attack. There are K = `attacks` attacks, n_T train persons and n_H control persons.

        1/2 + margin + (z_(1 - .05 / (2 · K)) + z_power) · sqrt((n_T + n_H + 1) / (12 · n_T · n_H))

    copied_share: the share of train persons who are copied; None if no share is detected. A scan test detects the
        copied persons at the top of the ranking by one score. If L copied persons have the L highest scores of N
        persons, the m highest-ranked persons contain L + Hypergeom(N - L, n_T - L, m - L) train persons.
    epsilon: the epsilon of a mechanism, for one person added or removed; None if it exceeds 10. For replacing one
        person, epsilon e is twice as large, and `epsilon_limit` is the limit on e. Roles of `coins` persons are
        guessed. Each guess is assumed to be right with the highest probability that e allows, 1 / (1 + exp(-e)).
    """
    error = float(np.sqrt((n_train + n_control + 1) / (12 * n_train * n_control)))
    z = float(norm.ppf(1 - stats.FAIL_LEVEL / (2 * attacks)))
    return {
        "power": list(POWERS),
        "auc": [min(1.0, 0.5 + margin + (z + float(norm.ppf(p))) * error) for p in POWERS],
        "copied_share": [_copied(n_train, n_control, attacks, p) for p in POWERS],
        "epsilon": [_epsilon(coins, epsilon_limit, p) for p in POWERS],
    }


def _copied(n_train: int, n_control: int, attacks: int, power: float) -> float | None:
    """Return `copied_share` of `smallest_detected_leaks` for one power; None if no share is detected."""
    n = n_train + n_control
    cuts = np.array([m for m in stats.SCAN_GRID if m < n])
    level = stats.CHANCE_LEVEL / (2 * len(cuts) * attacks)
    for copied in range(1, n_train + 1):
        for m in cuts[cuts >= copied].tolist():
            others = hypergeom(n - copied, n_train - copied, m - copied)
            n_train_in_cut = copied + int(others.ppf(1 - power))
            if hypergeom.sf(n_train_in_cut - 1, n, n_train, m) <= level:
                return copied / n_train
        if copied >= max(cuts, default=0):
            break
    return None


def _epsilon(coins: int, limit: float, power: float) -> float | None:
    """Return `epsilon` of `smallest_detected_leaks` for one power, searched in steps of .05."""
    # the numbers of guesses that the audit of epsilon tests; each has its own p-value
    tried = guesses_tried(guessed_persons(coins)) if coins > 0 else []
    p_right_at_limit = 1 / (1 + np.exp(-limit))
    for epsilon in np.arange(limit, MAX_EPSILON, 0.05).tolist():
        p_right = 1 / (1 + np.exp(-epsilon))
        for n_guesses in tried:
            n_right = int(binom.ppf(1 - power, n_guesses, p_right))
            if binom.sf(n_right - 1, n_guesses, p_right_at_limit) <= stats.FAIL_LEVEL / len(tried):
                return float(round(epsilon / 2, 3))
    return None
