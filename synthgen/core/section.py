"""Parts of a configuration, and reading one from plain values with every mistake told at once."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from synthgen.core.errors import ConfigError

MAX_NUMBER = (1 << 53) - 1  # the largest whole number canonical JSON can hold, RFC 8785
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=MAX_NUMBER)]
T = TypeVar("T", bound=BaseModel)
_VARIABLE = re.compile(r"\$\{([A-Za-z_]\w*)\}", re.ASCII)


class Section(BaseModel):
    """A part of the configuration: frozen, strict, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def parse_section(kind: type[T], value: dict[str, Any], problems: Sequence[str] = ()) -> T:
    """Return `value` as a `kind`, or raise one ConfigError that lists every mistake, the given ones among them."""
    found, parsed = list(problems), None
    given = _tuples(value)  # lists of YAML become tuples, everything else stays strict
    try:
        parsed = kind.model_validate(given)
    except ValidationError as error:
        found += mistakes(error.errors(include_url=False), given)
    if parsed is None or found:
        plural = "mistake" if len(found) == 1 else "mistakes"
        raise ConfigError(f"the configuration has {len(found)} {plural}", problems=found)
    return parsed


def _tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    if isinstance(value, list):
        return tuple(_tuples(item) for item in value)
    return value


def mistakes(errors: list[Any], given: Any) -> list[str]:
    """Return each mistake as one line: path, what was got, what is allowed.

    Where a value may be of several kinds, pydantic says of each kind why it is not that one; these are one mistake.
    """
    found: dict[tuple[str, ...], list[str]] = {}
    shown: dict[tuple[str, ...], str] = {}
    for error in errors:
        path = _path(error, given)
        if error["type"] == "extra_forbidden":
            message = "unknown key"
        elif error["type"] == "missing":
            message = "missing"
        else:
            message = error["msg"].removeprefix("Value error, ")
            if not isinstance(error["input"], Section | dict | tuple | list | None):
                shown[path] = f", got {error['input']!r}"
        found.setdefault(path, []).append(message)
    # of a mapping with a bad item, the item is told and not also that the mapping is no word
    kept = [path for path in found if not any(other[: len(path)] == path and other != path for other in found)]
    return [f"{'.'.join(path) or '(top level)'}: {' or '.join(found[path])}{shown.get(path, '')}" for path in kept]


def _path(error: Any, given: Any) -> tuple[str, ...]:
    """Return where in the mapping a mistake is; pydantic's names for the kinds of a choice are left out."""
    parts = []
    for place, part in enumerate(error["loc"], start=1):
        if (isinstance(given, dict) and part in given) or (isinstance(given, tuple) and part in range(len(given))):
            given = given[part]
            parts.append(str(part))
        elif place == len(error["loc"]) and error["type"] in {"missing", "value_error"}:
            parts.append(str(part))  # a key that was left out
    return tuple(parts)


def resolve_path(path: str, base: str) -> Path:
    """Return a path of a configuration as an absolute one; `${NAME}` is an environment variable.

    Args:
        path: as it stands there.
        base: the folder that relative ones start from.

    Raises:
        ConfigError: if a variable is not set.
    """
    names = dict.fromkeys(_VARIABLE.findall(path))
    missing = [f"{path}: the environment variable {name} is not set" for name in names if name not in os.environ]
    if missing:
        raise ConfigError("a path of the configuration cannot be resolved", problems=missing, hint="Set it first.")
    expanded = _VARIABLE.sub(lambda match: os.environ[match[1]], path)
    return (Path(base) / Path(expanded).expanduser()).resolve()
