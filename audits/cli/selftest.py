"""`audits selftest`: the calibration calibration suite on the user's own tables; text on stderr, `--json` on stdout."""

import json
import secrets
import sys
from pathlib import Path
from typing import Annotated

import typer

from audits.cli.console import Columns, Confidence, Control, Reference, RowsArePersons, Seed, listed, say
from audits.core.files import write_whole

CLOSED = 4


def selftest(  # noqa: PLR0913, PLR0917 - one parameter per option of the command line
    train: Annotated[Path, typer.Option(help="what the generator saw (.parquet, .jsonl, .csv)")],
    control: Control,
    reference: Reference = None,
    only: Annotated[str | None, typer.Option(help="audits to calibrate, separated by commas")] = None,
    seed: Seed = 0,
    confidence: Confidence = 0.95,
    text: Columns = "text",
    label: Columns = "label",
    group: Columns = "group",
    *,
    rows_are_persons: RowsArePersons = False,
    out: Annotated[
        Path | None, typer.Option(help="folder for selftest.json, which `audits run --selftest` reads")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the result on stdout")] = False,
) -> None:
    """Test the audits themselves on your own train and control: are they able to tell a leak from chance here?

    Makes releases whose leak is known out of your people: copies of all of them, of one in a hundred, of one; copies
    with words left out; mixes of neighbours; texts of a small language model; one record number; and clean releases
    of other people, from a third of the control persons. Every audit must catch what leaks and let go what is clean.

    An audit that does not is no evidence about any release, so one wrong case closes the gate; so does an audit that
    has too few people to be shown to work. Exit 0 if every case is right, 4 if the gate is closed, 3 if a table
    cannot be used. It runs the audits about 38 times, on 2,000 persons of each table at most.
    """
    from audits.core.inputs import load_tables, table_digest
    from audits.core.report import tool_name
    from audits.selftest.bound import bound_selftest
    from audits.selftest.suite_run import selftest as run_suite
    from audits.selftest.suite_run import table as as_table

    inputs = load_tables(
        None, train, control, reference, text=text, label=label, group=group, rows_are_persons=rows_are_persons
    )
    result = run_suite(inputs, audits=listed(only), seed=seed, confidence=confidence, progress=say)
    say(as_table(result))
    for problem in result.problems:
        say(problem)
    if result.left_out:
        say(
            f"not on the calibration suite, because they judge other inputs than a table: {', '.join(result.left_out)}"
        )
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        tables = {"train": table_digest(inputs.train), "control": table_digest(inputs.control)}
        bound = bound_selftest(result.to_json(), tables, salt=secrets.token_hex(32), tool=tool_name())
        write_whole(out / "selftest.json", bound.to_bytes())
        say(f"written: {out / 'selftest.json'}; private, for `audits run --selftest` on these tables")
    end = "every case is right" if result.is_right else "gate closed"
    say(f"self-test of {len(result.audits)} audits in {result.seconds:.0f} s: {end}")
    if as_json:
        sys.stdout.write(json.dumps(result.to_json()) + "\n")
    raise typer.Exit(0 if result.is_right else CLOSED)
