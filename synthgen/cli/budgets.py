"""Implement `synthgen budget`: show and check the privacy budgets in the institution's ledger.

A DP run reserves its budget in the ledger before it draws noise. A reservation can be voided (cancelled) if no noise
was drawn under it.
"""

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from synthgen.cli.output import Application, AsJson, print_fields

budget_app = Application(help="Show and check the ledger of DP budgets; void a reservation.")
ConfigFile = Annotated[Path, Argument(help="Configuration (YAML) that names the ledger.")]
_STATES = {  # state of a reservation in the ledger -> text for the user
    "reserve": "reserved, no noise drawn yet",
    "draw": "noise drawn, result not saved",
    "made": "result saved",
    "void": "voided, does not count",
}
_DIGITS = 12  # number of hex digits of a run's id that are shown
MIN_EPSILON = 0.01  # smallest remaining epsilon for which the output states that one more run is possible


@budget_app.command("show")
def show(config: ConfigFile, *, as_json: AsJson = False) -> None:
    """List every reservation in the ledger with its state, and the joint privacy cost of all that are not voided.

    The joint cost is stated at the delta that a run of CONFIG would use.
    """
    from audits.attacks.accounting.accountants import further_epsilon
    from audits.ledger.budgets import all_reservations, counting_reservations, joint_cost
    from synthgen.config import Config
    from synthgen.dp.planned_queries import run_limit
    from synthgen.pipeline.institution import ledger_of, policy_of

    loaded = Config.load(config)
    ledger, limit = ledger_of(loaded), run_limit(loaded, policy_of(loaded))
    found, not_voided = all_reservations(*ledger), counting_reservations(*ledger)
    # `limit` is None if neither CONFIG nor its policy has a delta
    spent = None if limit is None else joint_cost(not_voided, limit.delta)
    total = None if spent is None else {"epsilon": spent.epsilon, "delta": spent.delta}
    lines = [f"{len(found)} reservations, {len(found) - len(not_voided)} of them voided"]
    for entry in found:
        state = _STATES[str(entry["state"])] + (f", since {entry['time']}" if "time" in entry else "")
        lines.append(f"{entry['run'][:_DIGITS]}  epsilon {entry['epsilon']:g}, delta {entry['delta']:g}, {state}")
    if spent is not None and limit is not None:
        lines.append(f"together: epsilon {spent.epsilon:.4g} at delta {spent.delta:g}")
        if math.isfinite(limit.epsilon):
            further = further_epsilon(spent.epsilon, limit=limit.epsilon, delta=spent.delta)
            room = f"one more run of at most epsilon {math.floor(further * 100) / 100:g}"
            room = room if further >= MIN_EPSILON else "no further run"
            lines.append(f"limit: epsilon {limit.epsilon:g}, which leaves room for {room}")
    print_fields({"reservations": found, "spent": total}, "\n".join(lines), as_json=as_json)


@budget_app.command("check")
def check(config: ConfigFile, *, as_json: AsJson = False) -> None:
    """Check that the ledger is intact (else exit code 3) and has enough budget left for the run (else exit code 5).

    If the run already has a reservation, the run continues under it, so its budget is not counted again. With
    `--resume never`, however, the run would spend the budget a second time.
    """
    from synthgen.config import Config
    from synthgen.dp.reserve import check_remaining_budget
    from synthgen.pipeline.institution import policy_of

    loaded = Config.load(config)
    before, is_reserved = check_remaining_budget(loaded, policy_of(loaded))
    note = " (the reservation that this run continues is not included)" if is_reserved else ""
    spent, text = None, "the ledger is intact"
    if before is not None:  # None if neither CONFIG nor its policy has a delta
        spent = {"epsilon": before.epsilon, "delta": before.delta}
        shown = f"epsilon {before.epsilon:.4g} at delta {before.delta:g} for all runs together{note}"
        text += f"; budget already spent: {shown}"
    print_fields({"intact": True, "spent": spent, "reserved": is_reserved}, text, as_json=as_json)


@budget_app.command("void")
def void(
    config: ConfigFile,
    *,
    run: Annotated[str | None, Option(help="First digits of a reservation's id; default: that of CONFIG.")] = None,
    as_json: AsJson = False,
) -> None:
    """Void a reservation under which no noise was drawn; exit with code 5 if noise was drawn.

    The reservation then no longer counts, and its run can never draw noise. The ledger and the statements of later
    releases show the voided reservation. The next run of the configuration makes a new reservation.
    """
    from audits.ledger.budgets import void as void_in
    from synthgen.config import Config
    from synthgen.dp.reserve import named_reservation
    from synthgen.pipeline.institution import ledger_of

    loaded = Config.load(config)
    name = named_reservation(loaded, run)
    time = void_in(*ledger_of(loaded), name, datetime.now(UTC))
    text = f"reservation {name[:_DIGITS]}: voided at {time}; it no longer counts, and its run cannot draw noise"
    print_fields({"run": name, "voided": time}, text, as_json=as_json)
