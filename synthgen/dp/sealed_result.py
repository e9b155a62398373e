"""An answer that was paid for, as it lies in its folder: known by its digest, and until it is booked by its seal."""

import hmac
import shutil
from pathlib import Path

from audits.core.files import sync
from audits.ledger.budgets import note_draw, note_made, seal, state_of
from audits.ledger.chain import HighWaterMark
from synthgen.core.digest import sha256_file, sha256_json
from synthgen.core.errors import StorageError
from synthgen.core.files import write_json
from synthgen.dp.catalogue import CHOICE
from synthgen.pipeline.workspace import read_field

MEASURE, LOG = "measure", "mechanism.json"
SEAL = "seal.json"  # of a whole answer, until it is booked


def made_digest(folder: Path) -> str:
    """Return the digest of the answers in a folder of `measure`, as the ledger books them."""
    names = sorted({path.name for path in folder.glob("*.safetensors")} | {CHOICE, LOG})
    return sha256_json({name: sha256_file(folder / name) for name in names if (folder / name).exists()})


def is_kept(folder: Path, ledger: tuple[Path, HighWaterMark], run: str) -> bool:
    """Return whether a folder holds the answer that the ledger books for a run; emptied where it books none.

    One that is whole, and was made when the ledger could not be reached, is booked now.

    Raises:
        StorageError: it holds something else, or what was sealed there was changed; nothing is thrown away.
        Overspent: the answer lies elsewhere, made from another reading.
    """
    found = state_of(*ledger, run)
    if is_sealed(folder, found.key):
        note_made(*ledger, run, made_digest(folder))
        return True
    if found.key is not None and (folder / SEAL).is_file():
        raise _changed(folder)
    if found.digest is None:
        for left in folder.iterdir():  # of a draw that was lost, or put there by others
            shutil.rmtree(left) if left.is_dir() else left.unlink()
    elif found.digest != made_digest(folder) and any(folder.iterdir()):
        raise _changed(folder)
    elif found.digest != made_digest(folder):
        note_draw(*ledger, run)  # which is refused
    return found.digest is not None


def book(folder: Path, ledger: tuple[Path, HighWaterMark], run: str, key: bytes) -> None:
    """Book a whole answer; where the ledger is out of reach, its seal lets the next run book it."""
    write_json(folder / SEAL, {"seal": seal(key, made_digest(folder))})
    for path in (*folder.iterdir(), folder):  # or a booked answer is lost with the power
        sync(path)
    note_made(*ledger, run, made_digest(folder))


def is_sealed(folder: Path, key: bytes | None) -> bool:
    """Return whether a folder holds the whole answer of the run that drew it and could not book it.

    Args:
        folder: of `measure`.
        key: of the run, by its `state_of`; None where it has nothing to book.
    """
    if key is None or not (folder / SEAL).is_file():
        return False
    return hmac.compare_digest(str(read_field(folder / SEAL, "seal")), seal(key, made_digest(folder)))


def _changed(folder: Path) -> StorageError:
    return StorageError(
        f"{folder}: not the answer that was made for this run, and it was paid for",
        hint="Take away what was added and restore what was changed; `--resume never` pays anew.",
    )
