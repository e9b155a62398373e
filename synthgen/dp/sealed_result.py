"""The stored DP result: identified by its digest, and by a seal until the ledger books it."""

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
SEAL = "seal.json"  # of a complete result, until it is booked


def made_digest(folder: Path) -> str:
    """Return the digest of the DP result in a folder of `measure`, as the ledger books it."""
    names = sorted({path.name for path in folder.glob("*.safetensors")} | {CHOICE, LOG})
    return sha256_json({name: sha256_file(folder / name) for name in names if (folder / name).exists()})


def is_kept(folder: Path, ledger: tuple[Path, HighWaterMark], run: str) -> bool:
    """Return whether a folder holds the DP result that the ledger books for a run.

    If the ledger books no result, the folder is emptied. A complete result that could not be booked earlier, because
    the ledger was not reachable, is booked now.

    Raises:
        StorageError: the folder holds something else, or the sealed result was changed; nothing is deleted.
        Overspent: the booked result is in another folder, made from other inputs.
    """
    found = state_of(*ledger, run)
    if is_sealed(folder, found.key):
        note_made(*ledger, run, made_digest(folder))
        return True
    if found.key is not None and (folder / SEAL).is_file():
        raise _changed(folder)
    if found.digest is None:
        for left in folder.iterdir():  # remains of a lost draw, or foreign files
            shutil.rmtree(left) if left.is_dir() else left.unlink()
    elif found.digest != made_digest(folder) and any(folder.iterdir()):
        raise _changed(folder)
    elif found.digest != made_digest(folder):
        note_draw(*ledger, run)  # raises Overspent
    return found.digest is not None


def book(folder: Path, ledger: tuple[Path, HighWaterMark], run: str, key: bytes) -> None:
    """Book a complete DP result; if the ledger cannot be reached, the seal lets the next run book it."""
    write_json(folder / SEAL, {"seal": seal(key, made_digest(folder))})
    for path in (*folder.iterdir(), folder):  # so that a power failure cannot lose a booked result
        sync(path)
    note_made(*ledger, run, made_digest(folder))


def is_sealed(folder: Path, key: bytes | None) -> bool:
    """Return whether a folder of `measure` holds a complete DP result that its run could not book.

    The `key` of the run is that of `state_of`; it is None if the run has nothing to book.
    """
    if key is None or not (folder / SEAL).is_file():
        return False
    return hmac.compare_digest(str(read_field(folder / SEAL, "seal")), seal(key, made_digest(folder)))


def _changed(folder: Path) -> StorageError:
    return StorageError(
        f"{folder}: is not the DP result of this run, whose budget is spent",
        hint="Remove added files and restore changed ones. `--resume never` spends the budget again.",
    )
