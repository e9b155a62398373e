import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.config import SourceConfig
from synthgen.errors import DataError
from synthgen.load import BadRow, load
from synthgen.seeds import SeedTree

CANARY = "zebra-quartz-canary"
SEEDS = SeedTree(5).child("load")
ROWS = [
    {"note": f"text {i} é", "kind": "ab"[i % 2], "who": f"p{i // 3}", "nid": f"n{i}", "full": f"Ann {i}"}
    for i in range(7)
]
SOURCE = SourceConfig(path="x", text="note", label="kind", group="who", id="nid", names=("full",))


def jsonl(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def csv(path, rows):
    lines = [",".join(rows[0]), *(",".join(f'"{value}"' for value in row.values()) for row in rows)]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def parquet(path, rows):
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def dataset(path, rows):
    path.mkdir()
    table = pa.Table.from_pylist(rows)
    for name, part in (("data-0.arrow", table.slice(0, 3)), ("data-1.arrow", table.slice(3))):
        with pa.OSFile(str(path / name), "wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
            stream.write_table(part)
    (path / "state.json").write_text(json.dumps({"_data_files": [{"filename": f"data-{i}.arrow"} for i in (0, 1)]}))
    return path


@pytest.mark.parametrize(
    ("write", "name"), [(jsonl, "a.jsonl"), (csv, "a.csv"), (parquet, "a.parquet"), (dataset, "a")]
)
def test_every_format_gives_the_same_corpus(tmp_path, write, name):
    report = load(SOURCE, write(tmp_path / name, ROWS), SEEDS)
    assert report.corpus.has_groups
    assert [(r.text, r.label, r.group, r.id) for r in report.corpus.records] == [
        (row["note"], row["kind"], row["who"], row["nid"]) for row in ROWS
    ]
    assert report.names["n4"] == ("Ann 4",)
    assert (report.n_rows, report.bad) == (7, ())


def test_a_folder_of_texts_has_its_classes_from_the_folders(tmp_path):
    for name in ("b/2.txt", "a/deep/1.txt", "stray.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"  text of {name}\n", encoding="utf-8")
    report = load(SourceConfig(path="x", max_bad_rows=0.5), tmp_path, SEEDS)
    assert [(r.text, r.label) for r in report.corpus.records] == [
        ("text of a/deep/1.txt", "a"),
        ("text of b/2.txt", "b"),
    ]
    assert len({r.group for r in report.corpus.records}) == 2
    assert not report.corpus.has_groups
    assert report.bad_counts() == {"missing label": 1}


def test_class_numbers_of_a_saved_dataset_become_names(tmp_path):
    path = dataset(tmp_path / "d", [{"text": f"t{i}", "label": i} for i in (0, 1, -1)])
    features = {"label": {"names": ["calm", "wild"], "_type": "ClassLabel"}, "text": {"_type": "Value"}}
    (path / "dataset_info.json").write_text(json.dumps({"features": features}))
    report = load(SourceConfig(path="x", max_bad_rows=0.5), path, SEEDS)
    assert report.corpus.labels == ["calm", "wild"]
    assert report.bad == (BadRow(3, "missing label"),)


def test_bad_rows_are_counted_by_number_and_reason_and_never_shown(tmp_path):
    good = [json.dumps(row).encode() for row in ROWS]
    bad = [
        json.dumps({**ROWS[0], "nid": "x1", "note": "  "}).encode(),
        json.dumps({**ROWS[0], "nid": "x2", "note": 12}).encode(),
        json.dumps({**ROWS[0], "nid": "x3", "kind": None, "note": CANARY}).encode(),
        json.dumps({**ROWS[0], "nid": "x4", "note": CANARY + "\0"}).encode(),
        json.dumps({**ROWS[0], "nid": "n2", "note": CANARY}).encode(),
        json.dumps({**ROWS[0], "nid": "x6", "who": "", "note": CANARY}).encode(),
        b'{"note": "' + CANARY.encode() + b'\xff"}',
        b'{"note": "' + CANARY.encode(),
        b'["' + CANARY.encode() + b'"]',
        json.dumps({**ROWS[0], "nid": "x9", "note": CANARY + "\ud800"}).encode(),
        b"[" * 100_000,
    ]
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\n".join(good + bad))
    report = load(SOURCE.model_copy(update={"max_bad_rows": 0.7}), path, SEEDS)
    assert len(report.corpus) == 7
    assert report.bad_counts() == {
        "NUL character in text": 1, "duplicate id": 1, "empty text": 1, "malformed row": 3, "missing group": 1,
        "missing label": 1, "text is not a string": 1, "undecodable bytes": 2,
    }  # fmt: skip
    assert report.bad[0] == BadRow(8, "empty text")
    with pytest.raises(DataError, match=r"11 of 18 rows cannot be used.*1\.00%") as caught:
        load(SOURCE, path, SEEDS)
    assert "empty text: 1 row (8)" in str(caught.value)
    assert CANARY not in str(caught.value) + repr(report)


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_undecodable_cells_do_not_hide_the_other_rows(tmp_path, name):
    path = tmp_path / name
    if name == "a.csv":
        path.write_bytes(b"text,label\nfine,a\nb\xffd,a\nshort\n")
    else:
        text = pa.Array.from_buffers(
            pa.string(), 3, [None, pa.array([0, 4, 7, 8], pa.int32()).buffers()[1], pa.py_buffer(b"fineb\xffds")]
        )
        pq.write_table(pa.table({"text": text, "label": ["a", "a", None]}), path)
    report = load(SourceConfig(path="x", max_bad_rows=0.9), path, SEEDS)
    assert report.corpus.texts == ["fine"]
    assert [row.number for row in report.bad] == [2, 3]
    assert report.bad[0].reason == "undecodable bytes"


def test_a_missing_column_lists_those_found(tmp_path):
    path = jsonl(tmp_path / "a.jsonl", [{"body": "x", "label": "y", CANARY * 9: "z"}])
    with pytest.raises(DataError, match="columns not found") as caught:
        load(SourceConfig(path="x", group="who"), path, SEEDS)
    message = str(caught.value)
    assert "no column 'text'" in message
    assert "no column 'who'" in message
    assert "Columns found: body, label" in message
    assert CANARY not in message


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", None, "no such file"),
        ("a.jsonl", b"", "holds no rows"),
        ("a.csv", b"text,label\n", "holds no rows"),
        ("a.csv", b"text,text\na,b\n", "names a column twice"),
        ("a.csv", b'text,label\n"never closed', "cannot be read past line"),
        ("a.parquet", b"PAR1 not really", "not a readable parquet"),
        ("a.docx", b"x", "does not tell the format"),
    ],
)
def test_each_broken_source_has_its_message(tmp_path, name, content, message):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        load(SourceConfig(path="x"), path, SEEDS)


def test_a_dataset_of_several_splits_names_them(tmp_path):
    (tmp_path / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    with pytest.raises(DataError, match="several splits: train, test"):
        load(SourceConfig(path="x"), tmp_path, SEEDS)


@pytest.mark.parametrize("state", ["[]", "{}", "{", '{"_data_files": []}', '{"_data_files": [{"filename": "../x"}]}'])
def test_a_damaged_dataset_is_refused(tmp_path, state):
    (tmp_path / "state.json").write_text(state)
    with pytest.raises(DataError, match=r"state\.json"):
        load(SourceConfig(path="x"), tmp_path, SEEDS)


def test_a_format_that_does_not_fit_the_path_is_refused(tmp_path):
    with pytest.raises(DataError, match="format csv needs a file"):
        load(SourceConfig(path="x", format="csv"), tmp_path, SEEDS)


def test_labels_are_filtered_and_two_spellings_are_one_class(tmp_path):
    rows = [{"text": f"t{i}", "label": label} for i, label in enumerate(["caf\u00e9", "cafe\u0301", "b", "c"])]
    path = jsonl(tmp_path / "a.jsonl", rows)
    report = load(SourceConfig(path="x", labels=("cafe\u0301", "b")), path, SEEDS)
    assert report.corpus.counts() == {"b": 1, "caf\u00e9": 2}
    assert report.n_other_labels == 1
    with pytest.raises(DataError, match="no record of class 'd'"):
        load(SourceConfig(path="x", labels=("b", "d")), path, SEEDS)


@given(sizes=st.lists(st.integers(1, 5), min_size=2, max_size=12), limit=st.integers(5, 30))
def test_a_sample_takes_whole_groups_and_keeps_the_limit(tmp_path_factory, sizes, limit):
    rows = [{"text": f"{g} {i}", "label": "a", "who": f"g{g}"} for g, n in enumerate(sizes) for i in range(n)]
    path = jsonl(tmp_path_factory.mktemp("s") / "a.jsonl", rows)
    report = load(SourceConfig(path="x", group="who", max_records=limit), path, SEEDS)
    kept = report.corpus.records
    assert len(kept) <= limit
    assert len(kept) + report.n_not_sampled == len(rows)
    for group in {r.group for r in kept}:
        assert sum(r.group == group for r in kept) == sizes[int(group[1:])]
