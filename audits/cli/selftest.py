"""Implement `audits selftest`: test on the user's own tables whether the audits detect known leaks."""

import json
import secrets
import sys
from pathlib import Path
from typing import Annotated

import typer

from audits.cli import console
from audits.core.files import write_whole

NOT_PASSED = 4  # exit code if the self-test does not pass


def selftest(  # noqa: PLR0913, PLR0917 - one parameter per option of the command line
    train: console.Train,
    control: console.Control,
    reference: console.Reference = None,
    only: Annotated[str | None, typer.Option(help="comma-separated audits to test")] = None,
    seed: console.Seed = 0,
    confidence: console.Confidence = 0.95,
    text: console.TextColumn = "text",
    label: console.LabelColumn = "label",
    group: console.GroupColumn = "group",
    *,
    rows_are_persons: console.RowsArePersons = False,
    out: Annotated[Path | None, typer.Option(help="folder for selftest.json, for `audits run --selftest`")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the result as JSON on stdout")] = False,
) -> None:
    """Test with your own train and control tables whether the audits detect known leaks.

    The command makes synthetic tables from your data. Some have a known leak, for example copies of train persons.
    The others are made from a third of the control persons and have no leak. Every audit must fail the tables with a
    leak and pass the tables without a leak. Each audit runs 38 to 59 times, on at most 2,000 persons per table.

    The self-test is not passed if an audit gives a wrong verdict, if there are too few persons to test an audit, or
    if the input checks find a problem. Exit 0 if it is passed, 4 if it is not passed, 3 if a table cannot be used.
    """
    from audits.core.inputs import load_tables, table_digest
    from audits.core.report import tool_name
    from audits.selftest.bound import bound_selftest
    from audits.selftest.run_suite import format_table, run_suite

    if out is not None:
        console.create_folder(out)
    columns = {"text": text, "label": label, "group": group}
    inputs = load_tables(None, train, control, reference, **columns, rows_are_persons=rows_are_persons)
    result = run_suite(inputs, audits=console.listed(only), seed=seed, confidence=confidence, progress=console.say)
    tell = console.say if as_json else console.show
    tell("\n".join([format_table(result), *result.problems]))
    if result.left_out:
        tell(f"not tested, because these audits need further inputs: {', '.join(result.left_out)}")
    if out is not None:
        tables = {"train": table_digest(inputs.train), "control": table_digest(inputs.control)}
        bound = bound_selftest(result.to_json(), tables, salt=secrets.token_hex(32), tool=tool_name())
        write_whole(out / "selftest.json", bound.to_bytes())
        tell(f"written: {out / 'selftest.json'}; keep it private; `audits run --selftest` reads it")
    outcome = "passed" if result.is_right else "not passed"
    tell(f"self-test of {len(result.audits)} audits in {result.seconds:.0f} s: {outcome}")
    if as_json:
        sys.stdout.write(json.dumps(result.to_json()) + "\n")
    raise typer.Exit(0 if result.is_right else NOT_PASSED)
