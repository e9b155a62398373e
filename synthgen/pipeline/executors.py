"""Distribute the shards of a stage among the processes that share a workspace.

A shard is a file with a part of the stage's result. A `Local` executor computes a run in one process. A `RunPart`
computes a part of a run. A `Named` executor computes shards for a run in another process.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from synthgen.core.errors import AtBarrier, UsageError, WorkerError
from synthgen.core.shards import Division
from synthgen.core.terminal import say
from synthgen.pipeline.workspace import Workspace

Identity = Callable[[], Mapping[str, Any]]  # returns values, by name, that must be equal in all processes of a run
POLL_SECONDS = 2.0  # time between two checks whether other processes have finished


class Executor(Protocol):
    """Computes the shards of stages. Work without shards is done by only one process at a time."""

    @property
    def uses_ledger(self) -> bool:
        """Whether this process enters the run's audits in the institution's ledger; if not, another process does."""
        ...

    def session(self, workspace: Workspace, identity: Identity) -> AbstractContextManager[None]:
        """Return a context in which the workspace is locked for a run."""
        ...

    def compute(self, stage: str, division: Division, is_finished: Callable[[], bool]) -> None:
        """Return when all shards of a stage exist, or when another process has finished the stage."""
        ...

    def alone(self, work: str) -> AbstractContextManager[None]:
        """Return a context that only one process of the run can enter at a time; messages show the text `work`."""
        ...

    def combine(self, stage: str) -> AbstractContextManager[None]:
        """Return the context of `alone` in which a process writes the result of a stage."""
        ...


class Local:
    """This process computes everything."""

    uses_ledger = True

    def session(self, workspace: Workspace, identity: Identity) -> AbstractContextManager[None]:  # noqa: ARG002
        """Return a context in which the workspace is locked against all other processes."""
        return workspace.locked()

    def compute(self, stage: str, division: Division, is_finished: Callable[[], bool]) -> None:  # noqa: ARG002
        """Compute all missing shards."""
        division.remove_damaged(division.names)
        if missing := division.missing():
            division.write(missing)

    def alone(self, work: str) -> AbstractContextManager[None]:  # noqa: ARG002
        """Return an empty context, because no other process works on the run."""
        return nullcontext()

    combine = alone


LOCAL: Executor = Local()


@dataclass(slots=True, kw_only=True)
class RunPart:
    """This process computes one of `count` parts of a run: the shards whose position modulo `count` is `index`.

    Other processes compute the other parts, at the same time or later. This process waits for missing shards of other
    parts or, if `waits` is false, stops with `AtBarrier`.
    """

    index: int
    count: int
    waits: bool = False
    uses_ledger: ClassVar = True
    _workspace: Workspace | None = field(default=None, init=False)  # None before `session` locks the workspace
    _depth: int = field(default=0, init=False)  # number of contexts of `alone` that this process is in

    @classmethod
    def parse(cls, text: str, *, waits: bool = False) -> "RunPart":
        """Return part i of n for the text "i/n" with 0 <= i < n; raise UsageError for any other text."""
        match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text, re.ASCII)
        if match is None or not int(match[1]) < int(match[2]):
            message = f"--part must be i/n with whole numbers 0 <= i < n, such as 0/3, but is {text!r}"
            raise UsageError(message, hint="The parts of a run are numbered from 0.")
        return cls(index=int(match[1]), count=int(match[2]), waits=waits)

    @contextmanager
    def session(self, workspace: Workspace, identity: Identity) -> Iterator[None]:
        """Lock the workspace against other runs, but not against the other parts of this run."""
        with workspace.shared({**identity(), "parts": self.count}):
            self._workspace = workspace
            yield

    def compute(self, stage: str, division: Division, is_finished: Callable[[], bool]) -> None:
        """Compute the missing shards of this part; then wait for the shards of other parts, or raise AtBarrier."""
        own = division.names[self.index :: self.count]
        division.remove_damaged(own)
        missing = set(division.missing())
        if mine := [name for name in own if name in missing]:
            division.write(mine)
        is_reported = False
        while (missing_parts := self._parts_of(division, division.missing())) and not is_finished():
            if not self.waits:
                raise self._stopped(stage, missing_parts)
            if not is_reported:
                say(f"part {self.index}/{self.count}: waiting at stage {stage} for {self._listed(missing_parts)}")
                is_reported = True
            time.sleep(POLL_SECONDS)

    @contextmanager
    def alone(self, work: str) -> Iterator[None]:
        """Return a context that only one part can enter at a time; the other parts wait, or stop with `AtBarrier`."""
        if self._depth > 0 or self._workspace is None:
            yield
            return
        with self._workspace.lock_of_parts() as locked:
            while not locked():
                if not self.waits:
                    message = f"part {self.index}/{self.count} stopped, because another part is working on {work}"
                    hint = f"When the other part has ended, run part {self.index}/{self.count} again."
                    raise AtBarrier(message, hint=hint)
                time.sleep(POLL_SECONDS)
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1

    def combine(self, stage: str) -> AbstractContextManager[None]:
        """Return the context of `alone` in which this part writes the result of a stage."""
        return self.alone(f"stage {stage}")

    def _parts_of(self, division: Division, missing: Sequence[str]) -> list[int]:
        """Return the numbers of the parts that compute the missing shards."""
        position = {name: i for i, name in enumerate(division.names)}
        return sorted({position[name] % self.count for name in missing})

    def _listed(self, parts: Sequence[int]) -> str:
        shown = ", ".join(f"{part}/{self.count}" for part in parts[:20])
        return f"part{'s' if len(parts) > 1 else ''} {shown}" + (", ..." if len(parts) > 20 else "")

    def _stopped(self, stage: str, missing_parts: Sequence[int]) -> AtBarrier:
        listed = self._listed(missing_parts)
        return AtBarrier(
            f"part {self.index}/{self.count} of stage {stage} is finished; the results of {listed} are missing",
            hint=f"Run the same command with --part for {listed}. The part that ends last continues with the next "
            "stage.",
        )


class ShardsWritten(Exception):  # noqa: N818 - named after the state
    """Ends a process with a `Named` executor after the process has written its shards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """This process computes the shards `names` in the folder `stage`, for another process.

    The other process runs the whole pipeline. It has finished all stages before `stage` and locked the workspace.
    """

    stage: str  # name of the stage's folder that contains the shards
    names: tuple[str, ...]
    uses_ledger: ClassVar = False

    def session(self, workspace: Workspace, identity: Identity) -> AbstractContextManager[None]:  # noqa: ARG002
        """Return an empty context, because the other process has locked the workspace."""
        return nullcontext()

    def compute(self, stage: str, division: Division, is_finished: Callable[[], bool]) -> None:  # noqa: ARG002
        """Write the shards and raise `ShardsWritten`; raise WorkerError if their folder is not named `self.stage`."""
        if division.folder.name != self.stage:
            raise self._wrong_stage(stage)
        missing = set(division.missing())
        if mine := [name for name in self.names if name in missing]:
            division.write(mine)
        raise ShardsWritten

    def alone(self, work: str) -> AbstractContextManager[None]:  # noqa: ARG002
        """Return an empty context, because the other process has already done this work."""
        return nullcontext()

    def combine(self, stage: str) -> AbstractContextManager[None]:
        """Raise WorkerError, because this process must not compute a whole stage."""
        raise self._wrong_stage(stage)

    def _wrong_stage(self, stage: str) -> WorkerError:
        return WorkerError(
            f"the results of a worker would differ from those of the run; the first difference is in stage {stage}",
            hint="All machines need the same version of synthgen and its libraries, the same models and "
            "configuration, and the same kind of processor or GPU.",
        )
