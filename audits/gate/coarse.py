"""Histograms and curves made coarse enough to be shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

# false positive rates of a shown curve, the same for every number of persons, which its own steps would give away
RATES = (0.0, *(float(f"{digit}e-{power}") for power in (3, 2, 1) for digit in (1, 2, 3, 5, 7)), 1.0)


@dataclass(frozen=True, slots=True)
class Bin:
    """The train and the control records whose distance lies in [low, high), or their shares."""

    low: float
    high: float
    train: float
    control: float

    def joined(self, other: "Bin") -> "Bin":
        """Return this bin and the next one as one."""
        return Bin(self.low, other.high, self.train + other.train, self.control + other.control)


def coarsen(edges: Sequence[float], train: Sequence[int], control: Sequence[int], least: int) -> tuple[Bin, ...]:
    """Return the bins with neighbours joined until every one is showable; empty if even all together are not.

    Joined from the left; what is left over at the right end is joined backwards. A bin with many records of one
    role and none of the other stays by itself, because that is what a leak looks like.

    Args:
        edges: b + 1 increasing numbers.
        train: b counts.
        control: b counts.
        least: fewer records of a role than this, but for none, are not shown.

    Privacy: counts from 1 to `least` - 1 are in no bin.
    """

    def is_showable(one: Bin) -> bool:
        return all(count == 0 or count >= least for count in (one.train, one.control))

    bins: list[Bin] = []
    for low, high, n_train, n_control in zip(edges[:-1], edges[1:], train, control, strict=True):
        bin_ = Bin(float(low), float(high), int(n_train), int(n_control))
        if bins and not is_showable(bins[-1]):
            bins[-1] = bins[-1].joined(bin_)
        else:
            bins.append(bin_)
    while len(bins) > 1 and not is_showable(bins[-1]):
        last = bins.pop()
        bins[-1] = bins[-1].joined(last)
    return tuple(b for b in bins if is_showable(b))


def public_histogram(histogram: Mapping[str, Any], least: int, step: float) -> dict[str, Any]:
    """Return a histogram of `edges`, `train` and `control` counts as `bins` with the shares of each role.

    Args:
        histogram: the counts.
        least: see `coarsen`.
        step: to which shares are rounded.

    Privacy: shares do not say of how many.
    """
    bins = coarsen(histogram["edges"], histogram["train"], histogram["control"], least)
    totals = [sum(histogram[role]) for role in ("train", "control")]
    shown = []
    for one in bins:
        shares = (count / max(1, total) for count, total in zip((one.train, one.control), totals, strict=True))
        train, control = (round(round(share / step) * step, 6) for share in shares)
        shown.append({"low": one.low, "high": one.high, "train": train, "control": control})
    return {"bins": shown}


def public_curve(roc: Mapping[str, Sequence[float]], step: float) -> dict[str, list[float]]:
    """Return a ROC curve at the rates of `RATES`.

    At each of them stands the best the attacker gets without exceeding it, so thinning never flatters.

    Args:
        roc: `fpr` and `tpr`, non-decreasing; `low` and `high`, the ends of the interval of tpr, where known.
        step: to which the other numbers are rounded, ends outward.

    Privacy: the rates of the curve itself are multiples of one over the number of persons.
    """
    fpr = np.asarray(roc["fpr"], dtype=float)
    # the curve's own rounding must not step over the point it was made from
    rows = np.maximum(np.searchsorted(fpr, np.array(RATES) * (1 + 1e-9), side="right") - 1, 0)
    rounded = {"tpr": np.round, "low": np.floor, "high": np.ceil}
    ends = {
        key: [round(float(v) * step, 6) for v in way(np.round(np.asarray(roc[key], dtype=float)[rows] / step, 6))]
        for key, way in rounded.items()
        if key in roc
    }
    return {"fpr": list(RATES), **ends}
