"""Export a model from the model store to a tar file, or import a tar file whose content has the pinned digests."""

import shutil
import tarfile
from pathlib import Path, PurePosixPath

from synthgen.core.errors import ModelError, StorageError, UsageError
from synthgen.models.registry import MODELS
from synthgen.models.store import MANIFEST, digest_of, model_folder, staged, store_folder, write_manifest


def export_model(name: str, target: Path) -> Path:
    """Write an installed model to the uncompressed tar file `target`, without times and owners; return `target`.

    Raises:
        UsageError: `MODELS` has no model of this name.
        ModelMissing: the model is not installed.
        ModelError: the installed model is damaged.
        StorageError: the file cannot be written.
    """
    if name not in MODELS:
        raise UsageError(f"there is no model {name!r} to export", hint=f"Use one of: {', '.join(sorted(MODELS))}.")
    folder = model_folder(name)
    digest_of(folder)  # raises ModelError if a file is damaged
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
    """Install the model from a file that `export_model` wrote, and return the folder of the model.

    Each file must have the digest that `MODELS` pins. An installed model of the same name is replaced.

    Raises:
        StorageError: the file cannot be read, or the store cannot be written.
        ModelError: the file is not an exported model, or a file in it differs from its pinned digest.
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
                (folder / MANIFEST).unlink(missing_ok=True)
                write_manifest(folder, name)  # raises ModelError if a file differs from its pinned digest
    except tarfile.TarError as error:
        hint = "Create the file with `synthgen models export`."
        raise ModelError(f"{source}: not an exported model", hint=hint) from error
    except StorageError:
        raise
    except OSError as error:
        raise StorageError(f"{source}: cannot be read or unpacked ({error.strerror})") from error
    return store_folder() / name


def _one_name(source: Path, members: list[tarfile.TarInfo]) -> str:
    """Return the name of the model in an archive.

    Raise ModelError unless all members are plain files, with different paths, in the folder of one model of `MODELS`.
    """
    # tarfile's data filter is not used: early releases of Python 3.11 lack it, and it accepts links and folders
    paths = [PurePosixPath(m.name) for m in members]
    names = {path.parts[0] for path in paths if path.parts}
    n_unsafe = sum(
        not m.isreg() or m.issparse() or path.is_absolute() or ".." in path.parts or len(path.parts) < 2
        for m, path in zip(members, paths, strict=True)
    )
    found = {
        f"{n_unsafe} members are not plain files in the folder of the model (for example folders or links)": n_unsafe,
        f"the file contains {len(names)} models, but must contain exactly one": len(names) != 1,
        f"the file contains a model other than {', '.join(sorted(MODELS))}": not names <= {*MODELS},
        "two members have the same path": len(set(paths)) != len(members),
    }
    problem = next((problem for problem, is_found in found.items() if is_found), "")
    if problem:
        hint = "Create the file with `synthgen models export`."
        message = f"{source}: must contain exactly one model that `synthgen models list` names, as plain files"
        raise ModelError(message, problems=[problem], hint=hint)
    return names.pop()
