"""Run the calibration suite (self-test), which shows whether the audits detect known leaks in the user's data.

The suite builds releases with a known leak, and clean releases, from the user's own data (`recipes`, `evasions`), and
checks the verdict of every audit on each release (`cases`).
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import Any

from audits.core.errors import InputError, NotMeasurable
from audits.core.streams import stream
from audits.core.types import AuditInputs, AuditResult, without_number
from audits.embeddings.encoders import encode_once
from audits.runner.input_checks import check_split
from audits.runner.registry import AUDITS, build
from audits.runner.run import Progress, result_of, run, silent
from audits.selftest.cases import CASES, JUDGED, SPLITS, Case, Demand, Outcome, judge
from audits.selftest.clean_release import Population, deal_persons, draw_population

SCHEMA = "synthgen-selftest-result/v2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """The result of one audit on one case.

    The demand says which verdicts the audit must reach; the outcome says whether its verdicts meet the demand.
    """

    audit: str
    demand: Demand
    outcome: Outcome
    verdicts: Mapping[str, int]  # number of releases with each verdict
    reason: str  # reason of the first verdict that does not meet the demand; if all meet it, of the first verdict
    seconds: float  # duration of the audit on all releases of the case


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """One case of the calibration suite with the results of all audits."""

    case: str  # name of the case
    description: str  # this and the next two fields are copied from `Case`
    why: str
    blind: str
    cells: tuple[Cell, ...]
    seconds: float  # duration of the case


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTest:
    """The result of the calibration suite."""

    cases: tuple[CaseResult, ...]
    audits: tuple[str, ...]  # the calibrated audits
    left_out: tuple[str, ...]  # registered audits that the suite does not cover
    n_persons: Mapping[str, int]  # number of persons in the first split; keys: train, control and fresh (unseen)
    n_repeating: int  # unseen rows removed from the first split because they repeat a train or control person
    split_problems: tuple[str, ...]  # problems found by the input checks
    seed: int
    seconds: float

    @property
    def problems(self) -> tuple[str, ...]:
        """The reasons why the self-test is not passed; empty if it is passed."""
        problems = [f"self-test not passed: {problem}" for problem in self.split_problems]
        texts = {
            "wrong": "gives a wrong verdict on",
            "uncalibrated": "has too few persons or unsuitable text to be calibrated on",
        }
        for audit, (outcome, text) in product(self.audits, texts.items()):
            cells = [(r.case, c) for r in self.cases for c in r.cells if (c.audit, c.outcome) == (audit, outcome)]
            if cells:
                cases = ", ".join(case for case, _ in cells)
                problems.append(f"self-test not passed: {audit} {text} {cases} ({cells[0][1].reason})")
        return tuple(problems)

    @property
    def is_right(self) -> bool:
        """Whether every audit meets every demand of the cases on it, and the input checks found no problem."""
        return not self.problems

    def to_json(self) -> dict[str, Any]:
        """Return counts, verdicts and reasons as JSON values; texts and identifiers of records are not included."""
        values = {name: getattr(self, name) for name in ("n_repeating", "seed", "seconds", "is_right")}
        lists = {name: list(getattr(self, name)) for name in ("problems", "audits", "left_out")}
        cases = [case_json(result) for result in self.cases]
        return {"schema": SCHEMA, **values, **lists, "n_persons": dict(self.n_persons), "cases": cases}


def case_json(result: CaseResult) -> dict[str, Any]:
    """Return the result of one case as JSON values."""
    value = asdict(result)
    value["audits"] = {cell.pop("audit"): cell for cell in value.pop("cells")}
    return value


def run_suite(
    inputs: AuditInputs,
    *,
    audits: Sequence[str] | None = None,
    seed: int = 0,
    confidence: float = 0.95,
    progress: Progress | None = None,
) -> SelfTest:
    """Return the results of the audits on all cases of the calibration suite, built from the given tables.

    A third of the control persons serve as a clean release, so an audit has less power than with all control persons.
    The synthetic table of the inputs is ignored.

    Raises:
        InputError: the suite does not cover an audit, there are too few control persons, or every unseen row repeats
            a train or control person.
    """
    started = time.monotonic()
    selected = select_audits(audits)
    say = silent if progress is None else progress
    say(f"preparation: input checks, and {SPLITS} splits into train, control and unseen persons")
    populations, split_problems = make_populations(inputs, seed)
    cases_started, n_done, n_all = time.monotonic(), 0, sum(case.repeats for case in CASES)
    results = []
    for number, case in enumerate(CASES, start=1):
        say(f"{case.name}: {case.description} ({number} of {len(CASES)})")
        result = run_case(case, populations, selected, seed=seed, confidence=confidence)
        results.append(result)
        n_done += case.repeats
        seconds_left = (time.monotonic() - cases_started) / n_done * (n_all - n_done)
        remaining = f"{seconds_left:.0f} s" if seconds_left < 90 else f"{seconds_left / 60:.0f} min"
        outcomes = ", ".join(f"{c.audit} {c.outcome}" for c in result.cells)
        say(f"{case.name}: {outcomes}; {result.seconds:.0f} s, about {remaining} remaining")
    n_train, n_control = (len(set(table.groups)) for table in (populations[0].train, populations[0].control))
    return SelfTest(
        cases=tuple(results),
        audits=selected,
        left_out=tuple(name for name in AUDITS if name not in JUDGED),
        n_persons={"train": n_train, "control": n_control, "fresh": populations[0].n_unseen},
        n_repeating=populations[0].n_repeating,
        split_problems=split_problems,
        seed=seed,
        seconds=time.monotonic() - started,
    )


def select_audits(audits: Sequence[str] | None) -> tuple[str, ...]:
    """Return the audits to calibrate; raise InputError if there is none, or a name is repeated or not covered."""
    covered = tuple(name for name in AUDITS if name in JUDGED)
    selected = covered if audits is None else tuple(audits)
    problems = [f"the calibration suite does not cover {name!r}" for name in selected if name not in covered]
    if problems or not selected or len(set(selected)) < len(selected):
        hint = f"The suite covers: {', '.join(covered)}."
        needed = "at least one audit, no audit twice, and only audits that the suite covers"
        message = f"the list of audits must contain {needed}; got: {', '.join(selected) or 'no audit'}"
        raise InputError(message, problems=problems, hint=hint)
    return selected


def make_populations(
    inputs: AuditInputs, seed: int, *, splits: int = SPLITS
) -> tuple[list[Population], tuple[str, ...]]:
    """Return the population of each split, and the problems that the input checks find.

    The first split uses the user's train and control. Each further split reassigns all persons at random.
    """
    input_checks = check_split(inputs, stream(seed, "input_checks"))
    populations = [draw_population(input_checks.inputs, stream(seed, "selftest/people/0"))]
    for i in range(1, splits):
        rng = stream(seed, f"selftest/people/{i}")
        train, control = deal_persons(inputs.train, inputs.control, rng)
        reassigned = AuditInputs(synthetic=control, train=train, control=control, reference=inputs.reference)
        populations.append(draw_population(check_split(reassigned, rng).inputs, rng))
    return populations, input_checks.problems


def run_case(
    case: Case, populations: Sequence[Population], audits: Sequence[str], *, seed: int, confidence: float
) -> CaseResult:
    """Return the results of the audits on one case; the case's releases are built from the populations in turn."""
    started = time.monotonic()
    if case.only_demanded:
        audits = [audit for audit in audits if case.demand(audit) != "blind"]
    results: dict[str, list[AuditResult]] = {audit: [] for audit in audits}
    seconds = dict.fromkeys(audits, 0.0)
    for i in range(case.repeats if audits else 0):
        name, start = f"selftest/{case.name}/{i}", time.monotonic()
        population = populations[i % len(populations)]
        try:
            inputs = case.make(population, stream(seed, name))
        except NotMeasurable as error:
            for audit in audits:
                results[audit].append(without_number(audit, "not_measurable", error.message))
            continue
        if case.only_demanded:
            # a quarantine would remove rows that the audits cannot judge, and with them the hidden leak
            report = run(inputs, names=audits, seed=seed, confidence=confidence, quarantine=False)
            for audit, result in zip(audits, report.results, strict=True):
                results[audit].append(_with_quarantine(result, case.demand(audit), population, inputs))
                seconds[audit] += (time.monotonic() - start) / len(audits)
            continue
        cached = encode_once(stream(seed, f"{name}/seen"))
        for audit in audits:
            start, rng = time.monotonic(), stream(seed, f"{name}/{audit}")
            result = result_of(audit, build(audit, cached), inputs, rng, confidence)
            results[audit].append(_with_quarantine(result, case.demand(audit), population, inputs))
            seconds[audit] += time.monotonic() - start
    return CaseResult(
        case=case.name,
        description=case.description,
        why=case.why,
        blind=case.blind,
        cells=tuple(_cell(audit, case.demand(audit), results[audit], seconds[audit]) for audit in audits),
        seconds=time.monotonic() - started,
    )


