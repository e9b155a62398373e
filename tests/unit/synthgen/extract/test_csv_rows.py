import csv
import gzip
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.core.errors import DataError
from synthgen.extract.csv_rows import MALFORMED, UNDECODABLE, CsvRow, identifier, read_csv_table
from synthgen.extract.note import Dropped

HEADER = b"NOTE_ID,person_id,note_text\n"


def rows(path, data, encoding="utf-8"):
    path.write_bytes(data)
    return list(read_csv_table(path, {"note_id"}, encoding).rows)


def cells(items):
    return [item.cells if isinstance(item, CsvRow) else item.reason for item in items]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "note.csv"


@pytest.mark.parametrize("separator", [",", "\t", ";", "|"])
@pytest.mark.parametrize("packed", [False, True])
def test_reads_any_separator_and_compression(path, separator, packed):
    data = f'\ufeffNOTE_ID{separator}Text\n1{separator}"a{separator}\r\n""b"""\n'.encode()
    path.write_bytes(gzip.compress(data) if packed else data)
    table = read_csv_table(path, {"note_id", "other"}, "utf-8")
    assert table.columns == ("note_id", "text")
    assert list(table.rows) == [CsvRow("note.csv line 2", ["1", f'a{separator}\r\n"b"'])]


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=2)), st.booleans())
def test_written_rows_are_read(tmp_path_factory, table, windows):
    path = tmp_path_factory.mktemp("csv") / "note.csv"
    file = io.StringIO(newline="")
    writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\r\n" if windows else "\n")
    writer.writerows([["note_id", "text"], *table])
    found = rows(path, file.getvalue().encode())
    nulls = {"NULL", "NA", r"\N"}
    assert cells(found) == [["" if cell in nulls else cell for cell in row] for row in table]


def test_bad_rows_are_counted_and_the_rows_after_them_are_read(path):
    data = HEADER + b'1,2\n2,3,"x" y\n3,4,5,6\n\n4,5,ok,,\n5,6,"a\nb"\n6,7,"c'
    assert rows(path, data) == [
        Dropped(MALFORMED, "note.csv line 2"),
        Dropped(MALFORMED, "note.csv line 3"),
        Dropped(MALFORMED, "note.csv line 4"),
        CsvRow("note.csv line 6", ["4", "5", "ok"]),
        CsvRow("note.csv line 7", ["5", "6", "a\nb"]),
        Dropped(MALFORMED, "note.csv line 9"),
    ]


def test_unclosed_quote_does_not_join_the_texts_of_two_rows(path):
    found = cells(rows(path, HEADER + b'1,2,"a\n2,3,b\n3,4,"c"\n4,5,d\n'))
    assert found == [MALFORMED, ["4", "5", "d"]]


def test_undecodable_rows_among_others_are_counted(path):
    data = HEADER + "1,2,é\n2,3,ü\n".encode() + b"3,4,caf\xe9\n4,5,x\n"
    assert cells(rows(path, data)) == [["1", "2", "é"], ["2", "3", "ü"], UNDECODABLE, ["4", "5", "x"]]


def test_file_in_another_encoding_is_refused_with_the_remedy(path):
    data = HEADER + b"1,2,caf\xe9\n2,3,x\n"
    with pytest.raises(DataError, match="1 rows contain bytes that are not valid utf-8") as caught:
        rows(path, data)
    assert "cp1252" in caught.value.hint
    assert cells(rows(path, data, "cp1252")) == [["1", "2", "café"], ["2", "3", "x"]]
    wide = (HEADER + b"1,2,x\n").decode().encode("utf-16")
    assert cells(rows(path, wide, "utf-16")) == [["1", "2", "x"]]
    with pytest.raises(DataError, match=r"first line contains bytes that are not valid utf-8(.|\n)*source\.encoding"):
        rows(path, wide)
    with pytest.raises(DataError, match="not in the encoding utf-16"):
        rows(path, wide[:-1], "utf-16")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a header: it has no column "),
        (b"1,zebra,text\n2,3,x\n", "not a header: it has no column "),
        (b"note_id,A,a\n", "two columns have the same name"),
        (gzip.compress(HEADER * 99, mtime=0)[:-9], "compressed data is damaged"),
        (b"\x1f\x8bzebra", "cannot be read"),
    ],
)
def test_unusable_file_is_one_error_without_content(path, data, message):
    with pytest.raises(DataError, match=message) as caught:
        rows(path, data)
    assert "zebra" not in str(caught.value)


def test_missing_file_is_an_error(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        read_csv_table(tmp_path / "note.csv", {"note_id"}, "utf-8")


def test_cell_above_the_limit_is_malformed(path):
    data = HEADER + b'1,2,"' + b"a" * (1 << 24) + b'b"\n2,3,c\n'
    found = cells(rows(path, data))
    assert found[0] == MALFORMED
    assert found[-1] == ["2", "3", "c"]


@given(st.integers())
def test_identifier_has_no_decimals(number):
    assert identifier(f" {number}.0\t") == identifier(f"{number}") == str(number)
    assert identifier("12.50") == "12.50"
    assert identifier("A.0") == "A.0"


def test_repr_has_no_content():
    assert "zebra" not in repr(CsvRow("line 1", ["zebra"]))
