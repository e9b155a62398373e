"""Store the DP result and record its digest in the ledger.

A seal is a MAC over the digest of the complete result. It shows the next run that an interrupted run completed the
result but did not record it.
"""

import hmac
import shutil
from pathlib import Path

from audits.core.files import sync
from audits.ledger.budgets import note_draw, note_made, seal, state_of
from audits.ledger.chain import HighWaterMark
from synthgen.core.digest import sha256_file, sha256_json
from synthgen.core.errors import StorageError
from synthgen.core.files import write_json
from synthgen.dp.method import CHOICE
from synthgen.pipeline.workspace import read_field

MEASURE, LOG = "measure", "mechanism.json"
SEAL = "seal.json"  # the file that holds the seal of a complete result


def made_digest(folder: Path) -> str:
    """Return the digest of the DP result in a folder of the stage `measure`, as the ledger records it."""
    names = sorted({path.name for path in folder.glob("*.safetensors")} | {CHOICE, LOG})
    return sha256_json({name: sha256_file(folder / name) for name in names if (folder / name).exists()})


def is_kept(folder: Path, ledger: tuple[Path, HighWaterMark], run: str) -> bool:
    """Return whether a folder holds the DP result that the ledger records for a run.

    - If the folder holds a sealed result that was not recorded, because the ledger could not be reached, it is
      recorded now.
    - If the ledger records no result, all files in the folder are deleted.

    Raises:
        StorageError: the ledger records another result than the folder holds, or the sealed result was changed.
            Nothing is deleted.
        Overspent: the folder is empty, but the ledger records a result. The result is lost, or it was made from other
            inputs.
    """
    found = state_of(*ledger, run)
    if is_sealed(folder, found.key):
        note_made(*ledger, run, made_digest(folder))
        return True
    if found.key is not None and (folder / SEAL).is_file():
        raise _changed(folder)
    if found.digest is None:
        for entry in folder.iterdir():  # remains of a draw whose result is lost, or files of another origin
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    elif found.digest != made_digest(folder) and any(folder.iterdir()):
        raise _changed(folder)
    elif found.digest != made_digest(folder):
        note_draw(*ledger, run)  # raises Overspent
    return found.digest is not None


def record_result(folder: Path, ledger: tuple[Path, HighWaterMark], run: str, key: bytes) -> None:
    """Record a complete DP result; if the ledger cannot be reached, the seal lets the next run record it."""
    write_json(folder / SEAL, {"seal": seal(key, made_digest(folder))})
    for path in (*folder.iterdir(), folder):  # so that a power failure cannot lose a recorded result
        sync(path)
    note_made(*ledger, run, made_digest(folder))


def is_sealed(folder: Path, key: bytes | None) -> bool:
    """Return whether a folder of the stage `measure` holds a complete DP result that its run has not recorded.

    `key` is the run's key from `state_of`; None if the run has nothing to record.
    """
    if key is None or not (folder / SEAL).is_file():
        return False
    return hmac.compare_digest(str(read_field(folder / SEAL, "seal")), seal(key, made_digest(folder)))


def _changed(folder: Path) -> StorageError:
    return StorageError(
        f"{folder}: the files were changed after the DP result of this run was stored; the budget is spent",
        hint="Remove added files and restore changed ones from a backup. `--resume never` spends the budget again.",
    )
