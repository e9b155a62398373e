import pytest

from audits.gate.records import records_digest


def test_a_digest_of_records_knows_text_label_and_number_but_no_order():
    one = records_digest(["a", "b", "b"], ["x", "y", "y"])
    assert one == records_digest(["b", "a", "b"], ["y", "x", "y"])
    others = [
        records_digest(["a", "b"], ["x", "y"]),
        records_digest(["a", "b", "b"], ["y", "x", "y"]),
        records_digest(["a", "b", "b "], ["x", "y", "y"]),
        records_digest(["a", "b", "b"], None),
        records_digest([], []),
    ]
    assert len({one, *others}) == 6


def test_every_row_has_its_label():
    with pytest.raises(ValueError, match="shorter"):
        records_digest(["a", "b"], ["x"])
