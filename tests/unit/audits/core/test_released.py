"""Every byte of a file for release is audited, or the file is rejected."""

import base64
import csv
import hashlib
import json
import uuid
from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audits.core.errors import InputError
from audits.core.inputs import load_inputs, load_table, rewrite
from audits.core.types import Table

REWRITE = "audits rewrite"
NOTE = "zebra quartz canary of one real patient who came in on foot"
ROWS = {"text": ["made up one", "made up two"], "label": ["a", "b"]}


OPTIONS = [
    {"compression": "none"},
    {"row_group_size": 1},
    {"use_dictionary": False, "write_statistics": False},
    {"use_dictionary": ["label"], "compression": {"text": "zstd", "label": "gzip"}},
    {"store_schema": False, "write_page_index": True},
]


def load(path):
    return load_table(path, role="synthetic")


def reject(path, message):
    with pytest.raises(InputError) as caught:
        load(path)
    assert message in str(caught.value)
    assert "zebra" not in str(caught.value)


def parquet(path, table, **options):
    pq.write_table(table, path, **options)
    return path


def test_plain_files_of_both_libraries_are_loaded(tmp_path):
    assert len(load(parquet(tmp_path / "a.parquet", pa.table(ROWS)))) == 2
    frame = pd.DataFrame(ROWS)
    frame.to_parquet(tmp_path / "p.parquet")
    assert len(load(tmp_path / "p.parquet")) == 2
    frame.to_parquet(tmp_path / "n.parquet", index=False, compression="zstd")
    assert load(tmp_path / "n.parquet").labels == ("a", "b")
    for i, options in enumerate(OPTIONS):
        load(parquet(tmp_path / f"{i}.parquet", pa.table(ROWS), **options))


def test_an_additional_column_is_rejected(tmp_path):
    reject(parquet(tmp_path / "x.parquet", pa.table(ROWS | {"source": [NOTE, NOTE]})), "columns that no audit reads")
    reject(parquet(tmp_path / "n.parquet", pa.table(ROWS | {NOTE: [1, 2]})), "columns that no audit reads")
    (tmp_path / "x.csv").write_text(f"text,label,source\nmade,a,{NOTE}\n")
    reject(tmp_path / "x.csv", "columns that no audit reads")
    (tmp_path / "x.jsonl").write_text(json.dumps({"text": "made", "meta": {"deep": [NOTE]}}) + "\n")
    reject(tmp_path / "x.jsonl", "columns that no audit reads")


def test_duplicate_keys_nested_labels_and_comments_are_rejected(tmp_path):
    (tmp_path / "x.jsonl").write_text(f'{{"text": "{NOTE}", "text": "made"}}\n')
    reject(tmp_path / "x.jsonl", "duplicate key")
    (tmp_path / "x.jsonl").write_text(json.dumps({"text": "made", "label": {"a": NOTE}}) + "\n")
    reject(tmp_path / "x.jsonl", "no label")
    (tmp_path / "x.csv").write_text(f"text,label\nmade,a\n# {NOTE}\n")
    reject(tmp_path / "x.csv", "1 fields where the header has 2")


def test_metadata_are_rejected(tmp_path):
    table = pa.table(ROWS)
    reject(parquet(tmp_path / "m.parquet", table.replace_schema_metadata({"note": NOTE})), "metadata")
    field = pa.field("text", pa.string(), metadata={"note": NOTE})
    reject(
        parquet(tmp_path / "f.parquet", pa.table(ROWS, schema=pa.schema([field, ("label", pa.string())]))), "metad"
    )
    frame = pd.DataFrame(ROWS)
    frame.attrs = {"n": "40718823"}
    frame.to_parquet(tmp_path / "a.parquet")
    reject(tmp_path / "a.parquet", "metadata")
    frame = pd.DataFrame(ROWS, index=pd.Index([NOTE, "b"]))
    frame.to_parquet(tmp_path / "i.parquet")
    reject(tmp_path / "i.parquet", "columns that no audit reads")
    frame = pd.DataFrame(ROWS)
    frame.columns.name = NOTE
    frame.to_parquet(tmp_path / "c.parquet")
    reject(tmp_path / "c.parquet", "metadata")


def test_unused_categories_are_rejected(tmp_path):
    frame = pd.DataFrame(ROWS)
    frame["label"] = pd.Categorical(frame.label, categories=["a", "b", NOTE])
    frame.to_parquet(tmp_path / "x.parquet")
    reject(tmp_path / "x.parquet", REWRITE)


def hidden_bytes(data):
    """Yield files of the same rows with a note outside the rows: (place, bytes)."""
    note, footer = NOTE.encode(), int.from_bytes(data[-8:-4], "little")
    body, end = data[: -8 - footer], data[-8 - footer :]
    yield "before the footer", body + note + end
    grown = end[:-8] + note + (footer + len(note)).to_bytes(4, "little") + b"PAR1"
    yield "at the end of the footer", body + grown
    yield "two files in one", data[:-4] + b"PAR1" + body + end


