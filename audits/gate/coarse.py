"""Reduce the precision of histograms and ROC curves, so that they can be published."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from audits.core.types import Float

# false positive rates at which a curve is published
RATES = (0.0, *(float(f"{digit}e-{power}") for power in (3, 2, 1) for digit in (1, 2, 3, 5, 7)), 1.0)


@dataclass(frozen=True, slots=True)
class Bin:
    """A bin [low, high) of a histogram of distances from synthetic records to real records.

    The generator was trained on the train records, and never saw the control records.
    """

    low: float
    high: float
    train: float  # number or share of synthetic records whose distance to the nearest train record is in the bin
    control: float  # the same for the nearest control record

    def joined(self, other: "Bin") -> "Bin":
        """Return the union of this bin and `other`, its right neighbour."""
        return Bin(self.low, other.high, self.train + other.train, self.control + other.control)


def coarsen(edges: Sequence[float], train: Sequence[int], control: Sequence[int], min_count: int) -> tuple[Bin, ...]:
    """Join neighbouring bins until every bin can be published; return () if even the union of all bins cannot.

    `edges` has the n + 1 ends of the n bins; `train` and `control` have the n counts. Bins are joined from the left;
    if the last bin cannot be published, it is joined to its left neighbour.

    Privacy: in each bin, the count `train` is 0 or >= `min_count`, and so is the count `control`.
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
    """Return the public form (with the key `bins`) of a histogram with the keys `edges`, `train` and `control`.

    Privacy: `coarsen` joins small bins, and counts become shares that are rounded to multiples of `step`.
    """

    def share(count: float, role: str) -> float:
        return float(round(round(count / max(1, sum(histogram[role])) / step) * step, 6))

    bins = coarsen(histogram["edges"], histogram["train"], histogram["control"], min_count)
    shares = [{"train": share(b.train, "train"), "control": share(b.control, "control")} for b in bins]
    return {"bins": [{"low": b.low, "high": b.high, **pair} for b, pair in zip(bins, shares, strict=True)]}


def public_curve(roc: Mapping[str, Sequence[float]], step: float) -> dict[str, list[float]]:
    """Return a ROC curve at `RATES`: for each rate, the last measured point whose `fpr` is at most this rate.

    Args:
        roc: false and true positive rates `fpr` and `tpr`, not decreasing; optionally `low` and `high`, the ends of
            the interval of each `tpr`.
        step: `tpr` is rounded to the nearest multiple of this number, `low` down and `high` up.

    Privacy: the measured rates are not published. They are multiples of 1 / (number of persons), so they would reveal
        this number.
    """
    fpr = np.asarray(roc["fpr"], dtype=float)
    # the tolerance 1e-9 absorbs rounding errors, so that a second call on a published curve changes nothing
    rows = np.maximum(np.searchsorted(fpr, np.array(RATES) * (1 + 1e-9), side="right") - 1, 0)
    rounded: dict[str, Callable[[Float], Float]] = {"tpr": np.round, "low": np.floor, "high": np.ceil}
    ends = {
        key: [round(float(v) * step, 6) for v in to_step(np.round(np.asarray(roc[key], dtype=float)[rows] / step, 6))]
        for key, to_step in rounded.items()
        if key in roc
    }
    return {"fpr": list(RATES), **ends}
