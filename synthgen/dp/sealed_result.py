"""Store the results of the DP queries (the DP result), and record their digest in the institution's ledger.

The ledger lists the privacy budgets of all DP runs. A run can be interrupted after it stored the result and before it
recorded the digest. The next run then recognises a complete result by its seal, a stored keyed hash of the digest.
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

MEASURE, LOG = "measure", "mechanism.json"  # name of the stage; name of the file with the mechanism log
SEAL = "seal.json"  # name of the file that contains the seal of a complete result


def made_digest(folder: Path) -> str:
    """Return the digest of the DP result in a folder of the stage `measure`."""
    names = sorted({path.name for path in folder.glob("*.safetensors")} | {CHOICE, LOG})
    return sha256_json({name: sha256_file(folder / name) for name in names if (folder / name).exists()})


def recover_or_clear(folder: Path, ledger: tuple[Path, HighWaterMark], run: str) -> bool:
    """Record or delete what an interrupted run left in a folder; return whether the folder contains the DP result.

    - If the folder has a sealed result that the ledger does not record yet, this result is recorded.
    - If the folder has no sealed result and the ledger records no result, all files in the folder are deleted.
    - If the ledger already records the result in the folder, nothing is changed.

    Raises:
        InputError: the ledger cannot be used.
        StorageError: the result does not have the recorded digest, or was changed after it was sealed. No file is
            deleted.
        Overspent: the folder is empty, but the ledger records a result, which was lost or made from other inputs.
    """
    state = state_of(*ledger, run)
    if is_sealed(folder, state.key):
        note_made(*ledger, run, made_digest(folder))
        return True
    if state.key is not None and (folder / SEAL).is_file():
        raise _changed(folder)
    if state.digest is None:
        for entry in folder.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    elif state.digest != made_digest(folder) and any(folder.iterdir()):
        raise _changed(folder)
    elif state.digest != made_digest(folder):
        note_draw(*ledger, run)  # raises Overspent
    return state.digest is not None


def record_result(folder: Path, ledger: tuple[Path, HighWaterMark], run: str, key: bytes) -> None:
    """Seal a complete DP result and record its digest; if the recording fails, the next run records the digest."""
    write_json(folder / SEAL, {"seal": seal(key, made_digest(folder))})
    for path in (*folder.iterdir(), folder):  # so that a power failure cannot lose a recorded result
        sync(path)
    note_made(*ledger, run, made_digest(folder))


def is_sealed(folder: Path, key: bytes | None) -> bool:
    """Return whether a folder of the stage `measure` contains a complete DP result that is not recorded yet.

    `key` is the key of the run's seal from `state_of`; None if the run has no result to record.
    """
    if key is None or not (folder / SEAL).is_file():
        return False
    return hmac.compare_digest(str(read_field(folder / SEAL, "seal")), seal(key, made_digest(folder)))


def _changed(folder: Path) -> StorageError:
    return StorageError(
        f"{folder}: the files were changed after the DP result of this run was stored; the budget is spent",
        hint="Remove added files, and restore changed files from a backup. `--resume never` spends the budget again.",
    )
