"""Refuse a release before its run if no result of the configuration can meet the policy."""

from synthgen.config import Config
from synthgen.core.errors import ReleaseRefused
from synthgen.core.progress import Progress, silent
from synthgen.interpolate import counts_per_class
from synthgen.pipeline.institution import policy_of
from synthgen.pipeline.job import Job
from synthgen.pipeline.stage_order import has_finished, models_of
from synthgen.pipeline.workspace import Workspace
from synthgen.plan.foreseen import config_checks, gate_problems
from synthgen.plan.plan import attempt_number, estimated_reach, persons_per_arm, read_parts


def refuse_unmeetable_policy(config: Config, progress: Progress = silent, *, resume: str = "auto") -> None:
    """Raise ReleaseRefused if no result of this configuration can meet the policy.

    If `resume` is "auto" and the audits of this configuration are finished, nothing is checked, because the decision
    about the stored results takes only seconds.

    Raises:
        ReleaseRefused: the error lists all conditions of the policy that cannot be met.
        SynthGenError, AuditError: the policy, a model or the source cannot be used.
    """
    job, policy = Job(config, Workspace(config.resolve(config.workspace)), progress), policy_of(config)
    if resume == "auto" and has_finished(job, "audit"):
        return
    for check in config_checks(config, policy):
        check()
    models_of(job)
    _, _, parts = read_parts(job)
    labels = config.source.labels if config.interpolate.is_dp else parts.train.labels
    wanted = counts_per_class(labels or (), config.interpolate.balance, config.interpolate.total)
    persons, number = persons_per_arm(parts), attempt_number(job, parts.control)
    reach = estimated_reach(config, policy, persons, wanted, number)
    if problems := [*gate_problems(config, policy, reach, persons, sum(wanted.values()))]:
        raise ReleaseRefused(
            f"not released under policy {policy.name!r}: this run cannot meet the policy, so no record was made",
            problems=problems,
            hint="Change the configuration or its policy. `synthgen run` makes and audits records without a release.",
        )
