"""Write and read the files of canaries: invented persons, some of whom are inserted into the train data of a build.

This build is a second build of the pipeline, the canary build. It is never released, and of these files, it may read
only insert.parquet:

- canaries.parquet: all rows of all canaries, with the columns text, label (if there are classes), group (person),
  family (kind of canary), inserted (whether the canary build includes the person) and repeats (number of rows of the
  person).
- suffixes.parquet: the column text has random endings, which are compared with the endings of canaries.
- insert.parquet: the rows to append to the train data of the canary build, with the train table's column names.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from audits.attacks.canaries.kinds import ENDING_TOKENS, FAMILIES, CanarySet
from audits.core.errors import InputError, counted
from audits.core.files import arrow_errors, open_regular, read_parquet
from audits.core.inputs import MAX_ROWS, load_table
from audits.core.types import Canaries, Table, persons
from audits.text.normalise import tokens

CANARIES, SUFFIXES, INSERT = "canaries.parquet", "suffixes.parquet", "insert.parquet"
KNOWN_FAMILIES = (*FAMILIES, "other")
WARNING = {"audits": "canaries, for a canary build only: no row of a generator that saw them may ever be released"}

# what a value of each type must be, for messages
_VALUES: dict[type, str] = {str: "a string that is not empty", bool: "true or false", int: "a whole number above 0"}
# key: required column of canaries.parquet; value: type of the values in the column
_COLUMNS: dict[str, type] = {"text": str, "group": str, "family": str, "inserted": bool, "repeats": int}


def write_canaries(
    canaries: CanarySet, folder: str | Path, *, text: str = "text", label: str = "label", group: str = "group"
) -> None:
    """Write the three files into a folder; raise InputError if the folder has canaries or cannot be written.

    `text`, `label` and `group` are the column names of insert.parquet.
    """
    folder = Path(folder)
    table, insert = canaries.table, canaries.insert
    person = persons(table.groups)[1]
    columns: dict[str, Sequence[Any]] = {
        "text": table.texts,
        **({} if table.labels is None else {"label": table.labels}),
        "group": table.groups,
        "family": [canaries.family[i] for i in person],
        "inserted": canaries.inserted[person].tolist(),
        "repeats": np.bincount(person)[person].tolist(),
    }
    rows = {text: insert.texts, **({} if insert.labels is None else {label: insert.labels}), group: insert.groups}
    files = ((CANARIES, columns), (SUFFIXES, {"text": canaries.suffixes}), (INSERT, rows))
    existing = [name for name, _ in files if (folder / name).exists()]
    if existing:
        raise InputError(
            f"the folder {folder} already contains canaries: {', '.join(existing)}",
            hint="These canaries may be in use. Choose another folder.",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files:
            pq.write_table(pa.table(content).replace_schema_metadata(WARNING), folder / name, compression="zstd")
    except OSError as error:
        raise InputError(f"the folder {folder} cannot be written ({error.strerror})") from error


def read_canaries(
    path: str | Path, canary_build: str | Path, *, text: str = "text", label: str = "label", group: str = "group"
) -> Canaries:
    """Return the canaries with the synthetic table of the canary build.

    `path` is a folder written by `write_canaries`, or a parquet table with the columns of canaries.parquet. The
    family `other` is for canaries that `audits canaries` did not make. `canary_build` is the synthetic table of the
    canary build (.parquet, .jsonl or .csv), and `text`, `label` and `group` are its column names.

    Raises:
        InputError: a file is missing or invalid; all problems are listed.
    """
    path = Path(path)
    file = path / CANARIES if path.is_dir() else path
    columns = _columns(file, [*_COLUMNS, "label"])
    problems = [f"the column {name!r} is missing" for name in _COLUMNS if name not in columns] or _problems(columns)
    if problems:
        raise InputError(f"the canaries cannot be used: {file}", problems=problems)
    labels = tuple(columns["label"]) if "label" in columns else None
    table = Table(texts=tuple(columns["text"]), labels=labels, groups=tuple(columns["group"]), has_groups=True)
    first = np.unique(persons(table.groups)[1], return_index=True)[1]  # first row of each person
    return Canaries(
        table=table,
        family=tuple(columns["family"][i] for i in first),
        inserted=np.array([columns["inserted"][i] for i in first], dtype=np.bool_),
        canary_build=load_table(canary_build, text=text, label=label, group=group, role="canary build"),
        suffixes=_suffixes(path / SUFFIXES) if path.is_dir() else (),
    )


def _columns(file: Path, names: Sequence[str]) -> dict[str, list[Any]]:
    try:
        with open_regular(file) as opened:
            table = read_parquet(opened, names)[1]
            if table.num_rows > MAX_ROWS:
                raise InputError(f"{file} has {table.num_rows} rows; at most {MAX_ROWS} are allowed")
            with arrow_errors():
                columns: dict[str, list[Any]] = table.to_pydict()
    except OSError as error:
        raise InputError(
            f"the canaries cannot be read: {file} ({error.strerror})",
            hint="Pass the folder that `audits canaries` wrote, or a parquet table with the same columns.",
        ) from error
    return columns


def _problems(columns: dict[str, list[Any]]) -> list[str]:
    problems = [
        f"each value in the column {name!r} must be {_VALUES[kind]}; {len(bad)} rows have another value, "
        f"the first is row {bad[0] + 1}"
        for name, kind in (*_COLUMNS.items(), *((("label", str),) if "label" in columns else ()))
        if (bad := [i for i, value in enumerate(columns[name]) if not _is_valid(value, kind)])
    ]
    if not columns["text"]:
        problems.append("the file has no rows")
    if problems:
        return problems
    unknown = sum(family not in KNOWN_FAMILIES for family in columns["family"])
    if unknown:
        known = ", ".join(KNOWN_FAMILIES)
        problems.append(f"{unknown} rows have an unknown value in the column 'family'; the known values are {known}")
    person = persons(columns["group"])[1]
    first = np.unique(person, return_index=True)[1]  # first row of each person
    for name in ("family", "inserted", "repeats"):
        differing = {int(p) for i, p in enumerate(person) if columns[name][i] != columns[name][first[p]]}
        if differing:
            rule = f"all rows of a person must have the same value in the column {name!r}"
            problems.append(f"{rule}; this rule is broken for {counted(len(differing), 'person')}")
    wrong = int((np.bincount(person) != np.array([columns["repeats"][i] for i in first])).sum())
    if wrong:
        problems.append(
            f"for {counted(wrong, 'person')}, the number of rows differs from the value in the column 'repeats'"
        )
    return problems


def _is_valid(value: Any, kind: type) -> bool:
    if type(value) is not kind:
        return False
    if isinstance(value, str):
        return value.strip() != ""
    return isinstance(value, bool) or (isinstance(value, int) and value >= 1)


def _suffixes(file: Path) -> tuple[str, ...]:
    if not file.exists():
        return ()
    columns = _columns(file, ["text"])
    texts = columns.get("text", [])
    bad = sum(not isinstance(text, str) or len(tokens(text)) != ENDING_TOKENS for text in texts)
    if bad or not texts:
        problem = f"{bad} of {len(texts)} rows of {file} do not have {ENDING_TOKENS} words"
        if not texts:
            problem = f"{file} has no rows" if "text" in columns else f"{file} has no column 'text'"
        raise InputError(f"{problem}; use the file that `audits canaries` wrote")
    return tuple(texts)
