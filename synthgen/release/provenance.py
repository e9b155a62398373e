"""Describe the program that made a release."""

from collections.abc import Mapping
from importlib import metadata
from typing import Any

from audits.verify.vocabulary import public_version


def producer(versions: Mapping[str, str]) -> dict[str, Any]:
    """Return the `producer` part of the statement; `versions` are those of run.json, including "python"."""
    sources = {name: versions[name] for name in ("source", "audits") if name in versions}
    libraries = {name: public_version(version) for name, version in versions.items() if name not in sources}
    python = libraries.pop("python")
    return {
        "tool": "synthgen",
        "version": metadata.version("synthgen"),
        "python": python,
        "madeBy": {**libraries, **sources},
    }
