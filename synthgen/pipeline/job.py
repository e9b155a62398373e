"""Run single stages of a pipeline run, or return their stored results."""

import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from audits.core.errors import InputError
from audits.core.files import disk_errors
from synthgen.config import Config
from synthgen.core.digest import sha256_file, sha256_json
from synthgen.core.progress import Progress
from synthgen.core.seeds import SeedTree
from synthgen.core.shards import Division
from synthgen.core.stage import HasDigest, Sources, Stage, StageContext, StageInput
from synthgen.embed import Encoder, build_encoder
from synthgen.models.store import digest_of, model_folder, name_by_weights
from synthgen.pipeline.executors import LOCAL, Executor
from synthgen.pipeline.secret import run_secret
from synthgen.pipeline.workspace import PARTIAL, StageResult, Workspace

Inputs = Mapping[str, HasDigest]  # key: name that the stage declares; value: the input
Models = Inputs | None  # key: role that the stage declares; value: the model. None if there are no models


def configured_folder(config: Config, name: str) -> Path:
    """Return the folder of a model, given by its name or by a path relative to the configuration's folder."""
    local = config.resolve(name)
    return model_folder(str(local) if os.sep in name and local.is_dir() else name)


@dataclass(frozen=True, slots=True)
class Job:
    """A run: its configuration, the workspace that stores its results, and the object that shows its progress."""

    config: Config
    workspace: Workspace
    progress: Progress
    root: SeedTree | None = None  # root of the random streams; None: derived from the secret and the seed
    executor: Executor = LOCAL  # decides which process computes which shards

    @property
    def seeds(self) -> SeedTree:
        """The root of the random streams."""
        if self.root is not None:
            return self.root
        return SeedTree(self.config.seed, secret=run_secret(self.config, self.workspace))

    def run(self, stage: Stage, inputs: Inputs, models: Models = None, suffix: str = "") -> StageResult:
        """Return the stored result of a stage, or run the stage.

        `inputs` and `models` have the names that the stage declares. `suffix` is appended to the name of the
        result, for example "-2" if a second round of writing texts repeats the stage.

        Raises:
            InternalError: the stage receives or reads an input, model or setting that it does not declare.
            StorageError: the stored result of a stage that spent a privacy budget was changed.
        """
        sources, name = self._sources(inputs, models), stage.name + suffix
        key, started = stage.key(sources), time.monotonic()
        if (result := self.workspace.finished(name, key)) is None:
            place = self.workspace.place(name, key)
            context = StageContext(stage, sources, place.with_name(f"{place.name}{PARTIAL}"), name)
            if stage.divide is not None:
                self._compute_shards(stage.divide, context, lambda: self.workspace.finished(name, key) is not None)
            with self.executor.combine(name):
                options = {"keep_partial": stage.keep_partial, "is_paid": stage.is_paid}
                result = self.workspace.stage(name, key, lambda _: stage.run(context), **options, started=started)
            shutil.rmtree(context.shards, ignore_errors=True)
        return replace(result, code=stage.code_digest)

    def _compute_shards(
        self, divide: Callable[[StageContext], Division], context: StageContext, is_finished: Callable[[], bool]
    ) -> None:
        context.shards.mkdir(mode=0o700, exist_ok=True)
        with disk_errors(context.shards):
            try:
                self.executor.compute(context.name, divide(context), is_finished)
            except (FileNotFoundError, InputError):
                # another process can have finished the stage and removed the shards
                if not is_finished():
                    raise

    def key(self, stage: Stage, inputs: Inputs) -> dict[str, object]:
        """Return the cache key of a stage that declares no models."""
        return stage.key(self._sources(inputs))

    def finished(self, stage: Stage, inputs: Inputs) -> StageResult | None:
        """Return the stored result of a stage that declares no models; None if there is none."""
        return self.workspace.finished(stage.name, self.key(stage, inputs))

    def _sources(self, inputs: Inputs, models: Models = None) -> Sources:
        models = models or {}
        return Sources(config=self.config, seeds=self.seeds, progress=self.progress, inputs=inputs, models=models)

    def folder(self, name: str) -> Path:
        """Return the folder of a model; see `configured_folder`."""
        return configured_folder(self.config, name)

    def model_name(self, name: str) -> str:
        """Return the name of the registered model with the weights of the model `name`; `name` if there is none."""
        return name_by_weights(name, self.folder(name))

    def language_model(self) -> StageInput:
        """Return the folder of the configured language model, with the digest of its files."""
        folder = self.folder(self.config.decode.model)
        return StageInput(folder, digest_of(folder))

    def encoder(self) -> Encoder:
        """Return the configured encoder.

        Under DP, each text is encoded separately. In a batch, the rounding of a vector depends on all texts of the
        batch, so one person would change the vectors of other persons.
        """
        return build_encoder(self.config.embed, self.folder, one_by_one=self.config.interpolate.is_dp)


def source_digest(path: Path) -> str:
    """Return the sha256 of a file, or of the names and digests of a folder's files; "absent" if `path` is neither."""
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.is_file())
        return sha256_json({p.relative_to(path).as_posix(): sha256_file(p) for p in files})
    return sha256_file(path) if path.is_file() else "absent"
