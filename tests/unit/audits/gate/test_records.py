import pytest

from audits.gate.records import records_digest


def test_digest_depends_on_texts_labels_and_number_but_not_on_order():
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
    with pytest.raises(ValueError, match="shorter"):
        records_digest(["a", "b"], ["x"])
