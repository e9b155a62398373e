"""`audits`: attack a synthetic table, explain an audit, verify a bundle. Human text on stderr, data on stdout."""

import json
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

from audits.cli.console import Columns
from audits.cli.console import say as _say
from audits.cli.run import run
from audits.cli.selftest import selftest
from audits.cli.shadow import shadow_command, shadow_plan
from audits.core.errors import AuditError, InputError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    rich_markup_mode=None,
    help="Attack a synthetic text table and judge whether it may be released. Works on any tables, not only ours.",
)


@app.command()
def canaries(  # noqa: PLR0913, PLR0917 - one parameter per option of the command line
    train: Annotated[Path, typer.Option(help="what the generator of the second build will see besides")],
    out: Annotated[Path, typer.Option(help="new folder; insert.parquet in it goes to the second build's train data")],
    reference: Annotated[
        Path | None, typer.Option(help="public text of the same kind, for the canaries' words")
    ] = None,
    n: Annotated[int, typer.Option("--n", min=2, help="how many canaries; a verdict needs 1000")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="root of the random streams, coins included; keep it secret")] = 0,
    text: Columns = "text",
    label: Columns = "label",
    group: Columns = "group",
) -> None:
    """Make persons who do not exist, to be put by a coin into a second build whose rows are never released."""
    from audits.attacks.canaries.files import write_canaries
    from audits.attacks.canaries.kinds import make_canaries
    from audits.core.inputs import load_table
    from audits.core.streams import stream

    load = partial(load_table, text=text, label=label, group=group)
    public = None if reference is None else load(reference, role="reference")
    planted = make_canaries(load(train, role="train"), public, n, stream(seed, "make canaries"))
    write_canaries(planted, out, text=text, label=label, group=group)
    _say(f"written: {out}; append insert.parquet to the train data of a second build, whose rows are never released")


@app.command()
def rewrite(
    table: Annotated[Path, typer.Argument(help="a synthetic table (.parquet, .jsonl, .csv)")],
    out: Annotated[Path, typer.Argument(help="the new file that is to be audited and to leave in its place")],
    text: Columns = "text",
    label: Columns = "label",
    group: Columns = "group",
) -> None:
    """Write the columns of a table that audits read, and not a byte besides, to a new file."""
    from audits.core.inputs import rewrite as write

    n_rows = write(table, out, text=text, label=label, group=group)
    _say(f"written: {out}, {n_rows} rows; audit this file and let it leave in the place of the other")


app.command()(run)
app.command()(selftest)
app.command("shadow-plan")(shadow_plan)
app.command("shadow")(shadow_command)


@app.command()
def explain(audit: Annotated[str, typer.Argument(help="an audit's name, or its letter A to I")]) -> None:
    """Say in plain words what an audit asks, how, and what its verdicts mean."""
    from audits.runner.registry import names

    folder = Path(__file__).parent / "explain"
    pages = {page.stem: page for page in sorted(folder.glob("*.md"))}
    letters = dict(zip("abcdefghi", names(), strict=True))
    name = letters.get(audit.lower(), audit.lower())
    if name not in pages:
        raise InputError(f"there is no audit {audit!r}", hint=f"audits: {', '.join(names())}")
    sys.stdout.write(pages[name].read_text(encoding="utf-8"))


@app.command()
def schema() -> None:
    """Print the JSON Schema of audit.json."""
    from audits.core.report import audit_schema

    sys.stdout.write(json.dumps(audit_schema(), indent=1) + "\n")


@app.command()
def verify(
    bundle: Annotated[Path, typer.Argument(help="the folder of a release")],
    trust: Annotated[Path | None, typer.Option(help="your own trust root, never the bundle's")] = None,
    policy: Annotated[str | None, typer.Option(help="the policy you expect")] = None,
    *,
    only: Annotated[Literal["integrity"] | None, typer.Option(help="integrity: no trust; exit 20 at best")] = None,
    trust_state: Annotated[Path | None, typer.Option(help="high-water mark of the trust roots seen")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the checks on stdout")] = False,
) -> None:
    """Verify a released bundle offline; the exit code says what failed."""
    from audits.verify.bundle import verify_bundle, verify_integrity
    from audits.verify.outcome import print_verification

    if only is None and trust is None:
        raise InputError("--trust is needed", hint="Without one only the integrity can be checked: --only integrity")
    result = (
        verify_integrity(bundle) if trust is None or only else verify_bundle(bundle, trust, policy, state=trust_state)
    )
    print_verification(result, bundle.name, as_json=as_json)
    raise typer.Exit(result.code)


def main() -> None:
    """Run the command line; an audit error becomes one message on stderr and its exit code."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupted)
    try:
        app()
    except AuditError as error:
        _stop(str(error), error.exit_code)


def _interrupted(_number: int, _frame: object) -> None:
    """Leave by SystemExit, which neither the command line's parser nor a library turns into another end."""
    _stop("interrupted", 7)


def _stop(message: str, code: int) -> NoReturn:
    _say(f"audits: {message}")
    sys.exit(code)
