"""Every byte of a file for release is audited, or the file is rejected."""

import base64
import codecs
import csv
import hashlib
import inspect
import json
import uuid
from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audits.core import released
from audits.core.errors import InputError
from audits.core.inputs import load_inputs, load_table
from audits.core.types import Table

FORMS = {".jsonl": released._jsonl_files, ".csv": released._csv_files}
REWRITE = "audits rewrite"
NOTE = "zebra quartz canary of one real patient who came in on foot"
ROWS = {"text": ["made up one", "made up two"], "label": ["a", "b"]}

ROW = {"text": "made / up é", "label": "a"}
LINE = json.dumps(ROW)
TABLE, FRAME = pa.table(ROWS), pd.DataFrame(ROWS)
OPTIONS = [
    *({"compression": "none"}, {"row_group_size": 1}, {"use_dictionary": False, "write_statistics": False}),
    {"use_dictionary": ["label"], "compression": {"text": "zstd", "label": "gzip"}},
    {"store_schema": False, "write_page_index": True},
]


def saved(folder, content, suffix=".parquet", **options):
    path = folder / f"x{suffix}"
    if isinstance(content, pa.Table):
        pq.write_table(content, path, **options)
    elif isinstance(content, pd.DataFrame):
        content.to_parquet(path, **options)
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def load(path):
    return load_table(path, role="synthetic")


def reject(path, message=REWRITE):
    with pytest.raises(InputError) as caught:
        load(path)
    assert message in str(caught.value)
    assert "zebra" not in str(caught.value)


def test_plain_files_of_both_libraries_are_loaded(tmp_path):
    assert len(load(saved(tmp_path, TABLE))) == len(load(saved(tmp_path, FRAME))) == 2
    assert load(saved(tmp_path, FRAME, index=False, compression="zstd")).labels == ("a", "b")
    for options in OPTIONS:
        load(saved(tmp_path, TABLE, **options))


EXTRA = "columns that no audit reads"


@pytest.mark.parametrize(
    ("content", "suffix", "message"),
    [
        (pa.table(ROWS | {"source": [NOTE, NOTE]}), ".parquet", EXTRA),
        (pa.table(ROWS | {NOTE: [1, 2]}), ".parquet", EXTRA),
        (f"text,label,source\nmade,a,{NOTE}\n", ".csv", EXTRA),
        (json.dumps({"text": "made", "meta": {"deep": [NOTE]}}) + "\n", ".jsonl", EXTRA),
        (f'{{"text": "{NOTE}", "text": "made"}}\n', ".jsonl", "duplicate key"),
        (json.dumps({"text": "made", "label": {"a": NOTE}}) + "\n", ".jsonl", "the label is of type dict"),
        (f"text,label\nmade,a\n# {NOTE}\n", ".csv", "1 fields where the header has 2"),
    ],
)
def test_content_outside_the_audited_columns_is_rejected(tmp_path, content, suffix, message):
    reject(saved(tmp_path, content, suffix), message)


def test_parquet_metadata_are_rejected(tmp_path):
    reject(saved(tmp_path, TABLE.replace_schema_metadata({"note": NOTE})), "metadata")
    field = pa.field("text", pa.string(), metadata={"note": NOTE})
    reject(saved(tmp_path, pa.table(ROWS, schema=pa.schema([field, ("label", pa.string())]))), "metadata")
    reject(saved(tmp_path, pd.DataFrame(ROWS, index=pd.Index([NOTE, "b"]))), EXTRA)
    with_attributes, with_name = pd.DataFrame(ROWS), pd.DataFrame(ROWS)
    with_attributes.attrs, with_name.columns.name = {"n": "40718823"}, NOTE
    for frame in (with_attributes, with_name):
        reject(saved(tmp_path, frame), "metadata")
    stored = pa.Table.from_pandas(FRAME).schema.metadata[b"pandas"]
    forged = stored.replace(pd.__version__.encode(), b"40718823")
    reject(saved(tmp_path, TABLE.replace_schema_metadata({b"pandas": forged})), "metadata")


