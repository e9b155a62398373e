"""`audits selftest`: the calibration ladder on the user's own tables; text on stderr, `--json` on stdout."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from audits.core.inputs import Role
    from audits.core.types import Table

CLOSED = 4

Columns = Annotated[str, typer.Option(help="column of this name in every table")]


def selftest(  # noqa: PLR0913, PLR0917 - one parameter per option of the command line
    train: Annotated[Path, typer.Option(help="what the generator saw (.parquet, .jsonl, .csv)")],
    control: Annotated[Path, typer.Option(help="persons of the same kind that the generator never saw")],
    reference: Annotated[Path | None, typer.Option(help="public text of the same kind")] = None,
    only: Annotated[str | None, typer.Option(help="audits to calibrate, separated by commas")] = None,
    seed: Annotated[int, typer.Option(min=0, help="root of the random streams")] = 0,
    confidence: Annotated[float, typer.Option(help="one-sided confidence of every interval's ends")] = 0.95,
    text: Columns = "text",
    label: Columns = "label",
    group: Columns = "group",
    *,
    rows_are_persons: Annotated[bool, typer.Option(help="claim that every row is another person")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the result on stdout")] = False,
) -> None:
    """Test the audits themselves on your own train and control: are they able to tell a leak from chance here?

    Makes releases whose leak is known out of your people: copies of all of them, of one in a hundred, of one; copies
    with words left out; mixes of neighbours; texts of a small language model; one record number; and clean releases
    of other people, from a third of the control persons. Every audit must catch what leaks and let go what is clean.

    An audit that does not is no evidence about any release, so one wrong rung closes the gate; so does an audit that
    has too few people to be shown to work. Exit 0 if every rung is right, 4 if the gate is closed, 3 if a table
    cannot be used. It runs the audits about 38 times, on 2,000 persons of each table at most.
    """
    from audits.core.inputs import load_inputs, load_table
    from audits.selftest.climb import selftest as climb_ladder
    from audits.selftest.climb import table as as_table

    def load(path: Path, role: "Role") -> "Table":
        return load_table(path, text=text, label=label, group=group, role=role, rows_are_persons=rows_are_persons)

    persons = load(control, "control")
    inputs = load_inputs(
        persons,  # stands in for the release, of which there is none
        load(train, "train"),
        persons,
        None if reference is None else load(reference, "reference"),
    )
    result = climb_ladder(
        inputs,
        audits=None if only is None else [name.strip() for name in only.split(",") if name.strip()],
        seed=seed,
        confidence=confidence,
        progress=_say,
    )
    _say(as_table(result))
    for problem in result.problems:
        _say(problem)
    if result.left_out:
        _say(f"not on the ladder, because they judge other inputs than a table: {', '.join(result.left_out)}")
    end = "every rung is right" if result.is_right else "gate closed"
    _say(f"self-test of {len(result.audits)} audits in {result.seconds:.0f} s: {end}")
    if as_json:
        sys.stdout.write(json.dumps(result.to_json()) + "\n")
    raise typer.Exit(0 if result.is_right else CLOSED)


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
