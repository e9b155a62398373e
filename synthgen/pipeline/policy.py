"""Locate the policy file of a configuration."""

from pathlib import Path

from audits.gate.shipped import policy_path
from synthgen.config import Config


def policy_file(config: Config) -> Path:
    """Return the policy file: a path relative to the configuration's folder, or a shipped policy by name."""
    named = config.resolve(config.policy)
    return named if named.is_file() else policy_path(config.policy)
