"""Recognise the real format, encoding or separator of a source file that does not fit the configuration.

The messages state what was found and what to do. No message shows a cell of a row.
"""

import codecs
import json
import re
from collections.abc import Collection
from pathlib import Path

from audits.core.files import open_regular
from synthgen.core.errors import DataError
from synthgen.load.cells import folded

BOM = "\ufeff"  # byte-order mark
START_BYTES, ENCODING_BYTES = 1 << 16, 1 << 24  # numbers of bytes read to recognise a format and an encoding
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_UNPACK = "Decompress the file, and set source.path to the result."
_SAVE_CSV = "Save the sheet as csv in UTF-8, and set source.path to the result."
_UNPACK_OR_SAVE = f"For an archive: {_UNPACK} For a workbook: {_SAVE_CSV}"
_SIGNATURES = {  # pattern of the first bytes of a file: (what the file is, what to do)
    rb"\x1f\x8b": ("compressed with gzip", _UNPACK),
    rb"\x28\xb5\x2f\xfd": ("compressed with zstd", _UNPACK),
    rb"BZh[1-9]1AY&SY": ("compressed with bzip2", _UNPACK),
    rb"\xfd7zXZ\0": ("compressed with xz", _UNPACK),
    rb"PK[\x03\x05][\x04\x06]": ("a ZIP archive or an Excel workbook", _UNPACK_OR_SAVE),
    rb"\xd0\xcf\x11\xe0\xa1\xb1": ("an Excel workbook or another Office document", _SAVE_CSV),
    rb"PAR[1E][\0-\x1f]": ("a parquet file", "Set source.format: parquet."),
    rb"ARROW1\0": ("an Arrow or Feather file", "Save the table as parquet, and set source.path to the result."),
    rb"SQLite format 3\0": ("a SQLite database", "Export the table as csv, and set source.path to the result."),
    rb"%PDF-": ("a PDF document", "For a folder of documents, set source.kind: folder."),
}
_SUFFIX_HINTS = {  # file extension: what to do
    ".tsv": 'Set source.format: csv and source.delimiter: "\\t".',
    ".json": "If each line is one JSON object, set source.format: jsonl. If the file is one array of objects, "
    "convert it first: jq -c '.[]' OLD.json > NEW.jsonl",
}
_UNKNOWN_SUFFIX = "Set source.format to jsonl, csv, parquet, dataset or text."


def unknown_suffix(path: Path) -> DataError:
    """Return the error for a file whose extension belongs to no supported format."""
    with open_regular(path) as file:
        found = _signature(file.read(START_BYTES))
    if found is not None:
        return DataError(f"the file is {found[0]}", hint=found[1])
    message = f"the format cannot be derived from the file extension {path.suffix!r}"
    return DataError(message, hint=_SUFFIX_HINTS.get(path.suffix.lower(), _UNKNOWN_SUFFIX))


def refuse_binary(start: bytes) -> None:
    """Raise DataError if the first bytes of a csv, jsonl or text file belong to a binary file format."""
    if (found := _signature(start)) is not None:
        raise DataError(f"the file is {found[0]}, not a text file", hint=found[1])


def _signature(start: bytes) -> tuple[str, str] | None:
    return next((kind for pattern, kind in _SIGNATURES.items() if re.match(pattern, start, re.DOTALL)), None)


