"""Store the DP result and record its digest in the ledger.

A seal is a MAC (keyed hash) over the digest of a complete result. If a run stores its result and is interrupted
before it records the digest, the seal shows the next run that the stored result is complete.
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
SEAL = "seal.json"  # the file that contains the seal of a complete result


def made_digest(folder: Path) -> str:
    """Return the digest of the DP result in a folder of the stage `measure`, as the ledger records it."""
    names = sorted({path.name for path in folder.glob("*.safetensors")} | {CHOICE, LOG})
    return sha256_json({name: sha256_file(folder / name) for name in names if (folder / name).exists()})


def recover_result(folder: Path, ledger: tuple[Path, HighWaterMark], run: str) -> bool:
    """Return whether a folder contains the DP result that the ledger records for a run.

    A sealed result that is not recorded yet is recorded first. If there is no sealed result and the ledger records
    none, all files in the folder are deleted.

    Raises:
        InputError: the ledger cannot be used.
        StorageError: the results in the folder and in the ledger differ, or the sealed result was changed. Nothing is
            deleted.
        Overspent: the folder is empty, but the ledger records a result. The result is lost, or it was made from other
            inputs.
    """
    state = state_of(*ledger, run)
    if is_sealed(folder, state.key):
        note_made(*ledger, run, made_digest(folder))
        return True
    if state.key is not None and (folder / SEAL).is_file():
        raise _changed(folder)
    if state.digest is None:
        for entry in folder.iterdir():  # remains of a draw whose result is lost, or files of another origin
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    elif state.digest != made_digest(folder) and any(folder.iterdir()):
        raise _changed(folder)
    elif state.digest != made_digest(folder):
        note_draw(*ledger, run)  # raises Overspent
    return state.digest is not None


def record_result(folder: Path, ledger: tuple[Path, HighWaterMark], run: str, key: bytes) -> None:
    """Record a complete DP result; if the ledger cannot be reached, the seal lets the next run record it."""
    write_json(folder / SEAL, {"seal": seal(key, made_digest(folder))})
    for path in (*folder.iterdir(), folder):  # so that a power failure cannot lose a recorded result
        sync(path)
    note_made(*ledger, run, made_digest(folder))


def is_sealed(folder: Path, key: bytes | None) -> bool:
    """Return whether a folder of the stage `measure` contains a complete DP result that its run has not recorded.

    `key` is the run's key from `state_of`; None if the run has nothing to record.
    """
    if key is None or not (folder / SEAL).is_file():
        return False
    return hmac.compare_digest(str(read_field(folder / SEAL, "seal")), seal(key, made_digest(folder)))


def _changed(folder: Path) -> StorageError:
    return StorageError(
        f"{folder}: the files were changed after the DP result of this run was stored; the budget is spent",
        hint="Remove added files, and restore changed files from a backup. `--resume never` spends the budget again.",
    )
