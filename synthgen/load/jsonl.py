"""Reads a file of one JSON object per line."""

import json
from pathlib import Path

from synthgen.load.rows import MALFORMED, UNDECODABLE, SourceRow, SourceTable


def read_jsonl(path: Path) -> SourceTable:
    """Return the rows of a JSON Lines file; a row's number is its line. Blank lines are passed over.

    Raises:
        OSError: if the file cannot be read.
    """
    columns: dict[str, None] = {}
    rows: list[SourceRow] = []
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            raw = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if not raw.strip():
                continue
            row = _row(number, raw)
            columns |= dict.fromkeys(row.values)
            rows.append(row)
    return SourceTable(tuple(columns), tuple(rows))


def _row(number: int, line: bytes) -> SourceRow:
    try:
        value = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        return SourceRow(number, {}, UNDECODABLE)
    except (ValueError, RecursionError):  # no JSON, a number of too many digits, too deep
        return SourceRow(number, {}, MALFORMED)
    return SourceRow(number, value) if isinstance(value, dict) else SourceRow(number, {}, MALFORMED)
