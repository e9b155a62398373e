"""The file of the configured policy."""

from pathlib import Path

from audits.gate.shipped import policy_path
from synthgen.config import Config


def policy_file(config: Config) -> Path:
    """Return the file of the configured policy: a path from the configuration's folder, or a shipped name."""
    named = config.resolve(config.policy)
    return named if named.is_file() else policy_path(config.policy)
