"""Load the template of a prompt, and fill its fields for each text: "Write[ of {label}]." -> "Write of cats."."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from synthgen.core.errors import ConfigError
from synthgen.core.files import read_bytes

BUILTIN = "builtin"
TEMPLATE = (
    "[Topic: {label}. ][{description} ]Write a short paragraph.[ Write about {length} words.][ Write in {language}.]"
    "[ The person is {person}.][ Use these words: {terms}.] Write the paragraph only."
)
FIELDS = ("label", "description", "terms", "person", "length", "language")
MAX_BYTES = 1 << 14  # largest size of a template file
_PART = re.compile(r"\[([^\[\]]*)\]")  # part of a template that is omitted if one of its fields is empty
_FIELD = re.compile(r"\{(\w*)\}")


def load_template(name: str, resolve: Callable[[str], Path]) -> str:
    """Return the built-in template, or the text of a template file.

    The fields are `{label}`, `{description}`, `{terms}` (the prompt words), `{person}`, `{length}` and `{language}`.

    Raises:
        ConfigError: the file is not UTF-8 text, lacks `{terms}`, has an unknown field, or has a stray brace or
            bracket.
        StorageError: the file cannot be read.
    """
    if name == BUILTIN:
        return TEMPLATE
    path = resolve(name)
    try:
        template = read_bytes(path, MAX_BYTES).decode("utf-8").strip()
    except UnicodeDecodeError:
        raise ConfigError(f"decode.template: {path} is not UTF-8 text", hint="Save it as UTF-8.") from None
    names_in_braces = _FIELD.findall(template)
    allowed = ", ".join(f"{{{field}}}" for field in FIELDS)
    unknown = [field for field in dict.fromkeys(names_in_braces) if field not in FIELDS]
    problems = [f"{{{field}}}: unknown field; the fields are {allowed}" for field in unknown]
    if "terms" not in names_in_braces:
        problems.append("{terms}: missing; without it, the texts do not depend on the vectors")
    if {"{", "}"} & {*_FIELD.sub("", template)}:
        problems.append("the template contains a brace, { or }, outside a field; remove this brace")
    if {"[", "]"} & {*_PART.sub("", template)}:
        problems.append(
            "the template contains a square bracket without partner or inside other brackets; remove this bracket"
        )
    if problems:
        raise ConfigError(f"decode.template: {path} is not a valid template", problems=problems)
    return template


def fill(template: str, values: Mapping[str, str]) -> str:
    """Return a filled template; parts in square brackets are omitted if they contain an empty field.

    >>> fill("Write[ of {label}].[ Use: {terms}.]", {"label": "cats"})
    'Write of cats.'
    """

    def part(match: re.Match[str]) -> str:
        return "" if any(not values.get(field) for field in _FIELD.findall(match[1])) else match[1]

    # all fields are replaced at once, so a value that contains "{label}" is not changed
    return _FIELD.sub(lambda match: values.get(match[1], ""), _PART.sub(part, template))