def hidden_bytes(data):
    """Yield files of the same rows with a note outside the rows: (place, bytes)."""
    note, footer = NOTE.encode(), int.from_bytes(data[-8:-4], "little")
    body, end = data[: -8 - footer], data[-8 - footer :]
    yield "before the footer", body + note + end
    grown = end[:-8] + note + (footer + len(note)).to_bytes(4, "little") + b"PAR1"
    yield "at the end of the footer", body + grown
    yield "two files in one", data[:-4] + b"PAR1" + body + end
    for old, new in ((b"made up two", b"Zb 40718823"), (b"parquet-cpp-arrow", b"patient-407188230"[:17])):
        at = data.rindex(old)
        yield f"in place of {old.decode()} in the footer", data[:at] + new + data[at + len(old) :]


def test_bytes_outside_the_rows_are_rejected(tmp_path):
    for place, data in hidden_bytes(saved(tmp_path, TABLE).read_bytes()):
        path = saved(tmp_path, data)
        assert pq.read_table(path).to_pydict() == ROWS, place
        reject(path)


def test_indexes_dictionaries_and_checksums_are_rejected(tmp_path):
    reject(saved(tmp_path, TABLE, sorting_columns=[pq.SortingColumn(1)]))
    reject(saved(tmp_path, TABLE, write_page_checksum=True))
    if "bloom_filter_options" in inspect.signature(pq.write_table).parameters:  # newer versions of pyarrow
        reject(saved(tmp_path, TABLE, bloom_filter_options={"text": {"ndv": 10}}))
    for labels in (FRAME.label.astype("category"), pd.Categorical(FRAME.label, categories=["a", "b", NOTE])):
        reject(saved(tmp_path, FRAME.assign(label=labels)))
    reject(saved(tmp_path, FRAME.set_index(pd.RangeIndex(40718823, 40718825))))


