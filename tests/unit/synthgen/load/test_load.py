import json
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.core.released import MAX_LABEL_CHARACTERS
from synthgen.core.errors import DataError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Record
from synthgen.load import load
from synthgen.load.cells import CellError
from synthgen.load.config import SourceConfig
from synthgen.load.load import MAX_LABEL, BadRow, names_of, to_record
from synthgen.load.rows import MALFORMED, SourceRow

SOURCE = SourceConfig(path="x", text="note", label="kind", group="who", id="nid", names=("full", "nick"))
GOOD = {"note": "a note", "kind": "a", "who": "p1", "nid": "n1"}


def test_valid_row_becomes_a_record():
    values = {**GOOD, "note": " two\u2009 words\n", "kind": "cafe\u0301", "who": 12}
    record = Record(id="n1", text="two\u2009 words", label="caf\u00e9", group="12")
    assert to_record(SourceRow(3, values), SOURCE, set()) == record


def test_group_spellings_are_normalized():
    spelled = ("Jos\u00e9 1", "Jose\u0301 1", "Jos\u00e9\u00a01", "Jos\u00e9\u200d  1", "Jose\u200d\u0301\u28001")
    spelled += tuple(f"Jos\u00e9 1{unseen}" for unseen in "\ufe0f\u034f\0\u3164\u2800\x7f\u00ad")
    found = {to_record(SourceRow(3, {**GOOD, "who": who}), SOURCE, set()).group for who in spelled}
    assert found == {"Jos\u00e9 1"}
    assert to_record(SourceRow(3, {**GOOD, "who": "\u200d"}), SOURCE, set()).reason == "missing group"


def test_ids_and_groups_default_to_the_row_number():
    record = to_record(SourceRow(3, {"text": "x", "label": "a"}), SourceConfig(path="x"), set())
    assert (record.id, record.group) == ("row-3", "record-3")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"note": None}, "empty text"),
        ({"note": " \n\u00a0"}, "empty text"),
        ({"note": 12}, "text is of type int; save it as text (column note)"),
        ({"note": float("nan")}, "empty text"),
        (
            {"who": "1.23E+15"},
            (
                "group is a rounded number such as 1.2E+15, so two different ids can become equal; save it as text "
                "(column who)"
            ),
        ),
        ({"note": "a\0b"}, "NUL character in text"),
        ({"note": "a\ud800"}, "undecodable bytes"),
        ({"kind": None}, "missing label"),
        ({"kind": "  "}, "missing label"),
        ({"note": "\u200b\ufeff \u2800\u3164"}, "empty text"),
        ({"kind": "\u200b"}, "missing label"),
        ({"kind": float("nan")}, "missing label"),
        ({"kind": 0.5}, "label is a float that is not a whole number; save it as text (column kind)"),
        ({"who": 2.0**53}, "group is a float that is too large to be exact; save it as text (column who)"),
        ({"who": float("inf")}, "group is a float that is not a whole number; save it as text (column who)"),
        ({"nid": date(2020, 1, 2)}, "id is of type date; save it as text (column nid)"),
        ({"who": ["p1"]}, "group is of type list; save it as text (column who)"),
        ({"kind": "a\udfff"}, "undecodable bytes"),
        ({"who": ""}, "missing group"),
        ({"nid": None}, "missing id"),
        ({"nid": "taken"}, "duplicate id"),
    ],
)
def test_bad_row_has_a_reason(changes, reason):
    taken = {"taken"}
    assert to_record(SourceRow(8, GOOD | changes), SOURCE, taken) == BadRow(8, reason)
    assert taken == {"taken"}, "the id of a bad row can be used again"


def test_unreadable_row_keeps_its_reason_and_ids_are_unique():
    assert to_record(SourceRow(2, {}, MALFORMED), SOURCE, set()) == BadRow(2, MALFORMED)
    taken = set()
    assert isinstance(to_record(SourceRow(1, GOOD), SOURCE, taken), Record)
    assert to_record(SourceRow(2, GOOD), SOURCE, taken) == BadRow(2, "duplicate id")


