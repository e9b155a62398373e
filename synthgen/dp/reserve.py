"""Reserve the budget of a run in the institution's ledger, once and before any DP query."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from audits.gate.policy import Policy
from audits.ledger import budgets
from audits.ledger.budgets import Cost, Reservation, Spending, refuse_overspending, reserve, state_of
from synthgen.config import Config
from synthgen.core.errors import StorageError, UsageError
from synthgen.core.files import write_json
from synthgen.core.progress import silent
from synthgen.core.stage import ROOT, HasDigest, Stage, StageContext, StageInput, plain_value
from synthgen.dp import planned_queries as planned
from synthgen.dp.sealed_result import LOG, MEASURE, is_sealed
from synthgen.pipeline.institution import ledger_of
from synthgen.pipeline.job import Job, source_digest
from synthgen.pipeline.secret import SECRET_DIGEST, secret_digest
from synthgen.pipeline.workspace import StageResult, Workspace, read_field

RESERVE, RUN = budgets.RESERVE, "run.json"
PAID = (RESERVE, MEASURE)  # stages that spend a budget, so their results are never deleted
MIN_DIGITS = 8  # fewest leading digits of a run's id that may name a reservation


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stored:
    """What the workspace holds of a run's reservation."""

    result: StageResult | None  # the finished stage; None if there is none, or if its files were changed
    place: Path  # the folder of the stage
    is_usable: bool  # whether the run continues with the stored reservation
    is_replaced: bool  # whether the folder must make room for a new reservation


def needs_reservation(job: Job, *, spend_again: bool = False) -> bool:
    """Return whether `reserve_budget` would make a new reservation; `spend_again` as there."""
    stored = _stored(job, spend_again=spend_again)
    return not stored.is_usable and (stored.is_replaced or not stored.place.exists())  # else its files were changed


def overspending_of(config: Config, policy: Policy) -> list[str]:
    """Return the problems for which the ledger would refuse a new reservation; empty if it covers the run."""
    return budgets.overspending(*_room(config), planned.run_limit(config, policy))


def _room(config: Config) -> tuple[tuple[Spending, ...], Spending]:
    """Return all reservations that count, and what a new run of the configuration would reserve."""
    return budgets.counted(*ledger_of(config)), _spending(config, "")


def reserve_budget(job: Job, policy: Policy, *, spend_again: bool = False) -> tuple[Reservation, StageResult]:
    """Return the reservation of a run and its stage; the ledger records the reservation before any DP query.

    The cache key of the reservation excludes the version of the program. After an update, the run therefore continues
    with the old reservation. If the reservation was voided, the run makes a new one. With `spend_again`, it also does
    so if the noise was already drawn, or if the stored reservation was changed. The old result is then kept, and the
    folder of the old reservation gets the suffix `.before-` and a random number.

    Raises:
        Overspent: the remaining budget is too small.
        InputError: the ledger cannot be used.
        StorageError: the workspace holds a DP result without its reservation.
    """
    most, ledger, stored = (
        planned.run_limit(job.config, policy),
        ledger_of(job.config),
        _stored(job, spend_again=spend_again),
    )
    if stored.result is None and not spend_again:
        _refuse_orphans(job.workspace)
    if stored.is_replaced:
        # checked first, so that a refused run leaves the old reservation in place
        refuse_overspending(*_room(job.config), most)
        aside = stored.place.replace(stored.place.with_name(f"{stored.place.name}.before-{secrets.token_hex(4)}"))
    try:
        result = job.run(RESERVE_STAGE, _inputs(job, most))
        return reserve(*ledger, _spending(job.config, _run_in(result.folder)), most=most), result
    except BaseException:
        if stored.is_replaced and not stored.place.exists():
            aside.replace(stored.place)
        raise


def _stored(job: Job, *, spend_again: bool) -> _Stored:
    inputs = _inputs(job)
    result, place = job.finished(RESERVE_STAGE, inputs), job.workspace.place(RESERVE, job.key(RESERVE_STAGE, inputs))
    run = _run_at(result, place)
    if run is None:
        return _Stored(result=result, place=place, is_usable=False, is_replaced=spend_again and place.exists())
    own, found = _spending(job.config, run), state_of(*ledger_of(job.config), run)
    if result is None:  # a run that was interrupted while it reserved
        return _Stored(result=result, place=place, is_usable=found.last == RESERVE, is_replaced=False)
    # with `spend_again`, a run whose last entry is this reservation continues with it, because no noise was drawn
    is_replaced = found.last == budgets.VOID or (spend_again and (found.last, found.spending) != (RESERVE, own))
    return _Stored(result=result, place=place, is_usable=not is_replaced, is_replaced=is_replaced)


def _run_at(result: StageResult | None, place: Path) -> str | None:
    """Return the id in the folder of a reservation, finished or interrupted; None if there is none."""
    folder = place.with_name(f"{place.name}.partial") if result is None else place
    if (result is None and place.exists()) or not (folder / RUN).is_file():  # a folder with changed files has no id
        return None
    return _run_in(folder)


def _run_in(folder: Path) -> str:
    return str(read_field(folder / RUN, "run"))


def _spending(config: Config, run: str) -> Spending:
    """Return the budget and the queries that a run with this id reserves."""
    mechanisms = planned.mechanisms_of(planned.queries_of(config))
    return Spending(run=run, cost=planned.budget_of(config), mechanisms=mechanisms)