def test_bytes_outside_the_rows_are_rejected(tmp_path):
    plain = parquet(tmp_path / "a.parquet", pa.table(ROWS)).read_bytes()
    for place, data in hidden_bytes(plain):
        (tmp_path / "x.parquet").write_bytes(data)
        assert pq.read_table(tmp_path / "x.parquet").to_pydict() == ROWS, place
        reject(tmp_path / "x.parquet", REWRITE)


def test_a_changed_footer_is_rejected(tmp_path):
    """The statistics and the name of the writer are changed."""
    plain = parquet(tmp_path / "a.parquet", pa.table(ROWS)).read_bytes()
    for old, new in ((b"made up two", b"Zb 40718823"), (b"parquet-cpp-arrow", b"patient-407188230"[:17])):
        at = plain.rindex(old)
        (tmp_path / "x.parquet").write_bytes(plain[:at] + new + plain[at + len(old) :])
        assert pq.read_table(tmp_path / "x.parquet").to_pydict() == ROWS
        reject(tmp_path / "x.parquet", REWRITE)


def test_bloom_filters_sorting_and_checksums_are_rejected(tmp_path):
    table = pa.table(ROWS)
    reject(parquet(tmp_path / "s.parquet", table, sorting_columns=[pq.SortingColumn(1)]), REWRITE)
    reject(parquet(tmp_path / "c.parquet", table, write_page_checksum=True), REWRITE)
    reject(parquet(tmp_path / "b.parquet", table, bloom_filter_options={"text": {"ndv": 10}}), REWRITE)


def test_a_dictionary_and_an_index_of_pandas_are_rejected(tmp_path):
    frame = pd.DataFrame(ROWS)
    frame.assign(label=frame.label.astype("category")).to_parquet(tmp_path / "c.parquet")
    reject(tmp_path / "c.parquet", REWRITE)
    frame.set_index(pd.RangeIndex(40718823, 40718825)).to_parquet(tmp_path / "r.parquet")
    reject(tmp_path / "r.parquet", REWRITE)
    stored = pa.Table.from_pandas(frame).schema.metadata[b"pandas"]
    forged = stored.replace(pd.__version__.encode(), b"40718823")
    reject(parquet(tmp_path / "v.parquet", pa.table(ROWS).replace_schema_metadata({b"pandas": forged})), "metadata")


ROW = {"text": "made / up é", "label": "a"}


