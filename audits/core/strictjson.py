"""Parse JSON strictly (no duplicate keys, no NaN), and write its canonical bytes (RFC 8785)."""

import json
import math
from collections.abc import Callable, Sequence
from typing import Any

import rfc8785

from audits.core.errors import AuditError

MAX_DEPTH = 64
_TOO_DEEP = f"the content is nested too deeply (at most {MAX_DEPTH} levels are allowed)"


class JsonError(AuditError, ValueError):
    """The bytes are not strict JSON."""

    exit_code = 3


def parse(data: bytes) -> Any:
    """Return the value of UTF-8 JSON; lists become tuples, which strict models of pydantic require.

    Raise JsonError if the bytes are not UTF-8 or not JSON, or contain a duplicate key, NaN, an infinity, nesting
    deeper than `MAX_DEPTH`, or a number that has a point or exponent and is too large for a double.
    """
    return _parse(data, int)


def _parse(data: bytes, parse_int: Callable[[str], int | float]) -> Any:
    try:
        text = data.decode("utf-8")
        numbers: dict[str, Any] = {"parse_int": parse_int, "parse_float": _finite, "parse_constant": _reject_constant}
        return with_tuples(json.loads(text, object_pairs_hook=unique_keys, **numbers))
    except JsonError:
        raise
    except RecursionError:
        raise JsonError(_TOO_DEEP) from None
    except UnicodeDecodeError:
        raise JsonError("the content is not UTF-8") from None
    except ValueError:  # invalid JSON, or an integer with thousands of digits
        raise JsonError("the content is not valid JSON") from None


def canonical(value: Any) -> bytes:
    """Return the bytes of a value in canonical JSON (RFC 8785).

    Raise JsonError for NaN, infinities, lone surrogates, and integers with an absolute value of 2**53 or more.
    """
    try:
        return rfc8785.dumps(value)
    except rfc8785.CanonicalizationError as error:
        raise JsonError(f"the content cannot be written as canonical JSON ({error})") from None


def parse_canonical(data: bytes) -> Any:
    """Return the value of canonical JSON bytes, with lists as tuples; raise JsonError if they are not canonical."""
    value = _parse(data, _whole_number)
    if canonical(value) != data:
        raise JsonError("the JSON is not in canonical form (RFC 8785)")
    return value


def unique_keys(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object; raise JsonError on a duplicate key, because most readers keep only its last value."""
    value = dict(pairs)
    if len(value) != len(pairs):
        raise JsonError("the same key occurs twice in an object (duplicate key)")
    return value


def with_tuples(value: Any, depth: int = MAX_DEPTH) -> Any:
    """Return a value with its lists as tuples; raise JsonError if the value is nested deeper than `depth`."""
    if depth == 0:
        raise JsonError(_TOO_DEEP)
    if isinstance(value, dict):
        return {key: with_tuples(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list):
        return tuple(with_tuples(item, depth - 1) for item in value)
    return value


def _reject_constant(_: str) -> None:
    raise JsonError("a number is NaN or infinite, which JSON does not allow")


def _whole_number(digits: str) -> int | float:
    # canonical JSON writes the float 1e16 as 10000000000000000; as an integer, `canonical` would reject this number
    return number if abs(number := int(digits)) < 2**53 else _finite(digits)


def _finite(digits: str) -> float:
    if math.isinf(number := float(digits)):
        raise JsonError("a number is too large (the limit is about 1.8e308)")
    return number