def _with_quarantine(result: AuditResult, demand: Demand, population: Population, inputs: AuditInputs) -> AuditResult:
    """Return the result, with a fail instead of a pass if the audit quarantined every row with the leak.

    The audit quarantines rows to which its verdict does not apply. The pass counts as a fail, because the gate
    `no-quarantined-row` refuses a table with quarantined rows.
    """
    if demand not in {"must_fail", "must_not_pass"} or result.verdict != "pass" or not result.quarantined:
        return result
    clean = set(population.unseen.texts)
    leaking = {row for row, text in enumerate(inputs.synthetic.texts) if text not in clean}
    if not leaking or not leaking <= set(result.quarantined):
        return result
    return replace(result, verdict="fail", reason=f"every row with the leak is quarantined: {result.reason}")


def _cell(audit: str, demand: Demand, results: Sequence[AuditResult], seconds: float) -> Cell:
    expected = {"must_pass": "pass", "must_fail": "fail"}.get(demand)
    unexpected = [r for r in results if (r.verdict == "fail" if demand == "seldom_fail" else r.verdict != expected)]
    verdicts: Mapping[str, int] = Counter(result.verdict for result in results)
    outcome, reason = judge(demand, results), (unexpected or results)[0].reason
    return Cell(audit=audit, demand=demand, outcome=outcome, verdicts=dict(verdicts), reason=reason, seconds=seconds)


