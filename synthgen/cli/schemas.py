"""Implement `synthgen schema`: print the JSON Schema of a file format, or the reference page of the configuration."""

import itertools
import json
import re
import textwrap
from collections.abc import Iterator
from typing import Any, Literal, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from audits.core.report import audit_schema
from audits.core.strictyaml import parse_yaml
from audits.gate.policy import Policy
from audits.verify.statement import ReleaseStatement
from synthgen.config import Config
from synthgen.core.errors import ConfigError
from synthgen.decode.train.config import TrainBridgeConfig

SET_BY_LOAD = ("base", "file")  # fields that the program sets when it loads a file; the file cannot set them
_INTRODUCTION = """\
# Configuration

The configuration is one YAML file; see [a complete example](../how-to/own-data.md#write-the-configuration).
`synthgen schema config` prints the JSON Schema, and `synthgen plan CONFIG` checks a file. This page is the output of
`synthgen schema config --markdown`.
"""
_GUIDES = {  # section of the configuration -> link to the page that explains the section
    "segments": "[Long records](../how-to/own-data.md#long-records)",
    "interpolate": "[Methods and their defaults](../explanation/methods.md)",
    "decode": "[How texts are written](../how-to/own-data.md#choose-how-texts-are-written)",
    "filter": "[Ask for content](../how-to/own-data.md#ask-for-content)",
    "run": "[Use a cluster](../how-to/cluster.md)",
    "dp": "[Release externally with differential privacy](../how-to/release-externally-with-dp.md)",
}


# kinds of files; "attestation" is the signed statement of a release
Kind = Literal["config", "policy", "audit", "attestation", "bridge"]


def schema_of(kind: Kind) -> dict[str, Any]:
    """Return the JSON Schema of a kind of file."""
    if kind == "audit":
        return audit_schema()
    models: dict[str, type[BaseModel]] = {
        "config": Config,
        "policy": Policy,
        "attestation": ReleaseStatement,
        "bridge": TrainBridgeConfig,
    }
    schema: dict[str, Any] = models[kind].model_json_schema()
    if kind in {"config", "bridge"}:
        for set_by_load in SET_BY_LOAD:
            schema["properties"].pop(set_by_load, None)
    return schema


def configuration_page() -> str:
    """Return the reference page of the configuration as Markdown, with one table for each section."""
    outside_sections, sections = [], []
    for name, field in Config.model_fields.items():
        if name in SET_BY_LOAD:
            continue
        if not (inner := _sections_in(field.annotation)):
            outside_sections.append((name, field))
            continue
        about = str(field.description) + (f" {_GUIDES[name]}." if name in _GUIDES else "")
        about = textwrap.fill(about, 128, break_long_words=False, break_on_hyphens=False)
        rows = [row for part in inner for row in parameters(part, f"{name}.")]
        title = {"dp": "Differential privacy", "run": "Machines"}.get(name, name.capitalize())
        sections.append(f"## {title}\n\n{about}\n\n{_table(rows)}")
    return "\n".join([_INTRODUCTION, f"## The run\n\n{_table(outside_sections)}", *sections])


def commented_configuration(text: str) -> str:
    """Return a configuration (YAML) with the description of each parameter as a comment above the parameter.

    Other comments are removed, except those at the start. Raise ConfigError if `parse_yaml` rejects `text`.
    """
    head = itertools.takewhile(lambda line: line.startswith("#"), text.splitlines())
    values = parse_yaml(text.encode(), "configuration", error=ConfigError)
    return "\n".join([*head, *_commented_lines(values, [Config], "")]) + "\n"


def _commented_lines(values: dict[str, Any], sections: list[type[BaseModel]], indent: str) -> Iterator[str]:
    fields = {name: field for section in sections for name, field in section.model_fields.items()}
    for key, value in values.items():
        inner = _sections_in(fields[key].annotation) if isinstance(value, dict) else []
        if not indent:
            yield ""
        meaning, _ = split_description(str(fields[key].description))
        yield from textwrap.wrap(meaning, 100, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")
        if inner:
            yield f"{indent}{key}:"
            yield from _commented_lines(value, inner, f"{indent}  ")
        else:
            yield f"{indent}{key}: {_plain(value, quote=True)}"


def parameters(section: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Yield (path, field) of each parameter of a section and its inner sections; each path starts with `prefix`."""
    for name, field in section.model_fields.items():
        yield prefix + name, field
        for part in _sections_in(field.annotation):
            yield from parameters(part, f"{prefix}{name}.")


def _sections_in(annotation: Any) -> list[type[BaseModel]]:
    """Return the sections in the type of a field: several for a union of sections, none for a plain value."""
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


def _plain(value: Any, *, quote: bool = False) -> str:
    """Return a value as YAML; with `quote`, a string that YAML could read as another type is quoted."""
    if isinstance(value, BaseModel | dict):
        return f"{{{', '.join(f'{key}: {_plain(inner, quote=quote)}' for key, inner in dict(value).items())}}}"
    if isinstance(value, tuple):
        return f"[{', '.join(_plain(inner, quote=quote) for inner in value)}]"
    is_bare = isinstance(value, str) and (
        not quote or re.fullmatch(r"(?!(?i:true|false|null)$)[A-Za-z./$][\w./${}-]*", value)
    )
    return str(value) if is_bare else json.dumps(value, ensure_ascii=False)
