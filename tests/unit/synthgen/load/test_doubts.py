"""`synthgen plan` reports labels, texts and ids that may not mean what the user intended."""

import re

import pytest

from tests.unit.synthgen.load.command_line import N, csv_of, is_whole, rows


@pytest.mark.parametrize(("one", "other"), [("caf\u00e9", "cafe"), ("a-b", "a\u2010b"), ("cardio", "c\u0430rdio")])
def test_labels_that_look_alike_are_reported_with_counts(one, other, sources):
    sources.write("t.jsonl", rows(label=lambda i: (one, other)[i % 2]))
    (note,) = [note for note in sources.plan("t.jsonl")["notes"] if "look-alike letters" in note]
    assert f"{other!r}: {N // 2} records" in note


def test_ids_that_may_be_one_person_and_texts_that_may_be_missing_are_counted(sources):
    notes = [row["note"] for row in rows()]
    ids = ["7", "007", "7.0", "p8", "P8"]
    given = rows(pid=lambda i: ids[i] if i < 5 else f"q{i}", note=lambda i: "NULL" if i == 9 else notes[i])
    sources.write("t.jsonl", given)
    found = sources.plan("t.jsonl")["notes"]
    assert [n.split()[0] for n in found if "counts as a separate person" in n] == ["3"]
    assert [n.split()[0] for n in found if "look like a missing value" in n] == ["1"]


def test_ids_that_a_spreadsheet_rounded_are_refused_and_formulas_are_read_as_text(sources):
    sources.write("t.csv", csv_of().replace("p1,", "1.23E+15,").encode())
    sources.refused("t.csv", "rounded number", "row 2", "column pid")
    sources.write("t.csv", re.sub("(?m)^p([0-9]+),", '"=""00\\1""",', csv_of()).encode())
    found = sources.plan("t.csv")
    is_whole(found)
    assert f'{N} rows have cells such as ="007"; only the text in the quotes was read' in found["notes"]
