"""Reserve the budget of a run in the institution's ledger, once and before any DP query."""

import secrets
from collections.abc import Mapping
from pathlib import Path

from audits.gate.policy import Policy
from audits.gate.rule import ATTEMPTS
from audits.ledger.attempts import attempts_before
from audits.ledger.budgets import Cost, Reservation, Spending, refuse_overspending, reserve, spent_so_far, state_of
from audits.ledger.chain import HighWaterMark
from synthgen.config import Config
from synthgen.core.errors import BudgetError, InternalError, StorageError
from synthgen.core.files import write_json
from synthgen.core.progress import silent
from synthgen.core.stage import ROOT, HasDigest, Stage, StageContext, StageInput, plain_value
from synthgen.core.types import Corpus
from synthgen.dp.planned_queries import configured_queries, large_delta, mechanisms_of, most_for, queries_of
from synthgen.dp.sealed_result import LOG, MEASURE, is_sealed
from synthgen.pipeline.job import Job, source_digest
from synthgen.pipeline.ledger import ledger_of
from synthgen.pipeline.secret import SECRET_DIGEST, secret_digest
from synthgen.pipeline.workspace import StageResult, Workspace, read_field

RESERVE, RUN = "reserve", "run.json"
PAID = (RESERVE, MEASURE)  # stages whose results are never deleted


def reserve_budget(
    job: Job, policy: Policy, train: Corpus, control: Corpus, *, anew: bool = False
) -> tuple[Reservation, StageResult]:
    """Return the reservation of a run, recorded before any DP query.

    The reservation does not depend on the version of the program. A newer version therefore detects that the noise
    was already drawn, and does not spend the budget again unless told to.

    Args:
        job: the run.
        policy: sets the budget limit.
        train: the train records as the source has them; their number of persons limits delta.
        control: the control records likewise; the policy must allow a further audit of them.
        anew: spend the budget again if the noise was already drawn, or the reservation is no longer valid. The old
            result is kept, and the old reservation is renamed with the suffix `.before-` and a random number.

    Raises:
        Overspent: the remaining budget is too small.
        BudgetError: the result could not be released: delta is too large for the number of persons in train, or
            the control persons were audited as often as the policy allows.
        InputError: the ledger cannot be used.
        StorageError: the workspace holds a DP result without its reservation.
    """
    dp, queries = job.config.dp, queries_of(job.config)
    if dp.epsilon is None or dp.delta is None:
        raise InternalError("a run without a budget cannot reserve one")
    cost = Cost(epsilon=dp.epsilon, delta=dp.delta)
    most, ledger = most_for(job.config, policy), ledger_of(job.config)
    inputs = _inputs(job, most)
    before, place = job.finished(RESERVE_STAGE, inputs), job.workspace.place(RESERVE, job.key(RESERVE_STAGE, inputs))

    def spending(folder: Path) -> Spending:
        return Spending(run=_run_in(folder), cost=cost, mechanisms=mechanisms_of(queries))

    is_left = anew and place.exists() and (before is None or not _is_open(ledger, spending(before.folder)))
    if before is None and not anew:
        _refuse_orphans(job.workspace)
    if before is None or is_left:
        _refuse_large_delta(job, train, spent_so_far(*ledger))
        _refuse_exhausted_control(job, policy, control)
    if is_left:
        refuse_overspending(spent_so_far(*ledger), cost, most)  # before the old reservation is renamed
        aside = place.replace(place.with_name(f"{place.name}.before-{secrets.token_hex(4)}"))
    try:
        result = job.run(RESERVE_STAGE, inputs)
        return reserve(*ledger, spending(result.folder), most=most), result
    except BaseException:
        if is_left and not place.exists():
            aside.replace(place)
        raise


def _refuse_large_delta(job: Job, train: Corpus, before: Cost) -> None:
    refused = large_delta(job.config, len({record.group for record in train.records}), before)
    if refused is not None:
        raise BudgetError(
            "dp.delta is too large for the number of persons, and no accounting would pass",
            problems=[refused],
            hint="Lower dp.delta, and set dp.persons to about the number of persons in train. Nothing was reserved.",
        )


