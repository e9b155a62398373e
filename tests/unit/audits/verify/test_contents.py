"""A bundle whose files contradict each other is refused, even if all of them are signed."""

import hashlib
import json
import tracemalloc

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audits.core.errors import InputError, VerifyError
from audits.core.plain_parquet import CREATED_BY, parquet_bytes
from audits.core.strictjson import canonical
from audits.gate.evidence import read_evidence
from audits.verify import contents
from audits.verify.contents import (
    COLUMNS,
    JSONL,
    MAX_LABEL_CHARACTERS,
    METRICS,
    PARQUET,
    REPORT_JSON,
    check_data,
    jsonl_bytes,
    samples_of,
    with_ids,
)
from audits.verify.statement import PAYLOAD_TYPE, ReleaseStatement, read_statement
from audits.verify.tree import open_tree

NUMBER = {"value": 0.0, "low": 0.0, "high": 0.0, "confidence": 0.96, "n": 500}


def rewrite_data(copy, change, formats=(PARQUET, JSONL), *, derived=True):
    """Change the rows (id, text, label) of the data files; by default the ids are derived again."""
    lines = (copy / JSONL).read_text().split("\n")[:-1]
    rows = change([tuple(json.loads(line).values()) for line in lines])
    rows = with_ids(row[1:] for row in rows) if derived else rows
    columns = [(name, [row[i] for row in rows]) for i, name in enumerate(COLUMNS)]
    for name, data in ((PARQUET, parquet_bytes(columns)), (JSONL, jsonl_bytes(rows))):
        if name in formats:
            (copy / name).write_bytes(data)


SECRET = "a real note of a real person"


def first_row(column, value, *formats):
    """Return a change of one column in the first row of the data files, by default of both."""

    def change(rows):
        first = list(rows[0])
        first[column] = value
        return [tuple(first), *rows[1:]]

    return lambda copy: rewrite_data(copy, change, formats or (PARQUET, JSONL), derived=column > 0)


def replaced(name, old, new):
    """Return a change that replaces the first occurrence of some bytes of a file."""
    return lambda copy: (copy / name).write_bytes((copy / name).read_bytes().replace(old, new, 1))


def first_line(line):
    return lambda copy: (copy / JSONL).write_bytes(b"\n".join([line, *(copy / JSONL).read_bytes().split(b"\n")[1:]]))


def write_parquet(copy, columns, *, store_schema=False):
    """Write arbitrary columns to the Parquet file, with the settings of a release."""
    fields = [pa.field(name, column.type, nullable=False) for name, column in zip(COLUMNS, columns, strict=True)]
    table = pa.table(columns, schema=pa.schema(fields))
    pq.write_table(table, copy / PARQUET, compression="zstd", store_schema=store_schema, write_statistics=False)


def backwards(copy):
    lines = (copy / JSONL).read_bytes().split(b"\n")[:-1]
    (copy / JSONL).write_bytes(b"".join(line + b"\n" for line in lines[::-1]))
    columns = pq.read_table(copy / PARQUET).to_pydict()
    (copy / PARQUET).write_bytes(parquet_bytes([(name, values[::-1]) for name, values in columns.items()]))


def not_unicode(copy):
    ids, texts, labels = pq.read_table(copy / PARQUET).columns
    spoilt = pa.array([b"\xff\xfe", *(text.encode() for text in texts.to_pylist()[1:])], pa.binary())
    write_parquet(copy, [ids, spoilt.view(pa.string()), labels])


def saved(change, **options):
    """Return a function that changes the table of the Parquet file and writes it with pyarrow."""
    return lambda copy: pq.write_table(change(pq.read_table(copy / PARQUET)), copy / PARQUET, **options)


def cast(kind, *, nullable):
    schema = pa.schema([pa.field(name, kind, nullable=nullable) for name in COLUMNS])
    return saved(lambda table: table.cast(schema), store_schema=False)


def dictionary_of_more(copy):
    """Add a text that is in no row to the dictionary of a column; readers do not show it."""
    ids, texts, labels = pq.read_table(copy / PARQUET).columns
    values = pa.array([*sorted(set(labels.to_pylist())), SECRET])
    numbers = pa.array([values.to_pylist().index(label) for label in labels.to_pylist()], pa.int32())
    write_parquet(copy, [ids, texts, pa.DictionaryArray.from_arrays(numbers, values)])


