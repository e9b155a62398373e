"""Install SynthGen without a network from the unpacked archive of `synthgen airgap pack`.

    python3 -I install.py --into FOLDER

This script is part of the archive and needs only the standard library. It checks every file against the manifest (the
list of all files with their digests). Then it installs the wheels in the virtual environment FOLDER/venv without a
package index, imports the models into FOLDER/models, and writes the command FOLDER/bin/synthgen. The option `-I` is
required: with it, Python imports nothing from the folder of the script, whose files are not checked yet.
"""

from __future__ import annotations  # so that an older Python can print the error about its version

import sys

if __name__ == "__main__" and not sys.flags.isolated:  # first, because later imports could load unchecked files
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
FORMAT = 1  # version of the format of the manifest
FAILED = 3  # exit code for unusable input; the command `synthgen` uses the same code
_CHUNK_BYTES = 1 << 20
# Shell script that runs the installed command with the models of the installation, unless the user has set the
# environment variable SYNTHGEN_MODELS.
_LAUNCHER = """#!/bin/sh
[ -n "${{SYNTHGEN_MODELS:-}}" ] || SYNTHGEN_MODELS={models}
export SYNTHGEN_MODELS
exec {command} "$@"
"""


class InstallError(Exception):
    """The archive cannot be installed; each argument is one line of the message."""


def machine() -> dict[str, str]:
    """Return the Python version, platform and C library of this machine; the wheels must fit all three."""
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
    """Return the manifest of an unpacked archive, after a check that this machine and every file match the manifest.

    Raises:
        InstallError: the manifest is malformed, the archive was made for a different Python version, platform or C
            library, or a file is missing, changed or not listed. The error lists all problems.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        files = {name: (entry["sha256"], entry["bytes"]) for name, entry in manifest["files"].items()}
        required = {name: manifest[name] for name in machine()}
        is_valid = manifest["format"] == FORMAT and isinstance(manifest["requirement"], str)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        is_valid = False
    if not is_valid:
        raise InstallError(
            f"{folder / MANIFEST}: missing or invalid, so the folder is not an unpacked archive of `synthgen airgap "
            "pack`; unpack the archive again"
        )
    here = machine()
    different = [name for name in here if required[name] != here[name]]
    problems = [f"{name}: the archive is for {required[name]}, this machine has {here[name]}" for name in different]
    paths = [Path(root) / name for root, folders, names in os.walk(folder) for name in (*names, *folders)]
    present = {path.relative_to(folder).as_posix(): path for path in paths if path.is_symlink() or not path.is_dir()}
    present.pop(MANIFEST)
    problems += [f"{name}: missing" for name in sorted(set(files) - set(present))]
    problems += [f"{name}: not listed in {MANIFEST}" for name in sorted(set(present) - set(files))]
    for name in sorted(set(files) & set(present)):
        if present[name].is_symlink() or not present[name].is_file():
            problems.append(f"{name}: not a plain file")
        elif (sha256_of(present[name]), present[name].stat().st_size) != files[name]:
            problems.append(f"{name}: differs from the file that {MANIFEST} lists")
    if problems:
        raise InstallError("the archive cannot be installed here", *problems)
    return dict(manifest)


def install(folder: Path, into: Path) -> Path:
    """Install the unpacked archive in `folder` into the new folder `into`; return the path of the installed command.

    If a step fails, everything that was written is removed.

    Raises:
        InstallError: the archive or the folder cannot be used, or a step fails.
    """
    manifest = read_manifest(folder)
    into = into.absolute()  # scripts of a virtual environment contain the path of the environment
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise InstallError(f"{into}: exists and is not an empty folder; choose a new folder")
    if importlib.util.find_spec("ensurepip") is None:
        hint = "on Debian and Ubuntu, install the package python3-venv"
        raise InstallError("Python lacks the module ensurepip, so no virtual environment can be made", hint)
    is_installed = False
    try:
        venv.create(into / "venv", with_pip=True)
        python = into / "venv" / "bin" / "python"
        # the command names Python, because the `#!` line of a script fails if Python's path is long or has spaces
        command = [python, into / "venv" / "bin" / "synthgen"]
        pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
        offline = ["--no-cache-dir", "--no-index", "--only-binary=:all:", "--find-links", folder / "wheels"]
        _run([*pip, *offline, manifest["requirement"]])
        models = into / "models"
        for model in sorted((folder / "models").glob("*.tar")):
            _run([*command, "models", "import", model], SYNTHGEN_MODELS=str(models))
        # `models import` writes files that only their owner can read; all users of the command need them
        for path in (models, *models.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        launcher = _launcher(into, command, models)
        is_installed = True
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        raise InstallError(
            f"{into}: a step of the installation failed; nothing was installed", f"{error}", *_last_lines(error)
        ) from error
    finally:
        if not is_installed:
            shutil.rmtree(into, ignore_errors=True)
    return launcher


def _run(words: list[Any], **env: str) -> None:
    """Run a command with the additional environment variables `env`; raise CalledProcessError if it fails."""
    # settings of pip and Python in the environment could change what is installed
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
    kept.update(env, PIP_CONFIG_FILE=os.devnull)
    words = [str(word) for word in words]
    subprocess.run(words, check=True, env=kept, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # noqa: S603


def _last_lines(error: Exception) -> list[str]:
    """Return the last five lines that a failed command printed, or no lines for another error."""
    printed = getattr(error, "output", None) or b""
    return printed.decode("utf-8", "replace").splitlines()[-5:]


def _launcher(into: Path, command: list[Path], models: Path) -> Path:
    """Write the shell script `into`/bin/synthgen, and return its path."""
    path = into / "bin" / "synthgen"
    path.parent.mkdir()
    fields = {"models": shlex.quote(str(models)), "command": shlex.join(map(str, command))}
    path.write_text(_LAUNCHER.format(**fields), encoding="utf-8")
    path.chmod(0o755)
    return path


def main() -> int:
    """Run the command line and return the exit code: 0, or 3 with the reasons on standard error."""
    parser = argparse.ArgumentParser(description="Install SynthGen without a network.")
    what = "new folder for the virtual environment and the models"
    parser.add_argument("--into", type=Path, required=True, help=what)
    os.umask(0o022)  # lets other users run the installed command
    try:
        command = install(Path(__file__).resolve().parent, parser.parse_args().into)
    except InstallError as error:
        sys.stderr.write("error: " + "\n  - ".join(error.args) + "\n")
        return FAILED
    sys.stdout.write(f"installed: {command}\ncheck the installation: {command} doctor\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
