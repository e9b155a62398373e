"""`python -m studies.smotext.rekey OLD.zip NEW.zip`: rename archived trials after the keys of trials have changed.

The key is the digest of a trial's inputs at the end of its file name; see `trials.trial_key`. Use this command only
if the results of the trials have not changed. Otherwise increase `TRIALS_VERSION` and run the trials again. The old
and the new name of a trial have the same readable part: dataset, variant and seed.
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
_TIME = (2026, 1, 1, 0, 0, 0)  # a fixed time stamp, so that the same trials give the same archive


def rekey(old: Path, new: Path, wanted: Iterable[str]) -> list[tuple[str, str, str]]:
    """Copy the trials to a new archive under new names; return the old name, new name and SHA-256 of each trial.

    Args:
        old: an archive of files `trials/DATASET-VARIANT-SEED-KEY`.
        new: the archive to write; it must not exist.
        wanted: the new file names of all trials of the study; see `trial_paths`.

    Raises:
        DataError: if the new archive exists, if a trial has no new name or occurs twice, or if the contents of the
            written archive differ from the old one.
    """
    if new.exists():
        raise DataError(f"{new}: exists already", hint="Choose another file name.")
    name_of = {_readable(name): name for name in wanted}
    with ZipFile(old) as kept:
        content = {name: kept.read(name) for name in kept.namelist()}
    readable = [_readable(Path(name).name) for name in content]
    problems = [f"{name}: not a trial of this study" for name in readable if name not in name_of]
    problems += [f"{name}: occurs twice" for name in sorted(set(readable)) if readable.count(name) > 1]
    if problems:
        raise DataError(f"{old}: the trials cannot be renamed", problems=problems)
    renamed = {f"{FOLDER}/{name_of[part]}": name for part, name in zip(readable, content, strict=True)}
    with ZipFile(new, "x") as archive:
        for name, before in sorted(renamed.items()):
            archive.writestr(ZipInfo(name, _TIME), content[before], ZIP_DEFLATED, 9)
    with ZipFile(new) as archive:
        if {renamed[name]: archive.read(name) for name in archive.namelist()} != content:
            raise DataError(f"{new}: differs from {old} after writing", hint="Delete it and try again.")
    return [(before, name, sha256_bytes(content[before])) for name, before in sorted(renamed.items())]


def _readable(name: str) -> str:
    return name.rpartition("-")[0]


def main(old: Path, new: Path, data: Annotated[Path, typer.Option(envvar="SYNTHGEN_DATA")]) -> None:
    """Rename the trials of an archive; print the old name, new name and SHA-256 of each trial."""
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
    for line in rekey(old, new, (path.name for path in request.design().paths(Path()).values())):
        typer.echo("  ".join(line))


if __name__ == "__main__":
    typer.run(main)
