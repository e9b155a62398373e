import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.load.jsonl import read_jsonl
from synthgen.load.rows import MALFORMED, UNDECODABLE, SourceRow


def test_a_row_is_numbered_by_its_line_and_blank_lines_are_passed_over(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "one"}\n\n  \n{"label": "b"}\r\n{"text": "\xc3\xa9"}')
    table = read_jsonl(path)
    assert table.columns == ("text", "label")
    assert table.rows == (SourceRow(1, {"text": "one"}), SourceRow(4, {"label": "b"}), SourceRow(5, {"text": "é"}))


def test_a_byte_order_mark_is_passed_over_at_the_start_only(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"text": "one"}\n\xef\xbb\xbf{"text": "two"}\n')
    assert read_jsonl(path).rows == (SourceRow(1, {"text": "one"}), SourceRow(2, {}, MALFORMED))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"text": "never closed', MALFORMED),
        (b'["text"]', MALFORMED),
        (b"null", MALFORMED),
        (b"[" * 100_000, MALFORMED),
        (b'{"text": ' + b"9" * 5000 + b"}", MALFORMED),
        (b'{"text": "\xff"}', UNDECODABLE),
        ('{"text": "x"}'.encode("utf-16"), UNDECODABLE),
    ],
    ids=["torn", "list", "null", "deep", "huge number", "bad byte", "utf-16"],
)
def test_a_bad_line_has_its_reason_and_hides_no_other(tmp_path, line, reason):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "fine"}\n' + line.replace(b"\n", b"") + b'\n{"text": "too"}\n')
    assert read_jsonl(path).rows == (
        SourceRow(1, {"text": "fine"}),
        SourceRow(2, {}, reason),
        SourceRow(3, {"text": "too"}),
    )


@given(st.lists(st.dictionaries(st.text(), st.none() | st.integers() | st.text()), max_size=5))
def test_what_is_written_is_read(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("j") / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    table = read_jsonl(path)
    assert [row.values for row in table.rows] == rows
    assert set(table.columns) == {name for row in rows for name in row}
