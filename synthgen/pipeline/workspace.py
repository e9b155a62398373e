"""Store the results of stages (the steps of a run) in a private folder, the workspace.

A run can be divided among several processes, called parts, which share a workspace. The result of a stage that can be
distributed is divided into shards (files), and each part computes some of them. The digest of a result is the sha256
of the stage's name and cache key. The key (`Stage.key`) covers everything that the result depends on. Below,
<digest16> is the first 16 digits of the digest.

    ws/lock                                file that locks the workspace for one run, or for the parts of one run
    ws/parts.json                          data that identify the run whose parts share the workspace
    ws/parts.lock                          file that locks the work that only one part may do at a time
    ws/secret.key                          32 random bytes, for the random streams: see `synthgen.pipeline.secret`
    ws/stages/<name>-<digest16>/           a finished result; done.json has its counts, seconds and file digests
    ws/stages/<name>-<digest16>.shards/    the finished shards of an unfinished stage: see `synthgen.core.shards`
    ws/stages/<name>-<digest16>.partial/   an unfinished result; some stages continue from it: see `keep_partial`
    ws/run.json                            the record of the last run: its stages, models and versions
    ws/bad-rows.json, ...                  further files, such as the list of the unusable rows

A result is written into the partial folder, synced and renamed, so after an interruption it is complete or absent.
"""

import fcntl
import shutil
import stat
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO, TypeVar

from audits.core.files import disk_errors, sync
from synthgen.core.digest import sha256_file, sha256_json
from synthgen.core.errors import Interrupted, StorageError
from synthgen.core.files import read_json, write_json

T = TypeVar("T")
DONE = "done.json"  # file of a finished result with its counts, seconds and file digests
PARTIAL = ".partial"  # suffix of the folder of an unfinished result
PARTS = "parts.json"  # file that identifies the run whose parts share the workspace
LOCK_ATTEMPTS, LOCK_SECONDS = 100, 0.1  # number of attempts of a part to lock the workspace; seconds between attempts
Make = Callable[[Path], Mapping[str, Any]]  # writes a result into a folder, and returns the counts to report


@dataclass(frozen=True, slots=True, kw_only=True)
class StageResult:
    """A finished stage."""

    name: str  # name of the stage, with a suffix if the run repeats the stage, such as "filter-2"
    digest: str  # sha256 of the name and the cache key; its first 16 digits are in the folder's name
    folder: Path
    counts: Mapping[str, Any]  # numbers of input and output records, and further counts that the stage defines
    seconds: float  # duration of the computation, in the process that stored the result
    reused: bool  # whether the result was already stored when the stage was requested
    code: str = ""  # digest of the versions of the stage and of its libraries, see `Stage.code_digest`


def finish(stages: Generator[StageResult, None, T], done: list[StageResult]) -> T:
    """Run a generator of stages to its end, append the stage results to `done`, and return the generator's value."""
    while True:
        try:
            done.append(next(stages))
        except StopIteration as end:
            returned: T = end.value
            return returned


