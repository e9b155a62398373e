"""What a file that is to be released may hold besides its texts: every byte is audited or refused."""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import ahocorasick  # type: ignore[import-not-found] # ships no types

from audits.core.types import Table

MAX_LABEL_CHARACTERS = 64
MAX_NAME_CHARACTERS = 64
_NAME = re.compile(r"[\w.:+-]+", re.ASCII)
_WORD = re.compile(r"[\w.+\[\]-]{0,40}", re.ASCII)
_LEAST_ID_CHARACTERS = 5  # shorter ids stand in others by chance
_SCHEMA = b"ARROW:schema"
_PANDAS = b"pandas"
_PANDAS_KEYS = {
    "attributes", "column_indexes", "columns", "creator", "index_columns", "pandas_version", "partition_columns",
}  # fmt: skip


def no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object of which no key stands twice: a reader keeps the last and never sees the first.

    Raises:
        ValueError: a key stands twice.
    """
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key stands twice")
    return made


def parquet_problems(path: Path, columns: Iterable[str]) -> list[str]:
    """Return what a parquet file holds that is neither a row nor needed to read one, a sentence each.

    Looked at are key-value metadata of file and fields, of pandas' own only names, types and versions being let
    through; the writer's name; words of a dictionary that no row uses; and bytes between the columns.

    Args:
        path: a readable parquet file.
        columns: those of the file.
    """
    import pyarrow.parquet as pq

    file = pq.ParquetFile(path)
    meta, schema = file.metadata, file.schema_arrow
    found = []
    pairs = dict(meta.metadata or {})
    unknown = set(pairs) - {_SCHEMA, _PANDAS}
    in_fields = any(set(field.metadata or {}) - {b"PARQUET:field_id"} for field in schema)
    if unknown or in_fields or not _is_plain_pandas(pairs.get(_PANDAS)):
        found.append("its metadata hold more than names and types of columns: write it anew without metadata")
    if len(pairs.get(_SCHEMA, b"")) > 2 * len(schema.serialize()) + 512:
        found.append("its stored schema is longer than its columns need: write it anew")
    if len(meta.created_by or "") > MAX_NAME_CHARACTERS + 40:
        found.append("the name of its writer is no name: write it anew")
    names = list(columns)
    table = pq.ParquetFile(path, read_dictionary=names).read(columns=names)
    for column in table.columns:
        for chunk in column.chunks:
            if hasattr(chunk, "dictionary") and len(chunk.indices.drop_null().unique()) < len(chunk.dictionary):
                found.append("a column has categories that no row uses: write it anew with plain strings")
                return found
    return found


def _is_plain_pandas(stored: bytes | None) -> bool:
    if stored is None:
        return True
    try:
        value = json.loads(stored)
    except ValueError:
        return False
    return isinstance(value, dict) and set(value) <= _PANDAS_KEYS and not value.get("attributes") and _is_short(value)


def _is_short(value: Any) -> bool:
    """Return whether every string in a JSON value is a word: a name, a type or a version."""
    if isinstance(value, Mapping):
        return all(_is_short(item) for pair in value.items() for item in pair)
    if isinstance(value, list):
        return all(map(_is_short, value))
    return not isinstance(value, str) or _WORD.fullmatch(value) is not None


def released_problems(synthetic: Table, train: Table, control: Table) -> list[str]:
    """Return what stands against the labels and persons of a synthetic table, a sentence each, without any of them.

    A label must be one of train's, and short; a person or id of the synthetic table a short name, and none of train
    or control, however it is written, nor hold one of those of five characters or more.
    """
    found = []
    if synthetic.labels is not None:
        allowed = set(train.labels or ())
        strange = set(synthetic.labels) - allowed
        if strange:
            found.append(f"{len(strange)} labels of the synthetic table are none of train's")
        if any(len(label) > MAX_LABEL_CHARACTERS for label in synthetic.labels):
            found.append(f"labels of the synthetic table are longer than {MAX_LABEL_CHARACTERS} characters")
    if synthetic.has_groups:
        found += _person_problems(set(synthetic.groups), {*train.groups, *control.groups})
    return found


def _person_problems(made: set[str], real: set[str]) -> list[str]:
    plain = {_plain(name) for name in real} - {""}
    held = ahocorasick.Automaton()
    for name in plain:
        if len(name) >= _LEAST_ID_CHARACTERS:
            held.add_word(name, True)
    held.make_automaton()
    found = []
    if any(len(name) > MAX_NAME_CHARACTERS or _NAME.fullmatch(name) is None for name in made):
        found.append("persons of the synthetic table are no names: leave the column out, or number the rows")
    n_real = sum(_plain(name) in plain or (len(held) > 0 and _holds(held, _plain(name))) for name in made)
    if n_real > 0:
        found.append(
            f"{n_real} persons of the synthetic table are called as persons of train or control: leave the column out"
        )
    return found


def _plain(name: str) -> str:
    """Return letters and digits of a name in lower case, without leading zeros."""
    return re.sub(r"[\W_]", "", name.casefold()).lstrip("0")


def _holds(names: ahocorasick.Automaton, text: str) -> bool:
    return next(iter(names.iter(text)), None) is not None
