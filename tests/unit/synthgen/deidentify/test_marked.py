import json

import pytest

from synthgen.core.errors import UsageError
from synthgen.deidentify.marked import read_marked_file, read_marks


def test_marks_are_read():
    item = read_marks("Dr {NAME:Zub} on {DATE:3/7}.", "p", ("Zub",))
    assert item.text == "Dr Zub on 3/7."
    assert [(item.text[a:b], c) for a, b, c in item.spans] == [("Zub", "NAME"), ("3/7", "DATE")]
    assert "Zub" not in repr(item)


def test_files_of_both_formats(tmp_path):
    lines = tmp_path / "a.txt"
    lines.write_text("# comment\nI1|MRN {MRN:123}\n")
    (one,) = read_marked_file(lines)
    assert (one.person, one.spans) == ("I1", ((4, 7, "MRN"),))
    rows = tmp_path / "a.jsonl"
    rows.write_text(json.dumps({"text": "MRN 123", "spans": [{"start": 4, "end": 7, "label": "MRN"}]}) + "\n")
    (two,) = read_marked_file(rows)
    assert (two.text, two.spans) == (one.text, one.spans)
    row = {"text": "MRN 123\u2028and\u0085more", "spans": [{"start": 4, "end": 7, "label": "MRN"}]}
    rows.write_text(json.dumps(row, ensure_ascii=False) + "\n\n", encoding="utf-8")
    assert [len(marked.text) for marked in read_marked_file(rows)] == [len(row["text"])]


def test_invalid_files_are_errors_that_list_all_lines_without_text(tmp_path):
    bad = tmp_path / "a.jsonl"
    bad.write_text('{"text": "secret", "spans": [{"start": 4, "end": 77, "label": "MRN"}]}\nnonsense\n')
    with pytest.raises(UsageError) as error:
        list(read_marked_file(bad))
    assert len(error.value.problems) == 2
    assert "secret" not in str(error.value)
    with pytest.raises(UsageError, match=r"none\.txt: cannot be read \(No such file"):
        list(read_marked_file(tmp_path / "none.txt"))
    (tmp_path / "latin.txt").write_bytes("Zo\xeb".encode("latin-1"))
    with pytest.raises(UsageError, match=r"latin\.txt: is not UTF-8 text"):
        list(read_marked_file(tmp_path / "latin.txt"))
