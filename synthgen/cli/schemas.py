"""Implement `synthgen schema`: JSON Schemas of the files users write and read, and the configuration page."""

import json
import re
import textwrap
from collections.abc import Iterator
from typing import Any, Literal, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from audits.core.report import audit_schema
from audits.gate.policy import Policy
from audits.verify.statement import ReleaseStatement
from synthgen.config import Config

SET_BY_LOAD = ("base", "file")  # fields of the configuration that no file can set
_INTRODUCTION = """\
# Configuration

The configuration is one YAML file; [a complete example](../how-to/own-data.md#write-the-configuration).
`synthgen schema config` prints the JSON Schema, and `synthgen plan CONFIG` checks a file. This page is the output of
`synthgen schema config --markdown`.
"""
_GUIDES = {  # section: the page that explains it
    "segments": "[Long records](../how-to/own-data.md#long-records)",
    "interpolate": "[Methods and their defaults](../explanation/methods.md)",
    "decode": "[How texts are written](../how-to/own-data.md#choose-how-texts-are-written)",
    "filter": "[Ask for content](../how-to/own-data.md#ask-for-content)",
    "dp": "[Release externally with differential privacy](../how-to/release-externally-with-dp.md)",
}


def schema_of(kind: Literal["config", "policy", "audit", "attestation"]) -> dict[str, Any]:
    """Return the JSON Schema of a configuration, a policy, an audit.json or the signed statement of a release."""
    if kind == "audit":
        return audit_schema()
    models: dict[str, type[BaseModel]] = {"config": Config, "policy": Policy, "attestation": ReleaseStatement}
    schema: dict[str, Any] = models[kind].model_json_schema()
    if kind == "config":
        for set_by_load in SET_BY_LOAD:
            schema["properties"].pop(set_by_load, None)
    return schema


def configuration_page() -> str:
    """Return the reference page of the configuration as Markdown, one table for each section."""
    run, sections = [], []
    for name, field in Config.model_fields.items():
        if name in SET_BY_LOAD:
            continue
        if not (inner := _sections_in(field.annotation)):
            run.append((name, field))
            continue
        about = str(field.description) + (f" {_GUIDES[name]}." if name in _GUIDES else "")
        about = textwrap.fill(about, 128, break_long_words=False, break_on_hyphens=False)
        rows = [row for part in inner for row in parameters(part, f"{name}.")]
        title = {"dp": "Differential privacy"}.get(name, name.capitalize())
        sections.append(f"## {title}\n\n{about}\n\n{_table(rows)}")
    return "\n".join([_INTRODUCTION, f"## The run\n\n{_table(run)}", *sections])


def parameters(section: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Yield each parameter of a section and of the sections in it, with its path."""
    for name, field in section.model_fields.items():
        yield prefix + name, field
        for part in _sections_in(field.annotation):
            yield from parameters(part, f"{prefix}{name}.")


def _sections_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [section for inner in get_args(annotation) for section in _sections_in(inner)]


def _table(rows: list[tuple[str, FieldInfo]]) -> str:
    lines = ["| key | default | meaning | note |", "|---|---|---|---|"]
    for path, field in rows:
        default = "required" if field.is_required() else f"`{_plain(field.get_default(call_default_factory=True))}`"
        meaning, note = split_description(str(field.description))
        lines.append(f"| `{path}` | {default} | {meaning} | {note} |".replace("  |", " |"))
    return "\n".join(lines) + "\n"


def split_description(description: str) -> tuple[str, str]:
    """Return the first sentence of a description and the remaining sentences, which can be empty."""
    meaning, *note = re.split(r"(?<=[.]) (?=[A-Z`])", description, maxsplit=1)
    return meaning, "".join(note)


def _plain(value: Any) -> str:
    """Return a default as it is written in YAML."""
    if isinstance(value, BaseModel):
        return f"{{{', '.join(f'{key}: {_plain(inner)}' for key, inner in value)}}}"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_plain, value))}]"
    return value if isinstance(value, str) else json.dumps(value)
