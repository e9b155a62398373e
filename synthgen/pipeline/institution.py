"""Find the policy and the ledger of a run, which the institution sets."""

from pathlib import Path

from audits.gate.policy import Policy
from audits.gate.shipped import load_policy
from audits.ledger.chain import HighWaterMark
from audits.ledger.places import ledger_folder
from synthgen.config import Config


def policy_of(config: Config) -> Policy:
    """Return the policy: a file at a path relative to the configuration's folder, or a shipped policy by name."""
    named = config.resolve(config.policy)
    return load_policy(named if named.is_file() else config.policy)


def ledger_of(config: Config) -> tuple[Path, HighWaterMark]:
    """Return the ledger's folder, and its high-water mark, which is stored beside the releaser's key.

    Because the mark is stored with the key, a ledger that was deleted, replaced or rolled back is detected from every
    workspace and configuration that uses this key. A configuration that names another key, or a copy of the ledger,
    is checked against the high-water mark that `audits.ledger.chain` keeps under the ledger's id.
    """
    folder = ledger_folder() if config.ledger is None else config.resolve(config.ledger)
    return folder, HighWaterMark(config.resolve(config.release.key_file).parent / "ledger-seen.json")
