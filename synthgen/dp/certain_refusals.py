"""Stop a DP run before it reserves privacy budget, if its policy would certainly refuse the release."""

from collections.abc import Iterator

from audits.core.errors import InputError
from audits.core.streams import stream
from audits.core.types import AuditInputs, Table
from audits.gate.evidence import Evidence, Metric
from audits.gate.policy import Policy
from audits.gate.rule import ATTEMPTS, STATED, compare
from audits.ledger.attempts import attempts_before
from audits.runner.input_checks import check_split
from audits.runner.registry import AUDITS, ON_LOGS
from synthgen.core.errors import BudgetError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus
from synthgen.dp.planned_queries import delta_problem
from synthgen.dp.reserve import needs_reservation, overspending_of
from synthgen.pipeline.institution import ledger_of
from synthgen.pipeline.job import Job
from synthgen.pipeline.judge import as_table
from synthgen.pipeline.prepare import Prepared
from synthgen.pipeline.secret import PUBLIC

INPUT_CHECKS = "input_checks"  # name of the random stream of the input checks, and prefix of the checks' metric names


def refuse_unreleasable_run(
    job: Job, policy: Policy, prepared: Prepared, control_source: Corpus, *, spend_again: bool = False
) -> None:
    """Refuse a run that has not reserved its budget yet, if the policy would certainly refuse the release.

    The input checks search train and control for problems. The audits after generation repeat these checks on the
    same records with the same random stream, and get the same results. With `secret: public`, the run is a study
    without a release, so this function omits the input checks.

    Args:
        job: the run.
        policy: the rules for the release.
        prepared: the records after de-identification: train, from which texts are made, and control, for the audits.
        control_source: control before de-identification. The institution's ledger counts the audits of these records.
        spend_again: whether the run may reserve budget again after it drew noise or its reservation was changed.

    Raises:
        BudgetError: the release would be refused. The message lists each reason that applies:
            - the remaining budget is too small;
            - delta is too large for the number of persons in train;
            - the control persons were already audited as often as the policy allows;
            - the input checks find a problem that prevents the release, or their metrics violate a rule.
        InputError: the ledger cannot be used.

    Privacy: reads train and control without noise; the only possible effect is a refusal of the run. The error can
        contain three figures: the AUC of a comparison of train with control, the share of near-duplicates of train
        in control, and the share of control persons with an identifier of a train person.
    """
    if not needs_reservation(job, spend_again=spend_again):
        return
    persons = len({record.group for record in prepared.train.records})
    problems = overspending_of(job.config, policy)
    problems += filter(None, [delta_problem(job.config, policy, persons)])
    problems += _attempt_problems(job, policy, control_source)
    if job.config.secret != PUBLIC:
        with job.progress.stage("input checks", total=1, unit="tables") as advance:
            problems += split_problems(policy, prepared, job.seeds, job.config.audit.confidence)
            advance(1)
    if problems:
        raise BudgetError(
            "the release of this run would be refused, so the run stops before it spends budget; "
            "nothing was reserved",
            problems=problems,
            hint="Correct the configuration or the source, then run the same command again.",
        )


def _attempt_problems(job: Job, policy: Policy, control: Corpus) -> Iterator[str]:
    limits = [rule.limit for rule in policy.all_rules() if rule.metric == ATTEMPTS and rule.op == "<="]
    if not limits:
        return
    n_before = attempts_before(*ledger_of(job.config), control=as_table(control, {}))
    if n_before >= min(limits):
        yield (
            f"attempts: the control persons were already audited {n_before} times, and the policy allows "
            f"{min(limits):g} audits of the same persons; use control persons of whom at most one in a "
            "hundred was audited before"
        )


def split_problems(policy: Policy, prepared: Prepared, seeds: SeedTree, confidence: float) -> Iterator[str]:
    """Yield the problems in the train and control records that prevent the release of any synthetic table.

    If the input checks find a problem, no audit that compares the synthetic table with train or control can pass. The
    problem prevents the release if the policy requires such an audit, or has a rule on such an audit or on the number
    of problems. Under an independent policy, every problem prevents the release. Such a policy uses no private
    records after the noise is drawn, so it cannot refuse the release later.
    """
    inputs = AuditInputs(
        synthetic=Table(texts=(), labels=None, groups=(), has_groups=False),
        train=as_table(prepared.train, {}),
        control=as_table(prepared.control, {}),
        identifiers=prepared.identifiers,
        control_identifiers=prepared.control_identifiers,
        near_duplicate_rate=prepared.near_duplicate_rate,
    )
    try:
        checks = check_split(inputs, stream(seeds.child("audit").integer(), INPUT_CHECKS))
    except InputError as error:
        yield f"input checks: {error.message}"
        return
    limited = {rule.metric for rule in policy.all_rules()} - STATED
    needed = {*policy.required, *(metric.partition(".")[0] for metric in limited)} & {*AUDITS} - ON_LOGS
    if policy.is_independent or needed or f"{INPUT_CHECKS}.problems" in limited:
        yield from (f"input checks: {problem}" for problem in checks.problems)
    numbers = {f"{INPUT_CHECKS}.{name}": Metric(**number) for name, number in checks.details["metrics"].items()}
    evidence = Evidence(metrics=numbers, audits={})
    for rule in policy.all_rules():
        if rule.metric in numbers and not rule.metric.endswith(".problems"):  # the problems are listed above
            outcome = compare(evidence, rule, confidence)
            if outcome.verdict != "PASS":
                yield f"rule {rule.id}: {outcome.reason}"
