"""Run a configuration, from Python or from the command line."""

import hashlib
from contextlib import suppress
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from audits.core.files import write_whole
from audits.ledger.attempts import create_or_check_ledger
from synthgen.config import Config
from synthgen.core.engine import require_engine
from synthgen.core.errors import UsageError
from synthgen.core.progress import Progress, notebook_progress
from synthgen.core.run_config import RAY
from synthgen.core.workers import arithmetic, has_int8
from synthgen.pipeline.institution import ledger_of, policy_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from synthgen.pipeline.executors import Executor
    from synthgen.pipeline.workspace import StageResult
    from synthgen.plan.plan import Plan
    from synthgen.release.run import Run

STAGES = ("load", "split", "deidentify", "embed", "interpolate", "decode", "filter", "evaluate", "audit")


class Pipeline:
    """Runs a configuration in its workspace.

    Args:
        config: the configuration.
        progress: receives the progress of each stage. With None, progress is printed only in a notebook.
        source: the private records as a table in memory, used instead of `source.path`; see `parquet_of`. The
            workspace stores a copy.

    Raises:
        DependencyError: the extra `engine` is not installed.
        UsageError: `config` is not a `Config`, or `source` is not a table.
        StorageError: the workspace cannot be written.

    Example:
        Pipeline(Config.load("clinic.yaml")).run().decide().allowed
    """

    def __init__(self, config: Config, progress: Progress | None = None, source: Any = None) -> None:
        require_engine()
        if not isinstance(config, Config):
            raise UsageError(
                f"config is a {type(config).__name__}, not a Config", hint="Use Config.load or Config.parse."
            )
        self.config = config if source is None else _with_source(config, source)
        self.progress = notebook_progress() if progress is None else progress

    def __repr__(self) -> str:
        return f"Pipeline({self.config.release.name!r}, policy {Path(self.config.policy).name[:64]!r})"

    def plan(self, *, pilot: bool = True) -> "Plan":
        """Check the configuration and estimate its run; with `pilot`, also write a few texts. See `make_plan`."""
        from synthgen.plan.plan import make_plan

        return make_plan(self.config, self.progress, pilot=pilot)

    def run(
        self,
        resume: Literal["auto", "never"] = "auto",
        until: str = "audit",
        *,
        part: str | None = None,
        wait: bool = False,
    ) -> "Run":
        """Run the unfinished stages up to and including `until`, and return the run.

        Args:
            resume: "auto" reuses every finished result whose inputs are unchanged. "never" computes everything again;
                with DP, this can spend the budget again.
            until: name of the last stage. Texts are written in rounds. With `interpolate` or `decode`, the run ends
                in the first round; with `filter`, it ends after the last round.
            part: "i/n" with 0 <= i < n. Each stage that can be distributed has n parts, and this process computes
                only part i. Other processes with the same configuration and workspace compute the other parts.
            wait: if true, this process waits for the other parts after its own; if false, it stops.

        Raises:
            UsageError: there is no stage `until`, `resume` is neither "auto" nor "never", or `part` is invalid, is
                combined with `resume` "never", or is missing although `wait` is true.
            AtBarrier: this part is finished, results of other parts are missing, and `wait` is false.
            Interrupted: another process has locked the workspace.
            SynthGenError, AuditError: the configuration, the source, a model, the policy or the ledger cannot be
                used, or a stage fails.
        """
        from synthgen.pipeline.workspace import finish

        return finish(self._stages(resume, until, _executor_of_part(part, resume, wait=wait)), [])

    def stream(self, resume: Literal["auto", "never"] = "auto") -> "Iterator[dict[str, str]]":
        """Yield each accepted text with its label, at the end of the round that wrote the text.

        The texts are private, because they are not audited yet. A later call of `run` reuses them.
        """
        from synthgen.core.tables import read_candidates
        from synthgen.filter.stage import KEPT

        shown: set[tuple[str, int]] = set()
        for stage in self._stages(resume, "filter"):
            if stage.name.startswith("filter"):
                for kept in read_candidates(stage.folder / KEPT):
                    if (kept.latent_id, kept.index) not in shown:
                        shown.add((kept.latent_id, kept.index))
                        yield {"label": kept.label, "text": kept.text}

    def write_shards(self, stage: str, names: "Sequence[str]") -> None:
        """Compute the shards `names` (files in the folder `stage`) for a run in another process; see `Named`.

        Raises:
            WorkerError: the results of this process would differ from those of the other process.
            SynthGenError, AuditError: as in `run`.
        """
        from synthgen.pipeline.executors import Named, ShardsWritten
        from synthgen.pipeline.workspace import finish

        with suppress(ShardsWritten):
            finish(self._stages("auto", STAGES[-1], Named(stage=stage, names=tuple(names))), [])

    def _stages(
        self, resume: str, until: str, executor: "Executor | None" = None
    ) -> "Generator[StageResult, None, Run]":
        if until not in STAGES:
            raise UsageError(f"until: there is no stage {until!r}", hint=f"The stages are {', '.join(STAGES)}.")
        if resume not in {"auto", "never"}:
            raise UsageError(f"resume must be 'auto' or 'never', but is {resume!r}")
        # these modules are imported only for a run, because importing torch takes seconds
        from synthgen.dp.planned_queries import check_budget
        from synthgen.dp.reserve import PAID
        from synthgen.pipeline import stage_order
        from synthgen.pipeline.engine_shares import read_sample
        from synthgen.pipeline.executors import LOCAL
        from synthgen.pipeline.job import Job
        from synthgen.pipeline.ray_executor import RayExecutor
        from synthgen.pipeline.record import RunRecord
        from synthgen.pipeline.style_choice import check_server, check_style
        from synthgen.pipeline.workspace import Workspace
        from synthgen.release.run import Run, note_config

        if executor is None and self.config.run.on == RAY:
            executor = RayExecutor(self.config, self.progress, write_named_shards)
        executor = executor or LOCAL
        # report an unusable ledger before the texts are written
        if until in {"evaluate", "audit"} and executor.uses_ledger:
            create_or_check_ledger(*ledger_of(self.config))
        policy = policy_of(self.config)
        check_style(self.config, policy)
        check_server(self.config, policy)
        check_budget(self.config, policy)
        read_sample(self.config)  # report an invalid file before the texts are written
        workspace = Workspace(self.config.resolve(self.config.workspace))
        with executor.session(workspace, partial(_identity, self.config)):
            job = Job(self.config, workspace, self.progress, executor=executor)
            models = [] if until in stage_order.WITHOUT_MODELS else stage_order.models_of(job)
            if resume == "never":  # after `models_of`, so that no result is removed if a model is missing
                workspace.forget(keep=PAID)
            done = []
            for stage in stage_order.run_stages(job, policy, until, spend_again=resume == "never"):
                done.append(stage)
                yield stage
                if stage.name == until and until not in {"filter", STAGES[-1]}:
                    break
            record = RunRecord.of(self.config, done, models)
            record.write(workspace.root)
            note_config(self.config, workspace)
        return Run(self.config, workspace, record, policy)


