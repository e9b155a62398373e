"""Implement `synthgen budget`: show and check the DP budget in the institution's ledger, and void a reservation."""

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from synthgen.cli.output import AsJson, print_fields

budget_app = typer.Typer(no_args_is_help=True, help="Show and check the ledger of DP budgets; void a reservation.")
ConfigFile = Annotated[Path, Argument(help="Configuration (YAML) that names the ledger.")]
_STATES = {
    "reserve": "reserved, no noise drawn yet",
    "draw": "noise drawn, result not saved",
    "made": "result saved",
    "void": "voided, does not count",
}
_SHOWN = 12  # hex digits of a run's id
LEAST = 0.01  # smallest epsilon that is shown as room for one more run


@budget_app.command("show")
def show(config: ConfigFile, *, as_json: AsJson = False) -> None:
    """List every reservation of the ledger with its state, and the joint cost of those that count.

    The joint cost is at the delta of all runs together, as a run of the configuration would compute it.
    """
    from audits.attacks.accounting.accountants import further_epsilon
    from audits.ledger.budgets import all_reservations, counted, joint_cost
    from synthgen.config import Config
    from synthgen.dp.planned_queries import run_limit
    from synthgen.pipeline.institution import ledger_of, policy_of

    loaded = Config.load(config)
    ledger, most = ledger_of(loaded), run_limit(loaded, policy_of(loaded))
    found, runs = all_reservations(*ledger), counted(*ledger)
    spent = None if most is None else joint_cost(runs, most.delta)
    total = None if spent is None else {"epsilon": spent.epsilon, "delta": spent.delta}
    lines = [f"{len(found)} reservations, {len(found) - len(runs)} of them voided"]
    for one in found:
        state = _STATES[str(one["state"])] + (f", since {one['time']}" if "time" in one else "")
        lines.append(f"{one['run'][:_SHOWN]}  epsilon {one['epsilon']:g}, delta {one['delta']:g}, {state}")
    if spent is not None and most is not None:
        lines.append(f"together: epsilon {spent.epsilon:.4g} at delta {spent.delta:g}")
        if math.isfinite(most.epsilon):
            further = further_epsilon(spent.epsilon, limit=most.epsilon, delta=spent.delta)
            room = f"one more run of at most epsilon {math.floor(further * 100) / 100:g}"
            lines.append(
                f"limit: epsilon {most.epsilon:g}, which leaves room for {room if further >= LEAST else 'no run'}"
            )
    print_fields({"reservations": found, "spent": total}, "\n".join(lines), as_json=as_json)


@budget_app.command("check")
def check(config: ConfigFile, *, as_json: AsJson = False) -> None:
    """Check that the ledger is intact and that its remaining budget covers the run; exit with code 5 if not.

    A reservation that this run already made is not counted again, because the run continues with it. With
    `--resume never` the run would spend the budget a second time.
    """
    from synthgen.config import Config
    from synthgen.dp.reserve import check_room
    from synthgen.pipeline.institution import policy_of

    loaded = Config.load(config)
    before, is_reserved = check_room(loaded, policy_of(loaded))
    note = " (without the reservation of this run)" if is_reserved else ""
    spent, text = None, "the ledger is intact"
    if before is not None:  # None if the configuration has no budget
        spent = {"epsilon": before.epsilon, "delta": before.delta}
        shown = f"epsilon {before.epsilon:.4g} at delta {before.delta:g} for all runs together{note}"
        text += f"; budget already spent: {shown}"
    print_fields({"intact": True, "spent": spent, "reserved": is_reserved}, text, as_json=as_json)


@budget_app.command("void")
def void(
    config: ConfigFile,
    *,
    run: Annotated[
        str | None, Option(help="Id of the reservation as `budget show` prints it; default: the configuration's own.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Void a reservation under which no noise was drawn; exit with code 5 if noise was drawn.

    The reservation then counts no more, its run can never draw noise, and the ledger and later statements show the
    void. The next run of the configuration makes a new reservation.
    """
    from audits.ledger.budgets import void as void_in
    from synthgen.config import Config
    from synthgen.dp.reserve import named_reservation
    from synthgen.pipeline.institution import ledger_of

    loaded = Config.load(config)
    name = named_reservation(loaded, run)
    time = void_in(*ledger_of(loaded), name, datetime.now(UTC))
    text = f"{name[:_SHOWN]}: voided at {time}; it does not count, and its run cannot draw noise"
    print_fields({"run": name, "voided": time}, text, as_json=as_json)
