"""Which ledger of attempts a run is counted in, and where that ledger is remembered."""

from pathlib import Path

from audits.ledger.chain import HighWaterMark
from audits.ledger.places import ledger_folder
from synthgen.config import Config

HIGH_WATER_MARK = "ledger-seen.json"


def ledger_of(config: Config) -> tuple[Path, HighWaterMark]:
    """Return the institution's ledger, and its high-water mark beside the releaser's key or its public part.

    The owner of the key vouches for the count. A ledger that was deleted, replaced or rolled back is therefore
    detected with that key in any workspace and configuration. A configuration that names another key, or a copy of
    the ledger, is checked against the high-water mark that `audits.ledger.chain` keeps under the ledger's id.
    """
    folder = ledger_folder() if config.ledger is None else config.resolve(config.ledger)
    return folder, HighWaterMark(config.resolve(config.release.key_file).parent / HIGH_WATER_MARK)
