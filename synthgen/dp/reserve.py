"""Reserve the budget of a run in the institution's ledger, once and before any DP query."""

import secrets
from collections.abc import Mapping
from pathlib import Path

from audits.gate.policy import Policy
from audits.gate.rule import ATTEMPTS
from audits.ledger.attempts import attempts_before
from audits.ledger.budgets import Cost, Reservation, Spending, refuse_overspending, reserve, spent_so_far, state_of
from synthgen.config import Config
from synthgen.core.errors import BudgetError, StorageError
from synthgen.core.files import write_json
from synthgen.core.progress import silent
from synthgen.core.stage import ROOT, HasDigest, Stage, StageContext, StageInput, plain_value
from synthgen.core.types import Corpus
from synthgen.dp import planned_queries as planned
from synthgen.dp.sealed_result import LOG, MEASURE, is_sealed
from synthgen.pipeline.job import Job, source_digest
from synthgen.pipeline.ledger import ledger_of
from synthgen.pipeline.secret import SECRET_DIGEST, secret_digest
from synthgen.pipeline.workspace import StageResult, Workspace, read_field

RESERVE, RUN = "reserve", "run.json"
PAID = (RESERVE, MEASURE)  # stages that spend a budget, so their results are never deleted


def reserve_budget(
    job: Job, policy: Policy, train: Corpus, control: Corpus, *, spend_again: bool = False
) -> tuple[Reservation, StageResult]:
    """Return the reservation of a run and its stage; the ledger records the reservation before any DP query.

    The cache key of the reservation excludes the version of the program. After an update, the run therefore continues
    with the old reservation, and does not spend the budget again unless `spend_again` is set.

    Args:
        job: the run.
        policy: sets the budget limit.
        train: the train records of the source; their number of persons limits delta.
        control: the control records of the source; the policy must allow a further audit of them.
        spend_again: whether to spend the budget again if the noise was already drawn, or if the stored reservation
            was changed. The old result is kept, and the folder of the old reservation gets the suffix `.before-` and
            a random number.

    Raises:
        Overspent: the remaining budget is too small.
        BudgetError: the result could not be released, for one of these reasons:
            - delta is too large for the number of persons in train;
            - the control persons were audited as often as the policy allows.
        InputError: the ledger cannot be used.
        StorageError: the workspace holds a DP result without its reservation.
    """
    most, ledger = planned.run_limit(job.config, policy), ledger_of(job.config)
    inputs = _inputs(job, most)
    before, place = job.finished(RESERVE_STAGE, inputs), job.workspace.place(RESERVE, job.key(RESERVE_STAGE, inputs))
    is_replaced = spend_again and place.exists()
    if is_replaced and before is not None:
        own = _spending(job, before.folder)
        found = state_of(*ledger, own.run)
        # if the last entry is this reservation, no noise was drawn for it, and the run can still use it
        is_replaced = (found.last, found.spending) != (RESERVE, own)
    if before is None and not spend_again:
        _refuse_orphans(job.workspace)
    if before is None or is_replaced:
        _refuse_large_delta(job, train, spent_so_far(*ledger))
        _refuse_exhausted_control(job, policy, control)
    if is_replaced:
        # checked first, so that a refused run leaves the old reservation in place
        refuse_overspending(spent_so_far(*ledger), planned.budget_of(job.config), most)
        aside = place.replace(place.with_name(f"{place.name}.before-{secrets.token_hex(4)}"))
    try:
        result = job.run(RESERVE_STAGE, inputs)
        return reserve(*ledger, _spending(job, result.folder), most=most), result
    except BaseException:
        if is_replaced and not place.exists():
            aside.replace(place)
        raise


def _refuse_large_delta(job: Job, train: Corpus, before: Cost) -> None:
    problem = planned.large_delta(job.config, len({record.group for record in train.records}), before)
    if problem is not None:
        raise BudgetError(
            "dp.delta is too large for the number of persons, so the accounting audit would fail",
            problems=[problem],
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
            problems=[f"attempts: {before} made, and the policy allows {min(limits):g} in all"],
            hint="Nothing was reserved. A further run needs control persons of whom at most one in a hundred was "
            "audited before; adding some persons to the source is not enough.",
        )


def _run_in(folder: Path) -> str:
    return str(read_field(folder / RUN, "run"))


def _spending(job: Job, folder: Path) -> Spending:
    """Return the budget and the queries that a run reserves, under the id stored in the folder of its reservation."""
    return Spending(
        run=_run_in(folder),
        cost=planned.budget_of(job.config),
        mechanisms=planned.mechanisms_of(planned.queries_of(job.config)),
    )


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
        "source": StageInput(None, source_digest(config.resolve(config.source.path))),
        "queries": plain_value(sorted(planned.configured_queries(config))),
        # a constant stands for the digest of the ledger, so that the key is the same for every ledger
        "ledger": StageInput((job, most), "the reservation is the same in every ledger"),
    }


def _reserve(context: StageContext) -> Mapping[str, object]:
    """Store a random id for the run, then enter the reservation in the ledger under this id."""
    job, most = context.input("ledger")
    dp = context.config("dp")
    if not (context.folder / RUN).exists():  # if the file exists, an interrupted attempt stored the id: reuse it
        secret = secret_digest(job.config, job.workspace)
        write_json(context.folder / RUN, {"run": secrets.token_hex(16), SECRET_DIGEST: secret})
    reserve(*ledger_of(job.config), _spending(job, context.folder), most=most)
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
    """Return the id under which the ledger holds the reservation of a configuration's next run; None without one."""
    root = config.resolve(config.workspace)
    if config.dp.epsilon is None or not (root / "stages").is_dir():
        return None
    job = Job(config, Workspace(root), silent)
    found = job.finished(RESERVE_STAGE, _inputs(job))
    return None if found is None else _run_in(found.folder)


def check_room(config: Config, policy: Policy) -> tuple[Cost, bool]:
    """Return the budget that the ledger books as spent by other runs, and whether the run has a reservation to use.

    A reservation whose noise was drawn and whose result is lost cannot be used, and its cost is part of the returned
    budget.

    Raises:
        Overspent: the remaining budget is too small for the next run of the configuration.
        InputError: the ledger cannot be used.
    """
    own, ledger = reserved_run(config), ledger_of(config)
    is_continued = own is not None and not _is_lost(config, own)
    before = spent_so_far(*ledger, besides=own if is_continued else None)
    refuse_overspending(before, planned.budget_of(config), planned.run_limit(config, policy))
    return before, is_continued


def _is_lost(config: Config, run: str) -> bool:
    """Return whether noise was drawn for a run and its result is not in the workspace."""
    found, stages = state_of(*ledger_of(config), run), config.resolve(config.workspace) / "stages"
    return found.last == "draw" and not any(is_sealed(f, found.key) for f in stages.glob(f"{MEASURE}-*"))
