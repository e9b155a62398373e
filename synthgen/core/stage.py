"""Declare what a stage reads, restrict the stage to the declared items, and compute its cache key from these items.

A `Stage` declares everything that can change its result: its inputs, settings, models and random streams. Its
function `run` gets a `StageContext`, which gives access to nothing else. The cache key covers all declared items.

If a commit changes the result of a stage, but not its declaration, raise `version` by one. Examples are changed
numbers, another order, or another file format. A new version invalidates the cached results of the stage and of all
stages that use them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

from pydantic import TypeAdapter

from synthgen.core.digest import sha256_json
from synthgen.core.errors import InternalError
from synthgen.core.made_by import versions_of
from synthgen.core.progress import Progress
from synthgen.core.seeds import SeedTree
from synthgen.core.shards import Division

T = TypeVar("T")
_PLAIN: TypeAdapter[Any] = TypeAdapter(Any)  # converts a value to JSON data
SHARDS = ".shards"  # suffix of the folder with the shards of a distributed stage
ROOT = ""  # name of the stream that is the root of all streams of the run


class HasDigest(Protocol):
    """A result, table or model with a digest of its content or of its cache key."""

    @property
    def digest(self) -> str: ...  # noqa: D102 - documented above


@dataclass(frozen=True, slots=True)
class StageInput:
    """Adds a digest to an input that has no property `digest`; the stage gets `value`."""

    value: Any
    digest: str


def plain_value(value: Any) -> StageInput:
    """Return JSON data as an input of a stage, with the digest of the data."""
    return StageInput(value, sha256_json({"value": _PLAIN.dump_python(value, mode="json")}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Everything that a stage could read; `StageContext` restricts the stage to what it declares."""

    config: Any  # the whole configuration
    seeds: SeedTree  # the root of the random streams
    progress: Progress
    inputs: Mapping[str, HasDigest] = field(default_factory=dict)  # key: name that the stage declares
    models: Mapping[str, HasDigest] = field(default_factory=dict)  # key: role that the stage declares


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One step of a run, with a declaration of everything that can change its result."""

    name: str  # the beginning of the name of the folder with the result
    version: int  # raised by the developer when the result changes; see the docstring of the module
    run: Callable[["StageContext"], Mapping[str, Any]]  # writes into `context.folder`; returns the counts to report
    # Returns the shards (files with a part of the result), if several processes can compute them. When all shards are
    # in the folder `context.shards`, one process calls `run`, which combines them.
    divide: Callable[["StageContext"], Division] | None = None
    config: tuple[str, ...] = ()  # sections of the configuration, single keys ("decode.style"), or properties
    inputs: tuple[str, ...] = ()  # names of results and tables of earlier stages
    models: tuple[str, ...] = ()  # roles of models
    streams: tuple[str, ...] = ()  # names of random streams; `ROOT` is the root of all streams
    libraries: tuple[str, ...] = ()  # packages whose version may change the result; may include "python", "audits"
    keep_partial: bool = False  # whether `run` continues from the files of an interrupted attempt
    # Whether the stage spends a privacy budget. Such a stage must not run again after an update of the program, so
    # its key includes neither `version` nor the versions of libraries.
    is_paid: bool = False

    def __post_init__(self) -> None:
        if self.is_paid and self.libraries:
            raise InternalError(f"stage {self.name!r} spends a privacy budget, so it must not declare libraries")

    @property
    def code(self) -> dict[str, Any]:
        """The part of the cache key that depends only on the installed program; empty if `is_paid` is true."""
        return {} if self.is_paid else {"version": self.version, "libraries": versions_of(self.libraries)}

    @property
    def code_digest(self) -> str:
        """SHA-256 of `code`; it changes whenever an update of the program may change the result."""
        return sha256_json({"stage": self.name, **self.code})

    def key(self, sources: Sources) -> dict[str, Any]:
        """Return the cache key as JSON data; raise InternalError for undeclared or missing inputs or models."""
        for kind, declared in (("inputs", self.inputs), ("models", self.models)):
            given = getattr(sources, kind)
            if set(declared) != set(given):
                raise InternalError(
                    f"stage {self.name!r} declares {kind} {sorted(declared)}, but got {sorted(given)}"
                )
        values = {name: _PLAIN.dump_python(_value_at(sources.config, name), mode="json") for name in self.config}
        return {
            **self.code,
            "config": values,
            "inputs": {name: sources.inputs[name].digest for name in self.inputs},
            "models": {role: sources.models[role].digest for role in self.models},
            "streams": {name: _stream(sources.seeds, name).key().hex() for name in self.streams},
        }


class StageContext:
    """Gives a running stage access to what it declares; a request for any other name raises InternalError.

    The stage writes its files into `folder`. `name` is the name of the result, such as "filter-2" in the second round
    of writing texts. `shards` is the folder of the shards, if the stage has any.
    """

    def __init__(self, stage: Stage, sources: Sources, folder: Path, name: str) -> None:
        self.stage, self.folder, self.name = stage, folder, name
        self.shards = folder.with_suffix(SHARDS)
        self._sources = sources
        self._used: set[tuple[str, str]] = set()
        self._computed: dict[str, Any] = {}

    @property
    def progress(self) -> Progress:
        """The receiver of progress events."""
        return self._sources.progress

    def config(self, name: str) -> Any:
        """Return a section or key of the configuration."""
        self._use("config", name)
        return _value_at(self._sources.config, name)

    def input(self, name: str) -> Any:
        """Return an input; for a `StageInput`, return its value."""
        self._use("inputs", name)
        given = self._sources.inputs[name]
        return given.value if isinstance(given, StageInput) else given

    def model(self, role: str) -> Any:
        """Return the model of a role."""
        self._use("models", role)
        return self._sources.models[role]

    def stream(self, name: str) -> SeedTree:
        """Return a random stream."""
        self._use("streams", name)
        return _stream(self._sources.seeds, name)

    def once(self, name: str, compute: Callable[[], T]) -> T:
        """Return `compute()`; later calls with this name return the same value, which `divide` and `run` share."""
        if name not in self._computed:
            self._computed[name] = compute()
        return cast("T", self._computed[name])

    def unused(self) -> set[tuple[str, str]]:
        """Return the declared items that the stage has not read so far, each as (kind, name)."""
        kinds = ("config", "inputs", "models", "streams")
        return {(kind, name) for kind in kinds for name in getattr(self.stage, kind)} - self._used

    def _use(self, kind: str, name: str) -> None:
        if name not in getattr(self.stage, kind):
            raise InternalError(
                f"stage {self.stage.name!r} reads {name!r}, but does not declare {name!r} in its {kind}"
            )
        self._used.add((kind, name))


def _value_at(config: Any, name: str) -> Any:
    return reduce(getattr, name.split("."), config)


def _stream(seeds: SeedTree, name: str) -> SeedTree:
    return seeds if name == ROOT else seeds.child(*name.split("/"))
