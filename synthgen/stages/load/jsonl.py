"""Reads a file of one JSON object per line."""

import json
from pathlib import Path

from synthgen.stages.load.rows import MALFORMED, UNDECODABLE, Row, Table


def read_jsonl(path: Path) -> Table:
    """Return the rows of a JSON Lines file; a row's number is its line. Blank lines are passed over.

    Raises:
        OSError: if the file cannot be read.
    """
    columns: dict[str, None] = {}
    rows: list[Row] = []
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            raw = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if not raw.strip():
                continue
            row = _row(number, raw)
            columns |= dict.fromkeys(row.values)
            rows.append(row)
    return Table(tuple(columns), tuple(rows))


def _row(number: int, line: bytes) -> Row:
    try:
        value = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        return Row(number, {}, UNDECODABLE)
    except (ValueError, RecursionError):  # no JSON, a number of too many digits, too deep
        return Row(number, {}, MALFORMED)
    return Row(number, value) if isinstance(value, dict) else Row(number, {}, MALFORMED)
