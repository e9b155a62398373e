"""`audits shadow-plan` and `audits shadow`: the attack for those who can run their generator many times."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audits.cli.console import Columns, Confidence, Control, Reference, RowsArePersons, Seed, Synthetic, Train, say

if TYPE_CHECKING:
    from collections.abc import Callable

NOT_PASSED = 4
SECONDS_BETWEEN_LINES = 5.0


def shadow_plan(  # noqa: PLR0913, PLR0917 - one parameter per option of the command line
    synthetic: Synthetic,
    train: Train,
    control: Control,
    out: Annotated[Path, typer.Option(help="new private folder; plan.json in it names persons")],
    reference: Reference = None,
    runs: Annotated[int, typer.Option(help="reruns, half of them without each person; a multiple of 8")] = 32,
    persons: Annotated[int | None, typer.Option(help="asked about; by default one in a hundred of train")] = None,
    seed: Seed = 0,
    text: Columns = "text",
    label: Columns = "label",
    group: Columns = "group",
    *,
    rows_are_persons: RowsArePersons = False,
) -> None:
    """Say which persons the generator must be rerun without, for `audits shadow`.

    Asked about are the persons whom a synthetic record crowds most. Each is left out of half of the reruns, so one
    set of reruns serves them all. Run the generator once for each entry of `runs` in plan.json, on train without the
    persons in its `leave_out` and with a seed of its own, and put what it writes at the place in its `synthetic`.
    """
    from audits.attacks.shadow.plan import plan_shadow, write_plan
    from audits.core.inputs import load_tables
    from audits.core.streams import stream

    inputs = load_tables(
        synthetic, train, control, reference, text=text, label=label, group=group, rows_are_persons=rows_are_persons
    )
    plan = plan_shadow(inputs, runs=runs, n_persons=persons, rng=stream(seed, "shadow plan"))
    write_plan(plan, out)
    say(f"written: {out}; {plan.runs} reruns about {len(plan.persons)} persons. Keep the folder private.")


def shadow_command(  # noqa: PLR0913, PLR0917 - one parameter per option of the command line
    plan: Annotated[Path, typer.Argument(help="the folder of `audits shadow-plan`, with the reruns' tables in it")],
    train: Annotated[Path, typer.Option(help="as the plan was made from")],
    control: Annotated[Path, typer.Option(help="as the plan was made from")],
    reference: Reference = None,
    seed: Seed = 0,
    confidence: Confidence = 0.95,
    text: Columns = "text",
    label: Columns = "label",
    group: Columns = "group",
    *,
    rows_are_persons: RowsArePersons = False,
    as_json: Annotated[bool, typer.Option("--json", help="print shadow.json on stdout")] = False,
) -> None:
    """Tell from the reruns' tables which of them saw a person; exit 0 if that fails, 4 if it succeeds or is unsure.

    Writes shadow.json into the folder: numbers over all persons, no name.
    """
    from audits.attacks.shadow.report import as_text, judge_shadow
    from audits.core.inputs import load_tables

    inputs = load_tables(
        None, train, control, reference, text=text, label=label, group=group, rows_are_persons=rows_are_persons
    )
    report = judge_shadow(
        plan, inputs, seed=seed, confidence=confidence, text=text, label=label, progress=_progress_line()
    )
    say(as_text(report.results[0]))
    if as_json:
        sys.stdout.write(report.to_json().decode() + "\n")
    raise typer.Exit(0 if report.overall == "pass" else NOT_PASSED)


def _progress_line() -> "Callable[[int, int], None]":
    """Return what says, at most every five seconds, how many steps are done."""
    last = time.monotonic()

    def step(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= SECONDS_BETWEEN_LINES or done == total:
            last = time.monotonic()
            say(f"shadow: {done} of {total} tables and dealings")

    return step