@pytest.mark.parametrize(
    "line",
    [
        json.dumps(ROW),
        json.dumps(ROW, ensure_ascii=False),
        json.dumps(ROW, separators=(",", ":")),
        json.dumps(ROW).replace("/", "\\/"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_usual_forms_of_jsonl_are_loaded(tmp_path, line, end):
    for whole in (end.join([line, line]), end.join([line, line, ""])):
        (tmp_path / "x.jsonl").write_bytes(whole.encode())
        assert load(tmp_path / "x.jsonl").texts == (ROW["text"],) * 2


PLAIN = json.dumps(ROW) + "\n"


@pytest.mark.parametrize(
    "data",
    [
        "\ufeff" + PLAIN,
        PLAIN + "\n \t \n",
        PLAIN.replace(",", ", \t "),
        PLAIN.replace("made", "\\u006dade"),
        PLAIN + PLAIN.replace('": "', '" : "'),
        PLAIN + json.dumps({"label": "a", "text": "b"}) + "\n",
        json.dumps({"text": "x", "label": 0}).replace("0", "-0") + "\n",
    ],
)
def test_jsonl_with_more_than_its_rows_is_rejected(tmp_path, data):
    (tmp_path / "x.jsonl").write_bytes(data.encode())
    reject(tmp_path / "x.jsonl", REWRITE)


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_usual_forms_of_csv_are_loaded(tmp_path, quoting, end):
    with (tmp_path / "x.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=quoting, lineterminator=end).writerows([ROW, [ROW["text"], 'a "b", c']])
    assert load(tmp_path / "x.csv").labels == ('a "b", c',)


@pytest.mark.parametrize(
    "data",
    ["\ufefftext,label\nx,a\n", "text,label\nx,a\n\n\n", 'text,label\nx,a\n"y",a\n', "text,label\nx,a\r\ny,a\n"],
)
def test_csv_with_more_than_its_rows_is_rejected(tmp_path, data):
    (tmp_path / "x.csv").write_bytes(data.encode())
    reject(tmp_path / "x.csv", REWRITE)


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl", ".csv"])
def test_a_rewritten_file_contains_only_its_rows(tmp_path, suffix):
    extra = {"group": ["s1", "s2"], "source": [NOTE, NOTE]}
    wild = parquet(tmp_path / "w.parquet", pa.table(ROWS | extra).replace_schema_metadata({"note": NOTE}))
    clean = tmp_path / f"clean{suffix}"
    rewrite(wild, clean, text="text", label="label", group="group")
    assert b"zebra" not in clean.read_bytes()
    made = load(clean)
    assert (made.texts, made.labels, made.groups) == (tuple(ROWS["text"]), ("a", "b"), ("s1", "s2"))
    with pytest.raises(InputError, match="exists"):
        rewrite(wild, clean, text="text", label="label", group="group")


def digest_forms(name):
    """Return the common forms of unkeyed pseudonyms."""
    data = name.encode()
    md5, sha1 = (partial(hashlib.new, kind, usedforsecurity=False) for kind in ("md5", "sha1"))
    return [
        md5(data).hexdigest(),
        sha1(data).hexdigest().upper(),
        hashlib.sha256(data).hexdigest(),
        hashlib.sha256(data).hexdigest()[:8],
        hashlib.sha512(data).hexdigest()[-12:],
        "id" + hashlib.sha3_256(data).hexdigest(),
        hashlib.blake2b(data).hexdigest(),
        base64.b64encode(hashlib.sha256(data).digest()).decode(),
        base64.urlsafe_b64encode(sha1(data).digest()).decode().rstrip("="),
        base64.b32encode(md5(data).digest()).decode().rstrip("=").lower(),
        str(uuid.uuid5(uuid.NAMESPACE_URL, name)),
        str(uuid.uuid3(uuid.NAMESPACE_DNS, name)),
        hashlib.sha256(data.upper()).hexdigest(),
    ]


PATIENTS = tuple(f"patient-{i:05d}" for i in range(40))


@pytest.mark.parametrize("form", range(len(digest_forms("x"))))
@pytest.mark.parametrize("where", ["texts", "groups", "labels"])
def test_digests_of_persons_are_rejected(form, where):
    made = tuple(digest_forms(name)[form] for name in PATIENTS[:20])
    columns = {"texts": tuple(f"text {i}" for i in range(20)), "groups": tuple(f"s{i}" for i in range(20))}
    columns["labels"] = ("a",) * 20
    columns[where] = tuple(f"seen {one} here" for one in made) if where == "texts" else made
    train, control = (
        Table(texts=tuple(f"t{i}" for i in range(20)), labels=labels, groups=groups, has_groups=True)
        for labels, groups in ((columns["labels"], PATIENTS[:20]), (("a",) * 20, PATIENTS[20:]))
    )
    with pytest.raises(InputError, match="unkeyed digests") as caught:
        load_inputs(Table(**columns, has_groups=True), train, control)
    assert not any(one in str(caught.value) for one in made)


def test_digests_of_texts_are_rejected_and_random_names_accepted():
    rng = np.random.default_rng(5)
    names = tuple(rng.bytes(n).hex() for n in [4] * 100 + [8] * 100 + [32] * 100)
    long = tuple(base64.b64encode(rng.bytes(32)).decode() for _ in names)
    many = tuple(f"note {i} of one person" for i in range(300))
    train = Table(texts=many, labels=None, groups=tuple(f"p{i}" for i in range(300)), has_groups=True)
    control = table(None, ("c1",))
    load_inputs(Table(texts=long, labels=None, groups=names, has_groups=True), train, control)
    ids = (*names[:-1], hashlib.sha256(many[7].encode()).hexdigest())
    with pytest.raises(InputError, match="unkeyed digests"):
        load_inputs(Table(texts=long, labels=None, groups=ids, has_groups=True), train, control)


def table(labels, groups, *, has_groups=True):
    texts = tuple(f"text {i}" for i in range(len(groups)))
    return Table(texts=texts, labels=labels, groups=tuple(groups), has_groups=has_groups)


TRAIN, CONTROL = table(("a", "b"), ("patient-00417", "p2")), table(("a", "b"), ("patient-00918", "p4"))


@pytest.mark.parametrize("name", ["patient-00417", "PATIENT 00918".replace(" ", "_"), "p4", "x-patient00417-1", NOTE])
def test_ids_of_real_persons_are_rejected(name):
    with pytest.raises(InputError, match="persons of the synthetic table") as caught:
        load_inputs(table(("a", "b"), (name, "s2")), TRAIN, CONTROL)
    assert name not in str(caught.value)
    load_inputs(table(("a", "b"), ("s1", "s2")), TRAIN, CONTROL)


def test_unknown_and_long_labels_are_rejected():
    for labels in (("a", NOTE), ("a", "c")):
        with pytest.raises(InputError, match="labels of the synthetic table do not occur in train"):
            load_inputs(table(labels, ("s1", "s2")), TRAIN, CONTROL)
    long = NOTE * 2
    with pytest.raises(InputError, match="longer than 64"):
        load_inputs(table((long,), ("s1",)), table((long,), ("t1",)), CONTROL)
