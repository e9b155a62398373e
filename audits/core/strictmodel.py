"""Base classes of the pydantic models that define file formats, and readable messages for validation errors."""

import hashlib
import re
from collections.abc import Collection, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from audits.core.strictjson import canonical

Finite = Annotated[float, Field(allow_inf_nan=False)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]  # a SHA-256 or HMAC-SHA256
LedgerId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


def one_of(known: Collection[str]) -> AfterValidator:
    """Return a validator that accepts a name only if it is in `known`."""

    def check(name: str) -> str:
        if name not in known:
            raise ValueError("must be one of the values that the file format lists for this field")
        return name

    return AfterValidator(check)


def keys_are(names: Collection[str]) -> AfterValidator:
    """Return a validator that accepts a mapping only if its keys are exactly `names`."""

    def check(values: dict[str, float]) -> dict[str, float]:
        if set(values) != set(names):
            raise ValueError(f"must have exactly the keys {', '.join(sorted(names))}")
        return values

    return AfterValidator(check)


def multiple_of(steps: int) -> AfterValidator:
    """Return a validator that accepts a number only if it is a multiple of 1 / steps."""

    def check(number: float) -> float:
        if number != round(number * steps) / steps:
            raise ValueError(f"must be a multiple of 1/{steps}")
        return number

    return AfterValidator(check)


MESSAGES = {  # error type of pydantic -> the message that replaces pydantic's message
    "missing": "missing",
    "extra_forbidden": "unknown key",
    "string_type": "must be a text",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list, such as [a]",
    "list_type": "must be a list, such as [a]",
    "dict_type": "must be a section of keys and values",
    "model_type": "must be a section of keys and values",
}
_MESSAGE_START = re.compile(r"^(Input|String|Tuple|List|Dictionary|Value) should ")  # start of a message of pydantic


class Closed(BaseModel):
    """A strict, frozen model that rejects unknown fields."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Canonical(Closed):
    """A model of a file; the digest of the canonical bytes of the model identifies the file."""

    def to_bytes(self) -> bytes:
        """Return all fields, including those with default values, as the bytes of canonical JSON (RFC 8785)."""
        return canonical(self.model_dump(mode="json"))

    def digest(self) -> str:
        """Return the sha256 of the canonical bytes."""
        return hashlib.sha256(self.to_bytes()).hexdigest()


def problems(error: ValidationError) -> list[str]:
    """Return each violation as `path: message`, such as `rules[0].limit (entry 1 of rules): must be a number`."""
    found = error.errors(include_url=False, include_input=False)  # the input may be private
    return [f"{_place(item['loc'])}: {in_words(item['type'], item['msg'])}" for item in found]


def in_words(kind: str, message: str) -> str:
    """Return what a value must be, such as "must be a text", from the type and message of an error of pydantic."""
    return MESSAGES.get(kind) or _MESSAGE_START.sub("must ", message.removeprefix("Value error, ")).replace(
        " after validation", ""
    )


def _place(path: Sequence[Any]) -> str:
    """Return the path of a value in a message, such as `rules[0].limit (entry 1 of rules)`."""
    keys = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
    entry = next((i for i, part in enumerate(path) if isinstance(part, int) and i > 0), None)
    if entry is None:
        return keys or "(top level)"
    return f"{keys} (entry {path[entry] + 1} of {'.'.join(map(str, path[:entry]))})"