class Workspace:
    """The workspace at `root`; raises StorageError if it is not writable, or if other users have any right to it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            (root / "stages").mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            message = f"workspace {root}: is not writable ({error.strerror})"
            raise StorageError(message, hint="Set `workspace` to a folder that you can write to.") from error
        if stat.S_IMODE(root.stat().st_mode) & 0o077:
            hint = f"The folder contains private text. Run `chmod 700 {root}`."
            raise StorageError(f"workspace {root}: other users may read it", hint=hint)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the workspace against other processes; raise Interrupted if another process has locked it."""
        with (self.root / "lock").open("a+") as file:
            if not _flock(file, fcntl.LOCK_EX):
                raise self._locked_error("another run has locked it")
            yield

    @contextmanager
    def shared(self, run: Mapping[str, Any]) -> Iterator[None]:
        """Lock the workspace for the parts of one run; raise Interrupted if another run has locked it.

        `run` is JSON data that identifies the run. The first part gets an exclusive lock, writes `run` to the file
        `PARTS`, and changes the lock to a shared one. Each later part gets a shared lock, and compares its `run` with
        the file.
        """
        with (self.root / "lock").open("a+") as file:
            for attempt in range(LOCK_ATTEMPTS):
                if _flock(file, fcntl.LOCK_EX):  # true if no other process has locked the workspace
                    write_json(self.root / PARTS, dict(run))
                if _flock(file, fcntl.LOCK_SH):
                    break
                # A part keeps the exclusive lock only for an instant. If all attempts fail, another run has the lock.
                if attempt + 1 == LOCK_ATTEMPTS:
                    raise self._locked_error("another run has locked it")
                time.sleep(LOCK_SECONDS)
            if sha256_json(read_json(self.root / PARTS)) != sha256_json(dict(run)):
                raise self._locked_error(
                    "parts of another run have locked it; that run has a different configuration, number of parts, "
                    "version or kind of processor"
                )
            yield

    @contextmanager
    def lock_of_parts(self) -> Iterator[Callable[[], bool]]:
        """Yield a function that tries to get the lock that only one part can have; unlock at the end.

        The function does not wait. It returns whether this process now has the lock.
        """
        with (self.root / "parts.lock").open("a+") as file:
            yield lambda: _flock(file, fcntl.LOCK_EX)

    def _locked_error(self, why: str) -> Interrupted:
        hint = "Wait until that run ends, or stop that run. Then try again."
        return Interrupted(f"workspace {self.root}: {why}", hint=hint)

    def finished(self, name: str, inputs: Mapping[str, Any]) -> StageResult | None:
        """Return the stored result of a stage with the cache key `inputs`; None if it is missing or was changed."""
        digest, folder = self._digest_and_folder(name, inputs)
        done = _intact_result(folder)
        return None if done is None else StageResult(name=name, digest=digest, folder=folder, reused=True, **done)

    def place(self, name: str, inputs: Mapping[str, Any]) -> Path:
        """Return the folder of the result of a stage with this cache key, whether or not the folder exists."""
        return self._digest_and_folder(name, inputs)[1]

    def _digest_and_folder(self, name: str, inputs: Mapping[str, Any]) -> tuple[str, Path]:
        digest = sha256_json({"stage": name, "inputs": dict(inputs)})
        return digest, self.root / "stages" / f"{name}-{digest[:16]}"

    def stage(
        self,
        name: str,
        inputs: Mapping[str, Any],
        make: Make,
        *,
        keep_partial: bool = False,
        is_paid: bool = False,
        started: float | None = None,
    ) -> StageResult:
        """Return the stored result of a stage, or compute it if it is missing or its files were changed.

        Args:
            name: name of the stage.
            inputs: cache key of the stage, as JSON data.
            make: gets a folder, writes the files into it, and returns the counts for the run record.
            keep_partial: whether the folder that `make` gets still contains the files of an interrupted run.
            is_paid: whether the stage spends a privacy budget; if so, a changed result is an error.
            started: `time.monotonic()` when this process began to work on the stage; None if it begins now.

        Raises:
            StorageError: the files of a result that spent a budget were changed.
            InputError: the disk is full, write-protected or over a quota.
        """
        digest, folder = self._digest_and_folder(name, inputs)
        if (result := self.finished(name, inputs)) is not None:
            return result
        if is_paid and folder.exists():
            raise StorageError(
                f"{folder}: the stored files of a result were changed, and the result's privacy budget is spent",
                problems=_differing(folder),
                hint="Remove added files, and restore missing or changed files from a backup. The option "
                "`--resume never` computes the result again, but spends the budget again.",
            )
        partial = folder.with_name(f"{folder.name}{PARTIAL}")
        if not keep_partial:
            shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
        partial.mkdir(mode=0o700, exist_ok=True)
        for stale in (*partial.glob(DONE), *partial.glob(".part-*")):  # files of an interrupted write
            stale.unlink()
        started = time.monotonic() if started is None else started
        with disk_errors(partial):
            counts = dict(make(partial))
            seconds = round(time.monotonic() - started, 3)
            files = {}
            for name_in_folder, path in _files(partial).items():
                sync(path)
                files[name_in_folder] = sha256_file(path)
            write_json(partial / DONE, {"counts": counts, "seconds": seconds, "files": files})
            partial.replace(folder)
            sync(folder.parent)
        return StageResult(name=name, digest=digest, folder=folder, counts=counts, seconds=seconds, reused=False)

    def forget(self, keep: Sequence[str] = ()) -> None:
        """Remove the results, shards and partial results of all stages whose names are not in `keep`."""
        for folder in (self.root / "stages").iterdir():
            if folder.name.startswith(tuple(f"{name}-" for name in keep)):
                continue
            shutil.rmtree(folder) if folder.is_dir() else folder.unlink()


def _flock(file: TextIO, kind: int) -> bool:
    """Lock a file without waiting; return whether this succeeded. The lock replaces an earlier lock of `file`."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _files(folder: Path) -> dict[str, Path]:  # relative name -> path of each file except `DONE`
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and p != folder / DONE)
    return {path.relative_to(folder).as_posix(): path for path in paths}


def _intact_result(folder: Path) -> dict[str, Any] | None:
    """Return `counts` and `seconds` of a stored result; None if it is missing or its files were changed."""
    if not (folder / DONE).is_file():
        return None
    try:
        done = read_json(folder / DONE)
        files, result = dict(done["files"].items()), {"counts": done["counts"], "seconds": done["seconds"]}
    except (ValueError, KeyError, TypeError, AttributeError):  # done.json was changed
        return None
    stored = _files(folder)
    is_same = stored.keys() == files.keys() and all(sha256_file(stored[name]) == files[name] for name in files)
    return result if is_same else None


def _differing(folder: Path) -> list[str]:
    """Return a line for each file of a stored result that was added, removed or changed.

    If `DONE`, the list of the files, is missing or unreadable, return a single line that states this.
    """
    try:
        files = dict(read_json(folder / DONE)["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return [f"{DONE}: missing or changed"]
    stored = _files(folder)
    return [
        *(f"{name}: added" for name in stored if name not in files),
        *(f"{name}: missing" for name in files if name not in stored),
        *(f"{name}: changed" for name in files if name in stored and sha256_file(stored[name]) != files[name]),
    ]


def read_field(path: Path, name: str) -> Any:
    """Return a field of a file's JSON object, None if absent; raise StorageError if the file has no JSON object."""
    try:
        return dict(read_json(path)).get(name)
    except (OSError, ValueError, TypeError) as error:
        message = f"{path}: cannot be read as a JSON object ({type(error).__name__})"
        raise StorageError(message, hint="Restore the file from a backup, or remove its folder.") from None
