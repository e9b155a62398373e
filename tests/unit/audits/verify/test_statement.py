import pytest
from pydantic import ValidationError

from audits.core.errors import VerifyError
from audits.core.strictjson import canonical
from audits.verify.statement import APPROVAL_TYPE, PAYLOAD_TYPE, Privacy, ReleaseStatement, read_statement, statement


def test_subjects_are_sorted():
    made = statement({"b": "1" * 64, "a": "2" * 64}, APPROVAL_TYPE, {})
    assert [subject["name"] for subject in made["subject"]] == ["a", "b"]
    with pytest.raises(VerifyError, match="E_PREDICATE the signed payload is no ReleaseStatement"):
        read_statement(ReleaseStatement, PAYLOAD_TYPE, canonical(made))


@pytest.mark.parametrize(
    "fields",
    [
        {"mechanism": "none+empirical", "unit": "group", "delta": 1e-6},
        {"mechanism": "dp-sgd", "unit": "group"},
        {"mechanism": "dp-sgd", "unit": "group", "epsilon": 1.0},
        {"mechanism": "magic", "unit": "group"},
        {"mechanism": "dp-sgd", "unit": "patient", "epsilon": 1.0, "delta": 1e-6},
    ],
)
def test_a_privacy_claim_is_whole_or_absent(fields):
    with pytest.raises(ValidationError):
        Privacy.model_validate(fields)
