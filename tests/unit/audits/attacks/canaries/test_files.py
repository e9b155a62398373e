"""Files of canaries: they are read as written, and bad files are refused without quoting them."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audits.attacks.canaries.files import WARNING, read_canaries, write_canaries
from audits.attacks.canaries.kinds import make_canaries
from audits.core.errors import InputError


@pytest.fixture(scope="module")
def planted(people):
    train = people(40, seed=1, prefix="t")
    train = replace(train, labels=tuple("ab"[i % 3 == 0] for i in range(len(train))))
    return make_canaries(train, people(50, seed=2, prefix="r"), 30, np.random.default_rng(0))


@pytest.fixture
def folder(planted, tmp_path):
    write_canaries(planted, tmp_path / "made", text="note", label="dx", group="patient")
    return tmp_path / "made"


@pytest.fixture
def canary_build(tmp_path, people):
    table = people(25, seed=7, prefix="s")
    pq.write_table(pa.table({"note": table.texts}), tmp_path / "canary_build.parquet")
    return tmp_path / "canary_build.parquet"


def test_files_are_read_as_written(planted, folder, canary_build, people):
    canaries = read_canaries(folder, canary_build, text="note")
    assert (canaries.table, canaries.family, canaries.suffixes) == (planted.table, planted.family, planted.suffixes)
    assert (canaries.inserted == planted.inserted).all()
    assert canaries.canary_build.texts == people(25, seed=7, prefix="s").texts


def test_insert_file_has_only_the_columns_of_train(planted, folder):
    insert = pq.read_table(folder / "insert.parquet").to_pydict()
    assert list(insert) == ["note", "dx", "patient"]
    assert tuple(insert["note"]) == planted.insert.texts
    assert set(insert["patient"]) == set(planted.insert.groups)


@pytest.mark.parametrize("name", ["canaries", "suffixes", "insert"])
def test_metadata_warn_against_a_release(folder, name):
    metadata = pq.read_schema(folder / f"{name}.parquet").metadata
    assert metadata[b"audits"].decode() == WARNING["audits"]
    assert "released" in WARNING["audits"]


def test_canaries_from_another_source_are_one_table(folder, canary_build, tmp_path):
    table = pq.read_table(folder / "canaries.parquet").to_pydict()
    table["family"] = ["other"] * len(table["text"])
    del table["label"]
    pq.write_table(pa.table(table), tmp_path / "own.parquet")
    canaries = read_canaries(tmp_path / "own.parquet", canary_build, text="note")
    assert canaries.table.labels is None
    assert (set(canaries.family), canaries.suffixes) == ({"other"}, ())


def test_canaries_are_not_written_over_others(planted, folder):
    with pytest.raises(InputError, match=r"already contains canaries: canaries\.parquet, suffixes\.parquet, insert"):
        write_canaries(planted, folder)


def test_unwritable_folder_is_refused(planted, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot be written"):
        write_canaries(planted, tmp_path / "file" / "made")


def spoil(column, row, value):
    def change(table):
        table[column][row] = value

    return change


BAD = {
    "column 'text' must be a string that is not empty; 1 rows have another value, the first is row 4": spoil(
        "text", 3, None
    ),
    "column 'group' must be a string that is not empty; 1 rows have another value, the first is row 2": spoil(
        "group", 1, ""
    ),
    "column 'text' must be a string that is not empty; 1 rows have another value, the first is row 5": spoil(
        "text", 4, " \n"
    ),
    "column 'repeats' must be a whole number above 0; 1 rows have another value, the first is row 6": spoil(
        "repeats", 5, 0
    ),
    "column 'inserted' must be true or false; 1 rows have another value, the first is row 3": spoil(
        "inserted", 2, None
    ),
    "1 rows have an unknown value in the column 'family'": spoil("family", 0, "secret kind"),
    "the same value in the column 'inserted'; this rule is broken for 1 person": lambda t: t["inserted"].__setitem__(
        -1, not t["inserted"][t["group"].index(t["group"][-1])]
    ),
    "for 1 person, the number of rows differs from the value in the column 'repeats'": spoil("repeats", 0, 7),
    "the column 'repeats' is missing": lambda t: t.pop("repeats"),
    "the file has no rows": lambda t: [column.clear() for column in t.values()],
}


@pytest.mark.parametrize("message", BAD)
def test_bad_table_is_refused_with_its_problem(folder, canary_build, message, planted):
    table = pq.read_table(folder / "canaries.parquet").to_pydict()
    order = sorted(range(len(table["text"])), key=lambda i: table["repeats"][i])  # persons with many rows last
    table = {name: [values[i] for i in order] for name, values in table.items()}
    BAD[message](table)
    types = {**dict.fromkeys(("text", "label", "group", "family"), pa.string()), "inserted": pa.bool_()}
    columns = {name: pa.array(values, types.get(name, pa.int64())) for name, values in table.items()}
    pq.write_table(pa.table(columns), folder / "canaries.parquet")
    with pytest.raises(InputError, match=message) as caught:
        read_canaries(folder, canary_build, text="note")
    assert not any(text[:20] in str(caught.value) for text in planted.table.texts)
    assert "secret kind" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"PAR1 not really", b"text,group\na,b\n"])
def test_invalid_parquet_is_refused(folder, canary_build, content):
    (folder / "canaries.parquet").write_bytes(content)
    with pytest.raises(InputError, match="the canaries cannot be read"):
        read_canaries(folder, canary_build, text="note")


def test_a_missing_file_is_refused(tmp_path, canary_build):
    with pytest.raises(InputError, match="cannot be read"):
        read_canaries(tmp_path / "nowhere.parquet", canary_build)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["only seven words are in this one"], "1 of 1 rows of .* do not have 8 words"),
        ([], "suffixes.parquet has no rows"),
        ([None], "do not have 8 words"),
    ],
)
def test_suffixes_of_another_template_are_refused(folder, canary_build, texts, message):
    pq.write_table(pa.table({"text": pa.array(texts, pa.string())}), folder / "suffixes.parquet")
    with pytest.raises(InputError, match=message):
        read_canaries(folder, canary_build, text="note")
