"""run.json: what a run did, stage by stage. Only this module writes and reads it."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from synthgen.config import Config
from synthgen.core.digest import sha256_json
from synthgen.core.errors import DataError
from synthgen.core.files import write_json
from synthgen.core.made_by import AUDITS, libraries, sources, versions_of
from synthgen.pipeline.workspace import StageResult

FILE = "run.json"
_MARK = re.compile(r"-(\d+|reconstruction)$")
Counts = Mapping[str, int]


class ModelRecord(BaseModel):
    """A model of the run with the digest of its files."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    role: str
    name: str
    digest: str


class StageRecord(BaseModel):
    """A stage as it ran; counts of single kinds of stages are extra fields.

    Attributes:
        name: of the stage, and from the second round of writing on its number: "filter-2".
        digest: of its cache key.
        code: see `Stage.code_digest`.
        n_in: records that went in; of decode latents, of filter candidates.
        n_out: what came out.
        classes: records of each label.
        attempt: of audit, what the ledger calls it.
        wanted: of filter, records asked for of each label.
        kept: of filter, records of each label that every filter passed, in this round and those before.
        rejected: of filter, candidates by reason.
        spare: of filter, candidates that passed and were not the best of their latent.
    """

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)

    name: str
    digest: str
    code: str
    folder: str
    seconds: float
    reused: bool
    n_in: int = Field(alias="in")
    n_out: int = Field(alias="out")
    classes: Mapping[str, Any] | None = None  # of split by role and label
    attempt: str | None = None
    wanted: Counts | None = None
    kept: Counts | None = None
    rejected: Counts | None = None
    spare: int | None = None

    @classmethod
    def of(cls, stage: StageResult) -> "StageRecord":
        """Return the record of a stage that has run."""
        return cls.model_validate(
            {
                "name": stage.name,
                "digest": stage.digest,
                "code": stage.code,
                "folder": stage.folder.name,
                "seconds": stage.seconds,
                "reused": stage.reused,
                **stage.counts,
            }
        )

    @property
    def base_name(self) -> str:
        """The name of its stage without the number of the round."""
        return _MARK.sub("", self.name)

    def is_round_of(self, *names: str) -> bool:
        """Return whether this is a round of writing of one of these stages, and not of the reconstructions."""
        return self.is_of(*names) and not self.name.endswith("-reconstruction")

    def is_of(self, *names: str) -> bool:
        """Return whether this is one of these stages, in whichever round or on the reconstructions."""
        return self.base_name in names


class RunRecord(BaseModel):
    """The content of run.json.

    Privacy: private; it holds the seed, digests of private tables and exact counts. `release.content` says what of it
        a bundle may carry.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schemaVersion: Literal[2] = 2  # noqa: N815 - the field's name in the file
    tool: str
    finished: str
    config: str
    seed: int
    versions: Mapping[str, str]  # of sources and libraries; for the statement
    models: tuple[ModelRecord, ...]
    stages: tuple[StageRecord, ...]
    digest: str

    @classmethod
    def of(cls, config: Config, stages: Sequence[StageResult], models: Sequence[ModelRecord]) -> "RunRecord":
        """Return the record of a run that has just ended."""
        return cls(
            tool=f"synthgen {version('synthgen')}",
            finished=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            config=config.digest(),
            seed=config.seed,
            versions={"source": sources("synthgen"), **libraries(), **versions_of((AUDITS,))},
            models=tuple(models),
            stages=tuple(StageRecord.of(stage) for stage in stages),
            digest=sha256_json([stage.digest for stage in stages]),
        )

    def stage(self, name: str) -> StageRecord:
        """Return the last stage of this name, whichever its round.

        Raises:
            DataError: when the run did not come so far.
        """
        for done in reversed(self.stages):
            if done.is_of(name):
                return done
        raise DataError(f"the run has no stage {name!r} yet", hint="Run it to the end first: `synthgen run CONFIG`.")

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data, without what no stage said."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def write(self, root: Path) -> None:
        """Write run.json into a workspace."""
        write_json(root / FILE, self.to_json())


def read_record(root: Path) -> RunRecord:
    """Return the record of the last run in a workspace.

    Raises:
        DataError: when there is none, or the file is not valid.
    """
    path = root / FILE
    hint = "Run it first: `synthgen run CONFIG`."
    if not path.is_file():
        raise DataError(f"{root}: holds no finished run", hint=hint)
    try:
        return RunRecord.model_validate_json(path.read_bytes())
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, e['loc']))}: {e['type']}" for e in error.errors(include_input=False)]
        raise DataError(f"{path}: is not the record of a run", problems=problems, hint=hint) from error
