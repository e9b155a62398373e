"""Quarantine: a few synthetic rows that no audit can judge are excluded, and must be removed before a release."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from audits.core.errors import InputError
from audits.core.files import read_regular, write_whole
from audits.core.inputs import take
from audits.core.types import AuditInputs, Int, Lineage

MAX_SHARE = 0.01  # a larger share of the synthetic rows is a problem of the table, and no row is excluded


def most_quarantined(n_rows: int) -> int:
    """Return how many of `n_rows` synthetic rows may be quarantined: 1 %, rounded up, but not every row."""
    return min(math.ceil(MAX_SHARE * n_rows), n_rows - 1)


def without_rows(inputs: AuditInputs, rows: Int) -> AuditInputs:
    """Return the inputs without these synthetic rows (numbers from 0)."""
    kept = np.setdiff1d(np.arange(len(inputs.synthetic)), rows)
    lineage = inputs.lineage
    if lineage is not None:
        lineage = Lineage(
            parents=tuple(lineage.parents[i] for i in kept), weights=tuple(lineage.weights[i] for i in kept)
        )
    return replace(inputs, synthetic=take(inputs.synthetic, kept), lineage=lineage)


def write_rows(path: Path, rows: list[int]) -> None:
    """Write row numbers (from 1) as text, one number per line."""
    write_whole(path, "".join(f"{row}\n" for row in rows).encode())


def read_rows(path: Path) -> set[int]:
    """Return the row numbers (from 1) of a file of `write_rows`; raise InputError if it is not such a file."""
    try:
        return {int(line) for line in read_regular(path).decode("ascii").split()}
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError:
        raise InputError(f"{path}: must contain one row number per line") from None
