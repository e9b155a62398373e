"""Define the table and the rows that the readers of all file formats return."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

MALFORMED = "malformed row"
UNDECODABLE = "undecodable bytes"


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A row: its number, counted from 1, and its values by column, or the reason why it cannot be read."""

    number: int
    values: Mapping[str, Any]
    reason: str = ""

    def __repr__(self) -> str:
        return f"SourceRow({self.number})"


@dataclass(frozen=True, slots=True)
class SourceTable:
    """The columns and rows of a source, in file order, and notes (sentences) on parts that were not read."""

    columns: tuple[str, ...]
    rows: tuple[SourceRow, ...]
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"SourceTable({len(self.columns)} columns, {len(self.rows)} rows)"


def read_row(number: int, read: Callable[..., Mapping[str, Any]], *arguments: Any) -> SourceRow:
    """Return the row with the values that `read(*arguments)` returns, or with the reason why `read` fails."""
    try:
        return SourceRow(number, read(*arguments))
    except UnicodeError:
        return SourceRow(number, {}, UNDECODABLE)
    except (ValueError, RecursionError):  # wrong number of cells, or no readable JSON object
        return SourceRow(number, {}, MALFORMED)
