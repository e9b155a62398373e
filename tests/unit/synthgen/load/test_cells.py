from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.load.cells import LARGEST_EXACT, CellError, is_visible, normalized, plain_name


@given(st.integers(1 - LARGEST_EXACT, LARGEST_EXACT - 1))
def test_a_whole_number_has_one_text_in_every_type(number):
    assert {plain_name(kind(number)) for kind in (int, float, Decimal, str)} == {str(number)}


def test_uuids_and_missing_values_are_read():
    assert plain_name(UUID(int=7)) == "00000000-0000-0000-0000-000000000007"
    assert [plain_name(value) for value in (None, "", "  ", float("nan"), Decimal("nan"))] == [None] * 5
    for value in (b"x", (), {}, 1j, float(LARGEST_EXACT), Decimal("inf"), -0.5):
        with pytest.raises(CellError, match="save it as text") as caught:
            plain_name(value)
        assert repr(value) not in str(caught.value)


@pytest.mark.parametrize(
    "unseen", ["\u200b", "\u2800", "\ufeff", "\u00ad", "\u3164", "\U000e0041", "\ufe0f", "\u200d\u2060"]
)
def test_invisible_characters_are_no_text(unseen):
    assert not is_visible(f" {unseen}\n")
    assert is_visible(f"{unseen}.")
    assert normalized(f"a{unseen} b", "NFC") == "a b"
