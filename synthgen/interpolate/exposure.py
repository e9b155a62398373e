"""Limit the summed weight of each person over the new vectors of a class."""

from collections.abc import Iterator
from typing import Annotated

import numpy as np
from pydantic import Field

from synthgen.interpolate.base import Float64, Int64, Unfit

BLOCK = 4096  # proposals drawn at once; changing it can change the results
GIVE_UP = 25  # consecutive blocks without an accepted proposal before giving up
MaxExposure = Annotated[
    Annotated[float, Field(gt=0, allow_inf_nan=False)] | None,
    Field(description="Largest summed weight of a person over the new vectors of a class; null sets no limit."),
]
Proposals = Iterator[tuple[Int64, Float64]]


def check_exposure(limit: float | None, parents: int) -> None:
    """Raise ValueError for a limit below 1/p, because the largest of p weights is at least 1/p."""
    if limit is not None and limit * parents < 1:
        raise ValueError(f"must be at least 1/{parents}, because the largest of {parents} weights is never smaller")


def limit_exposure(
    proposals: Proposals, m: int, *, groups: Int64, max_exposure: float | None
) -> tuple[Int64, Float64]:
    """Return the parents and weights of the first m proposals that keep every person within the limit.

    A proposal is accepted if for each person of its parents, the weights accepted so far plus its own are at most
    `max_exposure`; None accepts every proposal. Acceptance depends only on earlier proposals, so a larger m keeps the
    first points. With a limit, accepted points are not uniform over the records.

    Args:
        proposals: endless blocks of parents, int64 (b, p), rows of the class of distinct persons, and
            weights, float64 (b, p), each row summing to 1.
        m: number of points.
        groups: int64 (n), the person of each row of the class.
        max_exposure: limit of a person's summed weight.

    Raises:
        Unfit: if the number of persons times the limit is below m, or if `GIVE_UP` consecutive blocks have no
            acceptable proposal. The second case occurs when the remaining persons are not neighbours; a limit of 1.3
            times m over the number of persons avoided it for slerp and mixtures of 3.

    Privacy: limits one person's share of a class before decoding, separately in each class. It does not limit the
        influence on the neighbours of others, so it is not a sensitivity and gives no ε.
    """
    n = len(np.unique(groups))
    if max_exposure is not None and n * max_exposure < m:
        raise Unfit(
            f"{n} persons with a summed weight of at most {max_exposure:g} each allow {int(n * max_exposure)} "
            f"records, but {m} are requested; request fewer, raise interpolate.max_exposure above {m / n:.3g}, or "
            "add records of other persons"
        )
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
                f"after {made} of {m} records, {GIVE_UP * BLOCK} consecutive proposals would give one person a "
                f"summed weight above {max_exposure:g}; request fewer records, raise interpolate.max_exposure or "
                "interpolate.k_neighbors, or add records of other persons"
            )
    parents, weights = (np.concatenate(blocks) for blocks in zip(*taken, strict=True))
    return parents[:m], weights[:m]


def _fitting(persons: Int64, weights: Float64, used: Float64, limit: float) -> list[int]:
    """Return the accepted proposals of a block in order and add their weights to `used`."""
    fitting = []
    # sums only grow, so a proposal that exceeds the limit at the start of the block never fits
    for i in np.flatnonzero((used[persons] + weights <= limit).all(axis=1)).tolist():
        after = used[persons[i]] + weights[i]
        if (after <= limit).all():
            used[persons[i]] = after
            fitting.append(i)
    return fitting
