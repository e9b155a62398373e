"""Parse sections of the configuration, and report all mistakes in one error."""

import os
import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from audits.core.strictjson import with_tuples
from synthgen.core.errors import ConfigError
from synthgen.core.terminal import show_as_written

MAX_NUMBER = (1 << 53) - 1  # canonical JSON (RFC 8785) represents whole numbers exactly up to this number
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=MAX_NUMBER)]
T = TypeVar("T", bound=BaseModel)
SIMILAR = 0.7  # smallest `difflib` ratio between an unknown key and a suggested key
VARIABLES = ("HOME", "SYNTHGEN_DATA")  # the only environment variables that a path may contain
_VARIABLE = re.compile(rf"\$\{{({'|'.join(VARIABLES)})\}}")
# the beginning of pydantic's messages, which `mistakes` replaces by "must "
_SUBJECT = re.compile(r"^(Input|String|Tuple|List|Dictionary|Value) should ")
MESSAGES = {  # type of a pydantic error -> message
    "extra_forbidden": "unknown key",
    "missing": "missing",
    "model_type": "must be a section of keys and values",
    "tuple_type": "must be a list, such as [a]",
}
PATTERNS: dict[str, str] = {}  # regular expression -> message about a value that does not match it


class Section(BaseModel):
    """A part of the configuration: frozen, strictly typed, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def parse_section(kind: type[T], value: dict[str, Any], problems: Sequence[str] = ()) -> T:
    """Return `value` parsed as `kind`; raise one ConfigError that lists `problems` and every mistake in `value`."""
    found, parsed = list(problems), None
    given = with_tuples(value)  # YAML files have lists, and the sections have tuples
    try:
        parsed = kind.model_validate(given)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        misspelled = {f"{'.'.join(path)}: missing" for path in _misspelled(errors, given, kind)}
        # drop a line of `problems` about a missing key if the line about an unknown key suggests this key
        found = [line for line in problems if line not in misspelled] + mistakes(errors, given, kind)
    if parsed is None or found:
        raise invalid(found)
    return parsed


def invalid(found: Sequence[str]) -> ConfigError:
    """Return the error that lists the mistakes of a configuration."""
    return ConfigError(f"the configuration has {len(found)} mistake{'s' * (len(found) != 1)}", problems=found)


def mistakes(errors: list[Any], given: Any, kind: type[BaseModel] | None = None) -> list[str]:
    """Return one line per mistake: the path of the key, what is allowed, and the value unless it may be a secret.

    Args:
        errors: the errors of pydantic. The line of a value with several allowed types joins one message per type
            with "or".
        given: the value that was parsed.
        kind: the type of the section. If it is given, lines suggest examples and similar keys. A missing key has no
            line if the line of a misspelled key suggests it.
    """
    found: dict[tuple[str, ...], list[str]] = {}  # path -> messages
    shown: dict[tuple[str, ...], str] = {}  # path -> the given value, as the end of the line
    misspelled = set() if kind is None else _misspelled(errors, given, kind)
    for error in errors:
        path = _path(error, given)
        if path in misspelled:
            continue
        message = MESSAGES.get(error["type"])
        if error["type"] == "model_type" and error["input"] is None:
            message = "is empty; remove this line, or add keys"
        if error["type"] == "missing" and kind is not None:
            message = f"missing{_example(kind, path)}"
        if error["type"] == "extra_forbidden" and kind is not None:
            message = f"unknown key{_similar_key(kind, path)}"
        if error["type"] == "string_pattern_mismatch":
            message = PATTERNS.get(error["ctx"]["pattern"])
        if message is None:
            message = _SUBJECT.sub("must ", error["msg"].removeprefix("Value error, "))
            # do not print such a value: a user may have written a secret key in place of an address or variable name
            may_be_secret = not {"url", "key_env"}.isdisjoint(path)
            if not may_be_secret and not isinstance(error["input"], Section | dict | tuple | list | None):
                shown[path] = f", got {error['input']!r}"
        found.setdefault(path, []).append(message)
    # for a wrong item of a mapping, pydantic also reports the mapping; keep only the item
    kept = [path for path in found if not any(other[: len(path)] == path and other != path for other in found)]
    return [f"{'.'.join(path) or '(top level)'}: {' or '.join(found[path])}{shown.get(path, '')}" for path in kept]


def _example(kind: type[BaseModel], path: Sequence[str]) -> str:
    examples = kind.model_fields[path[0]].examples if len(path) == 1 and path[0] in kind.model_fields else None
    if not examples:
        return ""
    keys = ", ".join(f"{key}: {value}" for key, value in examples[0].items())
    return f"; for example {path[0]}: {{{keys}}}"


def _similar_key(kind: type[BaseModel], path: Sequence[str]) -> str:
    # search the section of the unknown key for a similar key, then all sections in `kind` for an equal key
    key = path[-1]
    if (near := _near_key(kind, path)) is not None:
        return f"; did you mean {near}?"
    homes = [name for name in kind.model_fields for part in _sections_in(kind, name) if key in part.model_fields]
    return f"; did you mean {homes[0]}.{key}?" if len(homes) == 1 else ""


def _near_key(kind: type[BaseModel], path: Sequence[str]) -> str | None:
    """Return the key of the section that is most similar to the unknown key at the end of `path`, or None."""
    *parents, key = path
    parts = [kind]
    for parent in parents:
        if not parent.isdecimal():
            parts = [inner for part in parts for inner in _sections_in(part, parent)]
    near = get_close_matches(key, {name for part in parts for name in part.model_fields}, n=1, cutoff=SIMILAR)
    return near[0] if near else None


def _misspelled(errors: list[Any], given: Any, kind: type[BaseModel]) -> set[tuple[str, ...]]:
    """Return the path of each missing key of which an unknown key is probably a misspelling."""
    unknown = [_path(error, given) for error in errors if error["type"] == "extra_forbidden"]
    near = ((path[:-1], _near_key(kind, path)) for path in unknown)
    return {(*section, key) for section, key in near if key is not None and not _has_key(given, section, key)}


def _has_key(given: Any, section: Sequence[str], key: str) -> bool:
    for part in section:
        given = given[int(part)] if isinstance(given, tuple) else given.get(part)
    return key in given


def _sections_in(part: type[BaseModel], key: str) -> list[type[BaseModel]]:
    found, annotations = [], [part.model_fields[key].annotation] if key in part.model_fields else []
    while annotations:
        annotation = annotations.pop()
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            found.append(annotation)
        annotations += get_args(annotation)
    return found


def _path(error: Any, given: Any) -> tuple[str, ...]:
    """Return the path of a mistake in `given`, without the names of union types that pydantic inserts."""
    parts = []
    for position, part in enumerate(error["loc"], start=1):
        if (isinstance(given, dict) and part in given) or (isinstance(given, tuple) and part in range(len(given))):
            given = given[part]
            parts.append(str(part))
        elif position == len(error["loc"]) and error["type"] in {"missing", "value_error"}:
            parts.append(str(part))  # a key that `given` lacks: it is required, or its default is invalid here
    return tuple(parts)


def resolve_path(path: str, base: str) -> Path:
    """Return a path of the configuration, relative to `base`, as an absolute path.

    `${HOME}`, `${SYNTHGEN_DATA}` and a leading `~/` are replaced; messages show the path as the user wrote it.

    Raises:
        ConfigError: the path contains a control character, `~user`, a variable without braces or a variable that is
            not in `VARIABLES`, or the value of a variable is not an absolute path.

    Privacy: error messages show paths. If other variables were allowed, the messages could disclose their values,
        such as passwords.
    """
    whole = re.sub(r"^~(?=/|$)", "${HOME}", path)
    problems = []
    for name in _rejected_names(whole):
        rule = f"must be written ${{{name}}} in a path" if name in VARIABLES else "is not allowed in a path"
        problems.append(f"{path}: the environment variable {name} {rule}")
    if any(ord(character) < ord(" ") for character in path):  # in YAML, "C:\new" contains a line break
        problems.append(
            f"{path!r}: the path contains a control character; YAML changes a backslash in double quotes, so write "
            "the path with / or in single quotes"
        )
    if whole.startswith("~"):
        problems.append(f"{path}: `~` before the name of a user is not allowed; write the whole path")
    for name in dict.fromkeys(_VARIABLE.findall(whole)):
        value = os.environ.get(name, "")
        if Path(value).is_absolute():
            show_as_written(name, value)
        else:
            problems.append(f"{path}: the environment variable {name} is not set to an absolute path")
    if problems:
        allowed = ", ".join(f"${{{name}}}" for name in VARIABLES)
        hint = f"A path may contain only the variables {allowed} and a leading ~/, which stands for ${{HOME}}/."
        raise ConfigError("a path of the configuration cannot be resolved", problems=problems, hint=hint)
    return (Path(base) / _VARIABLE.sub(lambda match: os.environ[match[1]], whole)).resolve()


def _rejected_names(path: str) -> list[str]:
    """Return the names of the variables in a path, except variables in `VARIABLES` that are written as `${NAME}`."""
    stripped = _VARIABLE.sub("", path)
    return list(dict.fromkeys(re.findall(r"\$[{(]*(\w*)", stripped) if re.search(r"\$[{(\w]", stripped) else []))
