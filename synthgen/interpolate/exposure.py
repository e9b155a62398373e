"""How much of one person may go into the points of a class: proposals taken in order while nobody gives too much."""

from collections.abc import Iterator
from typing import Annotated

import numpy as np
from pydantic import Field

from synthgen.interpolate.base import Float64, Int64, Unfit

BLOCK = 4096  # proposals drawn at once; part of the stream's meaning, so changing it may change points
GIVE_UP = 25  # blocks in a row of which not one proposal fits
MaxExposure = Annotated[
    float,
    Field(gt=0, allow_inf_nan=False, description="No person's summed weight over a class passes it; null: no bound."),
]
Proposals = Iterator[tuple[Int64, Float64]]


def check_exposure(bound: float | None, parents: int) -> None:
    """Refuse a bound that no point of so many parents keeps: the largest of its weights is at least 1/p.

    Raises:
        ValueError: saying so.
    """
    if bound is not None and bound * parents < 1:
        raise ValueError(f"must be at least 1/{parents}, the least that the largest of {parents} weights can be")


def limit_exposure(
    proposals: Proposals, m: int, *, groups: Int64, max_exposure: float | None
) -> tuple[Int64, Float64]:
    """Return the parents and weights of the first m proposals that leave every person within the bound.

    A proposal is taken if, for each of its parents' persons g, the weight taken from g before plus its own stays

        Σ w_g ≤ max_exposure

    and is left out otherwise. Whether one is taken depends on those before it alone, so asking for more keeps the
    first ones. Points of persons who are used up are left out, so those taken are no longer uniform over the records.

    Args:
        proposals: endless blocks of parents, int64 (b, p), rows of the class, of different persons, and
            weights, float64 (b, p), each row summing to 1.
        m: how many points.
        groups: int64 (n), the person of each row of the class.
        max_exposure: the bound on a person's summed weight; None takes every proposal.

    Raises:
        Unfit: if the class's persons times the bound is below m, or if `GIVE_UP` blocks in a row hold no proposal
            that fits: the room that is left lies with persons who are not near one another.

    Privacy: bounds how much of the class one person can be, in the encoder's space, before decoding; the points a
        filter rejects later count as well. A person with records of several classes has the bound in each. It bounds
        no person's influence on which neighbours others have, so it is not a sensitivity and proves no ε.

    Random: none of its own.

    Cost: without a bound, that of the proposals; with one, a few microseconds for each proposal that fits when
        its block is first looked at, and the blocks drawn in vain when room gets short. Room can run out before
        persons times the bound is reached: of 1,000 persons with two random vectors each, slerp filled 83 % and a
        mixture of 3 87 % of it where the bound was 1.01, a mixture of 3 98 % where it was 50.5, and one of 50 90 %
        where it was 52. A bound of 1.3 times m over the persons was met by slerp and the mixture of 3.
    """
    _refuse_more_than_fits(m, groups, max_exposure)
    used = np.zeros(int(groups.max()) + 1)
    taken: list[tuple[Int64, Float64]] = []
    made = in_vain = 0
    for parents, weights in proposals:
        fit = slice(None) if max_exposure is None else _fitting(groups[parents], weights, used, max_exposure)
        taken.append((parents[fit], weights[fit]))
        made += len(taken[-1][0])
        if made >= m:
            break
        in_vain = 0 if len(taken[-1][0]) else in_vain + 1
        if in_vain == GIVE_UP:
            raise Unfit(
                f"after {made} of {m} records, {GIVE_UP * BLOCK} proposals in a row would have given one person a "
                f"summed weight above {max_exposure:g}; ask for fewer records, raise interpolate.max_exposure or "
                "interpolate.k_neighbors, or add records of other persons"
            )
    parents, weights = (np.concatenate(blocks) for blocks in zip(*taken, strict=True))
    return parents[:m], weights[:m]


def _refuse_more_than_fits(m: int, persons: Int64, max_exposure: float | None) -> None:
    n = len(np.unique(persons))
    if max_exposure is not None and n * max_exposure < m:
        raise Unfit(
            f"{n} persons with a summed weight of at most {max_exposure:g} each make {int(n * max_exposure)} records "
            f"at most, {m} are asked for; ask for fewer, raise interpolate.max_exposure above {m / n:.3g}, or add "
            "records of other persons"
        )


def _fitting(persons: Int64, weights: Float64, used: Float64, bound: float) -> list[int]:
    """Return which proposals of a block fit, one after the other, and add their weights to `used`."""
    fitting = []
    # sums only grow: what does not fit at the block's start never will
    for i in np.flatnonzero((used[persons] + weights <= bound).all(axis=1)).tolist():
        after = used[persons[i]] + weights[i]
        if (after <= bound).all():
            used[persons[i]] = after
            fitting.append(i)
    return fitting
