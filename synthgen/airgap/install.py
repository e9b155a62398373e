"""Install SynthGen without a network from the unpacked archive of `synthgen airgap pack`.

    python3 -I install.py --into FOLDER

This script is part of the archive and needs only the standard library. With `-I`, Python imports no modules from the
folder of the script, whose files are not checked yet. The script checks every file against the manifest, creates a
virtual environment in FOLDER/venv, installs the wheels without an index, imports the models into FOLDER/models, and
writes the command FOLDER/bin/synthgen.
"""

from __future__ import annotations  # an older Python must reach the message about its version

import sys

if __name__ == "__main__" and not sys.flags.isolated:  # checked first: files beside the script could replace imports
    sys.stderr.write("error: start the script with `python3 -I`, so that it imports nothing from its own folder\n")
    sys.exit(3)

import argparse
import hashlib
import importlib.util
import json
import os
import platform
import shlex
import shutil
import subprocess
import sysconfig
import venv
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"
FORMAT = 1
FAILED = 3  # the exit code of synthgen for input that cannot be used
_CHUNK_BYTES = 1 << 20
_LAUNCHER = """#!/bin/sh
[ -n "${{SYNTHGEN_MODELS:-}}" ] || SYNTHGEN_MODELS={models}
export SYNTHGEN_MODELS
exec {command} "$@"
"""


class InstallError(Exception):
    """The archive cannot be installed; each argument is one line of the message."""


def machine() -> dict[str, str]:
    """Return the properties of this machine that its wheels must match: Python version, platform and C library."""
    version = f"{sys.implementation.name} {sys.version_info[0]}.{sys.version_info[1]}"
    return {"python": version, "platform": sysconfig.get_platform(), "libc": platform.libc_ver()[0] or "other"}


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def read_manifest(folder: Path) -> dict[str, Any]:
    """Check this machine and every file against the manifest of an unpacked archive, and return the manifest.

    Raises:
        InstallError: the manifest is malformed, the archive is for another machine, or a file is missing, changed or
            not listed. The error lists all problems.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        files = {name: (entry["sha256"], entry["bytes"]) for name, entry in manifest["files"].items()}
        required = {name: manifest[name] for name in machine()}
        is_known = manifest["format"] == FORMAT and isinstance(manifest["requirement"], str)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        is_known = False
    if not is_known:
        raise InstallError(f"{folder / MANIFEST}: not the manifest of an archive of `synthgen airgap pack`")
    here = machine()
    problems = [
        f"{name}: the archive is for {required[name]}, this machine has {here[name]}"
        for name in here
        if required[name] != here[name]
    ]
    present = {}
    for root, folders, names in os.walk(folder):
        for name in (*names, *(name for name in folders if (Path(root) / name).is_symlink())):
            path = Path(root) / name
            present[path.relative_to(folder).as_posix()] = path
    present.pop(MANIFEST)
    problems += [f"{name}: missing" for name in sorted(set(files) - set(present))]
    problems += [f"{name}: not in the manifest" for name in sorted(set(present) - set(files))]
    for name in sorted(set(files) & set(present)):
        if present[name].is_symlink() or not present[name].is_file():
            problems.append(f"{name}: not a plain file")
        elif (sha256_of(present[name]), present[name].stat().st_size) != files[name]:
            problems.append(f"{name}: differs from the manifest")
    if problems:
        raise InstallError("the archive cannot be installed here", *problems)
    return dict(manifest)


def install(folder: Path, into: Path) -> Path:
    """Install an unpacked archive into a new folder and return the installed command.

    If a step fails, everything that was written is removed.

    Raises:
        InstallError: the archive or the folder cannot be used, or a step fails.
    """
    manifest = read_manifest(folder)
    into = into.absolute()  # scripts of a virtual environment contain its path
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise InstallError(f"{into}: exists and is not empty; choose a new folder")
    if importlib.util.find_spec("ensurepip") is None:
        raise InstallError(
            "Python lacks the module ensurepip, so no virtual environment can be made",
            "on Debian and Ubuntu, install the package python3-venv",
        )
    is_installed = False
    try:
        venv.create(into / "venv", with_pip=True)
        python = into / "venv" / "bin" / "python"
        # the script is not started by its `#!` line, which fails if the path is long or has spaces
        command = [python, into / "venv" / "bin" / "synthgen"]
        pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
        offline = ["--no-cache-dir", "--no-index", "--only-binary=:all:", "--find-links", folder / "wheels"]
        _run([*pip, *offline, manifest["requirement"]])
        models = into / "models"
        for model in sorted((folder / "models").glob("*.tar")):
            _run([*command, "models", "import", model], SYNTHGEN_MODELS=str(models))
        _make_readable(models)
        launcher = _launcher(into, command, models)
        is_installed = True
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        raise InstallError(f"{into}: nothing was installed", f"{error}", *_last_lines(error)) from error
    finally:
        if not is_installed:
            shutil.rmtree(into, ignore_errors=True)
    return launcher


def _run(words: list[Any], **env: str) -> None:
    """Run a command without the machine's settings of pip and Python, which could change what is installed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
    kept.update(env, PIP_CONFIG_FILE=os.devnull)
    words = [str(word) for word in words]
    subprocess.run(words, check=True, env=kept, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # noqa: S603


def _last_lines(error: Exception) -> list[str]:
    printed = getattr(error, "output", None) or b""
    return printed.decode("utf-8", "replace").splitlines()[-5:]


def _make_readable(folder: Path) -> None:
    """Let every user read the models; `synthgen models import` made them readable only by their owner."""
    for root, _, names in os.walk(folder):
        Path(root).chmod(0o755)
        for name in names:
            (Path(root) / name).chmod(0o644)


def _launcher(into: Path, command: list[Path], models: Path) -> Path:
    path = into / "bin" / "synthgen"
    path.parent.mkdir()
    path.write_text(
        _LAUNCHER.format(
            models=shlex.quote(str(models)), command=" ".join(shlex.quote(str(word)) for word in command)
        ),
        encoding="utf-8",
    )
    path.chmod(0o755)
    return path


def main() -> int:
    """Run the command line and return the exit code: 0, or 3 with the reasons on standard error."""
    parser = argparse.ArgumentParser(description="Install SynthGen without a network.")
    parser.add_argument(
        "--into", type=Path, required=True, help="new folder for the virtual environment and the models"
    )
    os.umask(0o022)  # other users may run the installed command
    try:
        command = install(Path(__file__).resolve().parent, parser.parse_args().into)
    except InstallError as error:
        sys.stderr.write("error: " + "\n  - ".join(error.args) + "\n")
        return FAILED
    sys.stdout.write(f"installed: {command}\ncheck the installation: {command} doctor\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
