"""Membership attacks: measure how well the scores of persons distinguish train persons from control persons.

A score is one number per person; a high score suggests that the person is in train. Each score is one attack. The
stacked attack combines all scores with weights, which are fitted on some persons and applied to others. Each attack
is measured by its AUC (`stats.auc`), which is one half without a leak. Each score is also measured by a test of the
persons at the top of its ranking (`stats.scan_test`). The arm, or role, of a person is train or control. The
generator never saw control. P is the number of persons, n_T of them in train and n_H in control.
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
FOLDS = 5  # number of folds into which the persons are split to fit and apply the weights of the stacked attack
STACKING_LEVEL = 0.01  # fitted weights are used only if the p-value of the F-test of the fit is below this level
RIDGE = 0.02  # ridge penalty of the weights, per person of the fit; needed because similar scores correlate strongly
ROC_POINTS = 60  # the ROC curve is reported with at most this many points
MIN_CLASS_PERSONS = 100  # a class is attacked separately if each arm has at least this many persons of the class
POWERS = (0.5, 0.8, 0.95)  # powers for which the smallest detected leaks are reported
MAX_EPSILON = 20.0  # `_epsilon` searches below this value, which is an epsilon for replacing one person


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossFitted:
    """Results of each attack; the keys of the mappings are the names of the attacks."""

    scores: Mapping[str, Float]  # score of each person, (P,); for `STACKED`, the rank within the person's fold
    weights: tuple[Mapping[str, float] | None, ...]  # per fold: weight of each score in `STACKED`; None: all equal
    scans: Mapping[str, stats.Scan]  # scan test over all persons; no entry for `STACKED`
    areas: Mapping[str, Area]  # AUC over all persons

    def auc(self, confidence: float) -> Estimate:
        """Return the AUC furthest from one half, with the outermost interval ends of all attacks."""
        return envelope([area.estimate(confidence) for area in self.areas.values()])

    def all_inside(self, margin: float, confidence: float) -> bool:
        """Return whether the AUC interval of every attack lies within the margin around one half."""
        return all(is_inside(area.ends(confidence), margin) for area in self.areas.values())

    def p_outside(self, margin: float) -> float:
        """Return the p-value of the hypothesis that no AUC is further than the margin from one half (Holm)."""
        return min(stats.holm([area.p_beyond(margin) for area in self.areas.values()]))

    def scan_p(self) -> float:
        """Return the smallest p-value of the scan tests after Holm's correction."""
        return min(stats.holm([scan.p for scan in self.scans.values()]))


def cross_fit(scores: Mapping[str, Float], people: Arms, rng: Rng) -> CrossFitted:
    """Return the results of every attack on these persons; `scores` has K arrays of P scores, by name.

    The stacked attack splits each arm into five folds at random. It ranks the persons of each fold by z · w, with
    weights w from a ridge regression on the n persons of the four remaining folds:

        w = (Z'Z + .02 · n · I)^-1 · Z'y

    z (K,) has the normal quantiles of a person's ranks in all scores. Z (n, K) has one row z per person, and y (n,)
    has +1 for train and -1 for control. Z and y are centred. All weights are equal if n <= K + 1, or if an F-test of
    the least-squares fit of y by Z is not significant at 1 %. Without this rule, weights fitted to noise could make
    the interval of the AUC too narrow.

    Randomness: splits each arm into folds.
    Reference: stacking, Wolpert 1992; fitting and measuring on different persons was designed for this project.
    """
    names = sorted(scores)
    is_train = people.is_train
    fold = np.empty(len(is_train), dtype=np.int64)
    for arm in (is_train, ~is_train):
        fold[arm] = rng.permutation(int(arm.sum())) % FOLDS
    z = np.stack([norm.ppf(stats.mid_ranks(scores[name])) for name in names], axis=1)
    stacked, weights = np.empty(len(is_train)), []
    for number in range(FOLDS):
        in_fit, in_fold = fold != number, fold == number
        w = _weights(z[in_fit], is_train[in_fit])
        stacked[in_fold] = stats.mid_ranks(z[in_fold].mean(axis=1) if w is None else z[in_fold] @ w)
        weights.append(None if w is None else dict(zip(names, w.tolist(), strict=True)))
    all_scores = {**{name: np.asarray(scores[name], dtype=np.float64) for name in names}, STACKED: stacked}
    return CrossFitted(
        scores=all_scores,
        weights=tuple(weights),
        scans={name: stats.scan_test(scores[name][is_train], scores[name][~is_train]) for name in names},
        areas={name: area_of(score[is_train], score[~is_train]) for name, score in all_scores.items()},
    )