def grown_footer(copy):
    data, note = (copy / PARQUET).read_bytes(), b"a real note"
    size = int.from_bytes(data[-8:-4], "little")
    (copy / PARQUET).write_bytes(data[:-8] + note + (size + len(note)).to_bytes(4, "little") + b"PAR1")


def between_pages_and_footer(copy):
    data = (copy / PARQUET).read_bytes()
    footer = int.from_bytes(data[-8:-4], "little") + 8
    (copy / PARQUET).write_bytes(data[:-footer] + b"a real note" + data[-footer:])


def renamed_class(label):
    """Return a change that renames the class of the first record."""
    return lambda copy: rewrite_data(
        copy, lambda rows: [(*x[:2], label if x[2] == rows[0][2] else x[2]) for x in rows]
    )


BESIDES = f"{PARQUET}: differs from the file that SynthGen writes for 11 records"
NO_RECORD, DIFFERENT = (
    f"{JSONL}: line 1 is not a JSON object with the texts id, text",
    f"{JSONL} and {PARQUET} contain diff",
)
UNAUDITED, IDS = "the data are not the audited records", "an id is not the digest of its record"
UNREAD = "a text has repeated or unusual blanks, or invisible characters, which no audit reads"
DATA = {
    "text-of-both": (first_row(1, SECRET), UNAUDITED),
    "bits-in-blanks": (first_row(1, "two  blanks mean one"), UNREAD),
    "tag-characters": (first_row(1, "a text\U000e0041"), UNREAD),
    **{f"text-of-{len(text)}-blanks": (first_row(1, text), "a text is empty") for text in ("", "  ")},
    "label-of-both": (
        lambda c: rewrite_data(c, lambda r: [(*r[0][:2], next(x[2] for x in r if x[2] != r[0][2])), *r[1:]]),
        UNAUDITED,
    ),
    **{
        f"label-{name}": (renamed_class(label), "a label is empty, unprintable or longer than")
        for name, label in {
            "of-blanks": "  ",
            "too-long": "x" * (MAX_LABEL_CHARACTERS + 1),
            "of-lines": "a\nb",
        }.items()
    },
    "one-more-record": (
        lambda c: rewrite_data(c, lambda r: [*r, ("", "one more", r[0][2])]),
        f"{JSONL}: differs from the file that SynthGen writes for 11 records",
    ),
    "ids-not-sorted": (backwards, "the records are not sorted by id"),
    "id-twice": (lambda c: rewrite_data(c, lambda r: [*r[:-1], r[0]], derived=False), IDS),
    "id-of-free-digits": (first_row(0, SECRET.encode().hex()[:16]), IDS),
    "id-of-the-text-alone": (first_row(0, hashlib.sha256(b"synthetic text 0").hexdigest()[:16]), IDS),
    "id-of-more-digits": (lambda c: rewrite_data(c, lambda r: [(x + "0", *y) for x, *y in r], derived=False), IDS),
    "id-in-capitals": (lambda c: rewrite_data(c, lambda r: [(x.upper(), *y) for x, *y in r], derived=False), IDS),
    "line-of-names": (first_line(b'["id", "text", "label"]'), NO_RECORD),
    "line-not-json": (first_line(b'{"id": '), NO_RECORD),
    "number-for-text": (first_line(b'{"id": "0123456789abcdef", "text": 7, "label": "x"}'), NO_RECORD),
    "columns-of-other-types": (cast(pa.large_string(), nullable=True), BESIDES),
    "ids-with-meaning": (first_row(0, "PATIENT-4711"), IDS),
    "jsonl-alone": (first_row(1, SECRET, JSONL), DIFFERENT),
    "parquet-alone": (first_row(0, "PATIENT-4711", PARQUET), DIFFERENT),
    "spaces": (replaced(JSONL, b"}\n", b" }\n"), f"{JSONL}: differs from the file that SynthGen writes"),
    "fourth-column": (replaced(JSONL, b"}\n", b', "note": "real"}\n'), NO_RECORD),
    "not-parquet": (lambda c: (c / PARQUET).write_bytes(b"PAR1 or not"), BESIDES),
    "text-not-unicode": (not_unicode, BESIDES),
    "schema-in-metadata": (
        lambda c: write_parquet(c, pq.read_table(c / PARQUET).columns, store_schema=True),
        BESIDES,
    ),
    "hidden-metadata": (saved(lambda table: table.replace_schema_metadata({"source": SECRET})), BESIDES),
    "statistics": (cast(pa.string(), nullable=False), BESIDES),
    "between-pages-and-footer": (between_pages_and_footer, BESIDES),
    "dictionary-of-more": (dictionary_of_more, BESIDES),
    "behind-the-footer": (grown_footer, BESIDES),
    "name-of-the-writer": (replaced(PARQUET, CREATED_BY, SECRET.encode()[: len(CREATED_BY)]), BESIDES),
    "space-in-a-page": (lambda c: write_parquet(c, pq.read_table(c / PARQUET).columns), BESIDES),
    "lone-surrogate": (
        lambda c: (c / JSONL).write_bytes(b'{"id": "0123456789abcdef", "text": "\\ud800", "label": "x"}\n'),
        f"{JSONL}",
    ),
}


