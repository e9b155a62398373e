"""Load the vectors of additional encoders from files (`--vectors NAME=FOLDER`)."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tokenize import TokenError

import numpy as np
from numpy.typing import NDArray

from audits.core.errors import InputError
from audits.core.files import open_regular
from audits.core.types import AuditInputs

# errors that `np.load` raises for a file that is no matrix; it evaluates the header as a Python literal
_PARSER_ERRORS = (OSError, EOFError, ValueError, TypeError, LookupError, OverflowError, MemoryError, SyntaxError)
# tables that can have vectors; "mirror" is the output of the same generator, trained on control instead of train
ROLES = ("synthetic", "train", "control", "reference", "mirror")


def named_folders(options: Sequence[str]) -> dict[str, Path]:
    """Return the folder of each name in options NAME=FOLDER; raise InputError if an option is not valid."""
    folders: dict[str, Path] = {}
    problems: list[str] = []
    for option in options:
        name, _, folder = option.partition("=")
        if not folder:
            problems.append(f"--vectors {option}: the value does not have the form NAME=FOLDER")
        elif not name.isidentifier():
            problems.append(f"--vectors {option}: the name {name!r} is not valid")
        elif name in folders:
            problems.append(f"--vectors {option}: the name {name} is repeated")
        folders[name] = Path(folder)
    if problems:
        hint = "Pass each name once. A name consists of letters, digits and _, and does not begin with a digit."
        raise InputError("the options --vectors cannot be used", problems=problems, hint=hint)
    return folders


def with_vectors(inputs: AuditInputs, folders: Mapping[str, Path]) -> AuditInputs:
    """Return the inputs with additional float32 vectors for each table.

    `folders` maps the name of each encoder to its folder. For each table of the inputs, the folder contains a matrix
    with one row per table row, named synthetic.npy, train.npy, control.npy, reference.npy or mirror.npy. Raise
    InputError with all problems if files are missing or do not fit their tables.
    """
    tables = {role: table for role in ROLES if (table := getattr(inputs, role)) is not None}
    problems: list[str] = []
    vectors_of = {role: dict(table.vectors) for role, table in tables.items()}
    for name, folder in folders.items():
        for role, vectors in vectors_of.items():
            problem, vectors[name] = _load(folder / f"{role}.npy", len(tables[role]))
            if problem:
                problems.append(f"{name}, {role}.npy: {problem}")
        # a matrix that could not be loaded is empty
        if len({vectors[name].shape[1] for vectors in vectors_of.values() if vectors[name].size > 0}) > 1:
            problems.append(f"{name}: the matrices have different numbers of columns")
    if problems:
        hint = "Each folder must contain one matrix per table, such as train.npy, with one row per row of the table."
        raise InputError("the vectors do not fit the tables", problems=problems, hint=hint)
    return replace(inputs, **{role: replace(tables[role], vectors=vectors) for role, vectors in vectors_of.items()})


def vectors_digest(inputs: AuditInputs) -> str:
    """Return the sha256 over all vectors of all tables, with their roles, names, dtypes and shapes."""
    digest = hashlib.sha256(b"audits/vectors/v1")
    for role in ROLES:
        table = getattr(inputs, role)
        for name, matrix in sorted(({} if table is None else table.vectors).items()):
            digest.update(f"\0{role}\0{name}\0{matrix.dtype}\0{matrix.shape}\0".encode())
            digest.update(np.ascontiguousarray(matrix).tobytes())
    return digest.hexdigest()


def _load(path: Path, n_rows: int) -> tuple[str, NDArray[np.float32]]:
    """Return (problem, matrix). The problem is "" if the matrix is valid; otherwise, the matrix is empty."""
    empty = np.zeros((0, 0), np.float32)
    try:
        with open_regular(path) as file:
            matrix = np.load(file, allow_pickle=False)
    except (*_PARSER_ERRORS, TokenError) as error:
        if isinstance(error, OSError) and error.strerror:
            return f"the file cannot be read ({error.strerror})", empty
        return f"the file is not a matrix in the .npy format of NumPy ({type(error).__name__})", empty
    if not isinstance(matrix, np.ndarray) or matrix.ndim != 2 or matrix.dtype.kind not in "fiu":
        return "the file does not contain a numeric matrix", empty
    if matrix.shape[1] == 0:
        return "the matrix has no columns", empty
    if len(matrix) != n_rows:
        return f"the matrix has {len(matrix)} rows, but the table has {n_rows} rows", empty
    with np.errstate(over="ignore"):  # values that overflow become infinite and are rejected below
        numbers = matrix.astype(np.float32)
    return ("", numbers) if np.isfinite(numbers).all() else ("the matrix contains a value that is not finite", empty)
