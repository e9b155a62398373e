"""Reduce the precision of histograms and curves, so that they can be published."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from audits.core.types import Float

# false positive rates of a published curve; the measured rates would reveal the number of persons
RATES = (0.0, *(float(f"{digit}e-{power}") for power in (3, 2, 1) for digit in (1, 2, 3, 5, 7)), 1.0)


@dataclass(frozen=True, slots=True)
class Bin:
    """The numbers (or shares) of train and control records whose distance lies in [low, high)."""

    low: float
    high: float
    train: float
    control: float

    def joined(self, other: "Bin") -> "Bin":
        """Return the union of this bin and the next one."""
        return Bin(self.low, other.high, self.train + other.train, self.control + other.control)


def coarsen(edges: Sequence[float], train: Sequence[int], control: Sequence[int], min_count: int) -> tuple[Bin, ...]:
    """Join neighbouring bins until every bin can be published; the result is empty if that is not possible.

    A bin can be published if it has 0 or at least `min_count` records of train, and likewise of control. Bins are
    joined from the left; a remainder at the right end is joined to its left neighbour.

    Privacy: no bin contains between 1 and `min_count` - 1 records of train or of control.
    """

    def is_public(candidate: Bin) -> bool:
        return all(count == 0 or count >= min_count for count in (candidate.train, candidate.control))

    bins: list[Bin] = []
    for low, high, n_train, n_control in zip(edges[:-1], edges[1:], train, control, strict=True):
        bin_ = Bin(float(low), float(high), int(n_train), int(n_control))
        if bins and not is_public(bins[-1]):
            bins[-1] = bins[-1].joined(bin_)
        else:
            bins.append(bin_)
    while len(bins) > 1 and not is_public(bins[-1]):
        last = bins.pop()
        bins[-1] = bins[-1].joined(last)
    return tuple(b for b in bins if is_public(b))


def public_histogram(histogram: Mapping[str, Any], min_count: int, step: float) -> dict[str, Any]:
    """Return a histogram of `edges`, `train` and `control` counts as `bins` with shares in multiples of `step`.

    Privacy: shares do not reveal counts; see also `coarsen`.
    """
    bins = coarsen(histogram["edges"], histogram["train"], histogram["control"], min_count)
    totals = [sum(histogram[role]) for role in ("train", "control")]
    shown = []
    for joined in bins:
        shares = (count / max(1, total) for count, total in zip((joined.train, joined.control), totals, strict=True))
        train, control = (round(round(share / step) * step, 6) for share in shares)
        shown.append({"low": joined.low, "high": joined.high, "train": train, "control": control})
    return {"bins": shown}


def public_curve(roc: Mapping[str, Sequence[float]], step: float) -> dict[str, list[float]]:
    """Return a ROC curve at the false positive rates `RATES`: for each rate, the last measured point up to this rate.

    Args:
        roc: `fpr` and `tpr`, non-decreasing; optionally `low` and `high`, the ends of the interval of tpr.
        step: `tpr` is rounded to the nearest multiple of this number, `low` down and `high` up.

    Privacy: the measured rates are multiples of 1 / (number of persons), so they would reveal this number.
    """
    fpr = np.asarray(roc["fpr"], dtype=float)
    # the tolerance keeps a published curve unchanged if the function is applied again
    rows = np.maximum(np.searchsorted(fpr, np.array(RATES) * (1 + 1e-9), side="right") - 1, 0)
    rounded: dict[str, Callable[[Float], Float]] = {"tpr": np.round, "low": np.floor, "high": np.ceil}
    ends = {
        key: [round(float(v) * step, 6) for v in to_step(np.round(np.asarray(roc[key], dtype=float)[rows] / step, 6))]
        for key, to_step in rounded.items()
        if key in roc
    }
    return {"fpr": list(RATES), **ends}
