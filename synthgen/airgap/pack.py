"""Write an archive from which SynthGen can be installed on a machine without a network."""

import json
import subprocess
import sys
import tarfile
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from audits.core.files import disk_reason
from synthgen.airgap import install
from synthgen.core.digest import sha256_file
from synthgen.core.errors import DependencyError, ModelMissing, StorageError, SynthGenError
from synthgen.models.archive import export_model
from synthgen.models.registry import MODELS
from synthgen.models.store import model_folder

TOP = "synthgen-airgap"  # name of the folder that contains all files of the archive
INSTALLER = "install.py"
_CHECKOUT = Path(__file__).parents[2]  # root of the checkout, if synthgen runs from a checkout


@dataclass(frozen=True, slots=True)
class AirgapArchive:
    """A written archive."""

    archive: Path
    sha256: str
    size_bytes: int
    manifest: dict[str, Any]  # kind of machine, and the sha256 and size of each packed file

    def to_json(self) -> dict[str, Any]:
        """Return the result as JSON-compatible data."""
        names = self.manifest["files"]
        return {
            "archive": str(self.archive),
            "sha256": self.sha256,
            "bytes": self.size_bytes,
            "machine": {name: self.manifest[name] for name in install.machine()},
            "wheels": [name.removeprefix("wheels/") for name in names if name.startswith("wheels/")],
            "models": [Path(name).stem for name in names if name.startswith("models/")],
        }

    def to_text(self) -> str:
        """Return the result as text, with the commands to run on the machine without a network."""
        result = self.to_json()
        return (
            f"archive: {self.archive}, {self.size_bytes >> 20} MiB, sha256 {self.sha256}\n"
            f"for: {', '.join(result['machine'].values())}\n"
            f"contains: {len(result['wheels'])} wheels, and the models {', '.join(result['models'])}\n"
            f"on the other machine: sha256sum {self.archive.name}; tar -xf {self.archive.name}\n"
            f"then: python3 -I {TOP}/{INSTALLER} --into /opt/synthgen"
        )


def pack(out: Path) -> AirgapArchive:
    """Write an archive for machines with the Python version, platform and C library of this machine.

    The archive contains the models, an installer, and the wheels of synthgen with the extra `engine`. Pip collects
    the wheels with its usual settings. Files have fixed times and owners and are sorted, so the same wheels and
    models always give the same archive. The folder of `out` needs free space for twice the size of the archive.

    Raises:
        ModelMissing: a model that synthgen uses is not in the local model store.
        ModelError: a model in the store is damaged.
        DependencyError: pip is not installed or cannot collect the packages.
        StorageError: `out` exists already or cannot be written.
    """
    if out.exists():
        raise StorageError(
            f"{out}: exists already; nothing was written", hint="Choose another name, or delete the file."
        )
    _require_models()
    partial = out.with_name(f".{out.name}.partial")
    try:
        with TemporaryDirectory(dir=out.parent, prefix=".airgap-") as temporary:
            folder = Path(temporary)
            manifest = _fill(folder)
            _write_tar(partial, folder)
        partial.replace(out)
    except OSError as error:
        if isinstance(error, SynthGenError):
            raise
        raise StorageError(f"{out}: cannot be written ({disk_reason(error, out)})") from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    return AirgapArchive(out, sha256_file(out), out.stat().st_size, manifest)


def _require_models() -> None:
    missing = sorted(MODELS)
    for name in sorted(MODELS):
        with suppress(ModelMissing):
            model_folder(name)
            missing.remove(name)
    if missing:
        hint = f"Run `synthgen models pull {' '.join(missing)}`."
        raise ModelMissing(f"the model store lacks these models: {', '.join(missing)}", hint=hint)


def _fill(folder: Path) -> dict[str, Any]:
    """Write all files of the archive into a folder: wheels, models, installer and manifest; return the manifest."""
    (folder / "wheels").mkdir()
    (folder / "models").mkdir()
    collect_wheels(folder / "wheels")
    for name in sorted(MODELS):
        export_model(name, folder / "models" / f"{name}.tar")
    (folder / INSTALLER).write_bytes(Path(install.__file__).read_bytes())
    versions = [path.name.split("-")[1] for path in (folder / "wheels").glob("synthgen-*.whl")]
    if len(versions) != 1:
        raise DependencyError(f"pip collected {len(versions)} wheels of synthgen, but the archive needs exactly one")
    files = {path.relative_to(folder).as_posix(): path for path in _files(folder)}
    entries = {name: {"sha256": sha256_file(path), "bytes": path.stat().st_size} for name, path in files.items()}
    about = {"format": install.FORMAT, "requirement": f"synthgen[engine]=={versions[0]}", **install.machine()}
    manifest = {**about, "files": entries}
    (folder / install.MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return manifest


def _require_checkout() -> None:
    if not (_CHECKOUT / "pyproject.toml").is_file():
        hint = "In a checkout, run `pip install -e '.[engine]'`, and then the command again."
        raise DependencyError("the archive can be made only if synthgen runs from a checkout", hint=hint)


def collect_wheels(folder: Path) -> None:
    """Let pip write the wheels of synthgen with the extra `engine`, and of all dependencies, into a folder.

    The wheel of synthgen is built from the checkout in use, because the package of this name on PyPI is another
    project.

    Raises:
        DependencyError: synthgen does not run from a checkout, pip is not installed, or pip cannot collect the
            packages.
    """
    _require_checkout()
    if find_spec("pip") is None:
        hint = f"Run `{sys.executable} -m ensurepip`."
        raise DependencyError("pip is not installed in this environment", hint=hint)
    options = ["--quiet", "--disable-pip-version-check", "--wheel-dir", str(folder)]
    command = [sys.executable, "-m", "pip", "wheel", *options, f"{_CHECKOUT}[engine]"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed arguments
    if done.returncode != 0:
        raise DependencyError(
            "pip could not collect the packages",
            problems=[line for line in done.stderr.splitlines() if line.startswith("ERROR")][-5:],
            hint="Check the network and the package index. pip reads PIP_INDEX_URL and PIP_CONSTRAINT.",
        )


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _write_tar(target: Path, folder: Path) -> None:
    # the GNU format, because USTAR limits the length of names and the size of files
    with tarfile.open(target, "w", format=tarfile.GNU_FORMAT) as archive:
        for path in _files(folder):
            info = tarfile.TarInfo(f"{TOP}/{path.relative_to(folder).as_posix()}")
            info.size, info.mode = path.stat().st_size, 0o644
            with path.open("rb") as file:
                archive.addfile(info, file)
