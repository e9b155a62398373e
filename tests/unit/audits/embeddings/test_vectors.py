"""Vectors from files: loaded for every table, rejected if they do not fit, and part of the run digest."""

import numpy as np
import pytest

from audits.core.errors import InputError
from audits.core.types import AuditInputs, Table
from audits.embeddings.vectors import named_folders, with_vectors
from audits.runner.run import run_digest

SIZES = {"synthetic": 3, "train": 5, "control": 4}


@pytest.fixture
def inputs():
    rows = {role: tuple(f"{role} {i}" for i in range(n)) for role, n in SIZES.items()}
    tables = {role: Table(texts=names, labels=None, groups=names, has_groups=True) for role, names in rows.items()}
    return AuditInputs(**tables)


@pytest.fixture
def folder(tmp_path):
    for role, n in SIZES.items():
        np.save(tmp_path / f"{role}.npy", np.full((n, 7), n, np.float64))
    return tmp_path


def test_every_table_gets_its_vectors(inputs, folder):
    found = with_vectors(with_vectors(inputs, {"one": folder}), {"two": folder})
    for role, n in SIZES.items():
        assert sorted(getattr(found, role).vectors) == ["one", "two"]
        assert getattr(found, role).vectors["two"].dtype == np.float32
        assert (getattr(found, role).vectors["two"] == np.full((n, 7), n)).all()


def test_the_run_digest_depends_on_the_vectors(inputs, folder):
    def digest(of):
        return run_digest(of, ["memorization"], seed=1, confidence=0.95)

    first = digest(with_vectors(inputs, {"one": folder}))
    np.save(folder / "train.npy", np.ones((5, 7)))
    assert len({first, digest(inputs), digest(with_vectors(inputs, {"one": folder}))}) == 3


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.ones((6, 7)), "the matrix has 6 rows, but the table has 5 rows"),
        (np.ones((5, 0)), "the matrix has no columns"),
        (np.ones((5, 8)), "have different numbers of columns"),
        (np.ones(5), "does not contain a numeric matrix"),
        (np.full((5, 7), np.nan), "contains a value that is not finite"),
        (np.full((5, 7), 1e300), "contains a value that is not finite"),
        (np.full((5, 7), "x"), "does not contain a numeric matrix"),
        (np.full((5, 7), None), "is not a matrix in the .npy format of NumPy (ValueError)"),
    ],
)
def test_vectors_that_do_not_fit_are_rejected(inputs, folder, matrix, message):
    np.save(folder / "train.npy", matrix, allow_pickle=True)
    (folder / "control.npy").unlink()
    with pytest.raises(InputError) as caught:
        with_vectors(inputs, {"one": folder})
    assert message in str(caught.value)
    assert "control.npy: the file cannot be read (No such file or directory)" in str(caught.value)
    width = "have different numbers of columns"
    assert (width in str(caught.value)) == (message == width)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (["one"], "--vectors one: the value does not have the form NAME=FOLDER"),
        (["one="], "--vectors one=: the value does not have the form NAME=FOLDER"),
        (["=x"], "--vectors =x: the name '' is not valid"),
        (["a b=x"], "--vectors a b=x: the name 'a b' is not valid"),
        (["one=x", "one=y"], "--vectors one=y: the name one is repeated"),
    ],
)
def test_vector_options_need_distinct_names(given, problem):
    with pytest.raises(InputError, match="the options --vectors cannot be used") as refused:
        named_folders(given)
    assert refused.value.problems == (problem,)


def header(shape, descr="'<f4'"):
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".ljust(117).encode() + b"\n"
    return b"\x93NUMPY\x01\0" + len(text).to_bytes(2, "little") + text + bytes(16)


@pytest.mark.parametrize(
    "data",
    [
        header("(5, 1000000000000000)"),
        header("(5, 10000000000000000000000)"),
        header("(-1, 7)"),
        header("(5, 'x')"),
        header("(5, 7)", "[]"),
        header("(5, 7)", "()"),
        header("(5, 7)", "{}"),
        b"\x93NUMPY\x01\0\xff\x1f" + b"(" * 0x1FFF,
        b"\x93NUMPY\x01\0\x04\0" + b"\0\0\0\0",
        b"",
    ],
)
def test_damaged_file_is_reported_and_not_a_traceback(inputs, folder, data):
    (folder / "train.npy").write_bytes(data)
    problem = r"train\.npy: the file (is not a matrix in the|does not contain a numeric matrix)"
    with pytest.raises(InputError, match=problem):
        with_vectors(inputs, {"one": folder})