@pytest.mark.parametrize("case", sorted(DATA))
def test_signed_data_that_were_not_audited_are_refused(case, copy, reissue, refused):
    change, failure = DATA[case]
    change(copy)
    reissue(copy)
    refused(copy, 10, "data", f"E_DATA {failure}")


@pytest.mark.parametrize(
    ("digests", "message"), [({}, "contains no digest"), ({"synthetic": "0" * 64}, "not the audited records")]
)
def test_evidence_without_or_with_other_records_is_refused(copy, judge, reissue, digests, message):
    reissue(copy, {METRICS: lambda v: v.update(digests=digests)})
    assert judge(copy).failure.startswith("E_DATA")
    assert message in judge(copy).failure


def test_samples_are_the_first_ten_records_in_the_order_of_their_ids():
    rows = with_ids((f"text {i}", "a" if i % 3 else "b") for i in range(40))
    assert samples_of(rows) == tuple((label, text) for _, text, label in rows[:10])
    assert samples_of(rows) == samples_of(with_ids((text, label) for _, text, label in reversed(rows)))
    assert samples_of(rows[:3]) == tuple((label, text) for _, text, label in rows[:3])


def signed_data(copy, releases):
    """Return the digests of the data files, the signed predicate and the evidence of a bundle."""
    predicate = read_statement(ReleaseStatement, PAYLOAD_TYPE, canonical(releases.statement(copy))).predicate
    evidence = read_evidence((copy / METRICS).read_bytes())
    return (
        {name: hashlib.sha256((copy / name).read_bytes()).hexdigest() for name in (JSONL, PARQUET)},
        predicate,
        evidence,
    )


def test_data_with_another_number_of_classes_than_the_statement_are_refused(copy, releases):
    subjects, predicate, evidence = signed_data(copy, releases)
    dataset = predicate.dataset.model_copy(update={"classes": predicate.dataset.classes + 1})
    with open_tree(copy) as tree, pytest.raises(VerifyError, match="E_DATA the numbers of classes"):
        check_data(tree, subjects, predicate.model_copy(update={"dataset": dataset}), evidence)


def test_texts_longer_than_the_limit_are_refused(copy, judge, monkeypatch):
    monkeypatch.setattr(contents, "MAX_TEXT_CHARACTERS", 5)
    assert judge(copy).failure.startswith("E_DATA a text is longer than 5 characters")


def test_two_records_with_one_id_are_refused(monkeypatch):
    monkeypatch.setattr(contents, "record_ids", lambda records: ["0" * 16] * len(records))
    with pytest.raises(InputError, match="two records have the same id"):
        with_ids([("one text", "a"), ("another", "a")])


def test_data_changed_after_hashing_are_refused(copy, releases):
    subjects, predicate, evidence = signed_data(copy, releases)
    with open_tree(copy) as tree:
        classes, samples = check_data(tree, subjects, predicate, evidence)
        assert sum(classes.values()) == predicate.dataset.records
        assert samples == samples_of(
            [tuple(json.loads(line).values()) for line in (copy / JSONL).read_text().split("\n")[:-1]]
        )
        (copy / PARQUET).write_bytes((copy / PARQUET).read_bytes() + b" ")
        with pytest.raises(VerifyError, match=f"E_DIGEST {PARQUET}: changed during"):
            check_data(tree, subjects, predicate, evidence)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        (REPORT_JSON, lambda v: v["audit"]["results"][1]["metrics"]["membership.auc"].update(high=0.57)),
        (REPORT_JSON, lambda v: v.pop("audit")),
        (REPORT_JSON, lambda v: v.update(verdict="REFUSED")),
        (REPORT_JSON, lambda v: v["gates"].pop()),
        (REPORT_JSON, lambda v: v.update(releaseId="2026-11-20-000000")),
    ],
)
def test_files_of_audits_and_statement_must_match_the_report(copy, judge, reissue, name, change):
    reissue(copy, {name: change})
    assert judge(copy).failure.startswith("E_GATE")


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v["audit"]["results"][0]["metrics"]["memorization.hard_hits"].update(value=1.0, high=1.0),
        lambda v: v["audit"]["results"][0]["metrics"].update({"memorization.more": {**NUMBER}}),
        lambda v: v["audit"]["results"][0].update(verdict="fail"),
    ],
)
def test_numbers_of_the_report_must_match_the_evidence(copy, judge, reissue, change):
    """The files of the audits agree with the report, so only the evidence differs."""
    reissue(copy, {REPORT_JSON: change})
    for result in json.loads((copy / REPORT_JSON).read_bytes())["audit"]["results"]:
        (copy / f"evidence/{result['name']}.json").write_bytes(canonical(result))
    reissue(copy)
    assert "report/report.json: its audits or numbers differ from the evidence" in judge(copy).failure


