"""Describe the origin of a release: its packages, and its configuration without private paths."""

import io
import platform
from collections.abc import Mapping
from importlib import metadata
from typing import Any

from ruamel.yaml import YAML

HIDDEN = "(private)"  # replaces a value that must not be published
_HIDDEN_KEYS = ("seed", "workspace", "ledger", "source.path", "release.key", "release.public", "release.out")
# settings that hold a name, which is published, or a path of this machine, which is not
_PATH_KEYS = ("embed.model", "decode.model", "decode.bridge", "decode.style", "policy")


def redact_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a dumped configuration without the paths of this machine and without the seed.

    Privacy: the secret and the seed determine who is in train and which records become parents. Neither is published.
    """
    public = {key: dict(value) if isinstance(value, Mapping) else value for key, value in config.items()}
    for dotted in (*_HIDDEN_KEYS, *_PATH_KEYS):
        section, _, key = dotted.partition(".")
        holder, name = (public.get(section), key) if key else (public, section)
        if not isinstance(holder, dict) or name not in holder:
            continue
        value = holder[name]
        if dotted in _HIDDEN_KEYS:
            holder[name] = HIDDEN
        elif isinstance(value, str):
            holder[name] = public_name(value)
        elif isinstance(value, list):
            holder[name] = [public_name(one) for one in value]
    return public


def public_name(name: str) -> str:
    """Return the name of a model, bridge or policy, or `HIDDEN` if the name is a path of this machine."""
    is_path = any(mark in name for mark in "/\\~$") or name.endswith((".yaml", ".yml"))
    return HIDDEN if is_path else name


def to_yaml(value: Mapping[str, Any]) -> bytes:
    """Return a mapping as block YAML with sorted keys."""
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    buffer = io.BytesIO()
    yaml.dump(_plain(value), buffer)
    return buffer.getvalue()


def sbom() -> dict[str, Any]:
    """Return the installed packages as CycloneDX 1.6, sorted, without time and serial number."""
    packages = {
        name.lower().replace("_", "-"): distribution.version
        for distribution in metadata.distributions()
        if (name := distribution.metadata["Name"])
    }
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {"type": "application", "name": "synthgen", "version": metadata.version("synthgen")},
            "properties": [{"name": "python", "value": platform.python_version()}],
        },
        "components": [
            {
                "type": "library",
                "name": name,
                "version": version,
                "purl": f"pkg:pypi/{name}@{version}",
                "bom-ref": f"pkg:pypi/{name}@{version}",
            }
            for name, version in sorted(packages.items())
        ],
    }


def producer(versions: Mapping[str, str]) -> dict[str, Any]:
    """Return the `producer` part of the statement; `versions` are those of run.json, including "python"."""
    made_by = dict(versions)
    python = made_by.pop("python")
    return {"tool": "synthgen", "version": metadata.version("synthgen"), "python": python, "madeBy": made_by}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
