"""The self-test: are the audits, on these people, able to tell a leak from chance?

A verdict is only as good as the auditor that gives it. Before a release is judged, releases whose leak is known are
made up from the user's own people (`audits/selftest/recipes.py`) and every audit must say of each what is true
(`audits/selftest/ladder.py`). An audit that passes a leak, or stops what is clean, is no evidence about any
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
from audits.runner.hygiene import check_split
from audits.runner.registry import build, names
from audits.runner.run import result_of, run
from audits.selftest.clean_release import Population, deal_persons, draw_population
from audits.selftest.ladder import JUDGED, RUNGS, SPLITS, Demand, Outcome, Rung, judge
from audits.space.encoded_tables import encode_once

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What one audit said on one rung.

    Args:
        audit: its name.
        demand: what is asked of it there.
        outcome: whether what it said is right.
        verdicts: how often it gave each verdict.
        reason: its own sentence on the first release that it did not say the right thing of, else on the first one.
        seconds: how long it took over all releases of the rung.
    """

    audit: str
    demand: Demand
    outcome: Outcome
    verdicts: Mapping[str, int]
    reason: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One rung of the ladder with what every audit said on it."""

    rung: str
    says: str
    why: str
    blind: str
    cells: tuple[Cell, ...]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTest:
    """The whole ladder.

    Args:
        steps: every rung.
        audits: those that were calibrated, in the order of the contract.
        left_out: registered audits that the ladder says nothing about.
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
        """Return why the gate is closed, a sentence each; empty where every rung is right."""
        found = [f"gate closed: {problem}" for problem in self.split_problems]
        for audit in self.audits:
            for words, outcome in (
                ("is wrong on", "wrong"),
                ("has too few people (or text it cannot read) to be calibrated on", "uncalibrated"),
            ):
                cells = [(s.rung, c) for s in self.steps for c in s.cells if (c.audit, c.outcome) == (audit, outcome)]
                if cells:
                    rungs = ", ".join(rung for rung, _ in cells)
                    found.append(f"gate closed: {audit} {words} {rungs}: {cells[0][1].reason}")
        return tuple(found)

    @property
    def is_right(self) -> bool:
        """Return whether every audit said what is true on every rung, so that its verdicts count."""
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
            "rungs": [step_json(step) for step in self.steps],
        }


def step_json(step: Step) -> dict[str, Any]:
    """Return one rung as JSON values."""
    return {
        "rung": step.rung,
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
    """Return what every audit says on every rung of the ladder, made from these people.

    A third of the control persons play the people in a clean release, so an audit has fewer control persons here than
    it has for a real release: what it shows here it shows there all the more.

    Args:
        inputs: the tables the audits will judge a release with; the synthetic table is not read.
        audits: which to calibrate; all that are registered and that the ladder judges by default.
        seed: root of the random streams.
        confidence: as for the audits.
        progress: takes one plain line before and after each rung.

    Raises:
        InputError: an audit the ladder does not judge, too few control persons, or tables that repeat each other.

    Privacy: reads train and control; the result holds counts and the audits' own sentences.
    Random: streams named after rung, release and audit, so that no rung changes another.
    Cost: the chosen audits about 38 times, and one or two of them 23 times more, on at most 2,000 persons in an arm.
    """
    started = time.monotonic()
    wanted = chosen(audits)
    say = _silent if progress is None else progress
    say("people: split hygiene, and three splits into train, control and fresh people")
    populations, split_problems = gather(inputs, seed)
    first, n_done, n_all = time.monotonic(), 0, sum(rung.repeats for rung in RUNGS)
    steps = []
    for number, rung in enumerate(RUNGS, start=1):
        say(f"{rung.name}: {rung.says} ({number} of {len(RUNGS)})")
        steps.append(climb(rung, populations, wanted, seed=seed, confidence=confidence))
        n_done += rung.repeats
        left = (time.monotonic() - first) / n_done * (n_all - n_done)
        said = ", ".join(f"{c.audit} {c.outcome}" for c in steps[-1].cells)
        say(f"{rung.name}: {said}; {steps[-1].seconds:.0f} s, about {_clock(left)} left")
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
    """Return the audits to calibrate: the registered ones the ladder judges, or those asked for.

    Raises:
        InputError: one is unknown, not on the ladder, or named twice; or none is left.
    """
    able = tuple(name for name in names() if name in JUDGED)
    wanted = able if audits is None else tuple(audits)
    problems = [f"{name!r} is not judged by the ladder" for name in wanted if name not in able]
    if problems or not wanted or len(set(wanted)) < len(wanted):
        raise InputError(
            "name each audit once, and at least one", problems=problems, hint=f"on the ladder: {', '.join(able)}"
        )
    return wanted


def gather(inputs: AuditInputs, seed: int, *, splits: int = SPLITS) -> tuple[list[Population], tuple[str, ...]]:
    """Return the people of each split, and why no audit may pass on these tables.

    The first split takes train as it is. In the others the persons of both tables are dealt anew, because a
    difference that chance put between the user's train and control would otherwise be met in every split.

    Raises:
        InputError: too few control persons, or all of them repeat somebody.
    """
    hygiene = check_split(inputs, stream(seed, "hygiene"))
    populations = [draw_population(hygiene.inputs, stream(seed, "selftest/people/0"))]
    for i in range(1, splits):
        rng = stream(seed, f"selftest/people/{i}")
        train, control = deal_persons(inputs.train, inputs.control, rng)
        anew = AuditInputs(synthetic=control, train=train, control=control, reference=inputs.reference)
        populations.append(draw_population(check_split(anew, rng).inputs, rng))
    return populations, hygiene.problems


def climb(
    rung: Rung, populations: Sequence[Population], audits: Sequence[str], *, seed: int, confidence: float
) -> Step:
    """Return what the audits say on one rung; its releases take the splits of people in turn."""
    started = time.monotonic()
    if rung.lean:
        audits = [audit for audit in audits if rung.demand(audit) != "blind"]
    found: dict[str, list[AuditResult]] = {audit: [] for audit in audits}
    seconds = dict.fromkeys(audits, 0.0)
    for i in range(rung.repeats if audits else 0):
        name = f"selftest/{rung.name}/{i}"
        try:
            inputs = rung.make(populations[i % len(populations)], stream(seed, name))
        except NotMeasurable as error:
            for audit in audits:
                found[audit].append(without_number(audit, "not_measurable", error.message))
            continue
        if rung.lean:
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
        rung=rung.name,
        says=rung.says,
        why=rung.why,
        blind=rung.blind,
        cells=tuple(_cell(audit, rung.demand(audit), found[audit], seconds[audit]) for audit in audits),
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
    """Return which audit said what on which rung, as plain text with a legend."""
    rows = [["rung", *result.audits, "seconds"]]
    for step in result.steps:
        by_audit = {cell.audit: cell for cell in step.cells}
        rows.append(
            [step.rung, *(shown(by_audit[a]) if a in by_audit else "-" for a in result.audits), f"{step.seconds:.0f}"]
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines) + "\n" + LEGEND


LEGEND = (
    "caught: the audit failed the release; passed: it let it go; unsure: it could not say. "
    "WRONG: not what the rung demands; ?: too few people, or text it cannot read, to be calibrated; "
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
