"""The self-test: are the audits, on these people, able to tell a leak from chance?

A verdict is only as good as the auditor that gives it. Before a release is judged, releases whose leak is known are
made up from the user's own people (`audits/selftest/recipes.py`) and every audit must say of each what is true
(`audits/selftest/cases.py`). An audit that passes a leak, or stops what is clean, is no evidence about any
release; nor is one that had too few people to be shown to work.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from audits.core.errors import InputError, NotMeasurable
from audits.core.streams import stream
from audits.core.types import AuditInputs, AuditResult, without_number
from audits.embeddings.encoded_tables import encode_once
from audits.runner.input_checks import check_split
from audits.runner.registry import build, names
from audits.runner.run import result_of, run
from audits.selftest.cases import CASES, JUDGED, SPLITS, Case, Demand, Outcome, judge
from audits.selftest.clean_release import Population, deal_persons, draw_population

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What one audit said on one case.

    Args:
        audit: its name.
        demand: what is asked of it there.
        outcome: whether what it said is right.
        verdicts: how often it gave each verdict.
        reason: its own sentence on the first release that it did not say the right thing of, else on the first one.
        seconds: how long it took over all releases of the case.
    """

    audit: str
    demand: Demand
    outcome: Outcome
    verdicts: Mapping[str, int]
    reason: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One case of the calibration suite with what every audit said on it."""

    case: str
    says: str
    why: str
    blind: str
    cells: tuple[Cell, ...]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTest:
    """The whole calibration suite.

    Args:
        steps: every case.
        audits: those that were calibrated, in the order of the contract.
        left_out: registered audits that the calibration suite says nothing about.
        n_persons: of train, control and fresh people of the first split.
        n_repeating: rows of fresh people that repeat somebody and were left out, of the first split.
        split_problems: why no audit may pass on these tables; empty where all is well.
        seed: root of the random streams.
        seconds: total time.
    """

    steps: tuple[Step, ...]
    audits: tuple[str, ...]
    left_out: tuple[str, ...]
    n_persons: Mapping[str, int]
    n_repeating: int
    split_problems: tuple[str, ...]
    seed: int
    seconds: float

    @property
    def problems(self) -> tuple[str, ...]:
        """Return why the gate is closed, a sentence each; empty where every case is right."""
        found = [f"gate closed: {problem}" for problem in self.split_problems]
        for audit in self.audits:
            for words, outcome in (
                ("is wrong on", "wrong"),
                ("has too few people (or text it cannot read) to be calibrated on", "uncalibrated"),
            ):
                cells = [(s.case, c) for s in self.steps for c in s.cells if (c.audit, c.outcome) == (audit, outcome)]
                if cells:
                    cases = ", ".join(case for case, _ in cells)
                    found.append(f"gate closed: {audit} {words} {cases}: {cells[0][1].reason}")
        return tuple(found)

    @property
    def is_right(self) -> bool:
        """Return whether every audit said what is true on every case, so that its verdicts count."""
        return not self.problems

    def to_json(self) -> dict[str, Any]:
        """Return counts, verdicts and reasons; no text and no identifier."""
        return {
            "schema": "synthgen-selftest/v1",
            "is_right": self.is_right,
            "problems": list(self.problems),
            "audits": list(self.audits),
            "left_out": list(self.left_out),
            "n_persons": dict(self.n_persons),
            "n_repeating": self.n_repeating,
            "seed": self.seed,
            "seconds": self.seconds,
            "cases": [step_json(step) for step in self.steps],
        }


def step_json(step: Step) -> dict[str, Any]:
    """Return one case as JSON values."""
    return {
        "case": step.case,
        "says": step.says,
        "why": step.why,
        "blind": step.blind,
        "seconds": step.seconds,
        "audits": {
            c.audit: {
                "demand": c.demand,
                "outcome": c.outcome,
                "verdicts": dict(c.verdicts),
                "reason": c.reason,
                "seconds": c.seconds,
            }
            for c in step.cells
        },
    }


def selftest(
    inputs: AuditInputs,
    *,
    audits: Sequence[str] | None = None,
    seed: int = 0,
    confidence: float = 0.95,
    progress: Progress | None = None,
) -> SelfTest:
    """Return what every audit says on every case of the calibration suite, made from these people.

    A third of the control persons play the people in a clean release, so an audit has fewer control persons here than
    it has for a real release: what it shows here it shows there all the more.

    Args:
        inputs: the tables the audits will judge a release with; the synthetic table is not read.
        audits: which to calibrate; all that are registered and that the calibration suite judges by default.
        seed: root of the random streams.
        confidence: as for the audits.
        progress: takes one plain line before and after each case.

    Raises:
        InputError: an audit the calibration suite does not judge, too few control persons, or tables that repeat each other.

    Privacy: reads train and control; the result holds counts and the audits' own sentences.
    Random: streams named after case, release and audit, so that no case changes another.
    Cost: the chosen audits about 38 times, and one or two of them 23 times more, on at most 2,000 persons in an arm.
    """
    started = time.monotonic()
    wanted = chosen(audits)
    say = _silent if progress is None else progress
    say("people: input checks, and three splits into train, control and fresh people")
    populations, split_problems = gather(inputs, seed)
    first, n_done, n_all = time.monotonic(), 0, sum(case.repeats for case in CASES)
    steps = []
    for number, case in enumerate(CASES, start=1):
        say(f"{case.name}: {case.says} ({number} of {len(CASES)})")
        steps.append(suite_run(case, populations, wanted, seed=seed, confidence=confidence))
        n_done += case.repeats
        left = (time.monotonic() - first) / n_done * (n_all - n_done)
        said = ", ".join(f"{c.audit} {c.outcome}" for c in steps[-1].cells)
        say(f"{case.name}: {said}; {steps[-1].seconds:.0f} s, about {_clock(left)} left")
    people = {
        "train": len(set(populations[0].train.groups)),
        "control": len(set(populations[0].control.groups)),
        "fresh": populations[0].n_unseen,
    }
    return SelfTest(
        steps=tuple(steps),
        audits=wanted,
        left_out=tuple(name for name in names() if name not in JUDGED),
        n_persons=people,
        n_repeating=populations[0].n_repeating,
        split_problems=split_problems,
        seed=seed,
        seconds=time.monotonic() - started,
    )


def chosen(audits: Sequence[str] | None) -> tuple[str, ...]:
    """Return the audits to calibrate: the registered ones the calibration suite judges, or those asked for.

    Raises:
        InputError: one is unknown, not on the calibration suite, or named twice; or none is left.
    """
    able = tuple(name for name in names() if name in JUDGED)
    wanted = able if audits is None else tuple(audits)
    problems = [f"{name!r} is not judged by the calibration suite" for name in wanted if name not in able]
    if problems or not wanted or len(set(wanted)) < len(wanted):
        raise InputError(
            "name each audit once, and at least one",
            problems=problems,
            hint=f"on the calibration suite: {', '.join(able)}",
        )
    return wanted


def gather(inputs: AuditInputs, seed: int, *, splits: int = SPLITS) -> tuple[list[Population], tuple[str, ...]]:
    """Return the people of each split, and why no audit may pass on these tables.

    The first split takes train as it is. In the others the persons of both tables are dealt anew, because a
    difference that chance put between the user's train and control would otherwise be met in every split.

    Raises:
        InputError: too few control persons, or all of them repeat somebody.
    """
    input_checks = check_split(inputs, stream(seed, "input_checks"))
    populations = [draw_population(input_checks.inputs, stream(seed, "selftest/people/0"))]
    for i in range(1, splits):
        rng = stream(seed, f"selftest/people/{i}")
        train, control = deal_persons(inputs.train, inputs.control, rng)
        anew = AuditInputs(synthetic=control, train=train, control=control, reference=inputs.reference)
        populations.append(draw_population(check_split(anew, rng).inputs, rng))
    return populations, input_checks.problems


def suite_run(
    case: Case, populations: Sequence[Population], audits: Sequence[str], *, seed: int, confidence: float
) -> Step:
    """Return what the audits say on one case; its releases take the splits of people in turn."""
    started = time.monotonic()
    if case.lean:
        audits = [audit for audit in audits if case.demand(audit) != "blind"]
    found: dict[str, list[AuditResult]] = {audit: [] for audit in audits}
    seconds = dict.fromkeys(audits, 0.0)
    for i in range(case.repeats if audits else 0):
        name = f"selftest/{case.name}/{i}"
        try:
            inputs = case.make(populations[i % len(populations)], stream(seed, name))
        except NotMeasurable as error:
            for audit in audits:
                found[audit].append(without_number(audit, "not_measurable", error.message))
            continue
        if case.lean:
            begun = time.monotonic()
            report = run(inputs, names=audits, seed=seed, confidence=confidence)
            for audit, result in zip(audits, report.results, strict=True):
                found[audit].append(result)
                seconds[audit] += (time.monotonic() - begun) / len(audits)
            continue
        cached = encode_once(stream(seed, f"{name}/seen"))
        for audit in audits:
            begun = time.monotonic()
            rng = stream(seed, f"{name}/{audit}")
            found[audit].append(result_of(audit, build(audit, cached), inputs, rng, confidence))
            seconds[audit] += time.monotonic() - begun
    return Step(
        case=case.name,
        says=case.says,
        why=case.why,
        blind=case.blind,
        cells=tuple(_cell(audit, case.demand(audit), found[audit], seconds[audit]) for audit in audits),
        seconds=time.monotonic() - started,
    )


def _cell(audit: str, demand: Demand, results: Sequence[AuditResult], seconds: float) -> Cell:
    wanted = {"must_pass": "pass", "must_fail": "fail"}.get(demand)
    other = [r for r in results if (r.verdict == "fail" if demand == "seldom_fail" else r.verdict != wanted)]
    return Cell(
        audit=audit,
        demand=demand,
        outcome=judge(demand, results),
        verdicts=dict(Counter(result.verdict for result in results)),
        reason=(other or results)[0].reason,
        seconds=seconds,
    )


def table(result: SelfTest) -> str:
    """Return which audit said what on which case, as plain text with a legend."""
    rows = [["case", *result.audits, "seconds"]]
    for step in result.steps:
        by_audit = {cell.audit: cell for cell in step.cells}
        rows.append(
            [step.case, *(shown(by_audit[a]) if a in by_audit else "-" for a in result.audits), f"{step.seconds:.0f}"]
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines) + "\n" + LEGEND


LEGEND = (
    "caught: the audit failed the release; passed: it let it go; unsure: it could not say. "
    "WRONG: not what the case demands; ?: too few people, or text it cannot read, to be calibrated; "
    "in brackets: nothing is demanded there; -: not run."
)
_WORDS = {"fail": "caught", "pass": "passed", "insufficient": "unsure"}
_MARKS = {"right": "{}", "wrong": "{} WRONG", "uncalibrated": "{} ?", "open": "({})"}


def shown(cell: Cell) -> str:
    """Return one cell of the table: what was said, how often where more than once, and whether it is right."""
    n = sum(cell.verdicts.values())
    said = [_WORDS[v] if n == 1 else f"{_WORDS[v]} {cell.verdicts[v]}" for v in _WORDS if cell.verdicts.get(v, 0) > 0]
    return _MARKS[cell.outcome].format(", ".join(said))


def _clock(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _silent(_line: str) -> None:
    return None
