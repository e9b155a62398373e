import pytest

from synthgen.load.rows import MALFORMED, UNDECODABLE, SourceRow, SourceTable

CANARY = "zebra-quartz-canary"


def test_neither_rows_nor_tables_show_what_they_hold():
    row = SourceRow(4, {CANARY: CANARY})
    assert repr(row) == str(row) == "SourceRow(4)"
    assert repr(SourceTable((CANARY, "label"), (row,) * 3)) == "SourceTable(2 columns, 3 rows)"


@pytest.mark.parametrize("reason", [MALFORMED, UNDECODABLE])
def test_a_row_that_cannot_be_read_differs_from_one_without_values(reason):
    assert SourceRow(1, {}).reason == ""
    assert SourceRow(1, {}, reason) != SourceRow(1, {})
