"""Reserve the privacy budget of a run in the institution's ledger, before the run makes its DP queries."""

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

RESERVE, RUN = budgets.RESERVE, "run.json"  # name of the stage; name of the file with the run's id
PAID = (RESERVE, MEASURE)  # names of the stages that spend a budget; the results of these stages are never deleted
MIN_DIGITS = 8  # least number of leading digits of a run's id that `--run` accepts


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stored:
    result: StageResult | None  # None if the stage is not finished, or if somebody modified its files
    place: Path  # the folder of the stage
    is_usable: bool  # whether the run continues with the stored reservation
    is_replaced: bool  # whether the folder is renamed and the run makes a new reservation


def needs_reservation(job: Job, *, spend_again: bool = False) -> bool:
    """Return whether `reserve_budget` with the same `spend_again` would make a new reservation."""
    stored = _stored(job, spend_again=spend_again)
    # without `spend_again`, a folder whose files somebody modified is neither usable nor replaced: the run is refused
    return not stored.is_usable and (stored.is_replaced or not stored.place.exists())


def overspending_of(config: Config, policy: Policy) -> list[str]:
    """Return the reasons why the ledger would refuse a new reservation; empty if the remaining budget suffices."""
    return budgets.overspending(*_counted_and_new(config), planned.run_limit(config, policy))


def _counted_and_new(config: Config) -> tuple[tuple[Spending, ...], Spending]:
    # returns the reservations that count towards the limit, and the new reservation, which has no run id yet
    return budgets.counting_reservations(*ledger_of(config)), _spending(config, "")


def reserve_budget(job: Job, policy: Policy, *, spend_again: bool = False) -> tuple[Reservation, StageResult]:
    """Record the reservation of a run in the ledger; return the reservation and the result of the stage `reserve`.

    A run continues with the reservation that its workspace contains, even after an update of the program. If this
    reservation was voided (`synthgen budget void`), the run makes a new one. `spend_again` allows a new reservation
    in two more cases: the run already drew the noise, or the stored reservation was changed. The old DP result stays
    in the workspace.

    Raises:
        Overspent: the remaining budget is too small.
        InputError: the ledger cannot be used, or its entry for the run does not match the run's queries or budget.
        StorageError: the workspace contains a DP result without its reservation, or the stored reservation was
            changed.
    """
    limit, stored = planned.run_limit(job.config, policy), _stored(job, spend_again=spend_again)
    if stored.result is None and not spend_again:
        _refuse_orphans(job.workspace)
    if stored.is_replaced:
        # this check precedes the renaming, so that a refused run keeps the old reservation
        refuse_overspending(*_counted_and_new(job.config), limit)
        aside = stored.place.replace(stored.place.with_name(f"{stored.place.name}.before-{secrets.token_hex(4)}"))
    try:
        # the stage records the reservation; the call of `reserve` below only checks the limit and returns the entry
        result = job.run(RESERVE_STAGE, _inputs(job, limit))
        return reserve(*ledger_of(job.config), _spending(job.config, _run_in(result.folder)), limit=limit), result
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
    spending, state = _spending(job.config, run), state_of(*ledger_of(job.config), run)
    if result is None:  # the run was interrupted during the reservation
        return _Stored(result=result, place=place, is_usable=state.last == RESERVE, is_replaced=False)
    # with `spend_again`, the reservation is kept only if it is the run's last ledger entry (no noise was drawn)
    is_replaced = state.last == budgets.VOID or (spend_again and (state.last, state.spending) != (RESERVE, spending))
    return _Stored(result=result, place=place, is_usable=not is_replaced, is_replaced=is_replaced)


def _run_at(result: StageResult | None, place: Path) -> str | None:
    # the folder of an unfinished stage has the suffix .partial
    folder = place.with_name(f"{place.name}.partial") if result is None else place
    # if a finished stage has no result, its files were rejected because somebody modified them; their id is not used
    if (result is None and place.exists()) or not (folder / RUN).is_file():
        return None
    return _run_in(folder)


def _run_in(folder: Path) -> str:
    return str(read_field(folder / RUN, "run"))


def _spending(config: Config, run: str) -> Spending:
    mechanisms = planned.mechanisms_of(planned.queries_of(config))
    return Spending(run=run, cost=planned.budget_of(config), mechanisms=mechanisms)


def _refuse_orphans(workspace: Workspace) -> None:
    stages = workspace.root / "stages"
    reserved = {_run_in(path.parent) for path in stages.glob(f"{RESERVE}-*/{RUN}")}
    drawn = {path.parent: str(read_field(path, "release")) for path in stages.glob(f"{MEASURE}-*/{LOG}")}
    if orphans := sorted(folder.name for folder, run in drawn.items() if run not in reserved):
        raise StorageError(
            f"{stages}: contains a DP result without its reservation",
            problems=[f"{name}: the folder {RESERVE}-* of its run is missing" for name in orphans],
            hint=f"Restore the folders {RESERVE}-* from a backup. If there is no backup, remove the listed folders; "
            "the next run then spends the budget again.",
        )


