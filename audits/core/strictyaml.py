"""Read and write YAML 1.2 files of plain data.

Keys must be strings and must not repeat. Anchors, aliases, tags, directives, merge keys and long numbers are refused.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from audits.core.files import open_regular
from audits.core.strictjson import with_tuples

MAX_YAML_BYTES = 1 << 20
MAX_DEPTH = 12  # largest depth of nesting; limited, because the parser's time grows with the square of the depth
_WORD = re.compile(r"[a-z][a-z-]*")  # strings that `block_yaml` writes without quotes, except `_NOT_WORDS`
_NOT_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})  # not strings in YAML 1.1
_MAX_NUMBER_CHARACTERS = 25  # largest length of a number with sign, point and exponent; a double needs at most 24
_STRING_TAG, _NUMBER_TAGS = "tag:yaml.org,2002:str", {"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")  # characters that YAML does not allow in a file
_UNCLOSED = {  # what the parser was reading when it stopped -> hint for the user
    "while scanning a quoted scalar": "Close the quote that begins in this line.",
    "while parsing a flow sequence": "Close the bracket `[` of this line, and separate its items by commas.",
    "while parsing a flow mapping": "Close the brace `{` of this line, and separate its entries by commas.",
}
# errors that the parser raises if a text is not YAML
_PARSER_ERRORS = (YAMLError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError, AssertionError)
_FORBIDDEN = frozenset({"AnchorToken", "AliasToken", "TagToken", "DirectiveToken"})


def read_yaml(path: Path, *, error: Callable[..., Exception]) -> dict[str, Any]:
    """Return the mapping in a YAML file; raise `error` if the file cannot be read or `parse_yaml` refuses it."""
    try:
        with open_regular(path) as file:
            data = file.read(MAX_YAML_BYTES + 1)
    except OSError as found:
        raise error(f"{path}: cannot be read ({found.strerror})", hint="Check the path.") from found
    return parse_yaml(data, str(path), error=error)


def parse_yaml(
    data: bytes, name: str, *, error: Callable[..., Exception], max_bytes: int = MAX_YAML_BYTES
) -> dict[str, Any]:
    """Return the mapping of one YAML document; lists become tuples.

    `name` is the name of the file in messages. `error` is a class of exceptions with `problems` and `hint`, such as
    `PolicyError`. The function raises `error` if the document is too large, not UTF-8, not YAML or not a mapping, or
    contains YAML that this module refuses.
    """
    if len(data) > max_bytes:
        raise error(f"{name}: the file is larger than {max_bytes} bytes")
    try:
        text = data.decode("utf-8")
        parser = YAML(typ="safe", pure=True)
        problems = list(_forbidden_yaml(text))
        node = None if problems else parser.compose(text)
        problems += _unsuitable(node)
        value = None if problems or node is None else parser.constructor.construct_document(node)
    except UnicodeDecodeError as found:
        number = data.count(b"\n", 0, found.start) + 1
        raise error(f"{name}: line {number}: not UTF-8 text", hint="Save the file in the encoding UTF-8.") from None
    except _PARSER_ERRORS as found:
        if control := _CONTROL.search(text):
            at, what = text.count("\n", 0, control.start()) + 1, f"U+{ord(control[0]):04X}"
            message = f"{name}: line {at}: the control character {what} is not allowed"
            raise error(message, hint="Remove it.") from None
        mark = getattr(found, "problem_mark", None)
        if (hint := _UNCLOSED.get(getattr(found, "context", ""))) is not None:
            start: Any = getattr(found, "context_mark", mark)  # start of the value that is not closed
            raise error(f"{name}: line {start.line + 1}: not valid YAML", hint=hint) from None
        where = f"line {mark.line + 1}: " if mark else ""
        line = text.split("\n")[mark.line] if mark and mark.line < text.count("\n") + 1 else ""
        raise error(f"{name}: {where}not valid YAML", hint=_usual_cause(line)) from None
    if problems:
        raise error(f"{name}: contains YAML that is not allowed", problems=problems)
    if not isinstance(value, dict):
        raise error(f"{name}: must contain keys and values, like 'version: 1'")
    return {key: with_tuples(item) for key, item in value.items()}


def where_to_correct(problems: Iterable[str], name: str, data: bytes) -> str:
    """Return a sentence that names the lines to correct, such as "Correct run.yaml: correct dp.epsilon in line 7.".

    Each problem starts with the path of a key and a colon, as in the result of `strictmodel.problems`. `name` is the
    name of the file. `data` is its content, which `parse_yaml` must accept.
    """
    lines = key_lines(data)
    places = "; ".join(dict.fromkeys(filter(None, (_place(problem, lines) for problem in problems))))
    return f"Correct {name}: {places}." if places else f"Correct {name}."


def _place(problem: str, lines: Mapping[str, int]) -> str:
    """Return what to correct for one problem, such as "correct dp.epsilon in line 7", or "" if no line is known."""
    key, _, what = problem.partition(": ")
    key = key.partition(" (entry ")[0]
    place = re.sub(r"\[([0-9]+)\]", r".\1", key)
    section = place.rpartition(".")[0]
    if place not in lines and what.startswith(("missing", "is required")):
        return f"add {key} to the section in line {lines[section]}" if section in lines else ""
    line = lines.get(place) or lines.get(section)
    return f"correct {key} in line {line}" if line else ""


def key_lines(data: bytes) -> dict[str, int]:
    """Return the line (from 1) of each key and list item of a YAML text, by the path of the key or item (`a.b.0`)."""
    lines: dict[str, int] = {}

    def visit(node: Any, place: str) -> None:
        pairs = node.value if isinstance(node, MappingNode) else ()
        items = [(key.value, key, item) for key, item in pairs]
        if isinstance(node, SequenceNode):
            items = [(str(i), item, item) for i, item in enumerate(node.value)]
        for name, start, item in items:
            whole = f"{place}.{name}" if place else name
            lines[whole] = start.start_mark.line + 1
            visit(item, whole)

    visit(YAML(typ="safe", pure=True).compose(data.decode("utf-8")), "")
    return lines


def block_yaml(value: Mapping[str, Any], indent: int = 0) -> bytes:
    """Return a mapping of JSON values as block YAML with sorted keys; equal values give equal bytes.

    List items, and scalars that do not match `_WORD`, are written as JSON, which is also YAML.
    """
    lines = b""
    for key in sorted(value):
        item, start = value[key], f"{' ' * indent}{key}:"
        if isinstance(item, Mapping) and item:
            lines += f"{start}\n".encode() + block_yaml(item, indent + 2)
        elif isinstance(item, list | tuple) and any(isinstance(element, Mapping) for element in item):
            rows = (json.dumps(element, sort_keys=True, ensure_ascii=False) for element in item)
            lines += f"{start}\n".encode() + "".join(f"{' ' * indent}- {row}\n" for row in rows).encode()
        else:
            is_word = isinstance(item, str) and _WORD.fullmatch(item) is not None and item not in _NOT_WORDS
            shown = item if is_word else json.dumps(item, sort_keys=True, ensure_ascii=False)
            lines += f"{start} {shown}\n".encode()
    return lines


def _usual_cause(line: str) -> str:
    """Return a hint on the usual mistake in a line that is not valid YAML."""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "Indent with spaces, not with tabs."
    if re.search(r'"[^"]*\\', line):
        return "In double quotes, a backslash begins an escape: write a path with / or in single quotes."
    return "Check the indentation, the brackets, and values that contain ': ', which need quotes."


def _forbidden_yaml(text: str) -> Iterator[str]:
    """Yield the problems that are found before a text is parsed: forbidden tokens and too deep nesting."""
    depth = 0
    for token in YAML(typ="safe", pure=True).scan(text):
        kind, line = type(token).__name__, token.start_mark.line + 1
        if kind in _FORBIDDEN:
            yield f"line {line}: anchors, aliases, tags and directives are not allowed"
        depth += kind.endswith("StartToken") - kind.endswith("EndToken")
        if depth > MAX_DEPTH + 1:  # the YAML stream itself counts as one level
            yield f"line {line}: the values are nested more than {MAX_DEPTH} levels deep"
            return


def _unsuitable(node: Any) -> Iterator[str]:
    """Yield the problems that are found in the parsed nodes: wrong or repeated keys, long numbers, surrogates."""
    if isinstance(node, MappingNode):
        seen = set()
        for key, item in node.value:
            line = key.start_mark.line + 1
            if key.tag.endswith(":merge"):
                yield f"line {line}: merge keys (`<<`) are not allowed"
            elif key.tag != _STRING_TAG or not isinstance(key, ScalarNode):
                yield f"line {line}: a key must be a string; write it in quotes"
            elif key.value in seen:
                yield f"line {line}: the key {key.value!r} is repeated"
            seen.add(str(key.value))
            yield from _unsuitable(key)
            yield from _unsuitable(item)
    elif isinstance(node, SequenceNode):
        for item in node.value:
            yield from _unsuitable(item)
    elif isinstance(node, ScalarNode) and node.tag in _NUMBER_TAGS and len(node.value) > _MAX_NUMBER_CHARACTERS:
        yield f"line {node.start_mark.line + 1}: the number has more than {_MAX_NUMBER_CHARACTERS} characters"
    elif isinstance(node, ScalarNode) and any("\ud800" <= c <= "\udfff" for c in node.value):
        yield f"line {node.start_mark.line + 1}: a value contains half of a surrogate pair, which is not valid text"
