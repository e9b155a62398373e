"""Quarantine: the audits set aside a few synthetic rows that they cannot judge; no release may contain these rows."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from audits.core.errors import InputError
from audits.core.files import read_regular, write_whole
from audits.core.inputs import take
from audits.core.types import AuditInputs, Int, Lineage

MAX_SHARE = 0.01  # largest share of the synthetic rows that may be quarantined


def most_quarantined(n_rows: int) -> int:
    """Return how many of `n_rows` synthetic rows may be quarantined: 1 %, rounded up, but at most n_rows - 1."""
    return min(math.ceil(MAX_SHARE * n_rows), n_rows - 1)


def without_rows(inputs: AuditInputs, rows: Int) -> AuditInputs:
    """Return the inputs without the given synthetic rows (indices from 0)."""
    kept = np.setdiff1d(np.arange(len(inputs.synthetic)), rows)
    lineage = inputs.lineage
    if lineage is not None:
        parents, weights = (tuple(column[i] for i in kept) for column in (lineage.parents, lineage.weights))
        lineage = Lineage(parents=parents, weights=weights)
    return replace(inputs, synthetic=take(inputs.synthetic, kept), lineage=lineage)


def write_rows(path: Path, rows: list[int], digest: str) -> None:
    """Write a file with the digest of a table on the first line, and one row number (from 1) on each further line."""
    write_whole(path, "".join(f"{line}\n" for line in (digest, *rows)).encode())


def read_rows(path: Path) -> tuple[str, set[int]]:
    """Return the digest and row numbers in a file that `write_rows` wrote; raise InputError if it is malformed."""
    try:
        digest, *rows = read_regular(path).decode("ascii").split()
        return digest, {int(row) for row in rows}
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError:
        reason = "the file must contain the digest of a table and then one row number per line"
        raise InputError(f"{path}: {reason}; pass the quarantine.txt of `audits run --out`") from None