def refuse_wide(start: bytes) -> None:
    """Raise DataError if the first bytes of a file are UTF-16 or UTF-32, with or without a byte-order mark."""
    wide = {codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32"}
    wide |= {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
    encoding = next((name for mark, name in wide.items() if start.startswith(mark)), None)
    if encoding is None and start.count(0) > 0.4 * len(start):  # UTF-16 of Latin letters is half zeros
        shares = [start[i::4].count(0) / max(1, len(start[i::4])) for i in range(4)]  # zero bytes, by position mod 4
        # one character for each position: 0 if most bytes are zero, x if few bytes are zero
        zero_pattern = "".join("0" if share > 0.8 else "x" if share < 0.2 else "?" for share in shares)
        known = {"0x0x": "utf-16-be", "x0x0": "utf-16-le", "000x": "utf-32-be", "x000": "utf-32-le"}
        encoding = known.get(zero_pattern)
        if encoding is None:
            message = "the file contains so many NUL characters that it is not text"
            raise DataError(message, hint="Copy or export the file again: it may be damaged.")
    if encoding is not None:
        raise DataError(f"the file is not UTF-8 but {encoding}", hint=f"Set source.encoding: {encoding}.")


def likely_encoding(path: Path) -> str:
    """Return a hint on the encoding of a file or folder that is not UTF-8."""
    if path.is_dir():
        return "Files that are not UTF-8 need source.encoding, for example cp1252 (Windows)."
    with open_regular(path) as file:
        data = file.read(ENCODING_BYTES)
    try:
        data.decode("cp1252")
    except UnicodeDecodeError:
        return "The file is neither UTF-8 nor cp1252: set source.encoding to the encoding of the file."
    return "The file is not UTF-8 and is probably cp1252 (Windows): set source.encoding: cp1252."


def encoding_notes(path: Path, encoding: str) -> tuple[str, ...]:
    """Return a note if a file is UTF-8 with letters beyond ASCII, but `encoding` is neither UTF nor ASCII."""
    if codecs.lookup(encoding).name.startswith(("utf", "ascii")):
        return ()
    with open_regular(path) as file:
        data = file.read(ENCODING_BYTES)
    try:
        is_ascii = codecs.getincrementaldecoder("utf-8")().decode(data).isascii()
    except UnicodeDecodeError:
        return ()
    if is_ascii:
        return ()
    return (f"the file is valid UTF-8, so letters such as é are probably wrong; remove source.encoding: {encoding}",)


def refuse_separator(columns: list[str], wanted: frozenset[str], delimiter: str) -> None:
    """Raise DataError if the header, or a line like `sep=;` in its place, uses a separator other than `delimiter`.

    `columns` are the cells of the first line, split at `delimiter`. If `wanted`, the configured columns, is empty or
    contains one of these cells, nothing is checked.
    """
    if not wanted or wanted & {*columns}:
        return
    for other, name in SEPARATORS.items():
        cells = {cell.strip(' "') for column in columns for cell in column.split(other)}
        is_declared = columns and columns[0].strip(' "').lower() == f"sep={other}"
        if other != delimiter and (is_declared or wanted & cells):
            addition = " and remove the line `sep=`" if is_declared else ""
            configured = SEPARATORS.get(delimiter, delimiter)
            message = f"the cells of the csv file are separated by {name}, not by {configured}"
            raise DataError(message, hint=f"Set source.delimiter: {json.dumps(other)}{addition}.")


def refuse_other_text(path: Path, encoding: str, wanted: frozenset[str], delimiter: str) -> None:
    """Raise DataError if a file without a readable csv header is JSON, HTML or XML, or does not use `delimiter`."""
    with open_regular(path) as file:
        start = file.read(START_BYTES).decode(encoding, "ignore").lstrip(BOM + " \r\n\t")
    if re.match(r'[\[{]\s*["{\[]', start):
        raise DataError("the file is JSON, not csv", hint="If its lines are JSON objects, set source.format: jsonl.")
    if re.match(r"<[!?a-zA-Z]", start):
        message = "the file is HTML or XML, not csv"
        raise DataError(message, hint="Save the table as csv or jsonl, and set source.path to the result.")
    refuse_separator(start.splitlines()[:1], wanted, delimiter)


def refuse_other_json(start: str) -> None:
    """Raise DataError for a JSON Lines file in which no line is a JSON object; `start` is its first nonempty line."""
    if start.startswith("["):
        message = "the file is a JSON array; JSON Lines has one object per line"
        raise DataError(message, hint="Convert the file: jq -c '.[]' OLD.json > NEW.jsonl")
    if start.startswith("{"):
        message = "no line of the file is one whole JSON object with unique keys"
        raise DataError(message, hint="Write each object on a separate line: jq -c . OLD.json > NEW.jsonl")
    hint = "Check source.path; if the file is a csv table, set source.format: csv."
    raise DataError("no line of the file is a JSON object", hint=hint)


def absent_columns(wanted: Collection[str], columns: Collection[str]) -> list[str]:
    """Return a line for each `wanted` column that is not in `columns`.

    If the file has no header, `columns` are private cells. Therefore, a line shows a name from `columns` only if it
    is the wanted name in a different case or spacing.
    """
    alike = {folded(column): column for column in columns}
    return [
        f"no column {name!r}"
        + (f"; the source has {found!r}, so use this spelling" if (found := alike.get(folded(name))) else "")
        for name in wanted
        if name not in columns
    ]
