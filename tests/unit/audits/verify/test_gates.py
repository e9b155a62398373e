import pytest

from audits.core.errors import VerifyError
from audits.gate.evidence import Evidence, Metric
from audits.verify.contents import METRICS
from audits.verify.gates import MAX_CONFIDENCES, bundle_evidence


def test_evidence_that_cannot_be_read_is_refused():
    with pytest.raises(VerifyError, match="E_GATE the evidence cannot be read"):
        bundle_evidence({METRICS: b"{"})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"value": 0.5547111104, "low": 0.5, "high": 0.6}, "more precise about private counts"),
        ({"confidence": 0.9600000074111104}, ""),
    ],
)
def test_digits_of_the_evidence_have_no_room_for_text(copy, reissue, judge, change, message):
    reissue(copy, {METRICS: lambda v: v["metrics"]["membership.auc"].update(change)})
    assert message in judge(copy).failure
    assert not judge(copy).ok


def test_exact_numbers_and_confidences_are_short(copy, reissue, judge):
    def many(value):
        for i, metric in enumerate(value["metrics"].values()):
            metric["confidence"] = 0.96 + i / 1000

    reissue(copy, {METRICS: many})
    assert "more than six digits or too many confidences" in judge(copy).failure
    reissue(copy, {METRICS: lambda v: v["metrics"]["secret.private"].update(value=1.7411110451, high=1.7411110451)})
    assert not judge(copy).ok
    numbers = {"records.synthetic": Metric(value=1, low=1, high=1, confidence=0.96, n=1)}
    assert Evidence(metrics=numbers, audits={}).metrics
    assert MAX_CONFIDENCES < 9
