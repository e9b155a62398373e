"""Run the audits on one set of tables. Any failure of an audit prevents a pass."""

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
from audits.embeddings.encoders import encode_once
from audits.embeddings.vectors import vectors_digest
from audits.gate.dp_substitute import ACCOUNTING
from audits.gate.policy import Policy
from audits.runner.input_checks import InputChecks, check_split
from audits.runner.language import LanguageCheck, check_language
from audits.runner.registry import BY_SIMILARITY, applicable_audits, build
from audits.runner.registry import names as registered

# errors of an audit that become status "failed"; any other error stops the run
AUDIT_FAILURES: tuple[type[Exception], ...] = (ValueError, ArithmeticError, MemoryError, LookupError, TypeError)
AUDIT_FAILURES += (AttributeError, RuntimeError, OSError)

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

    If a check of the tables (input checks, language, labels and ids to release) finds a problem, each pass becomes
    insufficient, and each fail stays.

    Args:
        inputs: the tables.
        policy: its required and measured audits are run if `names` is None.
        names: audits to run; default: the audits of the policy, or without a policy all whose inputs are present.
        seed: root seed, not negative. Each audit has its own stream, named after it.
        confidence: one-sided confidence of each interval end that a pass rests on; at least 0.95. Failures use the
            fixed level `stats.FAIL_LEVEL` instead.
        progress: called with one line before and after each audit.

    Raises:
        InputError: an audit name is unknown or repeated, no audit is named, the confidence or the seed is out of
            range, or the input checks remove every control row.
    """
    if not LEAST_CONFIDENCE <= confidence < 1:
        raise InputError(f"the confidence must be at least {LEAST_CONFIDENCE:g} and below 1, got {confidence:g}")
    if seed < 0:
        raise InputError(f"the seed must not be negative, got {seed}")
    default = applicable_audits(inputs) if policy is None else (*policy.required, *policy.measured)
    selected = tuple(name for name in registered() if name in default) if names is None else tuple(names)
    if not selected or len(set(selected)) != len(selected):
        raise InputError(f"name at least one audit, and each audit once; got: {', '.join(selected) or 'no audit'}")
    cached = encode_once(stream(seed, "seen"))
    attacks = [build(name, cached) for name in selected]
    say = silent if progress is None else progress
    say("input checks: near-duplicates and shift between train and control")
    input_checks = check_split(inputs, stream(seed, "input_checks"))
    language = check_language(input_checks.inputs, stream(seed, "language"))
    release = released_problems(inputs.synthetic, inputs.train, inputs.control)
    general = (*input_checks.problems, *release)
    results = []
    for number, (name, attack) in enumerate(zip(selected, attacks, strict=True), start=1):
        say(f"{name}: running ({number} of {len(selected)})")
        result = result_of(name, attack, input_checks.inputs, stream(seed, name), confidence)
        # accounting reads no texts, so their language cannot affect it
        problems = general if name == ACCOUNTING else (*general, *language.problems)
        if name in BY_SIMILARITY:
            problems = (*problems, *language.dissimilar)
            result = _with_language(result, language, confidence)
        results.append(_capped(result, problems))
        say(f"{name}: {results[-1].verdict}")
    details = _details(input_checks, language, release)
    return AuditReport(results=tuple(results), inputs=digests(inputs), input_checks=details, tool=tool_name())


def run_digest(inputs: AuditInputs, names: Sequence[str] | None, *, seed: int, confidence: float) -> str:
    """Return the sha256 of everything that can change a verdict of `run`: its arguments and the audit version."""
    content = {
        "tables": digests(inputs),
        "vectors": vectors_digest(inputs),
        "identifiers": [inputs.identifiers, inputs.control_identifiers],
        "lineage": None if inputs.lineage is None else [inputs.lineage.parents, inputs.lineage.weights],
        "audits": sorted(applicable_audits(inputs) if names is None else names),
        "seed": str(seed),
        "confidence": confidence,
        "tool": tool_name(),
    }
    return hashlib.sha256(canonical(content)).hexdigest()


def result_of(
    name: str, attack: Attack, inputs: AuditInputs, rng: np.random.Generator, confidence: float
) -> AuditResult:
    """Return the result of one audit; the verdict is insufficient if the audit cannot measure or raises an error.

    The reason of a failed audit names only the class of the error, because its message may quote private text.
    """
    try:
        result = attack.run(inputs, rng, confidence)
    except NotMeasurable as error:
        result = without_number(name, "not_measurable", error.message)
    except AUDIT_FAILURES as error:
        result = without_number(name, "failed", f"the audit failed with {type(error).__name__}; it has no result")
    # policies name a metric `audit.metric`
    metrics = {k if k.startswith(f"{name}.") else f"{name}.{k}": value for k, value in result.metrics.items()}
    return replace(result, metrics=metrics, confidence=confidence)


def silent(_line: str) -> None:
    """Ignore a progress line."""


def _details(input_checks: InputChecks, language: LanguageCheck, release: Sequence[str]) -> Mapping[str, Any]:
    """Return the report section on the tables; the metric `problems` also counts language and release problems."""
    metrics = input_checks.details["metrics"]
    n = metrics["problems"]["value"] + len(language.problems) + len(release)
    return {
        **input_checks.details,
        "language": language.to_json(),
        "problems": [*input_checks.problems, *language.problems, *release],
        "metrics": {**metrics, "problems": {**metrics["problems"], "value": n, "low": n, "high": n}},
    }


def _capped(result: AuditResult, problems: Sequence[str]) -> AuditResult:
    """Return the result; a pass becomes insufficient if there are problems."""
    if result.verdict != "pass" or not problems:
        return result
    return replace(result, verdict="insufficient", reason=f"no leak was found, but {'; '.join(problems)}")


def _with_language(result: AuditResult, language: LanguageCheck, confidence: float) -> AuditResult:
    """Return a measured result with the share of foreign rows as a metric that a policy can limit."""
    if result.status != "measured":
        return result
    foreign = exact(language.foreign_rows, confidence=confidence, n=language.n)
    return replace(result, metrics={**result.metrics, f"{result.name}.foreign_rows": foreign})