def _weights(z: Float, is_train: Bool) -> Float | None:
    """Return w of `cross_fit`, or None if all weights are equal; `z` has the uncentred rows of Z."""
    y = np.where(is_train, 1.0, -1.0)
    y -= y.mean()
    centred = z - z.mean(axis=0)
    n, k = z.shape
    if n <= k + 1:
        return None
    predicted = centred @ np.linalg.lstsq(centred, y, rcond=None)[0]
    residual, explained = float(((y - predicted) ** 2).sum()), float((predicted**2).sum())
    if residual > 0 and f_distribution.sf(explained / k / (residual / (n - k - 1)), k, n - k - 1) >= STACKING_LEVEL:
        return None
    return np.asarray(np.linalg.solve(centred.T @ centred + RIDGE * n * np.eye(k), centred.T @ y), dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassAreas:
    """The AUCs within classes; an average over all classes can hide a leak in one class."""

    areas: Sequence[Sequence[Area]]  # for each class with at least MIN_CLASS_PERSONS per arm: AUC of every attack
    n_classes: int  # number of all classes, also of those without an entry in `areas`
    needed: int  # persons per arm with which, without a leak, all of `areas` pass with probability .8

    @property
    def n_too_small(self) -> int:
        """Number of classes with fewer than `needed` persons in train or in control."""
        return self.n_classes - sum(one_class[0].n >= self.needed for one_class in self.areas)

    def estimate(self, confidence: float) -> Estimate | None:
        """Return the AUC furthest from one half with the outermost interval ends; None if `areas` is empty."""
        estimates = [area.estimate(confidence) for one_class in self.areas for area in one_class]
        return envelope(estimates) if estimates else None

    def p_outside(self, margin: float) -> float:
        """Return the p-value of the hypothesis that no AUC in `areas` is further than the margin from one half.

        Holm's correction is applied. The result is 1 if `areas` is empty.
        """
        return min(stats.holm([area.p_beyond(margin) for one_class in self.areas for area in one_class]), default=1.0)

    def all_inside(self, margin: float, confidence: float) -> bool:
        """Return whether all intervals of the classes with at least `needed` persons per arm are within the margin.

        The result is true if no class has so many persons.
        """
        tested = [area for one_class in self.areas for area in one_class if area.n >= self.needed]
        return all(is_inside(area.ends(confidence), margin) for area in tested)


def areas_by_class(scores: Mapping[str, Float], people: Arms, margin: float) -> ClassAreas | None:
    """Return the AUC of every attack in each class, or None if there is only one class; each score has shape (P,)."""
    if people.n_classes == 1:
        return None
    class_masks = [people.person_class == c for c in range(people.n_classes)]
    arms = [(in_class & people.is_train, in_class & ~people.is_train) for in_class in class_masks]
    large = [(train, control) for train, control in arms if min(train.sum(), control.sum()) >= MIN_CLASS_PERSONS]
    n_tests = max(1, len(large)) * len(scores)
    return ClassAreas(
        areas=[[area_of(s[train], s[control]) for s in scores.values()] for train, control in large],
        n_classes=people.n_classes,
        needed=stats.needed_for_auc(margin, power=stats.power_of_each(n_tests)),
    )


def true_positives(scores: Float, is_train: Bool, rate: float) -> int:
    """Return how many train persons are above the threshold for the false-positive rate `rate` (true positives).

    The threshold is the lowest control score that at most the share `rate` of the control persons exceed.
    """
    control = np.sort(scores[~is_train])[::-1]
    return int((scores[is_train] > control[int(rate * len(control))]).sum())


def roc_curve(scores: Float, is_train: Bool) -> dict[str, list[float]]:
    """Return at most 60 points of the ROC curve on a logarithmic grid of false-positive rates from 1 / n_H to 1."""
    n_control = int((~is_train).sum())
    n_flagged = np.unique(np.round(np.geomspace(1, n_control, ROC_POINTS - 1)).astype(int))
    control, train = np.sort(-scores[~is_train]), np.sort(-scores[is_train])
    tpr = np.searchsorted(train, control[n_flagged - 1], side="right") / len(train)
    fpr = np.searchsorted(control, control[n_flagged - 1], side="right") / n_control
    points = sorted({(0.0, 0.0), *zip(fpr.tolist(), tpr.tolist(), strict=True)})
    return {"fpr": [p[0] for p in points], "tpr": [p[1] for p in points]}


def smallest_detected_leaks(
    n_train: int, n_control: int, *, attacks: int, margin: float, epsilon_limit: float, coins: int
) -> dict[str, Any]:
    """Return the smallest leaks that make the audit fail with power .5, .8 and .95, one value per power.

    auc: the true AUC of one of K = `attacks` attacks, at most 1. z_q is the normal quantile of q.

        1/2 + margin + (z_(1 - .05 / (2 · K)) + z_power) · sqrt((n_T + n_H + 1) / (12 · n_T · n_H))

    copied_share: the share of train persons who are copied; None if no share is detected. L copied persons are
        assumed to have the L highest of all N = n_T + n_H scores. The persons with the m >= L highest scores then
        include L + Hypergeom(N - L, n_T - L, m - L) train persons. A scan test detects that this number is too high.
    epsilon: the epsilon of a mechanism, for one person added or removed; None if no epsilon below 10 is detected.
        The reported epsilon is half of e, the epsilon for replacing one person. `guess_coins` guesses the roles of
        four fifths of `coins` persons. Each guess is assumed to be right with the highest probability that e allows,
        1 / (1 + exp(-e)). The audit fails if so many guesses are right that e must exceed `epsilon_limit`.
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
            n_not_copied_train = hypergeom(n - copied, n_train - copied, m - copied)
            n_train_in_cut = copied + int(n_not_copied_train.ppf(1 - power))
            if hypergeom.sf(n_train_in_cut - 1, n, n_train, m) <= level:
                return copied / n_train
        if copied >= max(cuts, default=0):
            break
    return None


def _epsilon(coins: int, limit: float, power: float) -> float | None:
    """Return `epsilon` of `smallest_detected_leaks` for one power, searched in steps of .05."""
    # `guess_coins` tests these numbers of guesses, each at the level FAIL_LEVEL / (how many numbers are tested)
    n_guesses_tested = guesses_tried(guessed_persons(coins)) if coins > 0 else []
    p_right_at_limit = 1 / (1 + np.exp(-limit))
    for epsilon in np.arange(limit, MAX_EPSILON, 0.05).tolist():
        p_right = 1 / (1 + np.exp(-epsilon))
        for n_guesses in n_guesses_tested:
            n_right = int(binom.ppf(1 - power, n_guesses, p_right))
            if binom.sf(n_right - 1, n_guesses, p_right_at_limit) <= stats.FAIL_LEVEL / len(n_guesses_tested):
                return float(round(epsilon / 2, 3))
    return None
