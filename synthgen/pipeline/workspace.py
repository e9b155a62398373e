"""The private side: a folder of mode 0700 where each stage's result is kept under the digest of its inputs.

    ws/lock                                one run at a time
    ws/secret.key                          32 random bytes, the root of every stream: see `synthgen.pipeline.secret`
    ws/stages/<name>-<digest16>/           a finished result; done.json holds counts, seconds and file digests
    ws/stages/<name>-<digest16>.partial/   a result being made; some stages go on from one: see `keep_partial`
    ws/run.json, ws/audit.json, ...        views of the last run

A result is written whole into the partial folder, synced, and renamed, so a stop at any moment leaves either nothing
or all of it. The digest covers the stage's configuration, the digests of its inputs, its models and the key
of its stream, which follows from secret and seed; a changed configuration therefore makes a new result beside the old
one and never mixes with it.
"""

import fcntl
import json
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audits.core.files import sync
from synthgen.core.digest import sha256_file, sha256_json
from synthgen.core.errors import Interrupted, StorageError
from synthgen.core.files import write_json

DONE = "done.json"
Make = Callable[[Path], Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageResult:
    """A finished stage.

    Args:
        name: the stage.
        digest: sha256 of everything it was made from; names the folder.
        folder: where its files are.
        counts: what went in and came out, as the stage counts it.
        seconds: how long making it took, when it was made.
        reused: whether it was stored already.
        code: see `Stage.code_digest`.
    """

    name: str
    digest: str
    folder: Path
    counts: Mapping[str, Any]
    seconds: float
    reused: bool
    code: str = ""


class Workspace:
    """The private folder of one configuration.

    Args:
        root: made with mode 0700 when absent.

    Raises:
        StorageError: when it cannot be made or written, or others may read it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            (root / "stages").mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise StorageError(
                f"workspace {root}: cannot be written ({error.strerror})", hint="Choose another `workspace`."
            ) from error
        if stat.S_IMODE(root.stat().st_mode) & 0o077:
            raise StorageError(
                f"workspace {root}: others may read it", hint=f"It holds private text: chmod 700 {root}"
            )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the workspace for this process; a second one is told so instead of writing over the first."""
        with (self.root / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Interrupted(
                    f"workspace {self.root}: another run holds it", hint="Wait for it, or stop it, then try again."
                ) from error
            yield

    def finished(self, name: str, inputs: Mapping[str, Any]) -> StageResult | None:
        """Return a stage's result if it is there, whole and made from these inputs."""
        digest, folder = self._place(name, inputs)
        found = _finished(folder)
        return None if found is None else StageResult(name=name, digest=digest, folder=folder, reused=True, **found)

    def place(self, name: str, inputs: Mapping[str, Any]) -> Path:
        """Return the folder of a stage's result, whether it is there or not."""
        return self._place(name, inputs)[1]

    def _place(self, name: str, inputs: Mapping[str, Any]) -> tuple[str, Path]:
        digest = sha256_json({"stage": name, "inputs": dict(inputs)})
        return digest, self.root / "stages" / f"{name}-{digest[:16]}"

    def stage(
        self, name: str, inputs: Mapping[str, Any], make: Make, *, keep_partial: bool = False, is_paid: bool = False
    ) -> StageResult:
        """Return a stage's result: the one that is there, or the one `make` writes into the folder it is given.

        A result whose files no longer match their digests is made again, unless it was paid for.

        Args:
            name: the stage.
            inputs: JSON of everything the result depends on.
            make: writes the files and returns the counts to be told.
            keep_partial: whether `make` goes on from what an interrupted try left in its folder.
            is_paid: whether it spent a privacy budget, so that a result is neither thrown away nor made twice.

        Raises:
            StorageError: the files of a paid result are not those that were written.
        """
        digest, folder = self._place(name, inputs)
        if (result := self.finished(name, inputs)) is not None:
            return result
        if is_paid and folder.exists():
            raise StorageError(
                f"{folder}: not the files that were written there, and they were paid for",
                problems=_differing(folder),
                hint="Take away what was added and restore what was changed; `--resume never` pays anew.",
            )
        partial = folder.with_name(folder.name + ".partial")
        if not keep_partial:
            shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
        partial.mkdir(mode=0o700, exist_ok=True)
        for left in partial.glob(f"{DONE}*"):  # a stop between writing it and the rename
            left.unlink()
        started = time.monotonic()
        counts = dict(make(partial))
        seconds = round(time.monotonic() - started, 3)
        files = {}
        for path in sorted(p for p in partial.rglob("*") if p.is_file()):
            sync(path)
            files[path.relative_to(partial).as_posix()] = sha256_file(path)
        write_json(partial / DONE, {"counts": counts, "seconds": seconds, "files": files})
        partial.replace(folder)
        sync(folder.parent)
        return StageResult(name=name, digest=digest, folder=folder, counts=counts, seconds=seconds, reused=False)

    def forget(self, keep: Sequence[str] = ()) -> None:
        """Remove every stage's result, so that the next run starts anew; of the stages named here none."""
        for folder in (self.root / "stages").iterdir():
            if folder.name.startswith(tuple(f"{name}-" for name in keep)):
                continue
            shutil.rmtree(folder) if folder.is_dir() else folder.unlink()


def _finished(folder: Path) -> dict[str, Any] | None:
    """Return counts and seconds of a result whose files are those that were written, no more, no less, else None."""
    if not (folder / DONE).is_file():
        return None
    try:
        done = json.loads((folder / DONE).read_bytes())
        files, result = done["files"].items(), {"counts": done["counts"], "seconds": done["seconds"]}
    except (ValueError, KeyError, TypeError, AttributeError):  # altered, so not as it was written
        return None
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} - {DONE}
    if there != {name for name, _ in files}:
        return None
    return result if all(sha256_file(folder / name) == digest for name, digest in files) else None


def _differing(folder: Path) -> list[str]:
    """Return what of a folder is not as its list of files says, so far as the list can be read."""
    try:
        files = dict(json.loads((folder / DONE).read_bytes())["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return [f"{DONE}: missing or changed"]
    there = {p.relative_to(folder).as_posix(): p for p in sorted(folder.rglob("*")) if p.is_file() and p.name != DONE}
    return [
        *(f"{name}: added" for name in there if name not in files),
        *(f"{name}: missing" for name in files if name not in there),
        *(f"{name}: changed" for name in files if name in there and sha256_file(there[name]) != files[name]),
    ]


def read_field(path: Path, name: str) -> Any:
    """Return what a JSON file of the workspace says of a name; None where it says nothing.

    Raises:
        StorageError: it cannot be read, or is no JSON object.
    """
    try:
        return dict(json.loads(path.read_bytes())).get(name)
    except (OSError, ValueError, TypeError) as error:
        raise StorageError(
            f"{path}: cannot be read as it was written ({type(error).__name__})",
            hint="Restore it, or take its folder away.",
        ) from None
