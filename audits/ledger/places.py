"""Default paths of the institution's ledger and of its high-water marks.

A high-water mark is a file with the newest known state of the ledger. It is outside the folder of the ledger, so that
a rollback of the ledger is detected.
"""

import hashlib
import os
from pathlib import Path


def data_folder() -> Path:
    """Return the user's data folder: XDG_DATA_HOME/synthgen, or ~/.local/share/synthgen."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "synthgen"


def ledger_folder() -> Path:
    """Return the default folder of the ledger: SYNTHGEN_LEDGER, or `ledger` in the data folder."""
    return Path(os.environ.get("SYNTHGEN_LEDGER") or data_folder() / "ledger")


def folder_mark_path(folder: Path) -> Path:
    """Return the path of the high-water mark for a ledger folder; audits use it if there is no releaser's key."""
    # a digest of the folder's path replaces the id of the ledger, which is not known without the ledger's key
    return chain_mark_path(hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16])


def chain_mark_path(ledger_id: str) -> Path:
    """Return the path of the high-water mark, in the data folder, for the ledger with this id."""
    return data_folder() / "ledgers-seen" / f"{ledger_id}.json"
