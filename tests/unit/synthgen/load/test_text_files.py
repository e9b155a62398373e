import csv
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.core.errors import DataError
from synthgen.load import text_files
from synthgen.load.rows import MALFORMED, UNDECODABLE, SourceRow, SourceTable
from synthgen.load.text_files import likely_encoding, read_csv, read_jsonl, read_text


def read(tmp_path, data, **options):
    path = tmp_path / "a.csv"
    path.write_bytes(data)
    return read_csv(path, **options)


def test_csv_rows_are_numbered_and_quotes_span_lines(tmp_path):
    table = read(tmp_path, b'\xef\xbb\xbftext,label\r\n"a, b\nc ""d""",x\r\n\r\n\xc3\xa9,y')
    assert table.columns == ("text", "label")
    assert table.rows == (
        SourceRow(1, {"text": 'a, b\nc "d"', "label": "x"}),
        SourceRow(2, {"text": "é", "label": "y"}),
    )


def test_csv_isolated_rows_rejects_multiline_cells(tmp_path):
    row = b'text,label\n"since Monday,x\nanother,y\nheight 5\'6",x\n'
    header = b'text,label,"notes\nsince Monday,x,a\nz",c\nanother,y,b,d\n'
    assert len(read(tmp_path, row).rows) == 1
    for data, where in ((row, "row 1"), (header, "the header")):
        message = f"{where} of the csv file has a cell of several lines, which is not allowed with a privacy budget"
        with pytest.raises(DataError, match=message):
            read(tmp_path, data, isolated_rows=True)
    quoted = b'text,label\n"a, b ""d""",x\n'
    assert read(tmp_path, quoted, isolated_rows=True) == read(tmp_path, quoted)


def test_csv_keeps_rows_next_to_undecodable_cells(tmp_path):
    table = read(tmp_path, b"text,label\nfine,a\nb\xffd,a\nshort\nlast,b\n")
    assert [(row.number, row.reason) for row in table.rows] == [(1, ""), (2, UNDECODABLE), (3, MALFORMED), (4, "")]
    assert table.rows[1].values == table.rows[2].values == {}


def test_csv_reads_long_text_and_an_empty_file(tmp_path):
    text = "long " * 40_000  # above the default field limit
    assert read(tmp_path, f"text,label\n{text},a\n".encode()).rows[0].values["text"] == text
    assert read(tmp_path, b"") == SourceTable((), ())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"text,text\na,b\n", "two columns of the same name"),
        (b'text,label\nfine,a\n"zebra never closed', "cannot be read past line 3"),
        (b'text,label\n"zebra" tail,a\n', "cannot be read past line 2"),
    ],
)
def test_csv_error_does_not_show_text(tmp_path, data, message):
    with pytest.raises(DataError, match=message) as caught:
        read(tmp_path, data)
    assert "zebra" not in str(caught.value)


# a cell never starts with a byte-order mark, and a row of one empty cell is a blank line
CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\ufeff\0"), min_size=1)


@given(st.lists(st.tuples(CELLS, CELLS), max_size=5))
def test_csv_round_trip(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("c") / "a.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    assert [tuple(row.values.values()) for row in read_csv(path).rows] == rows


def test_jsonl_rows_are_numbered_by_line_and_blank_lines_skipped(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "one"}\n\n  \n{"label": "b"}\r\n{"text": "\xc3\xa9"}')
    table = read_jsonl(path)
    assert table.columns == ("text", "label")
    assert table.rows == (SourceRow(1, {"text": "one"}), SourceRow(4, {"label": "b"}), SourceRow(5, {"text": "é"}))
    # a byte-order mark is skipped at the start of the file only
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
def test_jsonl_bad_line_has_reason_and_keeps_other_rows(tmp_path, line, reason):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "fine"}\n' + line.replace(b"\n", b"") + b'\n{"text": "too"}\n')
    assert read_jsonl(path).rows == (
        SourceRow(1, {"text": "fine"}),
        SourceRow(2, {}, reason),
        SourceRow(3, {"text": "too"}),
    )


