"""Check with the log of a dry run that a DP mechanism samples, adds noise, clips and divides as claimed.

A dry run runs the same code on fictional persons.
"""

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np

from audits.attacks.accounting import sampling_tests
from audits.attacks.accounting.mechanism_log import DryRunLog, Mechanism

CLIP_SLACK = 1e-6  # a norm may exceed the clip norm by this fraction, because of rounding
NORMALISER_SLACK = 1e-9  # a divisor may differ from the declared constant by this fraction, because of rounding
SAME_NOISE = 1e-6  # two steps use the same noise if the absolute values of all coordinates differ by at most this
OTHER_SIZE = 0.1  # the number of fictional persons must differ from the declared number by at least this fraction

# key: name of a test; value: what the test found if its p-value is below `ALPHA`
_FINDINGS = {
    "rate": "persons take part at a rate other than the accounted rate",
    "sizes": "the sizes of batches do not vary like those of independent draws",
    "participations": "the numbers of batches per person do not vary like those of independent draws",
    "overlaps": "a batch depends on the previous batch",
    "scale": "the noise is not as large as claimed",
    "shape": "the noise does not vary as claimed from step to step",
    "repeats": "the same noise was used twice",
    "distribution": "the coordinates of the noise are not distributed as claimed",
    "order": "the coordinates of the noise depend on one another",
    "ties": "several coordinates have the same noise",
}


class ClaimCheck(NamedTuple):
    """The outcome of one check of the log."""

    name: str
    outcome: Literal["holds", "broken", "missing"]  # missing: the log has too little information to decide
    sentence: str = ""  # what was found and what to do; empty if the check holds
    p: tuple[tuple[str, float], ...] = ()  # (name, p-value) of each statistical test of the check


def dry_run_checks(mechanism: Mechanism, *, n_persons: int) -> Iterator[ClaimCheck]:
    """Yield each check of a mechanism; `n_persons` is the number of persons declared for the real run."""
    dry_run = mechanism.dry_run
    if mechanism.sampling_rate < 1:
        yield _sampling(mechanism, dry_run)
    yield _noise(mechanism, dry_run)
    yield _clip(mechanism, dry_run)
    if mechanism.normaliser is not None or (dry_run is not None and len(dry_run.normalisers) > 0):
        yield _normaliser(mechanism, dry_run, n_persons)


def check_noise_is_new(mechanisms: Sequence[Mechanism]) -> ClaimCheck:
    """Check that no two steps of the mechanisms add the same noise.

    The check compares the absolute values of the first coordinates of the noise. With independent noise, about one of
    10^12 pairs of steps agrees within `SAME_NOISE` in two coordinates. Steps with one coordinate are skipped.
    """
    logged = [() if m.dry_run is None else m.dry_run.leading for m in mechanisms]
    if any(len(steps) == 0 for steps in logged):
        no_leading = "a mechanism has no dry run with the first coordinates of its noise; log them for every step"
        return ClaimCheck("noise", "missing", no_leading)
    rows = [row for steps in logged for row in steps if len(row) > 1]
    z = np.array([row[: min(map(len, rows))] for row in rows] or [(0.0, 0.0)])
    z = z[np.argsort(np.abs(z[:, 0]))]  # rows with the same noise become neighbours
    for offset in range(1, len(z)):
        first, second = z[:-offset], z[offset:]
        near = np.abs(second[:, 0]) - np.abs(first[:, 0]) <= SAME_NOISE
        if not near.any():
            break
        apart = np.minimum(np.abs(first - second), np.abs(first + second)).max(axis=1)
        if (apart[near] <= SAME_NOISE).any():
            return ClaimCheck(
                "noise", "broken", "two steps or mechanisms add the same noise; draw new noise for each"
            )
    return ClaimCheck("noise", "holds")


def degrees(kind: str, dimension: int) -> int:
    """Return the degrees of freedom of one step's logged noise: `dimension`, or 2 · `dimension` for Laplace noise."""
    return 2 * dimension if kind == "laplace" else dimension


def needed_steps(mechanism: Mechanism) -> int:
    """Return how many steps the dry run must log: 200, or all steps if the mechanism has fewer and no sampling."""
    return sampling_tests.MIN_STEPS if mechanism.sampling_rate < 1 else min(sampling_tests.MIN_STEPS, mechanism.steps)


