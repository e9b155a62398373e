import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.core.errors import DataError
from synthgen.load.csv import read_csv
from synthgen.load.rows import MALFORMED, UNDECODABLE, SourceRow


def read(tmp_path, data):
    path = tmp_path / "a.csv"
    path.write_bytes(data)
    return read_csv(path)


def test_rows_are_numbered_below_the_header_and_quotes_hold_commas_and_lines(tmp_path):
    table = read(tmp_path, b'\xef\xbb\xbftext,label\r\n"a, b\nc ""d""",x\r\n\r\n\xc3\xa9,y')
    assert table.columns == ("text", "label")
    assert table.rows == (
        SourceRow(1, {"text": 'a, b\nc "d"', "label": "x"}),
        SourceRow(2, {"text": "é", "label": "y"}),
    )


def test_where_rows_are_to_be_apart_no_open_quote_takes_others_into_its_cell(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b'text,label\n"since Monday,x\nanother,y\nheight 5\'6",x\n')
    assert len(read_csv(path).rows) == 1
    with pytest.raises(DataError, match="row 1 of the csv file has a cell of several lines"):
        read_csv(path, apart=True)
    path.write_bytes(b'text,label,"notes\nsince Monday,x,a\nz",c\nanother,y,b,d\n')
    with pytest.raises(DataError, match="the header of the csv file has a cell of several lines"):
        read_csv(path, apart=True)
    path.write_bytes(b'text,label\n"a, b ""d""",x\n')
    assert read_csv(path, apart=True) == read_csv(path)


def test_undecodable_cells_do_not_hide_the_other_rows(tmp_path):
    table = read(tmp_path, b"text,label\nfine,a\nb\xffd,a\nshort\nlast,b\n")
    assert [(row.number, row.reason) for row in table.rows] == [(1, ""), (2, UNDECODABLE), (3, MALFORMED), (4, "")]
    assert table.rows[1].values == table.rows[2].values == {}


def test_a_text_longer_than_the_libraries_limit_is_read(tmp_path):
    text = "long " * 40_000
    assert read(tmp_path, f"text,label\n{text},a\n".encode()).rows[0].values["text"] == text


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"text,text\na,b\n", "names a column twice"),
        (b'text,label\nfine,a\n"zebra never closed', "cannot be read past line 3"),
        (b'text,label\n"zebra" tail,a\n', "cannot be read past line 2"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused_without_its_text(tmp_path, data, message):
    with pytest.raises(DataError, match=message) as caught:
        read(tmp_path, data)
    assert "zebra" not in str(caught.value)


def test_an_empty_file_has_no_columns_and_no_rows(tmp_path):
    table = read(tmp_path, b"")
    assert (table.columns, table.rows) == ((), ())


# a cell never starts with a mark of byte order, and a row of one empty cell is a blank line
CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\ufeff\0"), min_size=1)


@given(st.lists(st.tuples(CELLS, CELLS), max_size=5))
def test_what_is_written_is_read(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("c") / "a.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    assert [tuple(row.values.values()) for row in read_csv(path).rows] == rows
