import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audits.core.errors import InputError
from audits.core.inputs import load_inputs, load_table, table_digest, take
from audits.core.types import Table

ROWS = [{"text": "first, one", "label": "a", "group": "p1"}, {"text": "zweite «Zeile»", "label": "b", "group": "p2"}]


def write(path, rows):
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    else:
        path.write_text("text,label,group\n" + "".join(f'"{r["text"]}",{r["label"]},{r["group"]}\n' for r in rows))
    return path


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl", ".csv"])
def test_the_same_rows_give_the_same_table(tmp_path, suffix):
    table = load_table(write(tmp_path / f"t{suffix}", ROWS), role="train")
    assert (table.texts, table.labels) == (("first, one", "zweite «Zeile»"), ("a", "b"))
    assert (table.groups, table.has_groups) == (("p1", "p2"), True)


def test_without_a_group_column_every_row_is_a_person(tmp_path):
    path = write(tmp_path / "t.jsonl", [{"text": "a"}, {"text": "b"}])
    for is_declared in (False, True):
        table = load_table(path, role="train", rows_are_persons=is_declared)
        assert (table.has_groups, table.labels, len(set(table.groups))) == (is_declared, None, 2)
    write(path, [{"text": "a", "group": "p1"}, {"text": "b", "group": "p1"}])
    for role in ("train", "control"):
        with pytest.raises(InputError, match="--rows-are-persons contradicts the column 'group'"):
            load_table(path, role=role, rows_are_persons=True)


def test_bad_rows_are_all_listed_without_their_text(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_bytes(b'{"text": "good"}\n{"text": ""}\nsecretword\n{"text": 5}\n{"text": "\xff"}\n[1]\n{}\n')
    with pytest.raises(InputError, match="6 problems") as caught:
        load_table(path, role="train")
    assert [p.split(":")[0] for p in caught.value.problems] == ["row 3", "row 5", "row 6", "row 2", "row 4", "row 7"]
    assert "secretword" not in str(caught.value)
    with pytest.raises(InputError) as caught:
        load_table(write(path, [*ROWS, {"text": "x", "label": "a"}]), role="train")
    assert caught.value.problems == ("row 3: the group is missing",)
    write(path, [{**ROWS[0], "label": 1.5}, {**ROWS[1], "label": float("nan")}])
    with pytest.raises(InputError) as caught:
        load_table(path, role="train")
    assert caught.value.problems == (
        "row 1: the label is of type float; write it as a string",
        "row 2: the label is missing",
    )


def test_public_text_needs_no_renamed_columns_but_train_does(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("text\na public text\n")
    names = {"label": "specialty", "group": "patient_id"}
    assert load_table(path, role="reference", **names).labels is None
    for role, missing in (
        ("train", "'specialty', 'patient_id'"),
        ("mirror", "'specialty', 'patient_id'"),
        ("synthetic", "'specialty'"),
    ):
        with pytest.raises(InputError, match=f"the {role} table has no column {missing}:"):
            load_table(path, role=role, **names)


def test_a_missing_column_lists_what_is_there(tmp_path):
    path = write(tmp_path / "t.parquet", [{"note": "x", "label": "a"}])
    with pytest.raises(InputError, match="columns found: label, note") as caught:
        load_table(path, role="control")
    assert "no column 'text'" in str(caught.value)
    with pytest.raises(InputError, match="no column 'patient'"):
        load_table(path, text="note", group="patient", role="control")
    with pytest.raises(InputError, match=r"c18, c19, and 3 more"):  # at most twenty columns are listed
        load_table(write(tmp_path / "t.jsonl", [{f"c{i:02d}": "x" for i in range(23)}]), role="train")


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("t.jsonl", b"", "empty file"),
        ("t.jsonl", b"\n\n", "no column 'text'"),
        ("t.txt", b"x", "must end in"),
        ("t.csv", b"text,text\na,b\n", "two columns with the same name"),
        ("t.jsonl", b'{"text": "\xff"}\n', "row 1: not UTF-8"),
        ("t.csv", b"text\n" + b"fine\n" * 4000 + b"\xff\n", "row 4001: not UTF-8"),
        ("t.csv", "text\nutf-16\n".encode("utf-16"), "is not UTF-8"),
        ("t.csv", b"text,label\nonly\n", "1 problem"),
        ("t.parquet", b"PAR1 nonsense", "not a readable table"),
    ],
)
def test_unusable_files_are_rejected(tmp_path, name, data, message):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(InputError, match=message):
        load_table(path, role="synthetic")


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_missing_files_and_folders_are_rejected(tmp_path, suffix):
    with pytest.raises(InputError, match="cannot be read"):
        load_table(tmp_path / f"t{suffix}", role="synthetic")
    (tmp_path / f"t{suffix}").mkdir()
    with pytest.raises(InputError, match="the train table"):
        load_table(tmp_path / f"t{suffix}", role="train")


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl"])
def test_a_byte_order_mark_is_ignored(tmp_path, name):
    data = b"text,group\nfine,p1\n" if name == "t.csv" else b'{"text": "fine", "group": "p1"}\n'
    (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + data)
    assert load_table(tmp_path / name, role="train").texts == ("fine",)


