"""Run a configuration: the entry point of the engine for Python and the command line."""

from typing import TYPE_CHECKING, Literal

from audits.gate.shipped import load_policy
from audits.ledger.attempts import check_ledger
from synthgen.config import Config
from synthgen.core.engine import require_engine
from synthgen.core.errors import UsageError
from synthgen.core.progress import Progress, silent
from synthgen.pipeline.ledger import ledger_of
from synthgen.pipeline.policy import policy_file

if TYPE_CHECKING:
    from synthgen.release.run import Run

STAGES = ("load", "split", "deidentify", "embed", "interpolate", "decode", "filter", "evaluate", "audit")


class Pipeline:
    """Runs a configuration in its workspace; `progress` receives the progress of each stage.

    Raises:
        DependencyError: the extra `engine` is not installed.

    Example:
        Pipeline(Config.load("clinic.yaml")).run().decide().allowed
    """

    def __init__(self, config: Config, progress: Progress = silent) -> None:
        require_engine()
        self.config = config
        self.progress = progress

    def run(self, resume: Literal["auto", "never"] = "auto", until: str = "audit") -> "Run":
        """Run the stages up to and including `until` that have not finished, and return the run.

        Args:
            resume: "auto" reuses every finished result whose inputs are unchanged; "never" computes everything again,
                and reserves and spends the budget again.
            until: name of the last stage. Texts are written in rounds. With `interpolate` or `decode`, the run stops
                in the first round; with `filter`, after the last round.

        Raises:
            UsageError: there is no such stage.
            SynthGenError: a stage fails.
            Interrupted: another process has locked the workspace.
        """
        if until not in STAGES:
            raise UsageError(f"there is no stage {until!r}", hint=f"The stages are {', '.join(STAGES)}.")
        # these modules import torch and others, which take seconds, so they are imported only for a run
        from synthgen.dp.planned_queries import check_budget
        from synthgen.dp.reserve import PAID
        from synthgen.pipeline import stage_order
        from synthgen.pipeline.engine_shares import read_sample
        from synthgen.pipeline.job import Job
        from synthgen.pipeline.record import RunRecord
        from synthgen.pipeline.style_choice import check_style
        from synthgen.pipeline.workspace import Workspace
        from synthgen.release.run import Run

        if until == STAGES[-1]:  # an unusable ledger ends the run here and not after the texts are written
            check_ledger(*ledger_of(self.config))
        policy = load_policy(policy_file(self.config))
        check_style(self.config, policy)
        check_budget(self.config, policy)
        read_sample(self.config)  # an invalid file ends the run here and not after the texts are written
        workspace = Workspace(self.config.resolve(self.config.workspace))
        with workspace.locked():
            job = Job(self.config, workspace, self.progress)
            models = [] if until in stage_order.WITHOUT_MODELS else stage_order.models_of(job)
            if resume == "never":  # only after the check that no model is missing
                workspace.forget(keep=PAID)
            done = []
            for stage in stage_order.run_stages(job, policy, until, spend_again=resume == "never"):
                done.append(stage)
                if stage.name == until and until not in {"filter", STAGES[-1]}:
                    break
            record = RunRecord.of(self.config, done, models)
            record.write(workspace.root)
        return Run(self.config, workspace, record, policy)