def test_gates_invented_in_report_and_statement_are_refused(copy, judge, reissue):
    def softened(gates):
        gates[-1]["threshold"] = 0.1

    reissue(copy, {REPORT_JSON: lambda v: softened(v["gates"])}, lambda v: softened(v["predicate"]["gates"]))
    assert "the gates in the statement differ from those recomputed" in judge(copy).failure


def test_jsonl_has_one_canonical_line_per_record():
    rows = [("0" * 16, "a \u2028 ü", "x"), ("1" * 16, "b", "y")]
    lines = jsonl_bytes(rows).split(b"\n")
    assert lines[-1] == b""
    assert [tuple(json.loads(line)) for line in lines[:-1]] == [COLUMNS, COLUMNS]
    assert lines[0].decode() == '{"id": "' + "0" * 16 + '", "text": "a \u2028 ü", "label": "x"}'


@pytest.mark.parametrize(
    ("name", "step", "message"),
    [
        ("membership.invented", "gates", "more precise"),  # a metric that no rule reads
        ("memorization.estimate", "gates", "its audits or numbers differ from the evidence"),
        ("accounting.epsilon", "gates", "evidence/metrics.json: is not valid evidence"),
        ("records.synthetic", "gates", "number of records differs between evidence and statement"),  # removed
    ],
)
def test_evidence_must_contain_exactly_the_measured_numbers(copy, reissue, name, step, message, refused):
    def other(value):
        if value["metrics"].pop(name, None) is None:
            value["metrics"][name] = NUMBER

    reissue(copy, {METRICS: other})
    refused(copy, 12, step, message)


@pytest.mark.parametrize(("name", "low"), [("attempts.number", 0.75), ("records.synthetic", 10.0)])
def test_counts_must_not_have_an_interval(copy, judge, reissue, name, low):
    reissue(copy, {METRICS: lambda v: v["metrics"][name].update(low=low)})
    assert "differs between evidence and statement" in judge(copy).failure


def test_numbers_of_attempts_in_evidence_and_statement_must_match(copy, judge, reissue):
    for changes in ({}, {METRICS: lambda v: v["metrics"].pop("attempts.number")}):
        reissue(copy, changes, lambda v: v["predicate"]["attempts"].update(number=2))
        assert "number of audits of the control persons differs between evidence and statement" in judge(copy).failure


def test_compressed_data_that_expand_are_refused_in_bounded_memory(copy, reissue, judge):
    """A file below 300 kB whose pages and dictionaries expand to 660 MB is refused without expanding it."""
    columns = [pa.array([letter * (20 << 20)] * 11) for letter in "abc"]
    pq.write_table(pa.table(columns, names=COLUMNS), copy / PARQUET, compression="zstd", use_dictionary=True)
    assert (copy / PARQUET).stat().st_size < 300_000
    reissue(copy)
    tracemalloc.start()
    try:
        assert judge(copy).failure.startswith(f"E_DATA {BESIDES}")
        assert tracemalloc.get_traced_memory()[1] < 30 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", [JSONL, PARQUET])
def test_data_larger_than_the_limit_or_with_more_rows_than_stated_are_refused_before_they_are_read(
    copy, reissue, judge, monkeypatch, name
):
    (copy / name).write_bytes((copy / name).read_bytes() * 3)
    reissue(copy)
    assert judge(copy).failure.startswith("E_DATA")
    monkeypatch.setattr("audits.verify.contents.MAX_DATA_BYTES", 1000)
    assert judge(copy).failure.startswith(f"E_UNSAFE {name}: larger than")
