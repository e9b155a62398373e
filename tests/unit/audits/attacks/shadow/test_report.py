"""Text of the result of the shadow attack; the file and its schema are tested with the command."""

import pytest

from audits.attacks.shadow.attack import as_text
from audits.core.types import AuditResult, Estimate, without_number


def estimate(value):
    return Estimate(value=value, low=value - 0.1, high=value + 0.1, confidence=0.95, n=32)


@pytest.mark.parametrize(
    ("leak", "last_line"),
    [(0.6789, "  an AUC of 0.679 is detected with power .8"), (None, "  no leak is certain to be detected")],
)
def test_text_contains_every_measurement(leak, last_line):
    values = {"worst_person_auc": 0.875, "p": 0.005, "worst_person_p": 0.25}
    result = AuditResult(
        name="shadow",
        verdict="fail",
        status="measured",
        estimate=estimate(0.8),
        control=estimate(0.5),
        threshold=0.55,
        direction="lower_is_safer",
        reason="It leaks.",
        metrics={f"shadow.{name}": estimate(value) for name, value in values.items()},
        details={"power": {"smallest_leak": leak}},
    )
    text = as_text(result)
    assert text.splitlines()[0] == "shadow: fail. It leaks."
    measured = ("0.800 [0.700, 0.900]", "non-members: 0.500", "0.875", "p 0.005 for all persons, 0.250 for this one")
    assert all(words in text for words in measured)
    assert text.splitlines()[-1] == last_line


def test_text_without_measurement_has_no_numbers():
    text = as_text(without_number("shadow", "not_measurable", "Too few."))
    assert text == "shadow: insufficient. Too few."
