"""`python -m studies.smotext.rekey OLD.zip NEW.zip`: kept trials under the names that are asked for now.

For a change of what a name is made of. Where what a trial finds has changed, `TRIALS_VERSION` is raised instead, and
trials are made anew. A trial is known by the readable part of its name: set, variant and seed.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import typer

from studies.smotext.command import SmotextRequest
from synthgen.core.digest import sha256_bytes
from synthgen.core.errors import DataError

FOLDER = "trials"
_TIME = (2026, 1, 1, 0, 0, 0)  # the same trials give the same archive


def rekey(old: Path, new: Path, asked: Iterable[str]) -> list[tuple[str, str, str]]:
    """Copy the trials of an archive to a new one under the names asked for; return old name, new name and sha256.

    Args:
        old: an archive of files `trials/SET-VARIANT-SEED-KEY`.
        new: is written; must not exist.
        asked: names of files, as of `trial_paths`.

    Raises:
        DataError: if there is a new archive already, a trial is not asked for or stands twice, or what was written is
            not what was read.
    """
    if new.exists():
        raise DataError(f"{new}: is there already", hint="Name another file.")
    name_of = {_readable(name): name for name in asked}
    with ZipFile(old) as kept:
        content = {name: kept.read(name) for name in kept.namelist()}
    readable = [_readable(Path(name).name) for name in content]
    problems = [f"{name}: not a trial that is asked for" for name in readable if name not in name_of]
    problems += [f"{name}: stands twice" for name in sorted(set(readable)) if readable.count(name) > 1]
    if problems:
        raise DataError(f"{old}: cannot be given other names", problems=problems)
    renamed = {f"{FOLDER}/{name_of[part]}": name for part, name in zip(readable, content, strict=True)}
    with ZipFile(new, "x") as archive:
        for name, before in sorted(renamed.items()):
            archive.writestr(ZipInfo(name, _TIME), content[before], ZIP_DEFLATED, 9)
    with ZipFile(new) as archive:
        if {renamed[name]: archive.read(name) for name in archive.namelist()} != content:
            raise DataError(f"{new}: is not what was read", hint="Delete it.")
    return [(before, name, sha256_bytes(content[before])) for name, before in sorted(renamed.items())]


def _readable(name: str) -> str:
    return name.rpartition("-")[0]


def main(old: Path, new: Path, data: Annotated[Path, typer.Option(envvar="SYNTHGEN_DATA")]) -> None:
    """Rename the trials of an archive; print old name, new name and the sha256 of what both hold."""
    request = SmotextRequest(
        datasets=None,
        data=data,
        out=Path(FOLDER),
        bridge="builtin",
        seeds=None,
        seed=0,
        real=None,
        synthetic=None,
        quick=False,
    )
    for line in rekey(old, new, (path.name for path in request.asked().paths(Path()).values())):
        typer.echo("  ".join(line))


if __name__ == "__main__":
    typer.run(main)