@given(st.dictionaries(st.sampled_from(sorted(GOOD)), st.none() | st.booleans() | st.integers() | st.text()))
def test_any_values_give_a_record_or_a_reason(values):
    made = to_record(SourceRow(1, values), SOURCE, set())
    if isinstance(made, Record):
        assert made.text == values["note"].strip() != ""
        assert all(value and value.encode() for value in (made.id, made.text, made.label, made.group))
    else:
        assert made.reason


NAMES = [(" Ann Lee ", ("Ann Lee",)), (None, ()), ("  ", ()), (["Ann", None, " Bo"], ("Ann", "Bo"))]
NAMES += [({"family": "Lee", "given": ["Ann", "Bo"]}, ("Lee", "Ann", "Bo")), ([("nick", "Bo")], ("Bo",))]
NAMES += [('["Ann", {"family": "Lee"}]', ("Ann", "Lee"))]


@pytest.mark.parametrize(("value", "names"), NAMES)
def test_every_string_of_a_declared_name_column_is_a_name(value, names):
    assert names_of(SourceRow(1, {"full": value, "nick": "Zoe"}), SOURCE.names) == (*names, "Zoe")


@pytest.mark.parametrize("value", [7, True, date(2020, 1, 2), ["Ann", 7], "['Ann', 'Bo']", "[" * 100_000])
def test_a_name_column_of_other_values_is_refused_and_not_shown(tmp_path, value):
    rows = [{**GOOD, "nid": f"n{i}", "full": "Zoe"} for i in range(3)]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({**row, "full": value}, default=str) + "\n" for row in rows))
    if isinstance(value, date):  # a JSON file holds dates as text
        with pytest.raises(CellError, match="of type date"):
            names_of(SourceRow(1, {"full": value}), SOURCE.names)
        return
    with pytest.raises(DataError, match=r"source.names hold values that are not names") as caught:
        load(FILE_SOURCE, path, SEEDS)
    assert caught.value.problems[0].startswith("3 rows: a value ")
    assert "Ann" not in str(caught.value)


SAME = [(7, "7"), (7.0, "7"), (Decimal("7.00"), "7"), (" 7 ", "7"), (True, "true"), (Decimal("1.50"), "1.5")]


@pytest.mark.parametrize(("value", "text"), SAME)
def test_numbers_and_booleans_are_ids_and_labels_in_plain_text(value, text):
    values = {**GOOD, **dict.fromkeys(("kind", "who", "nid"), value)}
    record = to_record(SourceRow(3, values), SOURCE, set())
    assert (record.label, record.group, record.id) == (text,) * 3


CANARY = "zebra-quartz-canary"
SEEDS = SeedTree(5).child("load")
FILE_SOURCE = SourceConfig(path="x", text="note", label="kind", group="who", id="nid", names=("full",))


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet", "dataset"])
def test_all_formats_give_the_same_corpus(tmp_path, written, rows, kind):
    path = tmp_path / ("a" if kind == "dataset" else f"a.{kind}")
    report = load(FILE_SOURCE, getattr(written, kind)(path, rows), SEEDS)
    assert report.corpus.has_groups
    records = [Record(id=row["nid"], text=row["note"], label=row["kind"], group=row["who"]) for row in rows]
    assert list(report.corpus.records) == records
    assert report.names["n4"] == ("Ann 4",)
    assert (report.n_rows, report.bad) == (7, ())


