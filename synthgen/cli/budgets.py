"""Implement `synthgen budget`: show and check the DP budget recorded in the institution's ledger."""

import json
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

budget_app = typer.Typer(no_args_is_help=True, help="Show and check the ledger of DP budgets.")
ConfigFile = Annotated[Path, Argument(help="Configuration (YAML) that names the ledger.")]
_STATES = {"reserve": "reserved, no noise drawn yet", "draw": "noise drawn, result not saved", "made": "result saved"}


@budget_app.command("show")
def show(config: ConfigFile, *, as_json: Annotated[bool, Option("--json", help="Print JSON.")] = False) -> None:
    """List every reservation of the ledger with its epsilon, delta and state."""
    from audits.ledger.budgets import all_reservations
    from synthgen.config import Config
    from synthgen.pipeline.ledger import ledger_of

    found = all_reservations(*ledger_of(Config.load(config)))
    if as_json:
        typer.echo(json.dumps(found, indent=1, sort_keys=True))
        return
    typer.echo(f"{len(found)} reservations", err=True)
    for one in found:
        state = _STATES[str(one["state"])]
        typer.echo(f"{one['run'][:12]}  epsilon {one['epsilon']:g}, delta {one['delta']:g}, {state}", err=True)


@budget_app.command("check")
def check(config: ConfigFile) -> None:
    """Check that the ledger is intact and that its remaining budget covers the run; exit with code 5 if not.

    A reservation that this run already made is not counted again, because the run continues with it. With
    `--resume never` the run would spend the budget a second time.
    """
    from audits.gate.shipped import load_policy
    from synthgen.config import Config
    from synthgen.dp.reserve import check_room
    from synthgen.pipeline.policy import policy_file

    loaded = Config.load(config)
    before, is_reserved = check_room(loaded, load_policy(policy_file(loaded)))
    note = " (without the reservation of this run)" if is_reserved else ""
    spent = f"epsilon {before.epsilon:g}, delta {before.delta:g}{note}"
    typer.echo(f"the ledger is intact; budget already spent: {spent}", err=True)