def _sampling(mechanism: Mechanism, dry_run: DryRunLog | None) -> ClaimCheck:
    name = "poisson sampling"
    if mechanism.sampling != "poisson":
        return ClaimCheck(name, "broken", f"batches are {mechanism.sampling}, but accounted for as Poisson samples")
    if dry_run is None or dry_run.batches is None:
        no_batches = (
            f"the log has no dry run with batches; log the batches of at least {sampling_tests.MIN_STEPS} steps"
        )
        return ClaimCheck(name, "missing", no_batches)
    if any(len(set(batch)) < len(batch) for batch in dry_run.batches):
        return ClaimCheck(name, "broken", "a person is in a batch twice, so batches are drawn with replacement")
    if len(dry_run.batches) < sampling_tests.MIN_STEPS or dry_run.n_persons < sampling_tests.MIN_PERSONS:
        logged = f"{len(dry_run.batches)} logged steps of {dry_run.n_persons} persons are too few"
        enough = f"{sampling_tests.MIN_STEPS} steps of {sampling_tests.MIN_PERSONS} persons would be enough"
        return ClaimCheck(name, "missing", f"{logged}; {enough}")
    draws = sampling_tests.count_participation(dry_run.batches, dry_run.n_persons)
    return _check_of_p_values(name, sampling_tests.poisson_tests(draws, rate=mechanism.sampling_rate))


def _noise(mechanism: Mechanism, dry_run: DryRunLog | None) -> ClaimCheck:
    name = "noise"
    if dry_run is None or len(dry_run.noise) == 0 or dry_run.dimension is None:
        return ClaimCheck(name, "missing", "the log has no dry run with the size of the noise; log it for every step")
    if dry_run.batches is not None and len(dry_run.batches) != len(dry_run.noise):
        steps = (
            f"noise was added in {len(dry_run.noise)} steps, but persons were drawn in {len(dry_run.batches)} steps"
        )
        return ClaimCheck(name, "broken", steps)
    freedom, needed = degrees(mechanism.kind, dry_run.dimension), needed_steps(mechanism)
    if len(dry_run.noise) < needed or freedom * len(dry_run.noise) < sampling_tests.MIN_STEPS:
        logged = f"{len(dry_run.noise)} logged steps of noise in {dry_run.dimension} coordinates are too few"
        enough = f"{needed} steps, with {sampling_tests.MIN_STEPS} coordinates in all steps together, would be enough"
        return ClaimCheck(name, "missing", f"{logged}; {enough}")
    p = sampling_tests.noise_tests(dry_run.noise, degrees=freedom)
    coordinates = [z for step in dry_run.leading for z in step]
    if coordinates:  # if none are logged, the check `check_noise_is_new` reports it
        p |= sampling_tests.coordinate_tests(coordinates, is_laplace=mechanism.kind == "laplace")
    return _check_of_p_values(name, p)


def _clip(mechanism: Mechanism, dry_run: DryRunLog | None) -> ClaimCheck:
    if dry_run is None or dry_run.max_norm is None or dry_run.largest_row is None:
        no_norms = "the log has no dry run with the largest norms before and after clipping; log both norms"
        return ClaimCheck("clipping", "missing", no_norms)
    if dry_run.max_norm > mechanism.clip_norm * (1 + CLIP_SLACK):
        too_long = f"after clipping, a contribution has the norm {dry_run.max_norm:.4g}, larger than the clip norm"
        return ClaimCheck("clipping", "broken", too_long)
    if dry_run.largest_row <= mechanism.clip_norm:
        not_clipped = "no contribution in the dry run is larger than the clip norm, so nothing was clipped"
        return ClaimCheck("clipping", "missing", f"{not_clipped}; include larger contributions")
    return ClaimCheck("clipping", "holds")


def _normaliser(mechanism: Mechanism, dry_run: DryRunLog | None, n_persons: int) -> ClaimCheck:
    """Check that the noisy sum is divided by a declared constant or by a number that follows from noisy answers."""
    name, declared = "normaliser", mechanism.normaliser
    if declared is None or declared.source == "data":
        which = "that the log does not declare" if declared is None else "counted from the data; use a constant"
        return ClaimCheck(name, "broken", f"the sum is divided by a number {which}")
    if declared.source == "answers":
        return ClaimCheck(
            name, "holds"
        )  # the check `replay` of the audit tests that the divisor depends on noisy answers only
    if declared.value is None or dry_run is None or len(dry_run.normalisers) == 0:
        no_divisors = "the log has no dry run with the divisors of the sums; log the divisor of each step"
        return ClaimCheck(name, "missing", no_divisors)
    divisors = np.asarray(dry_run.normalisers)
    if np.any(np.abs(divisors - declared.value) > NORMALISER_SLACK * declared.value):
        return ClaimCheck(name, "broken", "the sum is divided by a number other than the declared constant")
    if abs(dry_run.n_persons - n_persons) < OTHER_SIZE * n_persons:
        too_similar = (
            f"a dry run of {dry_run.n_persons} persons is too similar in size to {n_persons} persons to show that "
            "the divisor is a constant and not a count; run it on at least a tenth more or fewer persons"
        )
        return ClaimCheck(name, "missing", too_similar)
    return ClaimCheck(name, "holds")


def _check_of_p_values(name: str, p: dict[str, float]) -> ClaimCheck:
    findings = [_FINDINGS[test] for test, value in p.items() if value < sampling_tests.ALPHA]
    return ClaimCheck(name, "broken" if findings else "holds", ", and ".join(findings), tuple(p.items()))
