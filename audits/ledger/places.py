"""Where the institution's ledger lies, and where it is remembered."""

import hashlib
import os
from pathlib import Path


def data_folder() -> Path:
    """Return the user's data folder: XDG_DATA_HOME/synthgen, or ~/.local/share/synthgen."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "synthgen"


def ledger_folder() -> Path:
    """Return the folder of the ledger where nobody names another: SYNTHGEN_LEDGER, or `ledger` in the data folder."""
    return Path(os.environ.get("SYNTHGEN_LEDGER") or data_folder() / "ledger")


def seen_at(folder: Path) -> Path:
    """Return where those who have no releaser's key remember the ledger of a folder: in the data folder."""
    return seen_of(hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16])


def seen_of(chain: str) -> Path:
    """Return where a chain is remembered by its id, under whatever path and beside whatever key it is opened."""
    return data_folder() / "ledgers-seen" / f"{chain}.json"
