"""Histograms and curves made coarse enough to be shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

MIN_BIN_RECORDS = 10  # no bar may stand for fewer records than this (the policies' cell size)
MAX_CURVE_POINTS = 60


@dataclass(frozen=True, slots=True)
class Bin:
    """The train and the control records whose distance lies in [low, high)."""

    low: float
    high: float
    train: int
    control: int

    @property
    def showable(self) -> bool:
        """Whether each role has no record here, or enough that none stands out."""
        return all(count == 0 or count >= MIN_BIN_RECORDS for count in (self.train, self.control))

    def joined(self, other: "Bin") -> "Bin":
        """Return this bin and the next one as one."""
        return Bin(self.low, other.high, self.train + other.train, self.control + other.control)


def coarsen(edges: Sequence[float], train: Sequence[int], control: Sequence[int]) -> tuple[Bin, ...]:
    """Return the bins with neighbours joined until every one is showable; empty if even all together are not.

    Joined from the left; what is left over at the right end is joined backwards. A bin with many records of one
    role and none of the other stays by itself, because that is what a leak looks like.

    Args:
        edges: b + 1 increasing numbers.
        train: b counts.
        control: b counts.

    Privacy: counts of 1 to 9 records never reach the page.
    """
    bins: list[Bin] = []
    for low, high, n_train, n_control in zip(edges[:-1], edges[1:], train, control, strict=True):
        bin_ = Bin(float(low), float(high), int(n_train), int(n_control))
        if bins and not bins[-1].showable:
            bins[-1] = bins[-1].joined(bin_)
        else:
            bins.append(bin_)
    while len(bins) > 1 and not bins[-1].showable:
        last = bins.pop()
        bins[-1] = bins[-1].joined(last)
    return tuple(b for b in bins if b.showable)


def thin_curve(roc: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    """Return a ROC curve at no more than `MAX_CURVE_POINTS` false positive rates, spaced by ratio.

    At each of them stands the best the attacker gets without exceeding it, so thinning never flatters.

    Args:
        roc: `fpr` and `tpr`, non-decreasing; `low` and `high`, the ends of the interval of tpr, where known.
    """
    fpr = np.asarray(roc["fpr"], dtype=float)
    positive = fpr[fpr > 0]
    grid = np.geomspace(positive.min(), 1, MAX_CURVE_POINTS - 1) if positive.size else np.array([])
    # the grid's own rounding must not step over the point it was made from
    rows = np.unique(np.searchsorted(fpr, np.append(0.0, grid) * (1 + 1e-9), side="right") - 1)
    rows = rows[rows >= 0]
    return {
        key: [float(v) for v in np.asarray(roc[key], dtype=float)[rows]]
        for key in ("fpr", "tpr", "low", "high")
        if key in roc
    }
