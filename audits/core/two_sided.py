"""Shared parts of the audits in which values far above and far below a centre are both unsafe.

For an AUC, for example, the centre is 1/2. The margin is the largest distance from the centre that is safe.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scipy import stats

from audits.core.holdout import REFERENCE_SHARE, Arms
from audits.core.stats import Interval, auc, auc_error, clopper_pearson
from audits.core.types import AuditResult, Estimate, Float, Verdict


def is_inside(interval: Estimate | Interval, margin: float, *, centre: float = 0.5) -> bool:
    """Return whether the whole interval lies within the margin around the centre."""
    return centre - margin <= interval.low and interval.high <= centre + margin


def is_outside(interval: Estimate | Interval, margin: float, *, centre: float = 0.5) -> bool:
    """Return whether the interval lies completely above centre + margin or completely below centre - margin."""
    return interval.low > centre + margin or interval.high < centre - margin


def supported_margin(n: int, margins: Sequence[tuple[int, float]]) -> float | None:
    """Return the margin of the first pair (required n, margin) with n >= required n, or None if n is too small."""
    return next((margin for needed, margin in margins if n >= needed), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalShare:
    """A normally distributed estimate of a share between 0 and 1."""

    value: float
    error: float  # standard error

    def ends(self, confidence: float) -> Interval:
        """Return the normal interval with one-sided confidence at each end, clipped to 0 and 1."""
        half = float(stats.norm.ppf(confidence)) * self.error
        return Interval(max(0.0, self.value - half), min(1.0, self.value + half))

    def p_beyond(self, margin: float, *, centre: float = 0.5) -> float:
        """Return the two-sided p-value of the hypothesis that the distance from `centre` is at most the margin.

        `centre` is the share that is expected without a leak. If the standard error is 0, return 1.
        """
        beyond = abs(self.value - centre) - margin
        return 1.0 if min(beyond, self.error) <= 0 else min(1.0, 2 * float(stats.norm.sf(beyond / self.error)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Area(NormalShare):
    """The AUC of one attack, see `stats.auc`, with its standard error, see `stats.auc_error`."""

    n: int  # number of persons in the smaller of train and control

    def estimate(self, confidence: float) -> Estimate:
        """Return the AUC with its interval."""
        low, high = self.ends(confidence)
        return Estimate(value=self.value, low=low, high=high, confidence=confidence, n=self.n)


def area_of(train: Float, control: Float) -> Area:
    """Return the AUC of the scores of train and control, which must both have at least one person."""
    return Area(value=auc(train, control), error=auc_error(train, control), n=min(len(train), len(control)))


def envelope(estimates: Sequence[Estimate], *, centre: float = 0.5) -> Estimate:
    """Return one estimate for several attacks: the value furthest from the centre, with the outermost interval ends.

    An audit passes only if the intervals of all attacks lie within the margin. If the true value of one attack is
    outside the margin, the interval of this attack lies within the margin with probability at most 1 - confidence.
    This bound holds for any number of attacks, so a pass needs no multiple-testing correction (intersection-union
    test).

    Reference: Berger, "Multiparameter hypothesis testing and acceptance sampling", Technometrics 1982.
    """
    strongest = max(estimates, key=lambda e: abs(e.value - centre))
    return Estimate(
        value=strongest.value,
        low=min(e.low for e in estimates),
        high=max(e.high for e in estimates),
        confidence=min(e.confidence for e in estimates),
        n=min(e.n for e in estimates),
    )


def exact_share(k: int, n: int, *, confidence: float) -> Estimate:
    """Return the share k / n with the exact interval of Clopper and Pearson."""
    low, high = clopper_pearson(k, n, confidence=confidence)
    return Estimate(value=k / n, low=low, high=high, confidence=confidence, n=n)


def control_needed(n_train: int, *, reference_is_control: bool) -> int:
    """Return how many control persons are required so that `n_train` of them can be compared with train.

    If `reference_is_control`, the share `REFERENCE_SHARE` of the control persons becomes the reference. The attacks
    are fitted on these persons, so these persons cannot be compared.
    """
    return math.ceil(n_train / (1 - REFERENCE_SHARE)) if reference_is_control else n_train


def too_few_rows(what: str, n: int, needed: int, people: Arms, *, reference_is_control: bool) -> str:
    """Return a message on how many rows a test has and needs, and how many persons would be enough.

    `what` is the name of the test, such as "The test of the nearest neighbours".
    """
    smaller = min(people.n_train, people.n_control)
    train = max(needed, -(-smaller * needed // max(n, 1)))
    control = control_needed(train, reference_is_control=reference_is_control)
    return (
        f"{what} has too few independent records: {n} instead of at least {needed}. The smaller of train and control "
        f"has {smaller} persons. About {train} train persons and {control} control persons would be enough."
    )


def compared(people: Arms, *, has_groups: bool) -> dict[str, Any]:
    """Return the report entry on the compared persons."""
    return {
        "claim_scope": "person" if has_groups else "record",
        "n_train_persons": people.n_train,
        "n_control_persons": people.n_control,
    }


def power(
    n: int, n_needed: int | None, smallest_leak: float | None, *, epsilon_ceiling: float | None = None
) -> dict[str, float | int | None]:
    """Return the report entry on statistical power: the smallest leak that n persons or rows can show.

    `n_needed` persons or rows would be enough for a verdict. `epsilon_ceiling` is the largest lower bound on epsilon
    that the audit can prove.
    """
    return {"n": n, "n_needed": n_needed, "smallest_leak": smallest_leak, "epsilon_ceiling": epsilon_ceiling}


def two_sided_result(  # noqa: PLR0913 - one parameter per field of the result
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
    """Return the result of a measured audit in which values near the centre are safe."""
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