def _refuse_orphans(workspace: Workspace) -> None:
    """Refuse to spend a budget if the workspace holds a DP result whose reservation was removed."""
    stages = workspace.root / "stages"
    known = {_run_in(path.parent) for path in stages.glob(f"{RESERVE}-*/{RUN}")}
    drawn = {path.parent: str(read_field(path, "release")) for path in stages.glob(f"{MEASURE}-*/{LOG}")}
    if orphans := sorted(folder.name for folder, run in drawn.items() if run not in known):
        raise StorageError(
            f"{stages}: holds a DP result without its reservation",
            problems=orphans,
            hint=f"Restore the folders {RESERVE}-* from a backup, or remove the listed folders; the next run then "
            "spends the budget again.",
        )


def _inputs(job: Job, most: Cost | None = None) -> dict[str, HasDigest]:
    """Return the inputs of a reservation: the source file and the names of the queries.

    They form the cache key together with the section `dp` and the root of the random streams.

    - The key excludes the settings for reading and splitting the file. A run with other such settings therefore finds
      the same reservation, and the ledger refuses to draw noise for it a second time.
    - The key excludes the budget limit and the ledger.
    - If another version of the program plans other queries of the same names, the ledger refuses the run, because it
      holds the old plan under the run's id.
    """
    config = job.config
    return {
        "source": StageInput(None, source_digest(config.source_path)),
        "queries": plain_value(sorted(planned.configured_queries(config))),
        # a constant stands for the digest of the ledger, so that the key is the same for every ledger
        "ledger": StageInput((job, most), "the reservation is the same in every ledger"),
    }


def _reserve(context: StageContext) -> Mapping[str, object]:
    """Store a random id for the run, then enter the reservation in the ledger under this id.

    An interrupted attempt stored the id already. It is used again, unless its reservation was voided since.
    """
    job, most = context.input("ledger")
    dp, path, ledger = context.config("dp"), context.folder / RUN, ledger_of(job.config)
    if not path.exists() or state_of(*ledger, _run_in(context.folder)).last == budgets.VOID:
        secret = secret_digest(job.config, job.workspace)
        write_json(path, {"run": secrets.token_hex(16), SECRET_DIGEST: secret})
    reserve(*ledger, _spending(job.config, _run_in(context.folder)), most=most)
    return {"in": 0, "out": 0, "epsilon": dp.epsilon, "delta": dp.delta}


RESERVE_STAGE = Stage(
    name=RESERVE,
    version=1,
    run=_reserve,
    config=("dp",),
    inputs=("source", "queries", "ledger"),
    streams=(ROOT,),
    keep_partial=True,
    is_paid=True,
)


def reserved_run(config: Config) -> str | None:
    """Return the id of the reservation of a configuration's next run; None without one, or if it was voided."""
    run = _stored_run(config)
    return None if run is None or state_of(*ledger_of(config), run).last in {None, budgets.VOID} else run


def _stored_run(config: Config) -> str | None:
    """Return the id of the reservation in a configuration's workspace, or None; the function creates no workspace."""
    root = config.resolve(config.workspace)
    if config.dp.epsilon is None or not (root / "stages").is_dir():
        return None
    job = Job(config, Workspace(root), silent)
    inputs = _inputs(job)
    place = job.workspace.place(RESERVE, job.key(RESERVE_STAGE, inputs))
    return _run_at(job.finished(RESERVE_STAGE, inputs), place)


def named_reservation(config: Config, given: str | None) -> str:
    """Return the id of the reservation whose id starts with `given`, or without it the configuration's own.

    Raises:
        UsageError: no reservation, or more than one, fits.
        InputError: the ledger cannot be used.
    """
    own = _stored_run(config) if given is None else None
    if own is not None:
        return own
    found = budgets.all_reservations(*ledger_of(config))
    fitting = [str(one["run"]) for one in found if given is not None and str(one["run"]).startswith(given)]
    if len(fitting) == 1 and len(given or "") >= MIN_DIGITS:
        return fitting[0]
    message = "the workspace of this configuration holds no reservation for it"
    if given is not None:
        message = f"--run {given!r} names {len(fitting)} reservations of the ledger"
    open_ones = [f"{one['run']}: epsilon {one['epsilon']:g}" for one in found if one["state"] == RESERVE]
    hint = f"Pass --run with at least {MIN_DIGITS} digits of one of the listed ids; no noise was drawn under these."
    raise UsageError(message, problems=open_ones, hint=hint if open_ones else "No reservation can be voided.")


def check_room(config: Config, policy: Policy) -> tuple[Cost | None, bool]:
    """Return the joint cost of all other runs of the ledger, and whether the run has a reservation to use.

    The cost is None if neither the configuration nor the policy has a delta. A reservation whose noise was drawn and
    whose result is lost cannot be used, and its cost is part of the returned cost.

    Raises:
        Overspent: the remaining budget is too small for the next run of the configuration.
        InputError: the ledger cannot be used.
    """
    own, most = reserved_run(config), planned.run_limit(config, policy)
    is_continued = own is not None and not _is_lost(config, own)
    others = budgets.counted(*ledger_of(config), besides=own if is_continued else None)
    if config.dp.epsilon is not None:
        refuse_overspending(others, _spending(config, ""), most)
    return None if most is None else budgets.joint_cost(others, most.delta), is_continued


def _is_lost(config: Config, run: str) -> bool:
    """Return whether noise was drawn for a run and its result is not in the workspace."""
    found, stages = state_of(*ledger_of(config), run), config.resolve(config.workspace) / "stages"
    return found.last == budgets.DRAW and not any(is_sealed(f, found.key) for f in stages.glob(f"{MEASURE}-*"))
