"""Versions, replacements, merged persons and repeated documents are resolved within each person."""

import json
import time
from collections import Counter

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.core.errors import DataError
from synthgen.extract import resolve as module
from synthgen.extract.note import Dropped, MergedPerson, Note, PersonNames
from synthgen.extract.resolve import RESOLVED, NoteSelection, resolve
from synthgen.extract.spool import NOTES, PERSONS, spool


def note(document, person="p", **fields):
    given = {"text": f"the text of {document}", "label": "a", "date": "2020-01-01", "place": f"at {document}"}
    return Note(document=document, person=person, **{**given, **fields})


def wanted(*, limit=None, persons=False, labels=None):
    return NoteSelection(
        reason_unused=lambda label: module.OTHER_LABEL if labels is not None and label not in labels else None,
        limit=limit,
        rank=lambda person: person,
        rows_are_persons=persons,
    )


@pytest.fixture
def resolved(tmp_path):
    def run(*items, **how):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        report = resolve(spool(items, folder, lambda _: None), folder, wanted(**how))
        return report, pq.read_table(folder / RESOLVED).to_pylist(), folder

    return run


def counts(report, part="dropped"):
    return {reason: found["count"] for reason, found in report[part].items()}


def ids(rows):
    """Return the ids without the date that follows the person."""
    return [row["id"].replace(f"/{row['date']}/", "/", 1) for row in rows]


def test_the_newest_version_stays(resolved):
    report, rows, _ = resolved(note("a", version="2", text="second"), note("a", version="1", text="first"), note("b"))
    assert [row["text"] for row in rows] == ["second", "the text of b"]
    assert counts(report) == {module.OLDER: 1}
    assert report["dropped"][module.OLDER]["places"] == ["at a"]


def test_a_withdrawn_document_takes_its_earlier_versions_along_but_not_a_later_one(resolved):
    gone = note("a", version="2", withdrawn="status entered-in-error", text="")
    report, rows, _ = resolved(
        note("a", version="1"), gone, note("b", version="1", withdrawn="gone"), note("b", version="2")
    )
    assert ids(rows) == ["p/b"]
    assert counts(report) == {module.OLDER: 1, "status entered-in-error": 1, "gone": 1}


def test_a_withdrawal_without_a_person_counts_for_the_document_of_every_person(resolved):
    report, rows, _ = resolved(
        note("a", version="1"),
        note("a", version="3"),
        note("b", "q", version="1"),
        note("a", "", version="2", withdrawn="gone"),
        note("b", "", version="2", withdrawn="gone"),
    )
    assert ids(rows) == ["p/a"]
    assert counts(report) == {module.OLDER: 2, module.NO_PERSON: 2}


def test_ids_sort_by_person_and_date_before_the_name_of_the_document(resolved):
    given = [note("z", date="2019"), note("a", date="2020-05-01T10:00"), note("m", "o"), note("b", date="")]
    _, rows, _ = resolved(*given, note("1", date="2020/01/01"))
    assert [row["text"][-1] for row in sorted(rows, key=lambda row: row["id"])] == ["m", "b", "z", "1", "a"]
    assert all(row["id"].count("/") == 2 for row in rows)


def test_ids_of_different_notes_differ(resolved):
    _, rows, _ = resolved(note("c", "a/b"), note("b/c", "a"), note("c", "a%2Fb"))
    assert sorted(ids(rows)) == ["a%252Fb/c", "a%2Fb/c", "a/b/c"]


def test_a_replaced_document_is_dropped_by_its_identifier_or_an_alias(resolved):
    report, rows, _ = resolved(
        note("a"), note("b", replaces=("a",)), note("c", aliases=("x",)), note("d", replaces=("x",))
    )
    assert ids(rows) == ["p/b", "p/d"]
    assert counts(report) == {module.REPLACED: 2}


def test_a_replaced_document_with_a_common_identifier_is_an_older_version(resolved):
    first, second = (
        note("a", version="1", aliases=("s", "s 1")),
        note("b", version="2", aliases=("s",), replaces=("s 1",)),
    )
    report, rows, _ = resolved(first, second, note("c", version="1", aliases=("s", "s 3")))
    assert ids(rows) == ["p/b", "p/c"]
    assert counts(report) == {module.OLDER: 1}


