"""Implement `audits rewrite`: copy the texts and labels of a table to a new file that can be audited and released."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np

from audits.core.errors import InputError
from audits.core.files import write_whole
from audits.core.inputs import READERS, load_table, table_digest, take
from audits.core.released import plain_file
from audits.text.layout import plain_layout


def rewrite(
    path: Path, out: Path, *, text: str, label: str, without: Collection[int] = (), of_table: str | None = None
) -> int:
    """Write the texts and labels of a table to a new file in canonical form; return the number of rows.

    Because no audit reads unusual white space and invisible characters, `plain_layout` removes them from the texts.
    `text` and `label` are the names of the columns in both files. The suffix of `out` selects the format. `without`
    has the numbers, from 1, of the rows to leave out. If `of_table` is not None, it must be the digest of the table.

    Raise InputError if the table cannot be read, the new file exists or has an unknown suffix, the digest of the
    table is not `of_table`, a number in `without` is not a row number of the table, or no row would remain.
    """
    table = load_table(path, text=text, label=label, role="evaluated")
    if out.suffix not in READERS:
        raise InputError(f"the new file must end in {', '.join(READERS)}; got {out.suffix or 'no suffix'!r}")
    if out.exists():
        raise InputError(f"{out} already exists; choose a new file")
    # `audits run` loads a synthetic table without persons, so the digest covers no person ids
    if of_table not in {None, table_digest(replace(table, has_groups=False))}:
        message = f"the row numbers to leave out (--without) belong to another table than {path}"
        raise InputError(message, hint="Run `audits run --out` on this table and pass its quarantine.txt.")
    if unknown := set(without) - set(range(1, len(table) + 1)):
        rule = f"row numbers must be between 1 and {len(table)}, but {len(unknown)} of them are not"
        raise InputError(f"the file of --without does not fit the table: {rule}")
    if len(without) == len(table):
        raise InputError("the row numbers to leave out (--without) are all rows of the table, so no row would remain")
    table = take(table, np.array([i for i in range(len(table)) if i + 1 not in without]))
    rows = [{text: plain_layout(content)} for content in table.texts]
    if table.labels is not None:
        rows = [{**row, label: name} for row, name in zip(rows, table.labels, strict=True)]
    write_whole(out, plain_file(out.suffix, rows))
    return len(rows)
