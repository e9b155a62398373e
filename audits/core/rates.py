"""Estimate the share of persons with an event, such as a copied text, and the limits that can be proved for it."""

from typing import Any, NamedTuple

from audits.core.stats import needed_for_zero_events, newcombe, wilson
from audits.core.types import Bool, Estimate

TAUS = (0.001, 0.003, 0.01)  # limits on the share of persons with an event, strictest first


class ProvableLimit(NamedTuple):
    """The limit that an audit sets on the share of persons with an event."""

    tau: float | None  # the limit; None if there are too few persons even for the weakest limit
    # persons that train and control must each have for the next stricter limit; 0 if `tau` is the strictest limit
    n_for_stricter: int


def provable_limit(n_persons: int) -> ProvableLimit:
    """Return the strictest limit that is proved with 95 % confidence if none of n persons has an event.

    A limit tau requires n >= ln(0.05) / ln(1 - tau): 2,995 persons for 0.001, 998 for 0.003, and 299 for 0.01. The
    confidence of the run is not used here, because a higher confidence would make the limit weaker.
    """
    stricter = 0
    for tau in TAUS:
        needed = needed_for_zero_events(tau)
        if n_persons >= needed:
            return ProvableLimit(tau, stricter)
        stricter = needed
    return ProvableLimit(None, stricter)


def too_few(n_persons: int) -> str:
    """Return a message that states how many persons are required."""
    weakest, strictest = TAUS[-1], TAUS[0]
    return (
        f"{n_persons} persons in the smaller of train and control are too few; {needed_for_zero_events(weakest)} in "
        f"each are required to show that at most {100 * weakest:g} % of the persons leak, or "
        f"{needed_for_zero_events(strictest)} to show at most {100 * strictest:g} %"
    )


def one_person_power(n_train: int, n_control: int) -> dict[str, Any]:
    """Return the report entry `power` of an audit that fails if one train person (a share of 1 / n_train) leaks."""
    needed = needed_for_zero_events(TAUS[0])
    return {"n": min(n_train, n_control), "n_needed": needed, "smallest_leak": 1 / n_train, "epsilon_ceiling": None}


def difference(train: Bool, control: Bool, *, confidence: float) -> Estimate:
    """Return the share of train persons with an event minus this share in control, with Newcombe's interval."""
    k_train, n_train, k_control, n_control = int(train.sum()), len(train), int(control.sum()), len(control)
    low, high = newcombe(k_train, n_train, k_control, n_control, confidence=confidence)
    value = k_train / n_train - k_control / n_control
    return Estimate(
        value=value, low=min(low, value), high=max(high, value), confidence=confidence, n=min(n_train, n_control)
    )


def share(has_event: Bool, *, confidence: float) -> Estimate:
    """Return the share of persons with an event, with Wilson's interval."""
    k, n = int(has_event.sum()), len(has_event)
    low, high = wilson(k, n, confidence=confidence)
    return Estimate(value=k / n, low=min(low, k / n), high=max(high, k / n), confidence=confidence, n=n)


def tau_metric(tau: float | None, *, confidence: float, n: int) -> dict[str, Estimate]:
    """Return the limit as the metric `tau`, which policies can use; return no metric if the limit is None."""
    return {} if tau is None else {"tau": exact(tau, confidence=confidence, n=n)}


def exact(value: float, *, confidence: float, n: int) -> Estimate:
    """Return an exact number, such as a count or a p-value, as an estimate whose interval has width zero."""
    return Estimate(value=value, low=value, high=value, confidence=confidence, n=n)