def test_of_two_documents_that_replace_one_another_the_newer_one_stays(resolved):
    _, rows, _ = resolved(note("a", replaces=("b",), date="2021"), note("b", replaces=("a",), date="2020"))
    assert ids(rows) == ["p/a"]


def test_a_withdrawn_document_replaces_nothing(resolved):
    _, rows, _ = resolved(note("a"), note("b", replaces=("a",), withdrawn="gone"))
    assert ids(rows) == ["p/a"]


def test_a_superseded_document_is_dropped_if_its_replacement_is_withdrawn(resolved):
    old = note("a", is_superseded=True)
    report, rows, _ = resolved(old, note("b", replaces=("a",), version="2", withdrawn="gone"), note("c"))
    assert ids(rows) == ["p/c"]
    assert counts(report) == {module.REPLACED: 1, "gone": 1}


def test_an_earlier_version_still_replaces_another_document(resolved):
    _, rows, _ = resolved(note("a"), note("b", version="1", replaces=("a",)), note("b", version="2"))
    assert ids(rows) == ["p/b"]
    _, rows, _ = resolved(note("b", version="1", replaces=("b",)), note("b", version="2"))
    assert ids(rows) == ["p/b"]
    back = note("a", version="3", replaces=("b",))
    _, rows, _ = resolved(note("a"), note("b", version="1", replaces=("a",)), note("b", version="2"), back)
    assert ids(rows) == ["p/a"]


def test_a_document_is_withdrawn_by_its_alias_if_it_is_not_newer(resolved):
    gone = note("1", version="2", withdrawn="gone")
    _, rows, _ = resolved(note("1@X", aliases=("1",), version="1"), gone, note("1@Y", aliases=("1",), version="3"))
    assert ids(rows) == ["p/1@Y"]


def test_superseded_documents_stay_and_are_counted_if_no_replacement_is_present(resolved):
    report, rows, _ = resolved(
        note("a", is_superseded=True), note("b", is_superseded=True), note("c", replaces=("b",))
    )
    assert ids(rows) == ["p/a", "p/c"]
    assert counts(report, "remarks") == {module.KEPT_SUPERSEDED: 1}


def test_a_superseded_document_is_dropped_if_a_newer_one_has_a_common_identifier(resolved):
    old = note("a", is_superseded=True, version="1", aliases=("x",))
    report, rows, _ = resolved(old, note("b", version="2", aliases=("x",)), note("c", version="1", aliases=("x",)))
    assert ids(rows) == ["p/b", "p/c"]
    assert counts(report) == {module.OLDER: 1}
    assert ids(resolved(old, note("b", version="2", aliases=("x",), withdrawn="gone"), note("c"))[1]) == ["p/c"]
    assert ids(resolved(old, note("b", version="0", aliases=("x",)))[1]) == ["p/a", "p/b"]


def test_the_same_text_on_the_same_day_counts_once(resolved):
    same = {"text": "Chest pain,  since Monday."}
    report, rows, _ = resolved(
        note("a", date="2020-01-01T08:00", **same),
        note("b", date="2020-01-01T09:00", text="chest pain, since\nmonday."),
        note("c", date="2020-01-02", **same),
        note("d", date="", **same),
        note("e", person="q", **same),
    )
    assert ids(rows) == ["p/a", "p/c", "q/e"]
    assert counts(report) == {module.REPEATED: 2}


def test_of_the_same_text_a_current_document_stays(resolved):
    _, rows, _ = resolved(note("a", is_superseded=True, text="x y"), note("b", text="x y"))
    assert ids(rows) == ["p/b"]


def test_merged_persons_are_one_person_with_all_names(resolved):
    report, rows, _ = resolved(
        MergedPerson("old", "mid"),
        note("a", person="old"),
        note("b", person="new", date="2019"),
        MergedPerson("mid", "new"),
        PersonNames("old", ("Ann Lee",)),
        PersonNames("mid", ("Ann Park",)),
        PersonNames("new", ("Ann Lee",)),
    )
    assert [(row["person"], row["names"]) for row in rows] == [("new", ["Ann Lee", "Ann Park"])] * 2
    assert ids(rows) == ["new/b", "new/a"]
    assert report["merged_persons"] == 2


def test_all_identifiers_of_a_person_are_one_if_one_of_them_is_merged_twice(resolved):
    merges = MergedPerson("a", "b"), MergedPerson("a", "c"), MergedPerson("d", "c")
    _, rows, _ = resolved(*merges, *(note(one, one) for one in "abcd"))
    assert {row["person"] for row in rows} == {"b"}


