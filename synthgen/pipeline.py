"""The one way the data flows, and the only file that knows its order.

load -> split -> deidentify -> embed -> interpolate -> decode -> filter -> audit; the gate and the release follow in
run.py.
"""

from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Literal

from audits.gate.policy import load_policy
from synthgen.config import Config
from synthgen.core.digest import sha256_json
from synthgen.core.errors import UsageError
from synthgen.core.progress import Progress, silent
from synthgen.models.store import digest_of
from synthgen.run.adapt import check_adapt
from synthgen.run.finished import Run, policy_file
from synthgen.run.job import Job
from synthgen.run.judge import judge
from synthgen.run.prepare import embed_train, load_source, read_prepared, replace_identifiers, split_source
from synthgen.run.workspace import StageResult, Workspace, write_json
from synthgen.run.write import Writer, open_bridge
from synthgen.stages.decode.loading import backend_of

STAGES = ("load", "split", "deidentify", "embed", "interpolate", "decode", "filter", "audit")
_WITHOUT_MODELS = ("load", "split", "deidentify")
_WRITTEN = ("interpolate", "decode", "filter")  # these three go round together until every class is full


class Pipeline:
    """Runs a configuration in its workspace.

    Args:
        config: what to run.
        progress: who is told how far each stage is; nobody by default.

    Example:
        Pipeline(Config.load("clinic.yaml")).run().decide().allowed
    """

    def __init__(self, config: Config, progress: Progress = silent) -> None:
        self.config = config
        self.progress = progress

    def run(self, resume: Literal["auto", "never"] = "auto", until: str = "audit") -> Run:
        """Run what is missing up to and with the stage `until`, and return the run.

        Args:
            resume: "auto" goes on from every finished result whose inputs are unchanged; "never" starts anew.
            until: a stage; interpolate, decode and filter go round together, so any of them runs all three.

        Raises:
            UsageError: if there is no such stage.
            ConfigError: if the decoder is to be refined on train under a policy of differential privacy.
            SynthGenError: as the stages say.
            Interrupted: if another process holds the workspace.
        """
        if until not in STAGES:
            raise UsageError(f"there is no stage {until!r}", hint=f"The stages are {', '.join(STAGES)}.")
        check_adapt(self.config.decode.adapt, load_policy(policy_file(self.config)))
        workspace = Workspace(self.config.resolve(self.config.workspace))
        with workspace.locked():
            if resume == "never":
                workspace.forget()
            job = Job(self.config, workspace, self.progress)
            models = [] if until in _WITHOUT_MODELS else _models(job)
            stages = self._stages(job, until)
            record = _record(job, stages, models)
            write_json(workspace.root / "run.json", record)
        return Run(self.config, workspace, record)

    def _stages(self, job: Job, until: str) -> list[StageResult]:
        stages = [load_source(job)]
        if until == "load":
            return stages
        stages.append(split_source(job, stages[0]))
        if until == "split":
            return stages
        stages.append(replace_identifiers(job, *stages))
        if until == "deidentify":
            return stages
        prepared = read_prepared(job, *stages)
        result, embedded = embed_train(job, stages[-1], prepared.train)
        stages.append(result)
        if until == "embed":
            return stages
        written = Writer(job, prepared.train, embedded, result.digest).write()
        stages += written.stages
        if until not in _WRITTEN:
            stages.append(judge(job, prepared, embedded, written).stage)
        return stages


def _models(job: Job) -> list[dict[str, str]]:
    """Return the models with their digests, checked against the store's pins; before any work, so none is lost.

    Raises:
        ModelMissing, ModelError: when one is not there, or is not the pinned one, or a GPU to place it on is missing.
    """
    config = job.config
    open_bridge(job)
    backend_of(config.decode.placement)
    named = (("embedder", config.embed.model), ("decoder", config.decode.model))
    return [{"role": role, "name": name, "digest": digest_of(job.folder(name))} for role, name in named]


def _record(job: Job, stages: list[StageResult], models: list[dict[str, str]]) -> dict[str, Any]:
    """Return the content of run.json."""
    config = job.config
    return {
        "schemaVersion": 1,
        "tool": f"synthgen {version('synthgen')}",
        "finished": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "config": config.digest(),
        "seed": config.seed,
        "models": models,
        "stages": [
            {
                "name": stage.name,
                "digest": stage.digest,
                "folder": stage.folder.name,
                "seconds": stage.seconds,
                "reused": stage.reused,
                **stage.counts,
            }
            for stage in stages
        ],
        "digest": sha256_json([stage.digest for stage in stages]),
    }
