"""A budget is reserved in the institution's ledger before anything is learned, and once for one run."""

import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from audits.gate.policy import Policy
from audits.ledger.budgets import Cost, Reservation, Spending, refuse_overspending, reserve, spent_so_far
from synthgen.config import Config
from synthgen.core.errors import InternalError
from synthgen.core.progress import silent
from synthgen.run.dp.questions import mechanisms_of, most_for, queries_of
from synthgen.run.job import Job, source_digest
from synthgen.run.ledger import ledger_of
from synthgen.run.workspace import StageResult, Workspace, write_json

RESERVE, RUN = "reserve", "run.json"


def refuse_to_forget(config: Config, policy: Policy) -> None:
    """Raise Overspent where a run could not be paid for again, before what it paid for is thrown away.

    Raises:
        Overspent: with what is left.
        InputError: the ledger cannot be used.
    """
    dp = config.dp
    if dp.epsilon is not None and dp.delta is not None:
        had = spent_so_far(*ledger_of(config))
        refuse_overspending(had, Cost(epsilon=dp.epsilon, delta=dp.delta), most_for(config, policy))


def reserve_budget(job: Job, policy: Policy) -> tuple[Reservation, StageResult]:
    """Return the reservation of a run, recorded before anything is learned.

    It is one whatever version of the program runs it: a newer one finds that the run drew already, and does not pay
    again unasked.

    Raises:
        Overspent: the budget does not hold it.
        InputError: the ledger cannot be used.
    """
    dp, queries = job.config.dp, queries_of(job.config)
    if dp.epsilon is None or dp.delta is None:
        raise InternalError("a run without a budget reserves nothing")
    cost = Cost(epsilon=dp.epsilon, delta=dp.delta)
    most = most_for(job.config, policy)

    def reserved(folder: Path) -> Reservation:
        run = str(json.loads((folder / RUN).read_bytes())["run"])
        spending = Spending(run=run, cost=cost, mechanisms=mechanisms_of(queries))
        return reserve(*ledger_of(job.config), spending, most=most)

    def make(folder: Path) -> Mapping[str, object]:
        if not (folder / RUN).exists():  # or a stop came after it was reserved, and it is reserved still
            write_json(folder / RUN, {"run": secrets.token_hex(16)})
        reserved(folder)
        return {"in": 0, "out": 0, "epsilon": dp.epsilon, "delta": dp.delta}

    result = job.workspace.stage(RESERVE, _reserved_for(job), make, keep_partial=True, is_paid=True)
    return reserved(result.folder), result


def _reserved_for(job: Job) -> Mapping[str, Any]:
    """Return what one reservation is for: the same file, dice, cost and questions.

    How the file is read and split is not in it: the ledger refuses a second draw, and nobody pays for another
    setting unasked.
    """
    config = job.config
    return {
        "digest": source_digest(config.resolve(config.source.path)), "seed": job.seeds.key().hex(),
        "cost": [config.dp.epsilon, config.dp.delta], "mechanisms": list(mechanisms_of(queries_of(config))),
    }  # fmt: skip


def reserved_run(config: Config) -> str | None:
    """Return under which name the next run of a configuration has reserved its budget; None where it has not yet."""
    root = config.resolve(config.workspace)
    if config.dp.epsilon is None or not (root / "stages").is_dir():
        return None
    job = Job(config, Workspace(root), silent)
    found = job.workspace.finished(RESERVE, _reserved_for(job))
    return None if found is None else str(json.loads((found.folder / RUN).read_bytes())["run"])


def check_room(config: Config, policy: Policy) -> tuple[Cost, bool]:
    """Return what was spent of the ledger's budget, and whether the run goes on with what it reserved before.

    What it goes on with is not in the sum.

    Raises:
        Overspent: the next run of the configuration is one too many.
        InputError: the ledger cannot be used.
    """
    own = reserved_run(config)
    before = spent_so_far(*ledger_of(config), besides=own)
    cost = Cost(epsilon=config.dp.epsilon or 0.0, delta=config.dp.delta or 0.0)
    refuse_overspending(before, cost, most_for(config, policy))
    return before, own is not None