def format_table(result: SelfTest) -> str:
    """Return the verdicts of all audits on all cases as a plain-text table with a legend."""
    rows = [["case", *result.audits, "seconds"]]
    for case in result.cases:
        by_audit = {cell.audit: cell for cell in case.cells}
        verdicts = (format_cell(by_audit[a]) if a in by_audit else "-" for a in result.audits)
        rows.append([case.case, *verdicts, f"{case.seconds:.0f}"])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines) + "\n" + LEGEND


LEGEND = (
    "fail, pass, insufficient: verdict of the audit, with the number of releases if there are several; fail also if "
    "the audit quarantines every row with the leak. "
    "WRONG: not the verdict that the case requires; ?: too few persons or unsuitable text to be calibrated; "
    "in brackets: the case requires no verdict of this audit; -: not run."
)
_CELL_FORMATS = {"right": "{}", "wrong": "{} WRONG", "uncalibrated": "{} ?", "open": "({})"}


def format_cell(cell: Cell) -> str:
    """Return one cell of the table: the verdicts, with counts if there are several releases, and the outcome."""
    n = sum(cell.verdicts.values())
    order = ("fail", "pass", "insufficient")
    verdicts = [v if n == 1 else f"{v} {cell.verdicts[v]}" for v in order if cell.verdicts.get(v, 0) > 0]
    return _CELL_FORMATS[cell.outcome].format(", ".join(verdicts))
