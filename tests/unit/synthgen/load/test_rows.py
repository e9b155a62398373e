from synthgen.load.rows import MALFORMED, UNDECODABLE, SourceRow, SourceTable, read_row

CANARY = "zebra-quartz-canary"


def test_source_rows_and_tables_hide_values_in_repr():
    row = SourceRow(4, {CANARY: CANARY})
    assert repr(row) == str(row) == "SourceRow(4)"
    assert repr(SourceTable((CANARY, "label"), (row,) * 3)) == "SourceTable(2 columns, 3 rows)"


def test_a_row_that_cannot_be_read_has_a_reason():
    def fail(error):
        raise error

    assert read_row(2, dict, [("a", 1)]) == SourceRow(2, {"a": 1})
    assert read_row(2, fail, UnicodeError()).reason == UNDECODABLE
    assert read_row(2, fail, RecursionError()).reason == MALFORMED
