"""Shares of persons with an event: their difference, and which bound a number of persons can carry."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from audits.core.stats import needed_for_zero_events, newcombe, wilson
from audits.core.types import Estimate

TIERS = (0.001, 0.003, 0.01)

Hits = NDArray[np.bool_]


class Tier(NamedTuple):
    """The bound on a rate that so many persons can show, fixed from their number before anything is counted.

    Args:
        tau: the bound; None where the persons carry none.
        needed: persons in each arm for the next stricter bound (0: none is); where tau is None, for the weakest.
    """

    tau: float | None
    needed: int


def tier(n_persons: int) -> Tier:
    """Return the strictest bound that zero events among n persons can show at 95 %.

        n >= ln(.05) / ln(1 - tau)

    tau .001 from 2,995 persons, .003 from 998, .01 from 299. The confidence of the run does not come in: a surer one
    would need more persons for the same bound, and so be held to a weaker one.
    """
    stricter = 0
    for tau in TIERS:
        needed = needed_for_zero_events(tau)
        if n_persons >= needed:
            return Tier(tau, stricter)
        stricter = needed
    return Tier(None, stricter)


def too_few(n_persons: int) -> str:
    """Return the sentence that says how many persons would be enough."""
    enough = [(tau, needed_for_zero_events(tau)) for tau in (TIERS[-1], TIERS[0])]
    return (
        f"{n_persons} persons in the smaller of train and control are too few; {enough[0][1]} in each would "
        f"be enough to show a rate of at most {enough[0][0]:g}, {enough[1][1]} for {enough[1][0]:g}"
    )


def one_person(n_train: int, n_control: int) -> dict[str, Any]:
    """Return the power of an audit with a hard rule: one person is the smallest leak it sees, as a rate 1 / n_train.

    `n_needed` are the persons in each arm that show a rate below the strictest tier.
    """
    needed = needed_for_zero_events(TIERS[0])
    return {"n": min(n_train, n_control), "n_needed": needed, "smallest_leak": 1 / n_train, "epsilon_ceiling": None}


def difference(train: Hits, control: Hits, *, confidence: float) -> Estimate:
    """Return the share of train persons hit less the share of control persons hit, with Newcombe's interval."""
    k_t, n_t, k_h, n_h = int(train.sum()), len(train), int(control.sum()), len(control)
    low, high = newcombe(k_t, n_t, k_h, n_h, confidence=confidence)
    value = k_t / n_t - k_h / n_h
    return Estimate(value=value, low=min(low, value), high=max(high, value), confidence=confidence, n=min(n_t, n_h))


def share(hit: Hits, *, confidence: float) -> Estimate:
    """Return the share of persons hit, with Wilson's interval."""
    k, n = int(hit.sum()), len(hit)
    low, high = wilson(k, n, confidence=confidence)
    return Estimate(value=k / n, low=min(low, k / n), high=max(high, k / n), confidence=confidence, n=n)


def tau_metric(tau: float | None, *, confidence: float, n: int) -> dict[str, Estimate]:
    """Return the bound that a number of units carries as the metric `tau`, nothing where they carry none.

    The bound slides with how many there are; as a metric a policy can say how far it may.
    """
    return {} if tau is None else {"tau": exact(tau, confidence=confidence, n=n)}


def exact(value: float, *, confidence: float, n: int) -> Estimate:
    """Return a count or a p-value as an estimate without width: it was counted, not sampled."""
    return Estimate(value=value, low=value, high=value, confidence=confidence, n=n)
