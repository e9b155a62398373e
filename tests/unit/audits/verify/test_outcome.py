import json

from hypothesis import given
from hypothesis import strategies as st

from audits.verify.outcome import Verification, VerificationStep, print_verification, printable


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


def test_print_verification_writes_the_result_to_stdout(capsys):
    check = VerificationStep("paths", ok=False, detail="E_UNSAFE x")
    found = Verification(False, 15, "REFUSED", (check,), None)
    print_verification(found, as_json=False)
    assert capsys.readouterr() == ("FAIL paths: E_UNSAFE x\nVERIFICATION FAILED: do not use this bundle\n", "")
    print_verification(found, as_json=True)
    step = {"id": "paths", "ok": False, "detail": "E_UNSAFE x"}
    wanted = {"ok": False, "verdict": "REFUSED", "code": 15, "checks": [step], "release": None}
    assert json.loads(capsys.readouterr().out) == wanted
