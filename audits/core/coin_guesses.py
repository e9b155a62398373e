"""Guessing fair coins from scores, and what it proves about epsilon in one run."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from audits.core.errors import InputError
from audits.core.stats import one_run_ceiling, one_run_epsilon

FOLDS = 5
GUESSES = (20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
SHRINKAGE = 200.0
PRIOR = 0.1
MAX_CLAIM = 50.0

Bool = NDArray[np.bool_]
Float = NDArray[np.float64]


class Claim(NamedTuple):
    """What epsilon is compared with: a mechanism's claim, or without one an audit's own limit and delta 0."""

    limit: float
    delta: float
    is_claim: bool


def stated_claim(mechanism: Mapping[str, Any] | None, limit: float) -> Claim:
    """Return what the mechanism's log claims under `claim`, or the audit's own limit where it claims nothing.

    Raises:
        InputError: the claim is none that guessing could test.
    """
    claimed = None if mechanism is None else mechanism.get("claim")
    if claimed is None:
        return Claim(limit=limit, delta=0.0, is_claim=False)
    stated = claimed if isinstance(claimed, Mapping) else {}
    epsilon, delta = _number(stated.get("epsilon")), _number(stated.get("delta", 0.0))
    problems = [
        *([] if 0 < epsilon <= MAX_CLAIM else [f"claim.epsilon must be a number above 0 and at most {MAX_CLAIM:g}"]),
        *([] if 0 <= delta < 1 else ["claim.delta must be a number from 0 to below 1"]),
    ]
    if problems:
        raise InputError("the mechanism's log makes no claim that an audit could test", problems=problems)
    return Claim(limit=epsilon, delta=delta, is_claim=True)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan


class Bound(NamedTuple):
    """What the coins guessed prove.

    Args:
        epsilon: the largest lower bound over the grid of numbers of guesses.
        ceiling: what it would have been with every guess right.
        guesses: the number of guesses that proved most; 0 where none proved anything.
        right: how many of those were right.
        persons: how many coins were guessed at, four fifths of all.
    """

    epsilon: float
    ceiling: float
    guesses: int
    right: int
    persons: int


def guess_coins(
    scores: Mapping[str, Float], inserted: Bool, rng: np.random.Generator, *, alpha: float, delta: float = 0.0
) -> Bound:
    """Return the lower bound on epsilon that guessing fair coins proves.

    Persons are dealt into five folds without looking at their coins. The coins of the first are given; the others are
    guessed fold by fold, and the coins of a fold are looked at only after it was guessed, to weigh the attacks for
    the next:

        e = -ln(1 - rank) - ln 2 for each attack,  w0 = .1 / K for each of K attacks,
        w = w0 + (E'E + 200 I)^-1 E'(y - E w0),  y = 1 inserted, -1 left out, over the folds before

    The r guesses are those with the largest |e w| in each fold, an equal part of r from each; "in" where e w >= 0.
    The scores e make the top of a ranking count, where a few copied persons stand. Each r of a grid that is fixed by
    the number of persons, and all of them, is tried at alpha / (size of the grid).

    Each guess depends on the release and on coins already looked at, never on later ones: the one-run bound rests on
    that order. Choosing the attack for each fold on all other folds, before and after, would not do: among guesses
    that may see one another's answers all can be right together half of the time without any leak.

    Args:
        scores: for each attack one score per person, (P,); finite.
        inserted: the coins, independent and fair; (P,).
        rng: deals the folds.
        alpha: chance of a wrong bound.
        delta: of the claim that the bound is compared with.

    Source: bound, Steinke, Nasr and Jagielski, arXiv 2305.08846. Guessing in this order is ours: with delta 0 a coin
        is guessed right with probability at most q given the release and all coins before it, which is what the
        count of right guesses needs to be below Bin(r, q). For delta above 0 we use their term unchanged and have not
        written the proof for this order.
    """
    tail = np.stack([_tail_scores(score) for _, score in sorted(scores.items())], axis=1)
    folds = np.array_split(rng.permutation(len(inserted)), FOLDS)
    coin = np.where(inserted, 1.0, -1.0)
    by_confidence = []
    for f in range(1, FOLDS):
        past = np.concatenate(folds[:f])
        margin = tail[folds[f]] @ _weights(tail[past], coin[past])
        right = np.where(margin >= 0, 1.0, -1.0) == coin[folds[f]]
        by_confidence.append(right[np.argsort(-np.abs(margin), kind="stable")])
    n = guessed_persons(len(inserted))
    grid = guesses_tried(n)
    best = Bound(0.0, 0.0, 0, 0, n)
    for r in grid:
        right = sum(int(one[: _part(r, f)].sum()) for f, one in enumerate(by_confidence))
        level = alpha / len(grid)
        epsilon = one_run_epsilon(r=r, v=right, m=n, delta=delta, alpha=level)
        ceiling = max(best.ceiling, one_run_epsilon(r=r, v=r, m=n, delta=delta, alpha=level))
        best = best._replace(ceiling=ceiling)
        if epsilon > best.epsilon:
            best = best._replace(epsilon=epsilon, guesses=r, right=right)
    return best


def provable(n: int, *, alpha: float) -> float:
    """Return the largest epsilon that guessing among n coins could prove, delta 0 and every guess right."""
    guessed = guessed_persons(n)
    return one_run_ceiling(guessed, alpha=alpha / len(guesses_tried(guessed))) if guessed > 0 else 0.0


def needed_for_epsilon(limit: float, *, alpha: float) -> int:
    """Return how many coins, all guessed right, prove an epsilon above the limit.

        q^r <= alpha / G,  q = e^eps / (1 + e^eps),  r >= ln(G / alpha) / ln(1 + e^-eps)

    with G the size of the longest grid.
    """
    return math.floor(math.log((len(GUESSES) + 1) / alpha) / math.log1p(math.exp(-limit))) + 1


def guessed_persons(n: int) -> int:
    """Return how many of n coins are guessed at: all but those of the first fold."""
    return n - len(np.array_split(np.arange(n), FOLDS)[0])


def guesses_tried(n: int) -> list[int]:
    """Return the numbers of guesses tried among n coins that are guessed at."""
    return [*(r for r in GUESSES if r < n), n]


def _part(r: int, fold: int) -> int:
    """Return how many of r guesses fall into a fold; the larger parts first, as `array_split` deals."""
    return r // (FOLDS - 1) + (fold < r % (FOLDS - 1))


def _weights(tail: Float, coin: Float) -> Float:
    n_attacks = tail.shape[1]
    prior = np.full(n_attacks, PRIOR / n_attacks)
    gram = tail.T @ tail + SHRINKAGE * np.eye(n_attacks)
    return np.asarray(prior + np.linalg.solve(gram, tail.T @ (coin - tail @ prior)), dtype=np.float64)


def _tail_scores(scores: Float) -> Float:
    ordered = np.sort(scores)
    below, up_to = (np.searchsorted(ordered, scores, side=side) for side in ("left", "right"))
    rank = (below + up_to) / (2 * len(scores))  # of a middle place: between 0 and 1, neither reached
    return np.asarray(-np.log1p(-rank) - math.log(2), dtype=np.float64)
