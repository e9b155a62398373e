"""Items are written to files in batches; dropped items and remarks are counted by reason with their first places."""

import pyarrow.parquet as pq

from synthgen.extract import spool as module
from synthgen.extract.note import Dropped, MergedPerson, Note, PersonNames, Remark, StaffNames
from synthgen.extract.spool import NOTES, PERSONS, SHOWN_PLACES, Tally, spool


def note(i, text="x"):
    return Note(place=str(i), document=str(i), text=text, person=" p ", label=" a ")


def test_all_kinds_of_items_are_written_or_counted(tmp_path):
    done = []
    found = spool(
        [
            note(1, " Two  words\n"),
            note(2, "two\tWORDS"),
            Dropped("no text", "3"),
            Remark("other encoding", "1"),
            MergedPerson("a", "b"),
            PersonNames("p", ("Ann",)),
            StaffNames(("Lee", "Kim")),
            StaffNames(("Lee",)),
        ],
        tmp_path,
        done.append,
    )
    rows = pq.read_table(tmp_path / NOTES).to_pylist()
    assert [(row["text"], row["person"], row["label"]) for row in rows] == [
        ("Two  words", "p", "a"),
        ("two\tWORDS", "p", "a"),
    ]
    assert rows[0]["same"] == rows[1]["same"]
    assert pq.read_table(tmp_path / PERSONS).to_pylist() == [{"person": "p", "names": ["Ann"]}]
    assert (found.n_items, sum(done)) == (3, 3)
    assert found.dropped.to_json() == {"no text": {"count": 1, "places": ["3"]}}
    assert found.remarks.to_json() == {"other encoding": {"count": 1, "places": ["1"]}}
    assert (found.merged, found.staff) == ({("a", "b")}, {"Lee", "Kim"})


def test_texts_with_the_same_words_have_the_same_digest(tmp_path):
    texts = ("Plan\n- Rest.\n- Ice", "PLAN: * Rest, * ice.", "Plan: ice", "+", "-")
    spool([note(i, text) for i, text in enumerate(texts)], tmp_path, lambda _: None)
    html, plain, *others = pq.read_table(tmp_path / NOTES)["same"].to_pylist()
    assert html == plain
    assert len({html, *others}) == 4


def test_notes_are_written_in_batches_of_rows_and_of_characters(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BATCH_ROWS", 3)
    monkeypatch.setattr(module, "BATCH_CHARACTERS", 100)
    spool([note(i) for i in range(7)] + [note(8, "y" * 100), note(9)], tmp_path, lambda _: None)
    table = pq.ParquetFile(tmp_path / NOTES)
    assert [table.metadata.row_group(i).num_rows for i in range(table.num_row_groups)] == [3, 3, 2, 1]


def test_a_tally_keeps_the_first_places_of_a_reason():
    tally = Tally()
    for i in range(SHOWN_PLACES + 5):
        tally.add("why", [str(i)])
    tally.add("why", ["last"], 10)
    assert tally.to_json() == {"why": {"count": SHOWN_PLACES + 15, "places": [str(i) for i in range(SHOWN_PLACES)]}}


def test_notes_that_are_not_unicode_are_counted(tmp_path):
    items = [note(1, "a\ud800b"), note(2, "a\0b"), PersonNames("p", ("A\udc80",)), StaffNames(("B\udfff",))]
    found = spool(items, tmp_path, lambda _: None)
    assert pq.read_table(tmp_path / NOTES).num_rows == 0
    assert pq.read_table(tmp_path / PERSONS)["names"].to_pylist() == [["A?"]]
    assert found.staff == {"B?"}
    assert found.dropped.to_json() == {
        module.NUL: {"count": 1, "places": ["2"]},
        module.NOT_UNICODE: {"count": 1, "places": ["1"]},
    }


def test_identifiers_of_merges_and_names_have_the_form_of_those_of_notes(tmp_path):
    found = spool([MergedPerson(" \ud800", "b ")], tmp_path, lambda _: None)
    assert found.merged == {("?", "b")}