@given(st.lists(st.dictionaries(st.text(), st.none() | st.integers() | st.text()), max_size=5))
def test_jsonl_round_trip(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("j") / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    table = read_jsonl(path)
    assert [row.values for row in table.rows] == rows
    assert set(table.columns) == {name for row in rows for name in row}


def test_text_folder_name_is_the_label(tmp_path):
    for name in ("b/2.txt", "a/deep/1.txt", "stray.txt", "a/no.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"text of {name}\n", encoding="utf-8")
    table = read_text(tmp_path)
    assert table.columns == ("text", "label", "id")
    assert table.rows == (
        SourceRow(1, {"text": "text of a/deep/1.txt\n", "label": "a", "id": "a/deep/1.txt"}),
        SourceRow(2, {"text": "text of b/2.txt\n", "label": "b", "id": "b/2.txt"}),
        SourceRow(3, {"text": "text of stray.txt\n", "label": None, "id": "stray.txt"}),
    )


def test_text_folder_keeps_rows_next_to_undecodable_file(tmp_path):
    assert read_text(tmp_path).rows == ()  # no files
    (tmp_path / "1.txt").write_bytes(b"\xff")
    (tmp_path / "2.txt").write_bytes(b"\xef\xbb\xbffine")
    first, second = read_text(tmp_path).rows
    assert first == SourceRow(1, {}, UNDECODABLE)
    assert second.values["text"] == "fine"


def test_a_too_large_text_file_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(text_files, "MAX_CELL_CHARACTERS", 1 << 20)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.txt").write_bytes(b"x" * ((1 << 20) + 1))
    with pytest.raises(DataError, match=r"a/1\.txt is not a regular file, or has more than 1 MiB"):
        read_text(tmp_path)


ROWS = "text;label\ncaf\u00e9 \u2013 ok, fine;a\nna\u00efve;b\n"
READ = [("caf\u00e9 \u2013 ok, fine", "a"), ("na\u00efve", "b")]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "mac-roman"]
)
def test_other_encodings_are_read_if_they_are_set(tmp_path, encoding):
    mark = "\ufeff" if encoding.endswith(("le", "be")) else ""
    data = (mark + ROWS).encode(encoding)
    table = read(tmp_path, data, encoding=encoding, delimiter=";")
    assert [tuple(row.values.values()) for row in table.rows] == READ
    assert table.columns == ("text", "label")
    lines = mark + "".join(
        json.dumps({"text": text, "label": label}, ensure_ascii=False) + "\r\n" for text, label in READ
    )
    (tmp_path / "a.jsonl").write_bytes(lines.encode(encoding))
    assert read_jsonl(tmp_path / "a.jsonl", encoding).rows == tuple(
        SourceRow(number, {"text": text, "label": label}) for number, (text, label) in enumerate(READ, 1)
    )
    if encoding.startswith(("utf-16", "utf-32")):
        for name, reader in (("a.csv", read_csv), ("a.jsonl", read_jsonl)):
            with pytest.raises(DataError, match=r"not UTF-8 but utf-(16|32)") as caught:
                reader(tmp_path / name)
            assert caught.value.hint == f"Set source.encoding: {encoding[:6]}."


def test_a_wrong_encoding_is_refused_and_a_likely_one_is_named(tmp_path):
    with pytest.raises(DataError, match="not in the encoding utf-16") as caught:
        read(tmp_path, b"text,label\nodd,a\n\n", encoding="utf-16")
    assert caught.value.hint == "Correct source.encoding."
    for data, found in ((b"caf\xe9 \x96", "probably cp1252"), (b"\x81\x8d\xff", "neither UTF-8 nor cp1252")):
        (tmp_path / "a.csv").write_bytes(data)
        assert found in likely_encoding(tmp_path / "a.csv")
    assert "source.encoding" in likely_encoding(tmp_path)
    with pytest.raises(DataError, match="header of the csv file is not UTF-8") as caught:
        read(tmp_path, "gr\u00f6\u00dfe,label\nx,a\n".encode("cp1252"), wanted=["gr\u00f6\u00dfe"])
    assert "cp1252" in caught.value.hint


@pytest.mark.parametrize(
    ("found", "name"), [(";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars"), (",", "commas")]
)
def test_another_separator_is_named_with_its_key(tmp_path, found, name):
    delimiter = ";" if found == "," else ","
    data = f"who{found}text{found}label\np1{found}one{found}a\n".encode()
    with pytest.raises(DataError, match=f"separated by {name}") as caught:
        read(tmp_path, data, wanted=["text", "label"], delimiter=delimiter)
    assert caught.value.hint == f"Set source.delimiter: {json.dumps(found)}."
    assert read(tmp_path, data, wanted=["text"], delimiter=found).columns == ("who", "text", "label")
    if found != ",":
        with pytest.raises(DataError, match=f"separated by {name}") as caught:
            read(tmp_path, f"sep={found}\n".encode() + data, wanted=["text"])
        assert "remove the line" in caught.value.hint


def test_csv_columns_without_a_name_are_not_read_and_counted(tmp_path):
    table = read(tmp_path, b",text,label,, \r\n0,one,a,,\r\n1,two,b,x,y\r\n2,short,a\r\n3,more,a,,,,,\r\n")
    assert table.columns == ("text", "label")
    assert [dict(row.values) for row in table.rows] == [
        {"text": "one", "label": "a"},
        {"text": "two", "label": "b"},
        {},
        {"text": "more", "label": "a"},
    ]
    assert table.rows[2].reason == MALFORMED
    assert table.notes == ("3 columns of the csv file have no name and were not read",)


def test_text_folder_reads_every_case_of_the_suffix_and_counts_other_and_hidden_files(tmp_path):
    names = (
        "a/A.TXT",
        "a/b.Txt",
        ".git/HEAD.txt",
        "a/.x.txt",
        "__MACOSX/a.txt",
        "a/c.docx",
        "b/README",
        "c/d.txt.gz",
    )
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    table = read_text(tmp_path)
    assert [(row.values["label"], row.values["id"]) for row in table.rows] == [("a", "a/A.TXT"), ("a", "a/b.Txt")]
    assert table.notes == (
        "1 files (.docx) were not read; only .txt files are read",
        "1 files (.gz) were not read; only .txt files are read",
        "1 files (no extension) were not read; only .txt files are read",
        "3 hidden files were not read",
    )
