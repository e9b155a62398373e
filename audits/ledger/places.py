"""Default paths of the institution's ledger and of its high-water marks."""

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
    """Return the path of the high-water mark that audits use for a ledger folder if they have no releaser's key."""
    # the digest of the folder's path takes the place of the id of the chain, which is not known without its key
    return chain_mark_path(hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16])


def chain_mark_path(chain: str) -> Path:
    """Return the path, in the data folder, of the high-water mark for the id of a chain."""
    return data_folder() / "ledgers-seen" / f"{chain}.json"
