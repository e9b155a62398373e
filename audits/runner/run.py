"""Check the synthetic, train and control tables, and run the audits. An audit that raises an error does not pass."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from audits.core.errors import InputError, NotMeasurable
from audits.core.inputs import digests
from audits.core.quarantine import most_quarantined, without_rows
from audits.core.rates import exact
from audits.core.released import released_problems
from audits.core.report import AuditReport, tool_name
from audits.core.streams import stream
from audits.core.strictjson import canonical
from audits.core.types import MIN_CONFIDENCE, Attack, AuditInputs, AuditResult, Int, without_number
from audits.embeddings.encoders import TableEncoder, encode_once
from audits.embeddings.vectors import vectors_digest
from audits.gate.policy import Policy
from audits.runner.input_checks import InputChecks, check_split
from audits.runner.language import LanguageCheck, check_language
from audits.runner.registry import AUDITS, BY_SIMILARITY, ON_LOGS, applicable_audits, build, check_name

# an audit that raises one of these errors gets the status "failed"; any other error stops the run
AUDIT_FAILURES: tuple[type[Exception], ...] = (ValueError, ArithmeticError, MemoryError, LookupError, TypeError)
AUDIT_FAILURES += (AttributeError, RuntimeError, OSError)

Progress = Callable[[str], None]


def run(  # noqa: PLR0913 - the options of a run
    inputs: AuditInputs,
    policy: Policy | None = None,
    *,
    names: Sequence[str] | None = None,
    seed: int = 0,
    confidence: float = 0.95,
    progress: Progress | None = None,
    quarantine: bool = True,
) -> AuditReport:
    """Check the tables, run audits on them, and return the report.

    If a check of the tables (input checks, language, labels and ids to release) finds a problem, each pass becomes
    insufficient, and no policy may use a number of the audits. A fail stays a fail. `accounting`, which reads a log
    and no text, is not affected. A few rows that the audits cannot judge are quarantined: the verdicts apply to the
    table without these rows, and `overall` of the report is not pass.

    Args:
        inputs: the tables.
        policy: if `names` is None, the required and the measured audits of the policy are run.
        names: audits to run; by default the audits of the policy or, without a policy, all audits whose inputs are
            present.
        seed: root seed, not negative. Each audit has its own random stream, named after the audit.
        confidence: one-sided confidence, at least 0.95, of the interval ends on which a pass depends. A fail depends
            on the fixed significance level `stats.FAIL_LEVEL` instead.
        progress: called with one line before and after each audit.
        quarantine: whether a few rows that the audits cannot judge are quarantined; if false, one such row
            prevents every pass.

    Raises:
        InputError: an audit name is unknown or repeated, no audit is named, the confidence or the seed is out of
            range, or `check_split` raises InputError.
    """
    default = applicable_audits(inputs) if policy is None else (*policy.required, *policy.measured)
    selected = tuple(name for name in AUDITS if name in default) if names is None else tuple(names)
    _check_arguments(selected, seed, confidence)
    say = silent if progress is None else progress
    say("input checks: searching for near-duplicates, and comparing train with control")
    tables = CheckedTables.of(inputs, seed=seed, confidence=confidence, quarantine=quarantine)
    results = list[AuditResult]()
    for number, name in enumerate(selected, start=1):
        say(f"{name}: running ({number} of {len(selected)})")
        results.append(tables.result(name))
        say(f"{name}: {results[-1].verdict}")
    return tables.report(results)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CheckedTables:
    """Checked tables; different processes can run different audits on them."""

    inputs: AuditInputs
    seed: int
    confidence: float
    input_checks: InputChecks
    language: LanguageCheck
    problems: tuple[str, ...]  # from `check_split` and `released_problems`; see `run` for their effect
    # tables without the control and reference rows that `check_split` removes and the synthetic rows that the
    # language check quarantines
    audited: AuditInputs
    encode: TableEncoder  # encodes the tables once for all audits

    @classmethod
    def of(cls, inputs: AuditInputs, *, seed: int, confidence: float, quarantine: bool = True) -> "CheckedTables":
        """Return the tables after the checks; for the arguments and the errors, see `run`."""
        input_checks = check_split(inputs, stream(seed, "input_checks"), quarantine=quarantine)
        language = check_language(input_checks.inputs, stream(seed, "language"))
        language = language if quarantine else replace(language, quarantined=())
        released = released_problems(inputs.synthetic, inputs.train, inputs.control)
        return cls(
            inputs=inputs,
            seed=seed,
            confidence=confidence,
            input_checks=input_checks,
            language=language,
            problems=(*input_checks.problems, *released),
            # rows that `check_split` quarantines are still audited, so that a copy in such a row is found
            audited=without_rows(input_checks.inputs, np.array(language.quarantined, dtype=np.int64)),
            encode=encode_once(stream(seed, "seen")),
        )

    def result(self, name: str) -> AuditResult:
        """Run one audit, and return its result; raise InputError if there is no such audit."""
        attack, rng = build(name, self.encode), stream(self.seed, name)
        result = result_of(name, attack, self.audited, rng, self.confidence)
        kept = np.setdiff1d(np.arange(len(self.inputs.synthetic)), self.language.quarantined)
        problems = () if name in ON_LOGS else (*self.problems, *self.language.problems)
        caveats = self.language.similarity_problems if name in BY_SIMILARITY else ()
        return _downgraded(_in_given_rows(result, kept), problems, caveats)

    def report(self, results: Sequence[AuditResult]) -> AuditReport:
        """Return the report; if too many rows are quarantined, no audit of the tables passes."""
        problems, n_rows = self.problems, len(self.inputs.synthetic)
        quarantined = {result.name: result.quarantined for result in results}
        quarantined |= {"input_checks": self.input_checks.quarantined, "language": self.language.quarantined}
        quarantined = {check: rows for check, rows in sorted(quarantined.items()) if rows}
        n_quarantined, limit = len(set().union(*quarantined.values())), most_quarantined(n_rows)
        if n_quarantined > limit:
            problems += (f"{n_quarantined} synthetic rows are quarantined, but only {limit} may be quarantined",)
            results = [result if result.name in ON_LOGS else _downgraded(result, problems) for result in results]
        return AuditReport(
            results=tuple(results),
            inputs=digests(self.inputs),
            input_checks=_details(self.input_checks, self.language, problems, n_quarantined, n_rows),
            tool=tool_name(),
            quarantined=quarantined,
        )


def _check_arguments(selected: Sequence[str], seed: int, confidence: float) -> None:
    if not MIN_CONFIDENCE <= confidence < 1:
        raise InputError(f"the confidence must be at least {MIN_CONFIDENCE:g} and below 1, got {confidence:g}")
    if seed < 0:
        raise InputError(f"the seed must not be negative, got {seed}")
    if not selected or len(set(selected)) != len(selected):
        raise InputError(f"name at least one audit, and each audit once; got: {', '.join(selected) or 'no audit'}")
    for name in selected:
        check_name(name)


def run_digest(inputs: AuditInputs, names: Sequence[str] | None, *, seed: int, confidence: float) -> str:
    """Return a sha256 of tables, main settings and version; it lets the ledger recognise a repeated run."""
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
    """Return the result of one audit; if the audit cannot measure or raises an error, the verdict is insufficient.

    The reason of a failed audit names only the class of the error, because its message may quote private text.
    """
    try:
        result = attack.run(inputs, rng, confidence)
    except NotMeasurable as error:
        result = without_number(name, "not_measurable", error.message)
    except AUDIT_FAILURES as error:
        result = without_number(name, "failed", f"the audit failed with {type(error).__name__}; it has no result")
    # policies refer to a metric as `AUDIT.METRIC`
    metrics = {k if k.startswith(f"{name}.") else f"{name}.{k}": value for k, value in result.metrics.items()}
    return replace(result, metrics=metrics, confidence=confidence)


def silent(_line: str) -> None:
    """Ignore a progress line."""


def _details(
    input_checks: InputChecks, language: LanguageCheck, table_problems: Sequence[str], n_quarantined: int, n_rows: int
) -> Mapping[str, Any]:
    problems = [*table_problems, *language.problems]
    counts = {"problems": (len(problems), input_checks.details["metrics"]["problems"]["n"])}
    counts |= {"quarantined_rows": (n_quarantined, n_rows)}
    numbers = {**counts, "foreign_rows": (language.foreign_rows, language.n)}
    metrics = {name: asdict(exact(float(value), confidence=1.0, n=n)) for name, (value, n) in numbers.items()}
    return {
        **input_checks.details,
        "language": language.to_json(),
        "problems": problems,
        "metrics": {**input_checks.details["metrics"], **metrics},
    }


def _in_given_rows(result: AuditResult, kept: Int) -> AuditResult:
    # `kept` has one entry per audited row: the index of this row in the user's table
    findings = tuple(replace(finding, row=int(kept[finding.row])) for finding in result.findings)
    return replace(result, findings=findings, quarantined=tuple(int(kept[row]) for row in result.quarantined))


def _downgraded(result: AuditResult, problems: Sequence[str], caveats: Sequence[str] = ()) -> AuditResult:
    # a problem forbids both a pass and the use of the audit's numbers by a policy; a caveat forbids only a pass
    if result.status != "measured" or not (problems or caveats):
        return result
    result = replace(result, status="inconclusive" if problems else "measured")
    if result.verdict != "pass":
        return result
    reason = f"no leak was found, but {'; '.join((*problems, *caveats))}"
    return replace(result, verdict="insufficient", reason=reason)
