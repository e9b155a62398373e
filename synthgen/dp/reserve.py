"""A budget is reserved in the institution's ledger before anything is learned, and once for one run."""

import secrets
from collections.abc import Mapping
from pathlib import Path

from audits.gate.policy import Policy
from audits.gate.rule import ATTEMPTS
from audits.ledger.attempts import asked_before
from audits.ledger.budgets import Cost, Reservation, Spending, refuse_overspending, reserve, spent_so_far, state_of
from audits.ledger.chain import HighWaterMark
from synthgen.config import Config
from synthgen.core.errors import BudgetError, InternalError, StorageError
from synthgen.core.files import write_json
from synthgen.core.progress import silent
from synthgen.core.stage import ROOT, HasDigest, Stage, StageContext, StageInput, plain_value
from synthgen.core.types import Corpus
from synthgen.dp.planned_queries import asked_by, large_delta, mechanisms_of, most_for, queries_of
from synthgen.dp.sealed_result import LOG, MEASURE, is_sealed
from synthgen.pipeline.job import Job, source_digest
from synthgen.pipeline.ledger import ledger_of
from synthgen.pipeline.secret import MARK, mark_of
from synthgen.pipeline.workspace import StageResult, Workspace, read_field

RESERVE, RUN = "reserve", "run.json"
PAID = (RESERVE, MEASURE)  # stages that are never thrown away


def reserve_budget(
    job: Job, policy: Policy, train: Corpus, control: Corpus, *, anew: bool = False
) -> tuple[Reservation, StageResult]:
    """Return the reservation of a run, recorded before anything is learned.

    It is one whatever version of the program runs it: a newer one finds that the run drew already, and does not pay
    again unasked.

    Args:
        job: the run.
        policy: whose budget holds it.
        train: the train records as the source has them; delta must be a promise to as many persons.
        control: the control records likewise; the policy must still let them be asked.
        anew: pay again where the run drew before, or its reservation is none any more. What was paid for is left
            where it is, and the reservation beside the new one, under its name and `.before-`.

    Raises:
        Overspent: the budget does not hold it.
        BudgetError: it would pay for nothing: delta is too large for the persons of train, or those of control were
            asked as often as the policy allows.
        InputError: the ledger cannot be used.
        StorageError: what was paid for in this workspace lies there without its reservation.
    """
    dp, queries = job.config.dp, queries_of(job.config)
    if dp.epsilon is None or dp.delta is None:
        raise InternalError("a run without a budget reserves nothing")
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
        _refuse_asked_out(job, policy, control)
    if is_left:
        refuse_overspending(spent_so_far(*ledger), cost, most)  # or what was paid for would be out of reach
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
            "delta is no promise to so many persons, and no accounting would pass",
            problems=[refused],
            hint="Lower dp.delta, and give dp.persons as many as come into train. Nothing was reserved.",
        )


def _refuse_asked_out(job: Job, policy: Policy, control: Corpus) -> None:
    limits = [rule.limit for rule in policy.all_rules() if rule.metric == ATTEMPTS and rule.op == "<="]
    if not limits:
        return
    from synthgen.pipeline.judge import as_table

    before = asked_before(*ledger_of(job.config), control=as_table(control, {}))
    if before >= min(limits):
        raise BudgetError(
            "these control persons were asked as often as the policy allows, so no further run leaves",
            problems=[f"attempts: {min(limits):g} in all, {before} made"],
            hint="Nothing was reserved.",
        )


def _run_in(folder: Path) -> str:
    return str(read_field(folder / RUN, "run"))


def _refuse_orphans(workspace: Workspace) -> None:
    """Refuse to pay where answers lie that no reservation of the workspace is for: it was taken away."""
    stages = workspace.root / "stages"
    known = {_run_in(path.parent) for path in stages.glob(f"{RESERVE}-*/{RUN}")}
    drawn = {path.parent: str(read_field(path, "release")) for path in stages.glob(f"{MEASURE}-*/{LOG}")}
    if orphans := sorted(folder.name for folder, run in drawn.items() if run not in known):
        raise StorageError(
            f"{stages}: what was paid for lies there without its reservation",
            problems=orphans,
            hint=f"Restore the folders {RESERVE}-*, or take these away and pay anew.",
        )


def _inputs(job: Job, most: Cost | None = None) -> dict[str, HasDigest]:
    """Return what one reservation is for; the secret's digest and the limit are not part of its key.

    How the file is read and split is not in it: the ledger refuses a second draw, so changing these settings must not
    pay again. If another version of the program plans the queries otherwise, the ledger holds the old plan under the
    run's id and refuses.
    """
    config = job.config
    return {
        "source": StageInput(None, source_digest(config.resolve(config.source.path))),
        "queries": plain_value(sorted(asked_by(config))),
        "ledger": StageInput((job, most), "the reservation is the same in every ledger"),
    }


def _reserve(context: StageContext) -> Mapping[str, object]:
    """Enter the reservation in the ledger, under an id that is stored first."""
    job, most = context.input("ledger")
    dp = context.config("dp")
    if not (context.folder / RUN).exists():  # otherwise an interruption came after it was reserved
        write_json(context.folder / RUN, {"run": secrets.token_hex(16), MARK: mark_of(job.config, job.workspace)})
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
    """Return under which name the next run of a configuration has reserved its budget; None where it has not yet."""
    root = config.resolve(config.workspace)
    if config.dp.epsilon is None or not (root / "stages").is_dir():
        return None
    job = Job(config, Workspace(root), silent)
    found = job.finished(RESERVE_STAGE, _inputs(job))
    return None if found is None else _run_in(found.folder)


def check_room(config: Config, policy: Policy) -> tuple[Cost, bool]:
    """Return what was spent of the ledger's budget, and whether the run goes on with what it reserved before.

    What it goes on with is not in the sum. It does not where it drew, and what it drew is lost.

    Raises:
        Overspent: the next run of the configuration is one too many.
        InputError: the ledger cannot be used.
    """
    own, ledger = reserved_run(config), ledger_of(config)
    goes_on = own is not None and not _is_lost(config, own)
    before = spent_so_far(*ledger, besides=own if goes_on else None)
    cost = Cost(epsilon=config.dp.epsilon or 0.0, delta=config.dp.delta or 0.0)
    refuse_overspending(before, cost, most_for(config, policy))
    return before, goes_on


def _is_open(ledger: tuple[Path, HighWaterMark], spending: Spending) -> bool:
    """Return whether the ledger holds just this reservation, and nothing was drawn under it."""
    found = state_of(*ledger, spending.run)
    return (found.last, found.spending) == (RESERVE, spending)


def _is_lost(config: Config, run: str) -> bool:
    found, stages = state_of(*ledger_of(config), run), config.resolve(config.workspace) / "stages"
    return found.last == "draw" and not any(is_sealed(f, found.key) for f in stages.glob(f"{MEASURE}-*"))
