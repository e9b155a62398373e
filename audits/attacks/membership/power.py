"""The smallest leaks that the membership audit detects with a given power; computed without the data."""

from typing import Any

import numpy as np
from scipy import stats

from audits.core.coin_guesses import guessed_persons, guesses_tried
from audits.core.stats import CHANCE_LEVEL, FAIL_LEVEL, SCAN_GRID

POWERS = (0.5, 0.8, 0.95)
MAX_EPSILON = 20.0


def found_with(
    n_train: int, n_control: int, *, attacks: int, margin: float, epsilon_limit: float, coins: int
) -> dict[str, Any]:
    """Return the smallest leaks that fail the audit with power .5, .8 and .95.

    auc: true AUC of one of K attacks, beyond the margin and corrected for the number of attacks:

        1/2 + margin + (z_(1 - .05 / (2 K)) + z_power) sqrt((n_T + n_H + 1) / (12 n_T n_H))

    copied_share: share of train persons who are copied, if these persons lead the ranking of one score and the scan
        detects them. With L of them at the top of N persons, a cut m contains L + Hypergeom(N - L, n_T - L, m - L)
        train persons.
    epsilon: epsilon, for one person added or removed, of a mechanism against which every guess is right with the
        highest probability that epsilon allows; None if no epsilon up to 20 is detected.

    `epsilon_limit` is the limit on the bound for replacing one person, `coins` the number of persons whose roles are
    guessed.
    """
    error = float(np.sqrt((n_train + n_control + 1) / (12 * n_train * n_control)))
    z = float(stats.norm.ppf(1 - FAIL_LEVEL / (2 * attacks)))
    return {
        "power": list(POWERS),
        "auc": [min(1.0, 0.5 + margin + (z + float(stats.norm.ppf(p))) * error) for p in POWERS],
        "copied_share": [_copied(n_train, n_control, attacks, p) for p in POWERS],
        "epsilon": [_epsilon(coins, epsilon_limit, p) for p in POWERS],
    }


def _copied(n_train: int, n_control: int, attacks: int, power: float) -> float | None:
    n = n_train + n_control
    cuts = np.array([m for m in SCAN_GRID if m < n])
    level = CHANCE_LEVEL / (2 * len(cuts) * attacks)
    for copied in range(1, n_train + 1):
        for m in cuts[cuts >= copied].tolist():
            others = stats.hypergeom(n - copied, n_train - copied, m - copied)
            x = copied + int(others.ppf(1 - power))
            if stats.hypergeom.sf(x - 1, n, n_train, m) <= level:
                return copied / n_train
        if copied >= max(cuts, default=0):
            break
    return None


def _epsilon(coins: int, limit: float, power: float) -> float | None:
    tried = guesses_tried(guessed_persons(coins)) if coins > 0 else []
    at_limit = 1 / (1 + np.exp(-limit))
    for epsilon in np.arange(limit, MAX_EPSILON, 0.05).tolist():
        q = 1 / (1 + np.exp(-epsilon))
        for r in tried:
            right = int(stats.binom.ppf(1 - power, r, q))
            if stats.binom.sf(right - 1, r, at_limit) <= FAIL_LEVEL / len(tried):
                return float(round(epsilon / 2, 3))
    return None
