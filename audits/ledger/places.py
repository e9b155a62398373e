"""Where the institution's ledger lies, and where it is remembered."""

import hashlib
import os
from pathlib import Path

from audits.ledger.chain import Memory


def data_folder() -> Path:
    """Return the user's data folder: XDG_DATA_HOME/synthgen, or ~/.local/share/synthgen."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "synthgen"


def ledger_folder() -> Path:
    """Return the folder of the ledger where nobody names another: SYNTHGEN_LEDGER, or `ledger` in the data folder."""
    return Path(os.environ.get("SYNTHGEN_LEDGER") or data_folder() / "ledger")


def memory_of(folder: Path) -> Memory:
    """Return the memory of a ledger for those who have no releaser's key to keep it beside: in the data folder."""
    name = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]
    return Memory(data_folder() / "ledgers-seen" / f"{name}.json")
