"""Runs the audits on one set of tables; whatever goes wrong ends as no pass."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from audits.core.errors import InputError, NotMeasurable
from audits.core.inputs import digests
from audits.core.rates import exact
from audits.core.released import released_problems
from audits.core.report import AuditReport, tool_name
from audits.core.streams import stream
from audits.core.strictjson import canonical
from audits.core.types import LEAST_CONFIDENCE, Attack, AuditInputs, AuditResult, without_number
from audits.embeddings.encoded_tables import encode_once
from audits.embeddings.vectors import vectors_digest
from audits.gate.dp_substitute import ACCOUNTING
from audits.gate.policy import Policy
from audits.runner.input_checks import InputChecks, check_split
from audits.runner.language import LanguageCheck, check_language
from audits.runner.registry import BY_SIMILARITY, applicable_audits, build
from audits.runner.registry import names as registered

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
    class of the error only: messages may quote what they failed on. Where the split allows no comparison, or the
    table does not speak the language of its source (`check_language`), a pass becomes insufficient and a fail stays.

    Args:
        inputs: the tables.
        policy: run the audits it asks for.
        names: which audits; by default those of the policy, or all that the inputs have what is needed for.
        seed: root of the random streams.
        confidence: one-sided confidence of every end of every interval that a pass rests on, .95 at least; what
            fails, fails at a fixed level whatever it is (`stats.FAIL_LEVEL`).
        progress: takes one plain line before and after each audit.

    Raises:
        InputError: an unknown audit, no audit, a confidence below .95 or of 1, or a control that only repeats train.
    """
    if not LEAST_CONFIDENCE <= confidence < 1:
        raise InputError(f"the confidence must be at least {LEAST_CONFIDENCE:g} and below 1, got {confidence:g}")
    if seed < 0:
        raise InputError(f"the seed must not be negative, got {seed}")
    asked = applicable_audits(inputs) if policy is None else (*policy.required, *policy.measured)
    wanted = tuple(name for name in registered() if name in asked) if names is None else tuple(names)
    if not wanted or len(set(wanted)) != len(wanted):
        raise InputError("name each audit once, and at least one")
    cached = encode_once(stream(seed, "seen"))
    attacks = [build(name, cached) for name in wanted]
    say = progress if progress is not None else _silent
    say("input checks: near-duplicates and shift between train and control")
    input_checks = check_split(inputs, stream(seed, "input_checks"))
    language = check_language(input_checks.inputs, stream(seed, "language"))
    leaving = released_problems(inputs.synthetic, inputs.train, inputs.control)
    untrue, unreadable = (*input_checks.problems, *leaving), (*input_checks.problems, *leaving, *language.problems)
    results = []
    for number, (name, attack) in enumerate(zip(wanted, attacks, strict=True), start=1):
        say(f"{name}: running ({number} of {len(wanted)})")
        result = result_of(name, attack, input_checks.inputs, stream(seed, name), confidence)
        found = (*unreadable, *language.too_far) if name in BY_SIMILARITY else unreadable
        capped = _capped(result, untrue if name == ACCOUNTING else found)  # which reads no texts
        results.append(_with_language(capped, language, confidence) if name in BY_SIMILARITY else capped)
        say(f"{name}: {results[-1].verdict}")
    return AuditReport(
        results=tuple(results),
        inputs=digests(inputs),
        input_checks=_details(input_checks, language, leaving),
        tool=tool_name(),
    )


def asked_for(inputs: AuditInputs, names: Sequence[str] | None, *, seed: int, confidence: float) -> str:
    """Return a digest of everything that may change a verdict of `run` with these arguments, its own version too."""
    asked = {
        "tables": digests(inputs),
        "vectors": vectors_digest(inputs),
        "identifiers": [inputs.identifiers, inputs.control_identifiers],
        "lineage": None if inputs.lineage is None else [inputs.lineage.parents, inputs.lineage.weights],
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


def _details(input_checks: InputChecks, language: LanguageCheck, leaving: Sequence[str]) -> Mapping[str, Any]:
    """Return what the report says of the tables; one of reading, or of what may not leave, counts as well."""
    metrics = input_checks.details["metrics"]
    n = metrics["problems"]["value"] + len(language.problems) + len(leaving)
    return {
        **input_checks.details,
        "language": language.to_json(),
        "problems": [*input_checks.problems, *language.problems, *leaving],
        "metrics": {**metrics, "problems": {**metrics["problems"], "value": n, "low": n, "high": n}},
    }


def _full(name: str, key: str) -> str:
    """Return a metric's name as policies write it: `audit.metric`."""
    return key if key.startswith(f"{name}.") else f"{name}.{key}"


def _capped(result: AuditResult, problems: Sequence[str]) -> AuditResult:
    if result.verdict != "pass" or not problems:
        return result
    return replace(result, verdict="insufficient", reason=f"no leak was found, but {'; '.join(problems)}")


def _with_language(result: AuditResult, language: LanguageCheck, confidence: float) -> AuditResult:
    """Return a measured result with the share of rows that it could not read as a number that a policy may bound."""
    if result.status != "measured":
        return result
    foreign = exact(language.foreign_rows, confidence=confidence, n=language.n)
    return replace(result, metrics={**result.metrics, f"{result.name}.foreign_rows": foreign})


def _silent(_line: str) -> None:
    return None