@pytest.mark.parametrize(
    "line",
    [LINE, json.dumps(ROW, ensure_ascii=False), json.dumps(ROW, separators=(",", ":")), LINE.replace("/", "\\/")],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_usual_forms_of_jsonl_are_loaded(tmp_path, line, end):
    for whole in (end.join([line, line]), end.join([line, line, ""])):
        assert load(saved(tmp_path, whole, ".jsonl")).texts == (ROW["text"],) * 2


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_usual_forms_of_csv_are_loaded(tmp_path, quoting, end):
    with (tmp_path / "x.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=quoting, lineterminator=end).writerows([ROW, [ROW["text"], 'a "b", c']])
    assert load(tmp_path / "x.csv").labels == ('a "b", c',)


@pytest.mark.parametrize(
    ("suffix", "data"),
    [
        *((".jsonl", data) for data in (f"\ufeff{LINE}\n", f"{LINE}\n\n \t \n", '{"text": "x", "label": -0}\n')),
        *((".jsonl", f"{LINE}\n".replace(*change)) for change in ((",", ", \t "), ("made", "\\u006dade"))),
        (".jsonl", LINE + "\n" + f"{LINE}\n".replace('": "', '" : "')),
        (".jsonl", f'{LINE}\n{{"label": "a", "text": "b"}}\n'),
        *((".csv", f"text,label\nx,a{end}") for end in ("\n\n\n", '\n"y",a\n', "\r\ny,a\n")),
        (".csv", "\ufefftext,label\nx,a\n"),
    ],
)
def test_text_files_with_more_than_their_rows_are_rejected(tmp_path, suffix, data):
    reject(saved(tmp_path, data, suffix))


PIECES = tuple(NOTE[i : i + 29] for i in (0, 29))
IDS = [
    hashlib.sha256(json.dumps([*row, 0], separators=(",", ":")).encode()).hexdigest()[:16]
    for row in zip("ab", ROWS["text"], strict=True)
]
IDENTIFIERS = ("patient-00417", "patient-00918")
DISGUISED = [
    *(PIECES, [name[::-1] for name in IDENTIFIERS], [codecs.encode(name, "rot13") for name in IDENTIFIERS]),
    *([base64.b64encode(n.encode()).decode() for n in IDENTIFIERS], [n.encode().hex() for n in IDENTIFIERS]),
    *([n.encode().hex()[:16] for n in IDENTIFIERS], IDS[::-1], [1, 0], [0, 2], [407, 408], [0.0, 1.0], ["00", "01"]),
    *([0, "1"], [True, False], [None, 1], [[1], [2]], [{"a": NOTE}, {"a": NOTE}], ["s1", "s2"]),
]


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl", ".csv"])
@pytest.mark.parametrize("column", ["group", "id", "index", "__index_level_0__", "", "Unnamed: 0", "person"])
def test_a_column_beside_text_and_label_can_only_number_the_rows(tmp_path, suffix, column):
    def with_column(values):
        rows = [{"text": t, "label": b, column: v} for t, b, v in zip(*ROWS.values(), values, strict=True)]
        if suffix == ".parquet":
            return saved(tmp_path, pa.Table.from_pylist(rows))
        plain = next(FORMS[suffix](b"", rows))
        return saved(tmp_path, plain, suffix)

    for numbers in ([0, 1], [1, 2], ["0", "1"], ["1", "2"], IDS):
        path = with_column(numbers)
        if column == "person":
            reject(path, EXTRA)
        assert load_table(path, role="synthetic", group=column).has_groups is False
    for values in DISGUISED:
        if suffix == ".csv" and list(map(str, values)) == ["0", "1"]:
            continue  # these are row numbers
        try:
            path = with_column(values)
        except pa.ArrowException:
            continue  # parquet has no such column
        reject(path, EXTRA)
        with pytest.raises(InputError, match=EXTRA):
            load_table(path, role="synthetic", group=column)


def test_column_names_and_types_cannot_carry_text(tmp_path):
    for name in ("zebra quartz canary", "Zoë", "_x", "a" * 33):
        path = saved(tmp_path, pa.table({name: ROWS["text"]}))
        with pytest.raises(InputError, match="column names") as caught:
            load_table(path, text=name, role="synthetic")
        assert "zebra" not in str(caught.value)
    mixed = [{"text": "made up", "label": label} for label in (1, "1", 1)]  # each type could hide one bit
    reject(saved(tmp_path, "".join(json.dumps(row) + "\n" for row in mixed), ".jsonl"), "differ in type")


def test_an_index_that_pandas_wrote_is_read_if_it_numbers_the_rows(tmp_path):
    plain = FRAME.set_index(pd.Index([0, 1]))
    assert load(saved(tmp_path, plain)).texts == tuple(ROWS["text"])
    for index in ([5, 9], [1, 0], PIECES, [7, 8]):
        reject(saved(tmp_path, FRAME.set_index(pd.Index(index))))


def test_a_csv_file_with_the_index_of_pandas_is_read(tmp_path):
    for text in (
        FRAME.reset_index(drop=True).to_csv(),
        FRAME.reset_index(drop=True).reset_index().to_csv(index=False),
    ):
        assert load(saved(tmp_path, text, ".csv")).texts == tuple(ROWS["text"])
    reject(saved(tmp_path, FRAME.set_index(pd.Index(PIECES)).to_csv(), ".csv"))


def digest_forms(name):
    """Return the common forms of unkeyed pseudonyms."""
    data = name.encode()
    md5, sha1 = (partial(hashlib.new, kind, usedforsecurity=False) for kind in ("md5", "sha1"))
    sha256 = hashlib.sha256(data)
    return [
        *(md5(data).hexdigest(), sha1(data).hexdigest().upper(), sha256.hexdigest(), sha256.hexdigest()[:8]),
        *(hashlib.sha512(data).hexdigest()[-12:], "id" + hashlib.sha3_256(data).hexdigest()),
        *(hashlib.blake2b(data).hexdigest(), hashlib.sha256(data.upper()).hexdigest()),
        base64.b64encode(sha256.digest()).decode(),
        base64.urlsafe_b64encode(sha1(data).digest()).decode().rstrip("="),
        base64.b32encode(md5(data).digest()).decode().rstrip("=").lower(),
        *(str(uuid.uuid5(uuid.NAMESPACE_URL, name)), str(uuid.uuid3(uuid.NAMESPACE_DNS, name))),
    ]


def table(labels, groups):
    texts = tuple(f"text {i}" for i in range(len(groups)))
    return Table(texts=texts, labels=labels, groups=tuple(groups), has_groups=True)


PATIENTS = tuple(f"patient-{i:05d}" for i in range(40))


@pytest.mark.parametrize("form", range(len(digest_forms("x"))))
@pytest.mark.parametrize("where", ["texts", "groups", "labels"])
def test_digests_of_persons_are_rejected(form, where):
    made = tuple(digest_forms(name)[form] for name in PATIENTS[:20])
    columns = {"texts": tuple(f"text {i}" for i in range(20)), "groups": tuple(f"s{i}" for i in range(20))}
    columns["labels"] = ("a",) * 20
    columns[where] = tuple(f"seen {one} here" for one in made) if where == "texts" else made
    train, control = table(columns["labels"], PATIENTS[:20]), table(("a",) * 20, PATIENTS[20:])
    with pytest.raises(InputError, match="unkeyed digests") as caught:
        load_inputs(Table(**columns, has_groups=True), train, control)
    assert not any(one in str(caught.value) for one in made)


def test_digests_of_texts_are_rejected_and_random_strings_accepted():
    rng = np.random.default_rng(5)
    names = tuple(rng.bytes(n).hex() for n in [4] * 100 + [8] * 100 + [32] * 100)
    long = tuple(f"{name} {base64.b64encode(rng.bytes(32)).decode()}" for name in names)
    many = tuple(f"note {i} of one person" for i in range(300))
    train = Table(texts=many, labels=None, groups=tuple(f"p{i}" for i in range(300)), has_groups=True)
    control = table(None, ("c1",))
    numbers = tuple(map(str, range(300)))
    load_inputs(Table(texts=long, labels=None, groups=numbers, has_groups=True), train, control)
    long = (*long[:-1], hashlib.sha256(many[7].encode()).hexdigest())
    with pytest.raises(InputError, match="unkeyed digests"):
        load_inputs(Table(texts=long, labels=None, groups=numbers, has_groups=True), train, control)


TRAIN, CONTROL = table(("a", "b"), ("patient-00417", "p2")), table(("a", "b"), ("patient-00918", "p4"))


@pytest.mark.parametrize("name", ["patient-00417", "PATIENT 00918".replace(" ", "_"), "p4", "x-patient00417-1", NOTE])
def test_ids_of_real_persons_are_rejected(name):
    with pytest.raises(
        InputError, match=r"synthetic table (has ids of 1 person of train or control|are not numbered)"
    ) as caught:
        load_inputs(table(("a", "b"), (name, "s2")), TRAIN, CONTROL)
    assert name not in str(caught.value)
    load_inputs(table(("a", "b"), ("s1", "s2")), TRAIN, CONTROL)


@pytest.mark.parametrize(
    "names",
    [
        ("Rajesh_Turner_has_HIV_since_1998", "s2", "s3"),
        ("s1", "s2", "Rajesh_Turner_has_HIV_since_1998"),
        ("Rajesh_Turner_has_HIV_since_1", "Rajesh_Turner_has_HIV_since_2", "Rajesh_Turner_has_HIV_since_3"),
        ("s1", "s3", "s2"),
        ("s1", "s2", "s4"),
        ("407", "408", "409"),
        ("s1", "s2", "t3"),
        ("s1", "s2", "s03"),
        ("s", "s", "s"),
        ("", "1", "2"),
    ],
)
def test_persons_of_a_table_from_python_can_only_be_numbered(names):
    labels = ("a", "b", "a")
    with pytest.raises(InputError, match="persons of the synthetic table are not numbered") as caught:
        load_inputs(table(labels, names), TRAIN, CONTROL)
    assert "Rajesh" not in str(caught.value)
    for numbered in (("s1", "s2", "s3"), ("0", "1", "2"), ("person-1", "person-1", "person-2"), ("s0", "s1", "s0")):
        load_inputs(table(labels, numbered), TRAIN, CONTROL)


def test_unknown_and_long_labels_are_rejected():
    for labels in (("a", NOTE), ("a", "c")):
        with pytest.raises(InputError, match="1 labels of the synthetic table do not occur in train;"):
            load_inputs(table(labels, ("s1", "s2")), TRAIN, CONTROL)
    long = NOTE * 2
    with pytest.raises(InputError, match="have more than 64 characters"):
        load_inputs(table((long,), ("s1",)), table((long,), ("t1",)), CONTROL)
