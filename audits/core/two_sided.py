"""What audits share that look both ways: an interval beside its margin, the AUC of two arms, who would be enough."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from audits.core.holdout import REFERENCE_SHARE, Arms
from audits.core.stats import auc, auc_bootstrap, clopper_pearson
from audits.core.types import AuditResult, Estimate, Verdict

Float = NDArray[np.float64]


class Ends(Protocol):
    """An interval: an `Estimate` or a `stats.Interval`."""

    @property
    def low(self) -> float:
        """The lower end."""
        ...

    @property
    def high(self) -> float:
        """The upper end."""
        ...


def is_inside(interval: Ends, margin: float, *, centre: float = 0.5) -> bool:
    """Return whether the whole interval lies within the margin of the centre."""
    return centre - margin <= interval.low and interval.high <= centre + margin


def is_outside(interval: Ends, margin: float, *, centre: float = 0.5) -> bool:
    """Return whether the whole interval lies beyond the margin of the centre, on one side."""
    return interval.low > centre + margin or interval.high < centre - margin


def supported_margin(n: int, margins: Sequence[tuple[int, float]]) -> float | None:
    """Return the strictest margin that n units carry, of (units needed, margin), strictest first; None below all."""
    return next((margin for needed, margin in margins if n >= needed), None)


def auc_estimate(train: Float, control: Float, rng: np.random.Generator, *, confidence: float) -> Estimate:
    """Return the AUC of the persons of two arms, with its bootstrap interval; n is the smaller arm."""
    low, high = auc_bootstrap(train, control, rng=rng, confidence=confidence)
    n = min(len(train), len(control))
    return Estimate(value=auc(train, control), low=low, high=high, confidence=confidence, n=n)


def exact_share(k: int, n: int, *, confidence: float) -> Estimate:
    """Return the share of k among n, with the exact interval of Clopper and Pearson."""
    low, high = clopper_pearson(k, n, confidence=confidence)
    return Estimate(value=k / n, low=low, high=high, confidence=confidence, n=n)


def control_needed(n_train: int, *, reference_is_control: bool) -> int:
    """Return how many control persons leave n_train to compare with, after those set aside as reference."""
    return math.ceil(n_train / (1 - REFERENCE_SHARE)) if reference_is_control else n_train


def too_few_rows(what: str, n: int, least: int, people: Arms, *, reference_is_control: bool) -> str:
    """Return the sentence that says how many persons would carry a verdict.

    Args:
        what: what amounts to so few rows, as the beginning of the sentence.
        n: the independent synthetic rows that there are.
        least: how many carry a verdict.
        people: the persons compared.
        reference_is_control: whether control persons were set aside.
    """
    smaller = min(people.n_train, people.n_control)
    train = max(least, -(-smaller * least // max(n, 1)))
    control = control_needed(train, reference_is_control=reference_is_control)
    return (
        f"{what} amount to {n} independent records, from {smaller} persons in the smaller arm; {least} such records "
        f"are the least: about {train} persons of train and {control} of control would be enough."
    )


def compared(people: Arms, *, has_groups: bool) -> dict[str, Any]:
    """Return what the report says of who was compared."""
    return {
        "claim_scope": "person" if has_groups else "record",
        "n_train_persons": people.n_train,
        "n_control_persons": people.n_control,
    }


def power(
    n: int, n_needed: int | None, smallest_leak: float | None, *, epsilon_ceiling: float | None = None
) -> dict[str, float | int | None]:
    """Return what the report says of what so many could show."""
    return {"n": n, "n_needed": n_needed, "smallest_leak": smallest_leak, "epsilon_ceiling": epsilon_ceiling}


def two_sided_result(  # noqa: PLR0913 - the fields of a result
    name: str,
    verdict: Verdict,
    estimate: Estimate,
    margin: float,
    *,
    metrics: Mapping[str, Estimate],
    details: Mapping[str, Any],
    reason: str,
    centre: float = 0.5,
    control: Estimate | None = None,
) -> AuditResult:
    """Return the result of an audit that was measured and is safe near the centre."""
    return AuditResult(
        name=name,
        verdict=verdict,
        status="measured",
        estimate=estimate,
        control=control,
        threshold=(centre - margin, centre + margin),
        direction="two_sided",
        metrics=metrics,
        details=details,
        reason=reason,
    )