def test_a_duplicate_parquet_column_is_rejected(tmp_path):
    table = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["text", "text"])
    pq.write_table(table, tmp_path / "t.parquet")
    with pytest.raises(InputError, match="two columns with the same name"):
        load_table(tmp_path / "t.parquet", role="train")


def test_messages_do_not_show_a_record_in_place_of_the_header(tmp_path):
    record = "zebra quartz canary " * 3
    (tmp_path / "t.csv").write_bytes(f"{record},p1,\x1b]0;x\n{record},p2,c\n".encode())
    for options, problem in (
        ({}, "the first line has 3 cells and no expected column name, so it may be a record"),
        ({"label": "p1"}, "columns found: (a name of 5 characters), p1, (a name of 60 characters)"),
    ):
        with pytest.raises(InputError, match="no column 'text'") as caught:
            load_table(tmp_path / "t.csv", **options, role="train")
        assert caught.value.problems == (problem,)


def test_persons_in_both_arms_and_missing_identifiers_are_rejected(people):
    one, two, three = (people(n, seed=n, prefix="x") for n in (3, 4, 5))
    with pytest.raises(InputError, match="train and control have 3 persons in common") as caught:
        load_inputs(three, one, two, identifiers=[["x"]])
    assert "`identifiers` has 1 entries, but" in str(caught.value)


def test_take_selects_rows_with_their_vectors():
    vectors = {"v": np.arange(6, dtype=np.float32).reshape(3, 2)}
    columns = {"texts": ("a", "b", "c"), "labels": ("x", "y", "z"), "groups": ("1", "2", "3")}
    some = take(Table(**columns, has_groups=True, vectors=vectors), np.array([2, 0]))
    assert (some.texts, some.labels) == (("c", "a"), ("z", "x"))
    assert some.vectors["v"].tolist() == [[4, 5], [0, 1]]


def test_table_digests_depend_on_every_column():
    def table(texts, labels, *, groups=("p", "q")):
        return Table(texts=texts, labels=labels, groups=groups, has_groups=True)

    one, other = table(("ab", "c"), None), table(("a", "bc"), None)
    labelled, regrouped = table(("ab", "c"), ("l", "m")), table(("ab", "c"), None, groups=("p", "r"))
    assert len({table_digest(t) for t in (one, other, labelled, regrouped)}) == 4


@pytest.mark.parametrize("kind", [pa.date32(), pa.timestamp("us")])
def test_date_out_of_range_is_refused_without_a_traceback(tmp_path, kind):
    most = pa.array([2**31 - 1], pa.int32()) if kind == pa.date32() else pa.array([2**60], pa.int64())
    pq.write_table(pa.table({"text": ["a b c"], "label": most.cast(kind)}), tmp_path / "t.parquet")
    with pytest.raises(InputError, match="not a readable table: OverflowError"):
        load_table(tmp_path / "t.parquet", role="evaluated")
