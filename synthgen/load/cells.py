"""Read single cells of a source table: convert labels and ids to text, collect names, and detect empty texts."""

import json
import math
import unicodedata
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import regex

UNSEEN = regex.compile(r"(?!\s)[\p{Default_Ignorable_Code_Point}\p{Cf}\p{Cc}]")  # invisible character, not a space
BLANK = "\u2800"  # braille blank: displayed as a space, but not a space in Unicode
VISIBLE = regex.compile(rf"[^\s{BLANK}\p{{Default_Ignorable_Code_Point}}\p{{Cf}}\p{{Cc}}]")
LARGEST_EXACT = 1 << 53  # from 2^53 on, a float cannot store every whole number, so two ids could become equal


class CellError(ValueError):
    """The value of a cell is not supported; the message, such as "is of type date", never contains the value."""


def normalized(name: str, form: Literal["NFC", "NFKC"]) -> str:
    """Return a name in a Unicode normal form, without invisible characters, and with one space between words."""
    visible = UNSEEN.sub("", unicodedata.normalize(form, name))
    return " ".join(unicodedata.normalize(form, visible).replace(BLANK, " ").split())


def folded(label: str) -> str:
    """Return a comparison key that ignores case, width, spacing and invisible characters: `"A b" -> "ab"`."""
    return "".join(normalized(label, "NFKC").casefold().split())


def plain_name(value: Any) -> str | None:
    """Return the label or id in a cell as text; None if the cell is empty or missing.

    The integer 7, the float 7.0 and the decimal 7.0 become "7", and the decimal 7.50 becomes "7.5". A boolean
    becomes "true" or "false", and a UUID becomes its text. Raise CellError for a value of any other type, an
    infinite value, and a float that is not a whole number or is too large to be exact (`LARGEST_EXACT`).
    """
    if isinstance(value, str):
        return value.strip() or None
    if value is None or (isinstance(value, float | Decimal) and math.isnan(value)):
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | UUID):
        return str(value)
    if isinstance(value, Decimal) and value.is_finite():
        return str(int(value)) if value == value.to_integral_value() else f"{value.normalize():f}"
    if isinstance(value, float) and value.is_integer() and abs(value) < LARGEST_EXACT:
        return str(int(value))
    if isinstance(value, float) and value.is_integer():
        raise CellError("is a float that is too large to be exact; save it as text")
    if isinstance(value, float):
        raise CellError("is a float that is not a whole number; save it as text")
    raise CellError(type_message(value))


def names_in(value: Any) -> Iterator[str]:
    """Yield each name in a cell; a missing cell has no names.

    The cell is text, JSON text, a list, a struct or a map. Of a struct, a map or a JSON object, only the values are
    names. Raise CellError for a cell of any other type, and for text that begins with "[" or "{" but is not JSON.
    """
    if isinstance(value, str):
        content = value.strip()
        if not content.startswith(("[", "{")):
            yield from [content] if content else []
            return
        try:
            value = json.loads(content)
        except (ValueError, RecursionError):
            raise CellError("begins with [ or {, but is not JSON; save the names as a list or as text") from None
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, tuple):  # an entry (key, value) of an Arrow map
        value = list(value[1:])
    if not isinstance(value, list | None):
        raise CellError(type_message(value))
    for item in value or ():
        yield from names_in(item)


def type_message(value: Any) -> str:
    """Return a message such as "is of type date; save it as text" for a value that is not text."""
    name = type(value).__name__
    kind = {"bytes": "binary", "bytearray": "binary", "dict": "struct"}.get(name, name)
    return f"is of type {kind}; save it as text"


def is_visible(text: str) -> bool:
    """Return whether a text has a visible character."""
    return VISIBLE.search(text) is not None
