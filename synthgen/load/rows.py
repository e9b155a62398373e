"""What every reader returns: the columns of a table and its rows, a row that cannot be read carrying its reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MALFORMED = "malformed row"
UNDECODABLE = "undecodable bytes"


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One row: its number counted from 1, and its values or the reason it has none."""

    number: int
    values: Mapping[str, Any]
    reason: str = ""

    def __repr__(self) -> str:
        return f"SourceRow({self.number})"


@dataclass(frozen=True, slots=True)
class SourceTable:
    """The columns found, in the order of the file, and the rows."""

    columns: tuple[str, ...]
    rows: tuple[SourceRow, ...]

    def __repr__(self) -> str:
        return f"SourceTable({len(self.columns)} columns, {len(self.rows)} rows)"