def _inputs(job: Job, limit: Cost | None = None) -> dict[str, HasDigest]:
    config = job.config
    # The cache key contains no settings for reading and splitting the source file. After a change of these settings,
    # the run finds the earlier reservation, and the ledger refuses to draw noise for that reservation a second time.
    return {
        "source": StageInput(None, source_digest(config.source_path)),
        "queries": plain_value(sorted(planned.configured_queries(config))),
        # a constant replaces the digest of the ledger, so that the key is the same for every ledger
        "ledger": StageInput((job, limit), "the reservation is the same in every ledger"),
    }


def _reserve(context: StageContext) -> Mapping[str, object]:
    job, limit = context.input("ledger")
    dp, path, ledger = context.config("dp"), context.folder / RUN, ledger_of(job.config)
    # an interrupted run may have stored an id already
    if not path.exists() or state_of(*ledger, _run_in(context.folder)).last == budgets.VOID:
        write_json(path, {"run": secrets.token_hex(16), SECRET_DIGEST: secret_digest(job.config, job.workspace)})
    reserve(*ledger, _spending(job.config, _run_in(context.folder)), limit=limit)
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
    """Return the id of the reservation in the workspace; None if it is missing, void or not in the ledger."""
    run = _stored_run(config)
    return None if run is None or state_of(*ledger_of(config), run).last in {None, budgets.VOID} else run


def _stored_run(config: Config) -> str | None:
    root = config.resolve(config.workspace)
    if config.dp.epsilon is None or not (root / "stages").is_dir():  # `Workspace` would create the folder
        return None
    job = Job(config, Workspace(root), silent)
    inputs = _inputs(job)
    place = job.workspace.place(RESERVE, job.key(RESERVE_STAGE, inputs))
    return _run_at(job.finished(RESERVE_STAGE, inputs), place)


def named_reservation(config: Config, prefix: str | None) -> str:
    """Return the id of the workspace's reservation; with `prefix`, the only id in the ledger with this prefix.

    Raises:
        UsageError: no reservation or more than one matches, or the prefix has fewer than `MIN_DIGITS` digits.
        InputError: the ledger cannot be used.
    """
    stored = _stored_run(config) if prefix is None else None
    if stored is not None:
        return stored
    entries = budgets.all_reservations(*ledger_of(config))
    fitting = [str(entry["run"]) for entry in entries if prefix is not None and str(entry["run"]).startswith(prefix)]
    if len(fitting) == 1 and len(prefix or "") >= MIN_DIGITS:
        return fitting[0]
    message = "the workspace of this configuration contains no reservation"
    if prefix is not None:
        message = f"--run {prefix!r} matches {len(fitting)} reservations of the ledger, but must match exactly one"
        if len(prefix) < MIN_DIGITS:
            message = f"--run {prefix!r} has fewer than {MIN_DIGITS} digits"
    unspent = [f"{entry['run']}: epsilon {entry['epsilon']:g}" for entry in entries if entry["state"] == RESERVE]
    hint = f"Pass --run with at least {MIN_DIGITS} digits of a listed id. No noise was drawn for these reservations."
    raise UsageError(
        message, problems=unspent, hint=hint if unspent else "The ledger contains no reservation that can be voided."
    )


def check_remaining_budget(config: Config, policy: Policy) -> tuple[Cost | None, bool]:
    """Return the joint privacy cost of the ledger's runs, and whether the next run continues a reservation.

    The cost excludes the reservation that the next run continues. If noise was drawn and its result is lost, the
    cost includes that reservation. The cost is None if neither the configuration nor the policy has a delta.

    Raises:
        Overspent: the remaining budget is too small for the next run of the configuration.
        InputError: the ledger cannot be used.
    """
    run, limit, ledger = reserved_run(config), planned.run_limit(config, policy), ledger_of(config)
    stages = config.resolve(config.workspace) / "stages"
    state = None if run is None else state_of(*ledger, run)
    is_continued = state is not None and (
        state.last != budgets.DRAW or any(is_sealed(folder, state.key) for folder in stages.glob(f"{MEASURE}-*"))
    )
    others = budgets.counting_reservations(*ledger, besides=run if is_continued else None)
    if config.dp.epsilon is not None:
        refuse_overspending(others, _spending(config, ""), limit)
    return None if limit is None else budgets.joint_cost(others, limit.delta), is_continued
