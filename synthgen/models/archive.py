"""Carry a model across an air gap: one plain tar file out, checked against the pins on the way in.

Members are checked here: tarfile's own data filter is missing from early releases of Python 3.11, and lets links and
folders pass that no model holds.
"""

import shutil
import tarfile
from pathlib import Path, PurePosixPath

from synthgen.core.digest import sha256_file
from synthgen.core.errors import ModelError, StorageError, UsageError
from synthgen.models.registry import MODELS
from synthgen.models.store import (
    MANIFEST,
    digest_of,
    model_folder,
    read_manifest,
    staged,
    store_folder,
    write_manifest,
)


def export_model(name: str, target: Path) -> Path:
    """Write a model of the store as one uncompressed tar with fixed times and owners; return the file.

    Raises:
        UsageError: when the name is not one of the store's.
        StorageError: when the file cannot be written.
    """
    if name not in MODELS:
        raise UsageError(f"only models of the store can be exported: {', '.join(sorted(MODELS))}")
    folder = model_folder(name)
    digest_of(folder)
    partial = target.with_name(target.name + ".partial")
    try:
        with tarfile.open(partial, "w", format=tarfile.USTAR_FORMAT) as archive:
            for path in sorted(p for p in folder.rglob("*") if p.is_file()):
                info = tarfile.TarInfo(f"{name}/{path.relative_to(folder)}")
                info.size, info.mode = path.stat().st_size, 0o644
                with path.open("rb") as file:
                    archive.addfile(info, file)
        partial.replace(target)
    except OSError as error:
        raise StorageError(f"{target}: cannot be written ({error.strerror})") from error
    finally:
        partial.unlink(missing_ok=True)
    return target


def import_model(source: Path) -> Path:
    """Take a model out of an exported tar into the store, checked against the pins; return its folder.

    Raises:
        StorageError: when the file cannot be read.
        ModelError: when it is not an exported model, holds anything but plain files of one model, or differs.
    """
    try:
        with tarfile.open(source, "r:") as archive:
            members = archive.getmembers()
            name = _one_name(source, members)
            with staged(name) as folder:
                for member in members:
                    path = folder / PurePosixPath(member.name).relative_to(name)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    if (data := archive.extractfile(member)) is not None:
                        with path.open("wb") as file:
                            shutil.copyfileobj(data, file)
                _compare(folder, name)
    except tarfile.TarError as error:
        raise ModelError(
            f"{source}: not an exported model", hint="Make one with `synthgen models export`."
        ) from error
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(f"{source}: cannot be read or unpacked ({error.strerror})") from error
    return store_folder() / name


def _one_name(source: Path, members: list[tarfile.TarInfo]) -> str:
    paths = [PurePosixPath(m.name) for m in members]
    names = {path.parts[0] for path in paths if path.parts}
    unsafe = [
        m
        for m, path in zip(members, paths, strict=True)
        if not m.isreg() or m.issparse() or path.is_absolute() or ".." in path.parts or len(path.parts) < 2
    ]
    twice = len(set(paths)) != len(members)
    if len(names) != 1 or unsafe or twice or not names <= set(MODELS):
        raise ModelError(
            f"{source}: must hold plain files of one known model and nothing else",
            problems=[f"{len(unsafe)} members are links, devices or outside paths"] if unsafe else [],
        )
    return names.pop()


def _compare(folder: Path, name: str) -> None:
    """Check the files against the manifest that travelled along, then the pins, which nobody on the way could set."""
    manifest = read_manifest(folder) if (folder / MANIFEST).is_file() else {}
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} - {MANIFEST}
    problems = [
        f"{path}: differs"
        for path, entry in manifest.items()
        if path not in there or sha256_file(folder / path) != entry["sha256"]
    ]
    if problems or not manifest:
        raise ModelError(f"{name}: the archive is damaged", problems=problems)
    (folder / MANIFEST).unlink()
    write_manifest(folder, name)