def test_text_folder_gives_labels_from_folders(tmp_path):
    for name in ("b/2.txt", "a/deep/1.txt", "stray.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"  text of {name}\n", encoding="utf-8")
    report = load(SourceConfig(path="x", max_bad_rows=0.5), tmp_path, SEEDS)
    texts = [("text of a/deep/1.txt", "a"), ("text of b/2.txt", "b")]
    assert [(r.text, r.label) for r in report.corpus.records] == texts
    assert len({r.group for r in report.corpus.records}) == 2
    assert not report.corpus.has_groups
    declared = load(SourceConfig(path="x", max_bad_rows=0.5, rows_are_persons=True), tmp_path, SEEDS)
    assert declared.corpus.has_groups
    with pytest.raises(ValueError, match="`rows_are_persons` does not fit with `group`"):
        SourceConfig(path="x", group="who", rows_are_persons=True)
    assert report.bad_counts() == {"missing label": 1}


def test_bad_rows_are_counted_by_reason_and_not_shown(tmp_path, rows):
    changes = [
        {"nid": "x1", "note": "  "},
        {"nid": "x2", "note": 12},
        {"nid": "x3", "kind": None, "note": CANARY},
        {"nid": "x4", "note": CANARY + "\0"},
        {"nid": "n2", "note": CANARY},
        {"nid": "x6", "who": "", "note": CANARY},
        {"nid": "x9", "note": CANARY + "\ud800"},
    ]
    lines = [json.dumps(row).encode() for row in (*rows, *({**rows[0], **change} for change in changes))]
    canary = CANARY.encode()
    lines += [b'{"note": "' + canary + b'\xff"}', b'{"note": "' + canary, b'["' + canary + b'"]', b"[" * 100_000]
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\n".join(lines))
    report = load(FILE_SOURCE.model_copy(update={"max_bad_rows": 0.7}), path, SEEDS)
    assert len(report.corpus) == 7
    assert report.bad_counts() == {
        "NUL character in text": 1,
        "duplicate id": 1,
        "empty text": 1,
        "malformed row": 3,
        "missing group": 1,
        "missing label": 1,
        "text is of type int; save it as text (column note)": 1,
        "undecodable bytes": 2,
    }
    assert report.bad[0] == BadRow(8, "empty text")
    with pytest.raises(DataError, match=r"11 of 18 rows cannot be used.*1\.00%") as caught:
        load(FILE_SOURCE, path, SEEDS)
    assert "empty text: row 8" in str(caught.value)
    assert CANARY not in str(caught.value) + repr(report)


def test_missing_column_error_lists_found_columns(tmp_path, written):
    path = written.jsonl(tmp_path / "a.jsonl", [{"body": "x", "label": "y", CANARY * 9: "z"}])
    with pytest.raises(DataError, match="some columns that the configuration uses are missing") as caught:
        load(SourceConfig(path="x", group="who"), path, SEEDS)
    message = str(caught.value)
    assert all(part in message for part in ("no column 'text'", "no column 'who'", "The table has: body, label"))
    assert CANARY not in message


def test_csv_without_header_does_not_show_first_line(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(f"p1,{CANARY},x\np2,other,y\n")
    with pytest.raises(DataError, match="None of the 3 cells of the first line") as caught:
        load(SourceConfig(path="x"), path, SEEDS)
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    ("label", "problem"),
    [
        (lambda i: f"{CANARY} {i} " + "long " * 20, "12 of 12 different labels are longer than 64 characters"),
        (lambda i: f"{CANARY} {i}", "12 of 12 different labels belong to only one person"),
        (lambda i: f"{CANARY} {max(i, 5)}", None),
    ],
)
def test_label_column_of_texts_is_rejected_and_not_shown(tmp_path, written, label, problem):
    rows = [{"text": f"t{i}", "label": label(i // 2), "who": f"p{i // 2}"} for i in range(24)]
    path = written.jsonl(tmp_path / "a.jsonl", rows)
    if problem is None:  # seven classes with unusual names
        assert len(load(SourceConfig(path="x", group="who"), path, SEEDS).corpus.counts()) == 7
        return
    with pytest.raises(DataError, match=r"values of source\.label are not classes") as caught:
        load(SourceConfig(path="x", group="who"), path, SEEDS)
    assert problem in caught.value.problems
    assert CANARY not in str(caught.value)
    assert MAX_LABEL == MAX_LABEL_CHARACTERS  # no policy releases longer labels


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b"", "contains no rows"),
        ("a.csv", b"text,label\n", "contains no rows"),
        ("a.parquet", b"PAR1 not really", "not a readable table"),
    ],
)
def test_empty_or_broken_source_raises_an_error(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        load(SourceConfig(path="x"), tmp_path / name, SEEDS)


def test_labels_are_filtered_after_normalization(tmp_path, written):
    rows = [{"text": f"t{i}", "label": label} for i, label in enumerate(["caf\u00e9", "cafe\u0301", "b", "c"])]
    path = written.jsonl(tmp_path / "a.jsonl", rows)
    report = load(SourceConfig(path="x", labels=("cafe\u0301", "b")), path, SEEDS)
    assert report.corpus.counts() == {"b": 1, "caf\u00e9": 2}
    assert report.n_other_labels == 1
    with pytest.raises(DataError, match="no record of class 'd'"):
        load(SourceConfig(path="x", labels=("b", "d")), path, SEEDS)


@given(sizes=st.lists(st.integers(1, 5), min_size=2, max_size=12), limit=st.integers(5, 30))
def test_sample_takes_whole_groups_within_the_limit(tmp_path_factory, written, sizes, limit):
    rows = [{"text": f"{g} {i}", "label": "a", "who": f"g{g}"} for g, n in enumerate(sizes) for i in range(n)]
    path = written.jsonl(tmp_path_factory.mktemp("s") / "a.jsonl", rows)
    report = load(SourceConfig(path="x", group="who", max_records=limit), path, SEEDS)
    kept = report.corpus.records
    assert len(kept) <= limit
    assert len(kept) + report.n_not_sampled == len(rows)
    for group in {r.group for r in kept}:
        assert sum(r.group == group for r in kept) == sizes[int(group[1:])]


def test_labels_that_differ_by_invisible_characters_are_one_class_and_doubtful_ones_are_noted(tmp_path, written):
    labels = [
        "cardio",
        "cardio\u200b",
        "car\u00addio ",
        "\ufeffcardio",
        "CARDIO",
        "\uff23ardio",
        "N/A",
        "nan",
        "Day 1",
        "day1",
    ]
    path = written.jsonl(tmp_path / "a.jsonl", [{"text": f"t{i}", "label": label} for i, label in enumerate(labels)])
    report = load(SourceConfig(path="x"), path, SEEDS)
    assert report.corpus.counts()["cardio"] == 4
    alike = "labels that differ only by case, width or spacing are separate classes"
    effects = ("makes them one class", "rejects the rows with these labels")
    one, rejects = (f"source.normalize_labels: true {effect}" for effect in effects)
    assert report.notes == (
        f"{alike} ('CARDIO': 1 records, 'cardio': 4 records, '\uff23ardio': 1 records); {one}",
        f"{alike} ('Day 1': 1 records, 'day1': 1 records); {one}",
        "some class labels look like a missing value ('N/A': 1 records, 'nan': 1 records); " + rejects,
    )
    few = load(SourceConfig(path="x", labels=("car\u200bdio",)), path, SEEDS)
    assert (few.corpus.counts(), len(few.notes)) == ({"cardio": 4}, 1)  # the note is on the excluded CARDIO
    for labels, message in ((("a", "a\u200b"), "listed twice"), (("\u200b",), "no visible character")):
        with pytest.raises(ValueError, match=message):
            SourceConfig(path="x", labels=labels)


def test_undecodable_rows_name_the_likely_encoding(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"text,label\n" + b"fine,a\n" * 9 + b"caf\xe9,a\n")
    with pytest.raises(DataError, match="undecodable bytes: row 10") as caught:
        load(SourceConfig(path="x"), path, SEEDS)
    assert "set source.encoding: cp1252" in caught.value.hint
    assert "cp1252" in load(SourceConfig(path="x", max_bad_rows=0.2), path, SEEDS).notes[0]
    assert len(load(SourceConfig(path="x", encoding="cp1252"), path, SEEDS).corpus) == 10


@pytest.mark.parametrize(
    "wrong", [{"encoding": "hex"}, {"encoding": "none"}, {"delimiter": '"'}, {"delimiter": ";;"}]
)
def test_unusable_encodings_and_delimiters_are_rejected(wrong):
    with pytest.raises(
        ValueError, match=r"not a text encoding that Python knows|must not be a double quote|at most 1 character"
    ):
        SourceConfig(path="x", **wrong)
