"""Declared stages: what a stage reads, the context that enforces it, and the cache key that follows from it.

A `Stage` declares everything that can change its result. Its `run` function gets a `StageContext`, which gives access
to what is declared and to nothing else. The cache key is computed from the declaration, so it cannot miss an entry
that the function reads.

Raise `version` by one in the commit that changes the result of a stage for unchanged declarations: other numbers,
another order, another random stream, another file format. Do not raise it for a change of text, types or speed.
Results of other stages stay valid. Stages that declare the changed stage as an input follow, because its digest is
part of their key.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import Any, Protocol

from pydantic import TypeAdapter

from synthgen.core.digest import sha256_json
from synthgen.core.errors import InternalError
from synthgen.core.made_by import versions_of
from synthgen.core.progress import Progress
from synthgen.core.seeds import SeedTree

_PLAIN: TypeAdapter[Any] = TypeAdapter(Any)
ROOT = ""  # as the name of a stream: the root of all streams of the run


class HasDigest(Protocol):
    """A result, table or model that knows the digest of its content or of its own cache key."""

    @property
    def digest(self) -> str: ...  # noqa: D102 - documented above


@dataclass(frozen=True, slots=True)
class StageInput:
    """An input that does not know its digest itself; the stage gets `value`."""

    value: Any
    digest: str


def plain_value(value: Any) -> StageInput:
    """Return an input of plain JSON data with the digest of that data."""
    return StageInput(value, sha256_json({"value": _PLAIN.dump_python(value, mode="json")}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What a run offers to a stage.

    Args:
        config: the whole configuration.
        seeds: the root of the random streams.
        progress: receives progress events.
        inputs: results and tables, by the names that the stage declares.
        models: by the roles that the stage declares.
    """

    config: Any
    seeds: SeedTree
    progress: Progress
    inputs: Mapping[str, HasDigest] = field(default_factory=dict)
    models: Mapping[str, HasDigest] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One step of a run, with a declaration of everything that can change its result.

    Args:
        name: the first part of the name of its folder.
        version: raised by the developer when the result changes; see the module.
        run: writes files into `context.folder` and returns the counts to report.
        config: sections of the configuration, single keys ("decode.style"), or properties of a section.
        inputs: names of results and tables of earlier stages.
        models: roles of the models that it uses.
        streams: names of the random streams that it draws from; `ROOT` is the root of them all.
        libraries: distributions whose version may change the result; also "python", and "audits" for its sources.
        keep_partial: whether `run` continues from the files that an interrupted attempt left.
        is_paid: whether it spends a privacy budget. Its result is never deleted or computed a second time, so neither
            the version of a library nor `version` may be part of its key.
    """

    name: str
    version: int
    run: Callable[["StageContext"], Mapping[str, Any]]
    config: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    streams: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    keep_partial: bool = False
    is_paid: bool = False

    def __post_init__(self) -> None:
        if self.is_paid and self.libraries:
            raise InternalError(f"stage {self.name!r} is paid for, so it may not declare libraries")

    @property
    def code(self) -> dict[str, Any]:
        """The part of the key that depends on the installed program alone; empty for a paid stage."""
        return {} if self.is_paid else {"version": self.version, "libraries": versions_of(self.libraries)}

    @property
    def code_digest(self) -> str:
        """Sha256 of `code`: results with another code digest were made by another version of the program."""
        return sha256_json({"stage": self.name, **self.code})

    def key(self, sources: Sources) -> dict[str, Any]:
        """Return the cache key, as JSON data.

        Raises:
            InternalError: the inputs or models given are not those that are declared.
        """
        for kind, declared, given in (
            ("inputs", self.inputs, sources.inputs),
            ("models", self.models, sources.models),
        ):
            if set(declared) != set(given):
                raise InternalError(f"stage {self.name!r} declares {kind} {sorted(declared)}, got {sorted(given)}")
        return {
            **self.code,
            "config": {
                name: _PLAIN.dump_python(_value_at(sources.config, name), mode="json") for name in self.config
            },
            "inputs": {name: sources.inputs[name].digest for name in self.inputs},
            "models": {role: sources.models[role].digest for role in self.models},
            "streams": {name: _stream(sources.seeds, name).key().hex() for name in self.streams},
        }


class StageContext:
    """What a stage may use while it runs.

    Args:
        stage: the declaration.
        sources: what the run offers.
        folder: where the stage writes its files.
        name: of the stage, with the number of its round.
    """

    def __init__(self, stage: Stage, sources: Sources, folder: Path, name: str) -> None:
        self.stage, self.folder, self.name = stage, folder, name
        self._sources = sources
        self._used: set[tuple[str, str]] = set()

    @property
    def progress(self) -> Progress:
        """Receives progress events."""
        return self._sources.progress

    def config(self, name: str) -> Any:
        """Return a declared section or key of the configuration; raise InternalError for any other."""
        self._use("config", name)
        return _value_at(self._sources.config, name)

    def input(self, name: str) -> Any:
        """Return a declared input, the value of a `StageInput`; raise InternalError for any other."""
        self._use("inputs", name)
        given = self._sources.inputs[name]
        return given.value if isinstance(given, StageInput) else given

    def model(self, role: str) -> Any:
        """Return the model of a declared role; raise InternalError for any other."""
        self._use("models", role)
        return self._sources.models[role]

    def stream(self, name: str) -> SeedTree:
        """Return a declared random stream; raise InternalError for any other."""
        self._use("streams", name)
        return _stream(self._sources.seeds, name)

    def unused(self) -> set[tuple[str, str]]:
        """Return what is declared and was not read so far, as (kind, name)."""
        kinds = ("config", "inputs", "models", "streams")
        return {(kind, name) for kind in kinds for name in getattr(self.stage, kind)} - self._used

    def _use(self, kind: str, name: str) -> None:
        if name not in getattr(self.stage, kind):
            raise InternalError(f"stage {self.stage.name!r} reads {kind} {name!r} and does not declare it")
        self._used.add((kind, name))


def _value_at(config: Any, name: str) -> Any:
    """Return a section, or the key or property of a section that a dotted name means."""
    return reduce(getattr, name.split("."), config)


def _stream(seeds: SeedTree, name: str) -> SeedTree:
    return seeds if name == ROOT else seeds.child(*name.split("/"))
