"""Write and read run.json, which records each stage of a run."""

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
from synthgen.core.types import Counts
from synthgen.pipeline.workspace import StageResult

FILE = "run.json"
# suffix of the name of a repeated stage: "-2" in round 2, "-reconstruction" for texts decoded from train vectors
_SUFFIX = re.compile(r"-(\d+|reconstruction)$")
_RUN_FIRST = "Run the configuration first: `synthgen run CONFIG`."


class ModelRecord(BaseModel):
    """A model of the run with the digest of its files."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    role: str  # "embedder", "decoder" or, if a server is the decoder, "judge" for the model that measures fluency
    name: str
    digest: str


class StageRecord(BaseModel):
    """A stage of the run; some stages add counts as extra fields."""

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)

    name: str  # with a suffix if the run repeats the stage, such as "filter-2" in the second round
    digest: str  # sha256 of the name and the cache key
    code: str  # digest of the versions of the stage and of its libraries, see `Stage.code_digest`
    folder: str
    seconds: float
    reused: bool
    n_in: int = Field(alias="in")  # number of inputs: records; for decode, latents; for filter, candidates
    n_out: int = Field(alias="out")  # number of items in the result, such as records or texts
    classes: Mapping[str, Any] | None = None  # number of records by label; for split, by role and label
    notes: tuple[str, ...] | None = None  # load only: what the user should check in the source; may contain labels
    attempt: str | None = None  # audit only: the attempt's id in the ledger
    wanted: Counts | None = None  # filter only: number of wanted records by label
    kept: Counts | None = None  # filter only: number of kept records by label, in all rounds so far
    rejected: Counts | None = None  # filter only: number of rejected candidates by reason
    # filter only: number of candidates that passed, but were not kept, because another text made from the same vector
    # was better
    spare: int | None = None

    @classmethod
    def of(cls, stage: StageResult) -> "StageRecord":
        """Return the record of a finished stage."""
        fields = {name: getattr(stage, name) for name in ("name", "digest", "code", "seconds", "reused")}
        return cls.model_validate({**fields, "folder": stage.folder.name, **stage.counts})

    @property
    def base_name(self) -> str:
        """The name without the number of the round or "-reconstruction": "filter-2" -> "filter"."""
        return _SUFFIX.sub("", self.name)

    def is_of(self, *names: str) -> bool:
        """Return whether `base_name` is one of `names`."""
        return self.base_name in names


class RunRecord(BaseModel):
    """The content of run.json; private, because it contains the seed, digests of private tables and exact counts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schemaVersion: Literal[2] = 2  # noqa: N815 - the field's name in the file
    tool: str  # name and version of the program
    finished: str  # time at which the run ended, in UTC
    config: str  # digest of the configuration
    seed: int
    versions: Mapping[str, str]  # digests of source code and versions of libraries, for the release statement
    models: tuple[ModelRecord, ...]
    stages: tuple[StageRecord, ...]
    digest: str  # sha256 of the digests of all stages

    def __repr_args__(self) -> list[tuple[str | None, Any]]:  # what `repr` and `str` show
        return [("stages", len(self.stages))]

    @classmethod
    def of(cls, config: Config, stages: Sequence[StageResult], models: Sequence[ModelRecord]) -> "RunRecord":
        """Return the record of a run that ends now."""
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
        """Return the last stage whose base name is `name`; raise DataError if the run has no such stage."""
        for done in reversed(self.stages):
            if done.is_of(name):
                return done
        hint = "Complete the run first: `synthgen run CONFIG`."
        raise DataError(f"the run has not reached the stage {name!r} yet", hint=hint)

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON data, without the fields whose value is None."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def write(self, root: Path) -> None:
        """Write run.json into a workspace."""
        write_json(root / FILE, self.to_json())


def read_record(root: Path) -> RunRecord:
    """Return the record of the last run in a workspace; raise DataError if it is missing or not valid."""
    path = root / FILE
    if not path.is_file():
        raise DataError(f"{root}: contains no finished run", hint=_RUN_FIRST)
    try:
        return RunRecord.model_validate_json(path.read_bytes())
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, e['loc']))}: {e['type']}" for e in error.errors(include_input=False)]
        raise DataError(f"{path}: is not the record of a run", problems=problems, hint=_RUN_FIRST) from error
