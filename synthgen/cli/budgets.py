"""`synthgen budget`: what was spent of persons' privacy, from the institution's ledger."""

import json
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

budget_app = typer.Typer(no_args_is_help=True, help="The ledger of privacy budgets: show, check.")
ConfigFile = Annotated[Path, Argument(help="A configuration; its ledger and releaser's key say where to look.")]


@budget_app.command("show")
def show(config: ConfigFile, *, as_json: Annotated[bool, Option("--json", help="For programs.")] = False) -> None:
    """List every reservation: what it spends, and what became of it."""
    from audits.ledger.budgets import all_reservations
    from synthgen.config import Config
    from synthgen.pipeline.ledger import ledger_of

    found = all_reservations(*ledger_of(Config.load(config)))
    if as_json:
        typer.echo(json.dumps(found, indent=1, sort_keys=True))
        return
    typer.echo(f"{len(found)} reservations", err=True)
    for one in found:
        typer.echo(
            f"{one['run'][:12]}  epsilon {one['epsilon']:g}, delta {one['delta']:g}, {_STATES[str(one['state'])]}",
            err=True,
        )


@budget_app.command("check")
def check(config: ConfigFile) -> None:
    """Check that the ledger is whole, and that its budget holds what the run would spend; exit code 5 where not.

    What the run reserved before is not counted twice: it goes on with that. With `--resume never` it would pay anew.
    """
    from audits.gate.shipped import load_policy
    from synthgen.config import Config
    from synthgen.dp.reserve import check_room
    from synthgen.pipeline.policy import policy_file

    asked = Config.load(config)
    before, goes_on = check_room(asked, load_policy(policy_file(asked)))
    told = "; what this run reserved and goes on with is not among it" if goes_on else ""
    typer.echo(
        f"the ledger is whole; spent of its budget: epsilon {before.epsilon:g}, delta {before.delta:g}{told}",
        err=True,
    )


_STATES = {"reserve": "nothing drawn yet", "draw": "drawn, not booked", "made": "made"}