def write_named_shards(config: str, stage: str, names: "Sequence[str]") -> None:
    """Compute the shards `names` for a run of the configuration file `config`; see `Pipeline.write_shards`."""
    Pipeline(Config.load(config)).write_shards(stage, names)


def _executor_of_part(part: str | None, resume: str, *, wait: bool) -> "Executor | None":
    from synthgen.pipeline.executors import RunPart

    if part is None and wait:
        raise UsageError("--wait requires --part", hint="A run without --part computes all shards itself.")
    if part is None:
        return None
    if resume == "never":
        raise UsageError(
            "`--part` cannot be combined with `--resume never`: each part would remove the results of the others",
            hint="Remove the workspace, or set another `workspace`, to compute everything again.",
        )
    return RunPart.parse(part, waits=wait)


def _identity(config: Config) -> dict[str, str]:
    """Return the values that all processes of a run must share; otherwise, they do not find each other's results."""
    from synthgen.decode.config import BUILTIN
    from synthgen.decode.loading import backend_of

    backend = backend_of(config.decode.placement) if config.decode.runs_here else "server"
    may_use_int8 = config.decode.engine == BUILTIN and backend.startswith("cpu") and has_int8()
    numbers = f"{arithmetic()}, int8" if may_use_int8 else arithmetic()
    return {"config": config.digest(), "version": version("synthgen"), "backend": backend, "arithmetic": numbers}


def _with_source(config: Config, table: Any) -> Config:
    from synthgen.load.frames import parquet_of
    from synthgen.pipeline.workspace import Workspace

    if config.source.kind != "table":
        raise UsageError(
            f"a table in memory needs `source.kind: table`, but source.kind is {config.source.kind!r}",
            hint="Remove source.kind (its default is table) and source.fields.",
        )
    data = parquet_of(table)
    root = Workspace(config.resolve(config.workspace)).root
    path = root / f"source-{hashlib.sha256(data).hexdigest()[:16]}.parquet"
    write_whole(path, data)
    source = config.source.model_copy(update={"path": str(path), "format": "parquet"})
    return config.model_copy(update={"source": source})