def _refuse_exhausted_control(job: Job, policy: Policy, control: Corpus) -> None:
    limits = [rule.limit for rule in policy.all_rules() if rule.metric == ATTEMPTS and rule.op == "<="]
    if not limits:
        return
    from synthgen.pipeline.judge import as_table

    before = attempts_before(*ledger_of(job.config), control=as_table(control, {}))
    if before >= min(limits):
        raise BudgetError(
            "the control persons were audited as often as the policy allows, so no further run can be released",
            problems=[f"attempts: {min(limits):g} in all, {before} made"],
            hint="Nothing was reserved.",
        )


def _run_in(folder: Path) -> str:
    return str(read_field(folder / RUN, "run"))


def _refuse_orphans(workspace: Workspace) -> None:
    """Refuse to spend a budget if the workspace holds a DP result whose reservation was removed."""
    stages = workspace.root / "stages"
    known = {_run_in(path.parent) for path in stages.glob(f"{RESERVE}-*/{RUN}")}
    drawn = {path.parent: str(read_field(path, "release")) for path in stages.glob(f"{MEASURE}-*/{LOG}")}
    if orphans := sorted(folder.name for folder, run in drawn.items() if run not in known):
        raise StorageError(
            f"{stages}: holds a DP result without its reservation",
            problems=orphans,
            hint=f"Restore the folders {RESERVE}-*, or remove these folders and spend the budget again.",
        )


def _inputs(job: Job, most: Cost | None = None) -> dict[str, HasDigest]:
    """Return what one reservation is for; the secret's digest and the limit are not part of its key.

    Settings for reading and splitting the file are not included: the ledger refuses a second draw, so changing them
    must not spend the budget again. If another version of the program plans different queries, the ledger still has
    the old plan under the run's id and refuses.
    """
    config = job.config
    return {
        "source": StageInput(None, source_digest(config.resolve(config.source.path))),
        "queries": plain_value(sorted(configured_queries(config))),
        "ledger": StageInput((job, most), "the reservation is the same in every ledger"),
    }


def _reserve(context: StageContext) -> Mapping[str, object]:
    """Enter the reservation in the ledger, under an id that is stored first."""
    job, most = context.input("ledger")
    dp = context.config("dp")
    if not (context.folder / RUN).exists():  # otherwise an interruption came after it was reserved
        write_json(
            context.folder / RUN,
            {"run": secrets.token_hex(16), SECRET_DIGEST: secret_digest(job.config, job.workspace)},
        )
    spending = Spending(
        run=_run_in(context.folder),
        cost=Cost(epsilon=dp.epsilon, delta=dp.delta),
        mechanisms=mechanisms_of(queries_of(job.config)),
    )
    reserve(*ledger_of(job.config), spending, most=most)
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
    """Return the ledger id under which the next run of a configuration reserved its budget; None if it has not."""
    root = config.resolve(config.workspace)
    if config.dp.epsilon is None or not (root / "stages").is_dir():
        return None
    job = Job(config, Workspace(root), silent)
    found = job.finished(RESERVE_STAGE, _inputs(job))
    return None if found is None else _run_in(found.folder)


def check_room(config: Config, policy: Policy) -> tuple[Cost, bool]:
    """Return the budget that the ledger books as spent, and whether the run continues an earlier reservation.

    A continued reservation is not in the sum. A reservation is not continued if its noise was drawn and the result
    is lost.

    Raises:
        Overspent: the remaining budget is too small for the next run of the configuration.
        InputError: the ledger cannot be used.
    """
    own, ledger = reserved_run(config), ledger_of(config)
    goes_on = own is not None and not _is_lost(config, own)
    before = spent_so_far(*ledger, besides=own if goes_on else None)
    cost = Cost(epsilon=config.dp.epsilon or 0.0, delta=config.dp.delta or 0.0)
    refuse_overspending(before, cost, most_for(config, policy))
    return before, goes_on


def _is_open(ledger: tuple[Path, HighWaterMark], spending: Spending) -> bool:
    """Return whether the ledger books this reservation and no noise was drawn for it."""
    found = state_of(*ledger, spending.run)
    return (found.last, found.spending) == (RESERVE, spending)


def _is_lost(config: Config, run: str) -> bool:
    found, stages = state_of(*ledger_of(config), run), config.resolve(config.workspace) / "stages"
    return found.last == "draw" and not any(is_sealed(f, found.key) for f in stages.glob(f"{MEASURE}-*"))
