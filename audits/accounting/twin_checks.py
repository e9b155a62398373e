"""What the twin run of one mechanism shows of its sampling, noise, clipping and normaliser."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np

from audits.accounting.mechanism_log import Mechanism, TwinLog
from audits.accounting.sampling_tests import (
    ALPHA,
    MIN_PERSONS,
    MIN_STEPS,
    count_participation,
    noise_tests,
    poisson_tests,
)

CLIP_SLACK = 1e-6  # relative, for rounding
NORMALISER_SLACK = 1e-9
OTHER_SIZE = 0.1

_SHOWS = {
    "rate": "persons take part at another rate than the one accounted for",
    "sizes": "the sizes of batches do not scatter as independent draws do",
    "participations": "how often persons take part does not scatter as independent draws do",
    "overlaps": "one batch depends on the batch before",
    "scale": "the noise is not as large as claimed",
    "shape": "the noise is not spread as claimed from step to step",
    "repeats": "the same noise was used twice",
}


class ClaimCheck(NamedTuple):
    """One thing that the claim needs.

    Args:
        name: in fixed words.
        outcome: whether it holds, is proven broken, or cannot be told.
        sentence: what was found, or what to log; empty where it holds.
        p: the p-values behind it.
    """

    name: str
    outcome: Literal["holds", "broken", "missing"]
    sentence: str = ""
    p: tuple[tuple[str, float], ...] = ()


def twin_checks(mechanism: Mechanism, *, n_persons: int) -> Iterator[ClaimCheck]:
    """Yield the checks that this mechanism needs.

    Without a twin run every one of them is missing, because a configuration is no evidence of what was run.

    Args:
        mechanism: as it was configured, with its twin.
        n_persons: how many persons the run itself had, as declared.
    """
    twin = mechanism.twin
    if mechanism.sampling_rate < 1:
        yield _sampling(mechanism, twin)
    yield _noise(mechanism, twin)
    yield _clip(mechanism, twin)
    if mechanism.normaliser is not None or (twin is not None and len(twin.normalisers) > 0):
        yield _normaliser(mechanism, twin, n_persons)


def degrees(kind: str, dimension: int) -> int:
    """Return the degrees of freedom of one step's noise: |z|² of Gaussian noise has d, 2|z|₁ of Laplace noise 2d."""
    return 2 * dimension if kind == "laplace" else dimension


def needed_steps(mechanism: Mechanism) -> int:
    """Return how many steps the twin must log: 200, or all of them where there are fewer and everyone takes part."""
    return MIN_STEPS if mechanism.sampling_rate < 1 else min(MIN_STEPS, mechanism.steps)


def _sampling(mechanism: Mechanism, twin: TwinLog | None) -> ClaimCheck:
    name = "poisson sampling"
    if mechanism.sampling != "poisson":
        return ClaimCheck(
            name, "broken", f"batches are drawn {mechanism.sampling}, and accounted for as Poisson samples"
        )
    if twin is None or twin.batches is None:
        return ClaimCheck(name, "missing", f"log the batches of a twin run of at least {MIN_STEPS} steps")
    if any(len(set(batch)) < len(batch) for batch in twin.batches):
        return ClaimCheck(name, "broken", "a person stands twice in a batch, so batches are drawn with replacement")
    if len(twin.batches) < MIN_STEPS or twin.n_persons < MIN_PERSONS:
        return ClaimCheck(
            name,
            "missing",
            f"{len(twin.batches)} logged steps of {twin.n_persons} persons are too few; {MIN_STEPS} steps of "
            f"{MIN_PERSONS} persons would be enough",
        )
    draws = count_participation(twin.batches, twin.n_persons)
    return _check_of_p_values(name, poisson_tests(draws, rate=mechanism.sampling_rate))


def _noise(mechanism: Mechanism, twin: TwinLog | None) -> ClaimCheck:
    name = "noise"
    if twin is None or len(twin.noise) == 0 or twin.dimension is None:
        return ClaimCheck(name, "missing", "log the noise of every step of a twin run")
    if twin.batches is not None and len(twin.batches) != len(twin.noise):
        return ClaimCheck(
            name, "broken", f"noise was added in {len(twin.noise)} steps, and persons drawn in {len(twin.batches)}"
        )
    freedom = degrees(mechanism.kind, twin.dimension)
    needed = needed_steps(mechanism)
    if len(twin.noise) < needed or freedom * len(twin.noise) < MIN_STEPS:
        return ClaimCheck(
            name,
            "missing",
            f"{len(twin.noise)} logged steps of noise in {twin.dimension} coordinates are too few; {needed} steps "
            f"and {MIN_STEPS} coordinates in all would be enough",
        )
    return _check_of_p_values(name, noise_tests(twin.noise, degrees=freedom))


def _clip(mechanism: Mechanism, twin: TwinLog | None) -> ClaimCheck:
    if twin is None or twin.max_norm is None:
        return ClaimCheck("clipping", "missing", "log the largest norm after clipping in a twin run")
    if twin.max_norm > mechanism.clip_norm * (1 + CLIP_SLACK):
        return ClaimCheck("clipping", "broken", "a person's contribution is larger than the clip norm")
    return ClaimCheck("clipping", "holds")


def _normaliser(mechanism: Mechanism, twin: TwinLog | None, n_persons: int) -> ClaimCheck:
    name, declared = "normaliser", mechanism.normaliser
    if declared is None:
        return ClaimCheck(name, "broken", "the sum is divided by a number that the log does not declare")
    if declared.source != "constant":
        return ClaimCheck(name, "broken", "the sum is divided by a number counted from the data")
    if twin is None or len(twin.normalisers) == 0:
        return ClaimCheck(name, "missing", "log what the sum was divided by in each step of a twin run")
    used = np.asarray(twin.normalisers)
    if np.any(np.abs(used - declared.value) > NORMALISER_SLACK * declared.value):
        return ClaimCheck(name, "broken", "the sum is divided by another number than the declared constant")
    if abs(twin.n_persons - n_persons) < OTHER_SIZE * n_persons:
        return ClaimCheck(
            name,
            "missing",
            f"a twin of {twin.n_persons} persons cannot tell a constant from a count of {n_persons}; run it on a "
            "tenth more or fewer",
        )
    return ClaimCheck(name, "holds")


def _check_of_p_values(name: str, p: dict[str, float]) -> ClaimCheck:
    found = [_SHOWS[test] for test, value in p.items() if value < ALPHA]
    return ClaimCheck(name, "broken" if found else "holds", ", and ".join(found), tuple(p.items()))
