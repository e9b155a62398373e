"""Limit each person's exposure: the summed weight of the person's records in the new vectors of a class.

An interpolation method draws proposals. A proposal consists of the parents (train records) of a new vector and their
weights. A proposal is rejected if it would raise the exposure of a person above the limit.
"""

from collections.abc import Iterator
from typing import Annotated

import numpy as np
from pydantic import Field

from synthgen.core.types import Float64, Int64
from synthgen.interpolate.base import Unfit

BLOCK = 4096  # number of proposals drawn at once; a change of this number can change the results
GIVE_UP = 25  # number of consecutive blocks without an accepted proposal after which an error is raised
MaxExposure = Annotated[
    Annotated[float, Field(gt=0, allow_inf_nan=False)] | None,
    Field(description="Largest sum of a person's weights in the new vectors of a class; null sets no limit."),
]
Proposals = Iterator[tuple[Int64, Float64]]  # blocks of parents and their weights; see `limit_exposure`


def check_exposure(limit: float | None, parents: int) -> None:
    """Raise ValueError if `limit` is below 1 / `parents`; the largest weight of a point is at least 1 / `parents`."""
    if limit is not None and limit * parents < 1:
        least = f"1/{parents}"
        raise ValueError(f"must be at least {least}, because the largest of {parents} weights is at least {least}")


def limit_exposure(
    proposals: Proposals, m: int, *, groups: Int64, max_exposure: float | None
) -> tuple[Int64, Float64]:
    """Return the parents, int64 (m, p), and weights, float64 (m, p), of the first m accepted proposals.

    A point is a new vector, with p parents. A proposal is accepted if it leaves every person's summed weight at or
    below `max_exposure`. A larger m returns the same points followed by additional points.

    Args:
        proposals: endless blocks of parents, int64 (b, p), and their weights, float64 (b, p). Parents are row numbers
            within the class. The parents of a point belong to different persons, and its weights sum to 1.
        m: number of points.
        groups: int64 (n,), the person of each row of the class.
        max_exposure: limit of a person's summed weight; None sets no limit.

    Raises:
        Unfit: the number of persons times the limit is below m; or `GIVE_UP` consecutive blocks have no acceptable
            proposal (the remaining persons below the limit are not neighbours of each other).

    Privacy: limits how much one person contributes to a class before decoding. The limit gives no differential
        privacy, because one person's records can still change which records of other persons are neighbours.
    """
    n = len(np.unique(groups))
    if max_exposure is not None and n * max_exposure < m:
        raise Unfit(
            f"{n} persons with a summed weight of at most {max_exposure:g} each allow {int(n * max_exposure)} "
            f"records, but {m} are requested; request fewer records, raise interpolate.max_exposure above "
            f"{m / n:.3g}, or add records of other persons"
        )
    weight_of = np.zeros(int(groups.max()) + 1)
    taken: list[tuple[Int64, Float64]] = []
    n_accepted = n_empty_blocks = 0
    for parents, weights in proposals:
        accepted = slice(None) if max_exposure is None else _accept(groups[parents], weights, weight_of, max_exposure)
        taken.append((parents[accepted], weights[accepted]))
        n_accepted += len(taken[-1][0])
        if n_accepted >= m:
            break
        n_empty_blocks = 0 if len(taken[-1][0]) else n_empty_blocks + 1
        if n_empty_blocks == GIVE_UP:
            raise Unfit(
                f"only {n_accepted} of {m} records could be made: in {GIVE_UP * BLOCK} consecutive draws, each "
                f"record would raise a person's summed weight above {max_exposure:g}; request fewer records, raise "
                "interpolate.max_exposure or interpolate.k_neighbors, or add records of other persons"
            )
    parents, weights = (np.concatenate(blocks) for blocks in zip(*taken, strict=True))
    return parents[:m], weights[:m]


def _accept(persons: Int64, weights: Float64, weight_of: Float64, limit: float) -> list[int]:
    # returns the positions of accepted proposals, and adds their weights to `weight_of` (summed weight by person)
    accepted = []
    # `weight_of` only grows: a proposal that exceeds the limit at the start of the block also exceeds it later
    for i in np.flatnonzero((weight_of[persons] + weights <= limit).all(axis=1)).tolist():
        after = weight_of[persons[i]] + weights[i]
        if (after <= limit).all():
            weight_of[persons[i]] = after
            accepted.append(i)
    return accepted
