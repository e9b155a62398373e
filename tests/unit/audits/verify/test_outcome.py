from hypothesis import given
from hypothesis import strategies as st

from audits.verify.outcome import Verification, VerificationStep, printable


@given(st.text())
def test_nothing_that_moves_a_terminal_is_left(text):
    shown = printable(text)
    assert all(char.isprintable() for char in shown)
    assert len(shown) <= 400


def test_escapes_bidi_and_line_ends_are_replaced():
    check = VerificationStep("x", ok=False, detail="E_X \x1b]0;title\x07 a\u202eb\nc")
    assert check.detail == "E_X �]0;title� a�b�c"
    assert Verification(False, 10, "REFUSED", (check,), None).failure == check.detail
    assert Verification(False, 10, "REFUSED", (), None).failure == ""