def test_a_long_chain_of_merges_takes_linear_time(resolved):
    start = time.process_time()
    _, rows, _ = resolved(*(MergedPerson(f"p{i}", f"p{i + 1}") for i in range(20_000)), note("x", "p0"))
    assert rows[0]["person"] == "p20000"
    assert time.process_time() - start < 20


@pytest.mark.parametrize("pairs", [[("a", "a")], [("a", "b"), ("b", "a")], [("a", "b"), ("b", "c"), ("c", "b")]])
def test_circles_of_merges_end(resolved, pairs):
    _, rows, _ = resolved(*(MergedPerson(*pair) for pair in pairs), note("1", "a"), note("2", "b"))
    assert len({row["person"] for row in rows}) == (2 if pairs == [("a", "a")] else 1)


def test_notes_without_person_text_or_label_are_counted(resolved):
    report, rows, _ = resolved(
        note("a", ""), note("b", text=" \n"), note("c", label=""), note("d"), Dropped("odd", "1")
    )
    assert ids(rows) == ["p/d"]
    assert counts(report) == {module.NO_PERSON: 1, module.NO_TEXT: 1, module.NO_LABEL: 1, "odd": 1}
    assert report["items"] == 5


def test_each_note_is_a_person_if_rows_are_persons(resolved):
    _, rows, _ = resolved(note("a", "", text="same"), note("b", "", text="same"), persons=True)
    assert ids(rows) == ["a", "b"]
    assert len({row["person"] for row in rows}) == 2


def test_whole_persons_are_taken_up_to_the_limit_of_the_wanted_classes(resolved):
    notes = [note(f"{person}{i}", person) for person, n in (("p", 2), ("q", 2), ("r", 1)) for i in range(n)]
    report, rows, _ = resolved(*notes, note("x", label="b"), limit=3, labels={"a"})
    assert ids(rows) == ["p/p0", "p/p1"]
    assert counts(report) == {module.NOT_SAMPLED: 3, module.OTHER_LABEL: 1}


def test_a_source_without_a_usable_note_is_an_error_with_the_reasons(resolved):
    with pytest.raises(DataError, match="no usable note") as error:
        resolved(note("a", ""), Dropped("attachment is not text", "1"))
    assert error.value.problems == ("attachment is not text: 1", "no person: 1")
    with pytest.raises(DataError, match="no usable note") as error:
        resolved(note("a", label="b"), labels={"a"})
    assert "Remove source.labels" in error.value.hint


def test_the_spooled_files_are_removed_and_the_report_is_json(resolved):
    report, _, folder = resolved(note("a", text="one two\nthree"), note("b", date="", text="four"))
    assert not (folder / NOTES).exists()
    assert not (folder / PERSONS).exists()
    assert json.loads(json.dumps(report))["profile"] == {
        "words": [1, 1, 3],
        "persons": 1,
        "notes_by_year": {"2020": 1},
    }


ITEMS = st.lists(
    st.builds(
        note,
        st.sampled_from("abc"),
        st.sampled_from(["p", "q", "r", ""]),
        version=st.sampled_from("12"),
        replaces=st.lists(st.sampled_from("abc"), max_size=1).map(tuple),
        is_superseded=st.booleans(),
        withdrawn=st.sampled_from(["", "", "gone"]),
        text=st.sampled_from(["", "one", "two", "three"]),
        date=st.sampled_from(["", "2020", "2021"]),
    ),
    max_size=12,
)


@settings(max_examples=25)
@given(ITEMS)
def test_every_note_is_kept_or_counted_and_persons_do_not_affect_one_another(tmp_path_factory, notes):
    def kept_of(items):
        folder = tmp_path_factory.mktemp("f")
        try:
            report = resolve(spool(items, folder, lambda _: None), folder, wanted())
        except DataError:
            return None, []
        return report, pq.read_table(folder / RESOLVED).to_pylist()

    report, rows = kept_of(notes)
    if report is not None:
        assert len(rows) + sum(counts(report).values()) == len(notes)
        assert max(Counter(ids(rows)).values()) == 1
    alone = kept_of([one for one in notes if one.person == "p" or (one.withdrawn and not one.person)])[1]
    assert [row for row in rows if row["person"] == "p"] == alone
