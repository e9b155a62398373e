"""Read the lists of the identifiers that were replaced in the rows of a table, one list for each row."""

import errno
import json
from pathlib import Path
from typing import Any

from audits.core.errors import InputError
from audits.core.files import MAX_TABLE_BYTES, arrow_errors, open_regular, read_parquet, read_regular

COLUMN = "identifiers"
_MAX_LISTED = 5  # largest number of invalid entries that a message lists; the rest are only counted


def read_identifiers(path: Path, n_rows: int, role: str) -> tuple[tuple[str, ...], ...]:
    """Return the identifiers of each row of a table, in the order of the rows.

    `role` is the name of the table in error messages, such as "train". The suffix of the file is
    - .jsonl: each line is a list of strings, or an object with such a list under "identifiers";
    - .parquet: the column "identifiers" contains lists of strings.

    Raises:
        InputError: the suffix is neither .jsonl nor .parquet, the file cannot be read, the number of entries is not
            `n_rows`, or an entry is not a list of strings.

    Privacy: reads identifiers. Error messages give the number of an invalid entry, never its content.
    """
    readers = {".jsonl": _jsonl, ".parquet": _parquet}
    if path.suffix not in readers:
        got = path.suffix or "no suffix"
        raise InputError(f"the file of the identifiers of {role} must end in .jsonl or .parquet; got {got!r}")
    try:
        entries = readers[path.suffix](path)
    except (OSError, ValueError, RecursionError) as error:
        is_utf8 = not isinstance(error, UnicodeDecodeError)
        reason = getattr(error, "strerror", None) or ("a line is not JSON" if is_utf8 else "the file is not UTF-8")
        raise InputError(f"the identifiers of {role} cannot be read ({reason}): {path}") from None
    problems = [
        f"entry {number} is not a list of strings"
        for number, entry in enumerate(entries, start=1)
        if not isinstance(entry, list) or not all(isinstance(text, str) for text in entry)
    ]
    if len(problems) > _MAX_LISTED:
        problems[_MAX_LISTED:] = [f"and {len(problems) - _MAX_LISTED} more"]
    if len(entries) != n_rows:
        problems.append(f"the file has {len(entries)} entries, but the table has {n_rows} rows")
    if problems:
        raise InputError(
            f"the identifiers of {role} do not fit the {role} table",
            problems=problems,
            hint="Write one list for each row, in the order of the table, and [] for a row without identifiers.",
        )
    return tuple(tuple(entry) for entry in entries)


def _jsonl(path: Path) -> list[Any]:
    text = read_regular(path, MAX_TABLE_BYTES).decode("utf-8-sig")
    entries = [json.loads(line) for line in text.split("\n") if line.strip()]
    return [entry.get(COLUMN) if isinstance(entry, dict) else entry for entry in entries]


def _parquet(path: Path) -> list[Any]:
    with open_regular(path) as file:
        names, table = read_parquet(file, [COLUMN])
        if COLUMN not in names:
            raise OSError(errno.EINVAL, f"the file has no column {COLUMN!r}")
        with arrow_errors():
            rows: list[Any] = table[COLUMN].to_pylist()
    return rows
