"""What the shadow attack says in words; the file and its schema are tested with the command."""

from audits.attacks.shadow.report import as_text
from audits.core.types import AuditResult, Estimate, without_number


def estimate(value):
    return Estimate(value=value, low=value - 0.1, high=value + 0.1, confidence=0.95, n=32)


def test_everything_measured_is_said():
    result = AuditResult(
        name="shadow",
        verdict="fail",
        status="measured",
        estimate=estimate(0.8),
        control=estimate(0.5),
        threshold=0.55,
        direction="lower_is_safer",
        reason="It tells.",
        metrics={
            f"shadow.{n}": estimate(v)
            for n, v in (("worst_person_auc", 0.875), ("p", 0.005), ("worst_person_p", 0.25))
        },
        details={"power": {"smallest_leak": 0.6789}},
    )
    text = as_text(result)
    assert text.splitlines()[0] == "shadow: fail. It tells."
    for said in (
        "0.800 [0.700, 0.900]",
        "non-members: 0.500",
        "0.875",
        "p 0.005 for all, 0.250 for this one",
        "0.679",
    ):
        assert said in text


def test_where_nothing_can_be_told_no_leak_is_named():
    result = AuditResult(
        name="shadow",
        verdict="insufficient",
        status="measured",
        estimate=estimate(0.5),
        control=estimate(0.5),
        threshold=0.55,
        direction="lower_is_safer",
        reason="It does not decide.",
        metrics={f"shadow.{name}": estimate(0.5) for name in ("worst_person_auc", "p", "worst_person_p")},
        details={"power": {"smallest_leak": None}},
    )
    assert as_text(result).splitlines()[-1] == "  no leak is sure to be told"


def test_what_was_not_measured_has_no_numbers():
    text = as_text(without_number("shadow", "not_measurable", "Too few."))
    assert text == "shadow: insufficient. Too few."
