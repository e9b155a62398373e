"""Compute a lower bound on the privacy loss epsilon of a generator from a single training run.

A fair coin decides for each person whether the generator is trained on this person (the person is inserted). Attacks
compute a score of each person from the generator's output. An attacker combines the scores and guesses the coins of
the persons with the clearest scores. The more guesses are right, the larger epsilon must be.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from audits.core.errors import InputError
from audits.core.stats import mid_ranks, one_run_ceiling, one_run_epsilon
from audits.core.types import Bool, Float

FOLDS = 5  # number of groups (folds) into which the persons are split
GUESSES = (20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)  # tested numbers of guesses, see `guesses_tried`
SHRINKAGE = 200.0  # factor of the penalty |w - w0|^2 in the ridge regression of `guess_coins`
PRIOR = 0.1  # sum of the prior weights w0 of the attacks, in `guess_coins`
MAX_CLAIM = 50.0  # largest claimed epsilon that can be tested


class Claim(NamedTuple):
    """The epsilon and delta that an audit tests."""

    limit: float  # the epsilon to test
    delta: float
    is_claim: bool  # True: a log of DP mechanisms claims both numbers. False: the audit sets `limit`, and delta is 0


def stated_claim(mechanism: Mapping[str, Any] | None, limit: float) -> Claim:
    """Return the epsilon and delta that a log of DP mechanisms claims, or `limit` and 0 without such a claim.

    Raise InputError if the claimed epsilon is not a number above 0 and at most MAX_CLAIM, or the claimed delta (0 if
    missing) is not a number from 0 to below 1.
    """
    claimed = None if mechanism is None else mechanism.get("claim")
    if claimed is None:
        return Claim(limit=limit, delta=0.0, is_claim=False)
    numbers = claimed if isinstance(claimed, Mapping) else {}
    epsilon, delta = _number(numbers.get("epsilon")), _number(numbers.get("delta", 0.0))
    problems = []
    if not 0 < epsilon <= MAX_CLAIM:
        problems.append(f"`claim.epsilon` must be a number above 0 and at most {MAX_CLAIM:g}")
    if not 0 <= delta < 1:
        problems.append("`claim.delta` must be a number that is at least 0 and below 1")
    if problems:
        raise InputError("the privacy claim in the mechanism log cannot be tested", problems=problems)
    return Claim(limit=epsilon, delta=delta, is_claim=True)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan


class Bound(NamedTuple):
    """The lower bound on epsilon from guessed coins."""

    epsilon: float  # the largest lower bound over all tested numbers of guesses
    ceiling: float  # the value of `epsilon` if every guess were right
    guesses: int  # the number of guesses that gives `epsilon`; 0 if every bound is 0
    right: int  # number of right guesses among these `guesses`
    persons: int  # number of persons whose coins can be guessed: those in all folds except the first


def guess_coins(
    scores: Mapping[str, Float], inserted: Bool, rng: np.random.Generator, *, alpha: float, delta: float = 0.0
) -> Bound:
    """Return the lower bound on epsilon from guessing fair coins.

    The persons are split into five folds at random. The attacker learns the coins of the first fold and guesses coins
    of the second fold. Then the attacker learns all coins of the second fold and guesses coins of the third fold, and
    so on. For each fold, ridge regression on the revealed coins gives the weights w (K,) of the K attacks:

        e = -ln(1 - rank) - ln 2,   w0 = 0.1 / K,   w = w0 + (E'E + 200 I)^-1 E'(y - E w0)

    The vector e (K,) of a person has one entry per attack. `rank` is the rank of the person's score in this attack,
    scaled to between 0 and 1 (`mid_ranks`). An entry is large only at the top of the ranking, where a few copied
    persons are found. E has one row e for each person with a revealed coin. y has the entry 1 for a person who was
    inserted and -1 for any other. w0 is the weight of each attack before any coin is revealed. The guess is
    "inserted" if e w >= 0, and otherwise "not inserted".

    Several numbers r of guesses are tested, each at level alpha / (number of tested r). For each r, the attacker
    guesses the coins of r / 4 persons in each fold after the first: the persons with the largest |e w|.

    A guess may depend only on the generator's output and on the coins of earlier folds. If the guesses also depended
    on later coins, all guesses could be right with probability 1/2 even without a leak.

    Args:
        scores: for each attack, by its name, one finite score per person, as an array of shape (P,).
        inserted: result of the independent fair coin of each of the P persons.
        rng: draws the folds.
        alpha: largest probability that the bound is wrong.
        delta: delta of the tested claim.

    Reference: Steinke, Nasr and Jagielski, arXiv 2305.08846. Guessing fold after fold is our addition. With delta 0,
        each guess is right with probability at most q = e^eps / (1 + e^eps), whatever the output and the earlier
        coins are. The number of right guesses is therefore stochastically dominated by Bin(r, q). For delta > 0, the
        paper's term for delta is added to P[Bin(r, q) >= v]; this term is not proved for guessing fold after fold.
    """
    tail = np.stack([_tail_scores(score) for _, score in sorted(scores.items())], axis=1)  # one row e per person
    folds = np.array_split(rng.permutation(len(inserted)), FOLDS)
    coin = np.where(inserted, 1.0, -1.0)
    right_of_folds = []  # for each guessed fold, whether each guess is right, from the largest |e w| down
    for f in range(1, FOLDS):
        revealed = np.concatenate(folds[:f])
        evidence = tail[folds[f]] @ _weights(tail[revealed], coin[revealed])  # e w of each person of the fold
        is_right = np.where(evidence >= 0, 1.0, -1.0) == coin[folds[f]]
        right_of_folds.append(is_right[np.argsort(-np.abs(evidence), kind="stable")])
    n = guessed_persons(len(inserted))
    grid = guesses_tried(n)
    best = Bound(0.0, 0.0, 0, 0, n)
    for r in grid:
        # if r is not a multiple of 4, each of the first r % 4 guessed folds gets one additional guess
        parts = [r // (FOLDS - 1) + (f < r % (FOLDS - 1)) for f in range(FOLDS - 1)]
        right = sum(int(fold[:part].sum()) for fold, part in zip(right_of_folds, parts, strict=True))
        epsilon, ceiling = (one_run_epsilon(r=r, v=v, m=n, delta=delta, alpha=alpha / len(grid)) for v in (right, r))
        best = best._replace(ceiling=max(best.ceiling, ceiling))
        if epsilon > best.epsilon:
            best = best._replace(epsilon=epsilon, guesses=r, right=right)
    return best


def provable(n: int, *, alpha: float) -> float:
    """Return `Bound.ceiling` for n coins in all folds together, with delta 0; 0 if no coin can be guessed."""
    guessed = guessed_persons(n)
    return one_run_ceiling(guessed, alpha=alpha / len(guesses_tried(guessed))) if guessed > 0 else 0.0


def needed_for_epsilon(limit: float, *, alpha: float) -> int:
    """Return how many guesses, if all are right, prove that epsilon exceeds the limit (with delta 0).

    The probability that all r guesses are right is at most q^r, where q = e^eps / (1 + e^eps) and eps is the limit.
    If at most G values of r are tested, q^r < alpha / G is required, so r > ln(G / alpha) / ln(1 + e^-eps).
    """
    return math.floor(math.log((len(GUESSES) + 1) / alpha) / math.log1p(math.exp(-limit))) + 1


def guessed_persons(n: int) -> int:
    """Return how many of n coins can be guessed: all except those of the first fold."""
    return n - len(np.array_split(np.arange(n), FOLDS)[0])


def guesses_tried(n: int) -> list[int]:
    """Return the tested numbers of guesses if n coins can be guessed: the numbers in GUESSES below n, and n."""
    return [*(r for r in GUESSES if r < n), n]


def _weights(tail: Float, coin: Float) -> Float:
    n_attacks = tail.shape[1]
    prior = np.full(n_attacks, PRIOR / n_attacks)
    gram = tail.T @ tail + SHRINKAGE * np.eye(n_attacks)
    return np.asarray(prior + np.linalg.solve(gram, tail.T @ (coin - tail @ prior)), dtype=np.float64)


def _tail_scores(scores: Float) -> Float:
    return np.asarray(-np.log1p(-mid_ranks(scores)) - math.log(2), dtype=np.float64)
