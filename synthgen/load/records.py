"""Turns rows into records, and tells of every row that cannot be one by its number and a fixed reason."""

import unicodedata
from dataclasses import dataclass
from typing import Any

import regex

from synthgen.core.types import Record
from synthgen.load.config import SourceConfig
from synthgen.load.rows import UNDECODABLE, SourceRow

NO_TEXT = "empty text"
NOT_TEXT = "text is not a string"
NUL = "NUL character in text"
NO_LABEL = "missing label"
NO_GROUP = "missing group"
NO_ID = "missing id"
REPEATED_ID = "duplicate id"
UNSEEN = regex.compile(r"(?!\s)[\p{Default_Ignorable_Code_Point}\p{Cf}\p{Cc}]")
BLANK = "\u2800"  # of braille, drawn as a space and none by Unicode


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be used: its number counted from 1, and a fixed reason."""

    number: int
    reason: str


def to_record(row: SourceRow, source: SourceConfig, taken: set[str]) -> Record | BadRow:
    """Return the row's record, or why there is none; `taken` holds the ids so far and gains this one's.

    The text keeps every character but the white space around it. Labels are brought to Unicode NFC, so that two
    spellings of one class are not two classes; groups to one spelling, so that nobody is two persons.
    """
    if row.reason:
        return BadRow(row.number, row.reason)
    text, reason = _text(row.values.get(source.text))
    label = _name(row.values.get(source.label))
    group = _spelled(_name(row.values.get(source.group))) if source.group else f"record-{row.number}"
    identity = _name(row.values.get(source.id)) if source.id else f"row-{row.number}"
    if not reason:
        reasons = ((label, NO_LABEL), (group, NO_GROUP), (identity, NO_ID))
        reason = next((missing for value, missing in reasons if value is None), "")
    if not reason and not _encodable(text, label, group, identity):
        reason = UNDECODABLE
    if not reason and identity in taken:
        reason = REPEATED_ID
    if reason or label is None or group is None or identity is None:
        return BadRow(row.number, reason)
    taken.add(identity)
    return Record(id=identity, text=text, label=unicodedata.normalize("NFC", label), group=group)


def names_of(row: SourceRow, source: SourceConfig) -> tuple[str, ...]:
    """Return the names of persons that the declared columns hold for this row."""
    values = (row.values.get(column) for column in source.names)
    return tuple(dict.fromkeys(v.strip() for v in values if isinstance(v, str) and v.strip()))


def _text(value: Any) -> tuple[str, str]:
    """Return the text without the white space around it, and what is wrong with it, if anything."""
    if value is None:
        return "", NO_TEXT
    if not isinstance(value, str):
        return "", NOT_TEXT
    text = value.strip()
    if not text:
        return "", NO_TEXT
    return text, NUL if "\0" in text else ""


def _name(value: Any) -> str | None:
    """Return a label, group or id as a string: strings and whole numbers are names, all else is missing."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value).strip() or None


def _spelled(name: str | None) -> str | None:
    """Return a name in NFKC, without characters that are drawn as nothing, and with single spaces."""
    seen = UNSEEN.sub("", unicodedata.normalize("NFKC", name or ""))
    return " ".join(unicodedata.normalize("NFKC", seen).replace(BLANK, " ").split()) or None


def _encodable(*values: str | None) -> bool:
    try:
        "".join(value or "" for value in values).encode()
    except UnicodeEncodeError:  # a lone surrogate
        return False
    return True
