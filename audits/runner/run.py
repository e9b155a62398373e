"""Runs the audits on one set of tables; whatever goes wrong ends as no pass."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from audits.core.errors import InputError, NotMeasurable
from audits.core.inputs import digests
from audits.core.report import AuditReport, tool_name
from audits.core.streams import stream
from audits.core.strictjson import canonical
from audits.core.types import Attack, AuditInputs, AuditResult, without_number
from audits.gate.policy import Policy
from audits.runner.hygiene import check_split
from audits.runner.registry import applicable_audits, build
from audits.runner.registry import names as registered
from audits.space.encoded_tables import encode_once

# what a broken audit may raise; anything else is a fault of this program and stops it
BREAKAGES = (ValueError, ArithmeticError, MemoryError, LookupError, TypeError, AttributeError, RuntimeError, OSError)

Progress = Callable[[str], None]


def run(
    inputs: AuditInputs,
    policy: Policy | None = None,
    *,
    names: Sequence[str] | None = None,
    seed: int = 0,
    confidence: float = 0.95,
    progress: Progress | None = None,
) -> AuditReport:
    """Return the report of the named audits on the tables.

    Every audit draws from a stream of its own, named after it, so leaving one out changes no other; what the audits
    by similarity see of the tables is made once, from a stream of its own too. An audit that cannot be carried by the
    tables is `not_measurable`, one that breaks is `failed`, and both are insufficient; the reason then names the
    class of the error only, because messages may quote what they failed on. Where the split
    does not allow a comparison, what would pass becomes insufficient; what fails still fails.

    Args:
        inputs: the tables.
        policy: run the audits it asks for.
        names: which audits; by default those of the policy, or all that the inputs have what is needed for.
        seed: root of the random streams.
        confidence: one-sided confidence of every end of every interval.
        progress: takes one plain line before and after each audit.

    Raises:
        InputError: an unknown audit, no audit, a confidence outside (.5, 1), or a control that only repeats train.
    """
    if not 0.5 < confidence < 1:
        raise InputError(f"the confidence must lie between .5 and 1, got {confidence:g}")
    if seed < 0:
        raise InputError(f"the seed must not be negative, got {seed}")
    asked = applicable_audits(inputs) if policy is None else (*policy.required, *policy.measured)
    wanted = tuple(name for name in registered() if name in asked) if names is None else tuple(names)
    if not wanted or len(set(wanted)) != len(wanted):
        raise InputError("name each audit once, and at least one")
    cached = encode_once(stream(seed, "seen"))
    attacks = [build(name, cached) for name in wanted]
    say = progress if progress is not None else _silent
    say("split hygiene: near-duplicates and shift between train and control")
    hygiene = check_split(inputs, stream(seed, "hygiene"))
    results = []
    for number, (name, attack) in enumerate(zip(wanted, attacks, strict=True), start=1):
        say(f"{name}: running ({number} of {len(wanted)})")
        result = result_of(name, attack, hygiene.inputs, stream(seed, name), confidence)
        results.append(_capped(result, hygiene.problems))
        say(f"{name}: {results[-1].verdict}")
    return AuditReport(
        results=tuple(results),
        inputs=digests(inputs),
        hygiene=hygiene.details,
        tool=tool_name(),
    )


def asked_for(inputs: AuditInputs, names: Sequence[str] | None, *, seed: int, confidence: float) -> str:
    """Return a digest of everything that may change a verdict of `run` with these arguments, its own version too."""
    asked = {
        "tables": digests(inputs),
        "identifiers": [inputs.identifiers, inputs.control_identifiers],
        "audits": sorted(applicable_audits(inputs) if names is None else names),
        "seed": str(seed),
        "confidence": confidence,
        "tool": tool_name(),
    }
    return hashlib.sha256(canonical(asked)).hexdigest()


def result_of(
    name: str, attack: Attack, inputs: AuditInputs, rng: np.random.Generator, confidence: float
) -> AuditResult:
    """Return what an audit found; one that the tables cannot carry, or that breaks, is insufficient."""
    try:
        result = attack.run(inputs, rng, confidence)
    except NotMeasurable as error:
        result = without_number(name, "not_measurable", error.message)
    except BREAKAGES as error:
        result = without_number(name, "failed", f"the audit broke ({type(error).__name__}); nothing is shown")
    metrics = {_full(name, key): value for key, value in result.metrics.items()}
    return replace(result, metrics=metrics, confidence=confidence)


def _full(name: str, key: str) -> str:
    """Return a metric's name as policies write it: `audit.metric`."""
    return key if key.startswith(f"{name}.") else f"{name}.{key}"


def _capped(result: AuditResult, problems: Sequence[str]) -> AuditResult:
    if result.verdict != "pass" or not problems:
        return result
    return replace(result, verdict="insufficient", reason=f"no leak was found, but {'; '.join(problems)}")


def _silent(_line: str) -> None:
    return None
