"""Implement `audits shadow-plan` and `audits shadow`, an attack for users who can run their generator again.

The generator runs many times, each time without some persons. The attack infers which runs used each person's
records.
"""

import json
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from audits.cli import console

NOT_PASSED = 4  # exit code if the verdict is "fail" or "insufficient"
SECONDS_BETWEEN_LINES = 5.0  # shortest time between two progress lines


def shadow_plan(  # noqa: PLR0913, PLR0917 - one parameter per option of the command line
    synthetic: console.Synthetic,
    train: console.Train,
    control: console.Control,
    out: Annotated[Path, typer.Option(help="new private folder; its plan.json contains person ids")],
    reference: console.Reference = None,
    runs: Annotated[int, typer.Option(help="number of reruns, a multiple of 8")] = 32,
    persons: Annotated[int | None, typer.Option(help="number of target persons; default: 1 % of train")] = None,
    seed: console.Seed = 0,
    text: console.TextColumn = "text",
    label: console.LabelColumn = "label",
    group: console.GroupColumn = "group",
    *,
    rows_are_persons: console.RowsArePersons = False,
    as_json: console.AsJson = False,
) -> None:
    """Plan the reruns of the generator for `audits shadow`.

    The targets are the most over-represented train persons: those whose records are most similar to a synthetic
    record, compared with their similarity to public or control records. Each target is omitted from half of the
    reruns. For each entry of `runs` in plan.json, run the generator with a new seed on train without the persons in
    `leave_out`. Save its output in the folder of --out at the path in `synthetic`, with the suffix .parquet, .jsonl
    or .csv.
    """
    from audits.attacks.shadow.plan import plan_shadow, write_plan
    from audits.core.inputs import load_tables
    from audits.core.streams import stream

    columns = {"text": text, "label": label, "group": group}
    inputs = load_tables(synthetic, train, control, reference, **columns, rows_are_persons=rows_are_persons)
    plan = plan_shadow(inputs, runs=runs, n_persons=persons, rng=stream(seed, "shadow plan"))
    write_plan(plan, out)
    said = f"written: {out}; {plan.runs} reruns for {len(plan.persons)} target persons. Keep the folder private."
    if as_json:
        fields = {"folder": str(out), "runs": plan.runs, "persons": len(plan.persons)}
        sys.stdout.write(json.dumps(fields, indent=1) + "\n")
    console.say(said)


def shadow_command(  # noqa: PLR0913, PLR0917 - one parameter per option of the command line
    plan: Annotated[Path, typer.Argument(help="folder of `audits shadow-plan` with the tables of the reruns")],
    train: Annotated[Path, typer.Option(help="the same table as for `audits shadow-plan`")],
    control: Annotated[Path, typer.Option(help="the same table as for `audits shadow-plan`")],
    reference: console.Reference = None,
    seed: console.Seed = 0,
    confidence: console.Confidence = 0.95,
    text: console.TextColumn = "text",
    label: console.LabelColumn = "label",
    group: console.GroupColumn = "group",
    *,
    rows_are_persons: console.RowsArePersons = False,
    as_json: Annotated[bool, typer.Option("--json", help="print shadow.json on stdout")] = False,
) -> None:
    """Infer from the output tables of the reruns which reruns were trained on each target person.

    Exit 0 if this attack fails (verdict pass), 4 if it succeeds or is inconclusive. The command writes shadow.json
    into the folder. This file names no person: it contains means over all persons, and the highest AUC of a person.
    """
    from audits.attacks.shadow.attack import as_text, judge_shadow
    from audits.core.inputs import load_tables

    last = time.monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= SECONDS_BETWEEN_LINES or done == total:
            last = time.monotonic()
            console.say(f"shadow: step {done} of {total}")

    columns: dict[str, Any] = {"text": text, "label": label}
    inputs = load_tables(None, train, control, reference, **columns, group=group, rows_are_persons=rows_are_persons)
    report = judge_shadow(plan, inputs, seed=seed, confidence=confidence, **columns, progress=tell)
    (console.say if as_json else console.show)(as_text(report.results[0]))
    if as_json:
        sys.stdout.write(report.to_json().decode() + "\n")
    raise typer.Exit(0 if report.overall == "pass" else NOT_PASSED)
