"""Every byte of a file that is to be released is audited or refused."""

import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audits.core.errors import InputError
from audits.core.inputs import load_inputs, load_table
from audits.core.types import Table

NOTE = "zebra quartz canary of one real patient who came in on foot"
ROWS = {"text": ["made up one", "made up two"], "label": ["a", "b"]}


def load(path):
    return load_table(path, role="synthetic")


def refused(path, message):
    with pytest.raises(InputError) as caught:
        load(path)
    assert message in str(caught.value)
    assert "zebra" not in str(caught.value)


def parquet(path, table, **options):
    pq.write_table(table, path, **options)
    return path


def test_plain_files_of_both_libraries_are_read(tmp_path):
    assert len(load(parquet(tmp_path / "a.parquet", pa.table(ROWS)))) == 2
    frame = pd.DataFrame(ROWS)
    frame.to_parquet(tmp_path / "p.parquet")
    assert len(load(tmp_path / "p.parquet")) == 2
    frame.assign(label=frame.label.astype("category")).to_parquet(tmp_path / "c.parquet")
    assert load(tmp_path / "c.parquet").labels == ("a", "b")


def test_a_fourth_column_is_refused(tmp_path):
    refused(
        parquet(tmp_path / "x.parquet", pa.table(ROWS | {"source": [NOTE, NOTE]})), "no audit reads these columns"
    )
    refused(parquet(tmp_path / "n.parquet", pa.table(ROWS | {NOTE: [1, 2]})), "no audit reads these columns")
    (tmp_path / "x.csv").write_text(f"text,label,source\nmade,a,{NOTE}\n")
    refused(tmp_path / "x.csv", "no audit reads these columns")
    (tmp_path / "x.jsonl").write_text(json.dumps({"text": "made", "meta": {"deep": [NOTE]}}) + "\n")
    refused(tmp_path / "x.jsonl", "no audit reads these columns")


def test_a_key_that_stands_twice_is_refused(tmp_path):
    (tmp_path / "x.jsonl").write_text(f'{{"text": "{NOTE}", "text": "made"}}\n')
    refused(tmp_path / "x.jsonl", "a key stands twice")


def test_nested_labels_and_comments_are_refused(tmp_path):
    (tmp_path / "x.jsonl").write_text(json.dumps({"text": "made", "label": {"a": NOTE}}) + "\n")
    refused(tmp_path / "x.jsonl", "no label")
    (tmp_path / "x.csv").write_text(f"text,label\nmade,a\n# {NOTE}\n")
    refused(tmp_path / "x.csv", "1 fields where the header has 2")


def test_metadata_are_refused(tmp_path):
    table = pa.table(ROWS)
    refused(parquet(tmp_path / "m.parquet", table.replace_schema_metadata({"note": NOTE})), "metadata")
    field = pa.field("text", pa.string(), metadata={"note": NOTE})
    refused(
        parquet(tmp_path / "f.parquet", pa.table(ROWS, schema=pa.schema([field, ("label", pa.string())]))), "metad"
    )
    frame = pd.DataFrame(ROWS)
    frame.attrs = {"n": "40718823"}
    frame.to_parquet(tmp_path / "a.parquet")
    refused(tmp_path / "a.parquet", "metadata")
    frame = pd.DataFrame(ROWS, index=pd.Index([NOTE, "b"]))
    frame.to_parquet(tmp_path / "i.parquet")
    refused(tmp_path / "i.parquet", "no audit reads these columns")
    frame = pd.DataFrame(ROWS)
    frame.columns.name = NOTE
    frame.to_parquet(tmp_path / "c.parquet")
    refused(tmp_path / "c.parquet", "metadata")


def test_categories_that_no_row_uses_are_refused(tmp_path):
    frame = pd.DataFrame(ROWS)
    frame["label"] = pd.Categorical(frame.label, categories=["a", "b", NOTE])
    frame.to_parquet(tmp_path / "x.parquet")
    refused(tmp_path / "x.parquet", "categories that no row uses")


def table(labels, groups, *, has_groups=True):
    texts = tuple(f"text {i}" for i in range(len(groups)))
    return Table(texts=texts, labels=labels, groups=tuple(groups), has_groups=has_groups)


TRAIN, CONTROL = table(("a", "b"), ("patient-00417", "p2")), table(("a", "b"), ("patient-00918", "p4"))


@pytest.mark.parametrize("name", ["patient-00417", "PATIENT 00918".replace(" ", "_"), "p4", "x-patient00417-1", NOTE])
def test_real_persons_do_not_leave_as_ids(name):
    with pytest.raises(InputError, match="persons of the synthetic table") as caught:
        load_inputs(table(("a", "b"), (name, "s2")), TRAIN, CONTROL)
    assert name not in str(caught.value)
    load_inputs(table(("a", "b"), ("s1", "s2")), TRAIN, CONTROL)


@pytest.mark.parametrize("labels", [("a", NOTE), ("a", "c")])
def test_labels_are_those_of_train(labels):
    with pytest.raises(InputError, match="labels of the synthetic table are none of train's"):
        load_inputs(table(labels, ("s1", "s2")), TRAIN, CONTROL)


def test_labels_of_train_may_be_too_long_to_leave():
    long = NOTE * 2
    with pytest.raises(InputError, match="longer than 64"):
        load_inputs(table((long,), ("s1",)), table((long,), ("t1",)), CONTROL)
