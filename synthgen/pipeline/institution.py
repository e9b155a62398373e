"""Find the policy and the ledger of a run, which the institution sets."""

from pathlib import Path

from audits.gate.policy import Policy
from audits.gate.shipped import load_policy
from audits.ledger.chain import HighWaterMark
from audits.ledger.places import ledger_folder
from synthgen.config import Config


def policy_of(config: Config) -> Policy:
    """Return the policy: a file at a path relative to the configuration's folder, or a shipped policy by name."""
    path = config.resolve(config.policy)
    return load_policy(path if path.is_file() else config.policy)


def ledger_of(config: Config) -> tuple[Path, HighWaterMark]:
    """Return the ledger's folder, and its high-water mark (the latest state seen), stored beside the releaser's key.

    A run with this key therefore detects in any workspace and with any configuration if the ledger was deleted,
    replaced or rolled back. `audits.ledger.chain` stores a second high-water mark under the ledger's id, which covers
    configurations that use another key or a copy of the ledger.
    """
    folder = ledger_folder() if config.ledger is None else config.resolve(config.ledger)
    return folder, HighWaterMark(config.resolve(config.release.key_file).parent / "ledger-seen.json")
