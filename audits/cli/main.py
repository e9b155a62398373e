"""Define the command line `audits`: audit a synthetic table, explain an audit, verify a bundle."""

import json
import secrets
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from audits.cli import console
from audits.cli.explain import explain
from audits.cli.run import run
from audits.cli.selftest import selftest
from audits.cli.shadow import shadow_command, shadow_plan
from audits.cli.verify import verify
from audits.core.errors import AuditError
from audits.core.files import disk_errors

INTERRUPTED = 7  # exit code after a signal

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    rich_markup_mode=None,
    help="Audit a synthetic text table of any generator and decide whether it may be released.",
)


@app.command()
def canaries(  # noqa: PLR0913, PLR0917 - one parameter per option of the command line
    train: Annotated[Path, typer.Option(help="train table of the canary build, without canaries")],
    out: Annotated[Path, typer.Option(help="new folder for the canaries and insert.parquet")],
    reference: Annotated[Path | None, typer.Option(help="public table, from which the canaries take words")] = None,
    n: Annotated[int, typer.Option("--n", min=2, help="number of canaries; a pass requires at least 1000")] = 1000,
    seed: Annotated[int | None, typer.Option(min=0, help="secret seed of the coins; default: random")] = None,
    text: console.TextColumn = "text",
    label: console.LabelColumn = "label",
    group: console.GroupColumn = "group",
    *,
    as_json: console.AsJson = False,
) -> None:
    """Make fictional persons (canaries) and choose some of them for a second run of the generator.

    A fair coin decides for each canary whether its records are in insert.parquet. Append insert.parquet to the train
    table of the second run, the canary build. The canary build shows what the generator memorises. Never release its
    rows.
    """
    from audits.attacks.canaries.files import write_canaries
    from audits.attacks.canaries.kinds import make_canaries
    from audits.core.inputs import load_table
    from audits.core.streams import stream

    load = partial(load_table, text=text, label=label, group=group)
    public = None if reference is None else load(reference, role="reference")
    root = secrets.randbits(63) if seed is None else seed
    planted = make_canaries(load(train, role="train"), public, n, stream(root, "make canaries"))
    write_canaries(planted, out, text=text, label=label, group=group)
    said = f"written: {out}; append insert.parquet to the train data of the canary build; never release that build"
    console.print_fields({"folder": str(out), "canaries": n}, said, as_json=as_json)


@app.command()
def rewrite(
    table: Annotated[Path, typer.Argument(help="synthetic table (.parquet, .jsonl or .csv)")],
    out: Annotated[Path, typer.Argument(help="new file, to be audited and released instead of the table")],
    text: console.TextColumn = "text",
    label: console.LabelColumn = "label",
    without: Annotated[Path | None, typer.Option(help="quarantine.txt of `audits run`: rows to leave out")] = None,
    *,
    as_json: console.AsJson = False,
) -> None:
    """Write only the texts and labels of a table to a new file, without metadata.

    In the texts, several blanks become one, several empty lines become one, and invisible characters are removed.
    """
    from audits.cli.rewrite import rewrite as write
    from audits.core.quarantine import read_rows

    digest, left_out = (None, set[int]()) if without is None else read_rows(without)
    n_rows = write(table, out, text=text, label=label, without=left_out, of_table=digest)
    said = f"written: {out}, {n_rows} rows; audit and release this file instead of {table}"
    console.print_fields({"file": str(out), "rows": n_rows}, said, as_json=as_json)


app.command()(explain)
app.command()(run)
app.command()(selftest)
app.command("shadow-plan")(shadow_plan)
app.command("shadow")(shadow_command)
app.command()(verify)


@app.command()
def schema(*, as_json: console.AsJson = False) -> None:  # noqa: ARG001 - every command accepts --json
    """Print the JSON Schema of audit.json (with or without --json)."""
    from audits.core.report import audit_schema

    sys.stdout.write(json.dumps(audit_schema(), indent=1) + "\n")


@console.standard_streams()
def main() -> None:
    """Run the command line; print an AuditError as one message on stderr, and exit with its `exit_code`."""
    console.protect_process(_interrupted)
    try:
        with disk_errors(Path()):
            app()
    except AuditError as error:
        _stop(error, error.exit_code)
    except SystemExit as stop:
        if stop.code == INTERRUPTED:
            _stop(AuditError("interrupted", hint="Run the same command again."), INTERRUPTED)
        console.print_exit_json(stop)
        raise


def _interrupted(_number: int, _frame: object) -> None:
    sys.exit(INTERRUPTED)  # a library could catch KeyboardInterrupt, but none catches SystemExit


def _stop(error: AuditError, code: int) -> NoReturn:
    console.print_error_json(error, code)
    console.say(f"audits: {error}")
    sys.exit(code)
