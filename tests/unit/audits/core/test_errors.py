import pytest

from audits.core import errors
from audits.core.errors import AuditError, InputError, NotMeasurable, PolicyError, VerifyError

CLASSES = {
    name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, AuditError)
}
# by exit code: files, signatures, policy and gates, approvals, time, unsafe names
VERIFY_CODES = {
    10: {"E_DATA", "E_DIGEST", "E_EXTRA", "E_MANIFEST", "E_MISSING", "E_SUBJECT"},
    11: {"E_SIG", "E_ENVELOPE", "E_JSON", "E_PREDICATE", "E_TRUST"},
    12: {"E_POLICY", "E_GATE"},
    13: {"E_APPROVAL"},
    14: {"E_KEY_EXPIRED", "E_REVOKED", "E_TIME", "E_TSA"},
    15: {"E_UNSAFE"},
}


def test_classes_have_their_exit_code_and_bad_input_is_a_value_error():
    codes = {name: kind.exit_code for name, kind in CLASSES.items()}
    assert codes == {
        "AuditError": 1,
        "InputError": 3,
        "PolicyError": 3,
        "NotMeasurable": 1,
        "VerifyError": 1,
        "UnmetPolicyError": 4,
    }
    assert {kind for kind in CLASSES.values() if issubclass(kind, ValueError)} == {InputError, PolicyError}


@pytest.mark.parametrize("kind", [AuditError, InputError, PolicyError, NotMeasurable])
def test_the_message_lists_every_problem_and_the_hint(kind):
    error = kind("it failed", problems=["first: bad", "second: worse"], hint="Do this.")
    assert str(error) == "it failed\n  - first: bad\n  - second: worse\nDo this."
    assert (error.message, error.problems, error.hint) == ("it failed", ("first: bad", "second: worse"), "Do this.")
    assert str(kind("it failed")) == "it failed"


def test_every_verify_code_has_its_exit_code():
    wanted = {code: exit_code for exit_code, codes in VERIFY_CODES.items() for code in codes}
    assert dict(VerifyError.EXIT_CODES) == wanted
    for code, exit_code in wanted.items():
        error = VerifyError(code, "README.md: what was found")
        assert (error.code, error.exit_code, str(error)) == (code, exit_code, f"{code} README.md: what was found")
    other_codes = {0, *(kind.exit_code for kind in CLASSES.values())}
    assert not other_codes & set(VerifyError.EXIT_CODES.values())
    with pytest.raises(KeyError):
        VerifyError("E_NONSENSE", "x")
