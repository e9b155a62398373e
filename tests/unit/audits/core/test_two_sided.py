import numpy as np
import pytest
from scipy import stats

from audits.core.holdout import Arms
from audits.core.stats import Interval, auc, clopper_pearson
from audits.core.two_sided import (
    area_of,
    compared,
    control_needed,
    envelope,
    exact_share,
    is_inside,
    is_outside,
    power,
    supported_margin,
    too_few_rows,
    two_sided_result,
)
from audits.core.types import Estimate


@pytest.mark.parametrize(
    ("low", "high", "inside", "outside"),
    [
        (0.45, 0.55, True, False),
        *((low, high, False, False) for low, high in ((0.44, 0.55), (0.45, 0.56), (0.30, 0.70), (0.55, 0.60))),
        *((low, high, False, True) for low, high in ((0.56, 0.60), (0.40, 0.44))),
    ],
)
def test_intervals_are_compared_with_a_margin(low, high, inside, outside):
    assert is_inside(Interval(low, high), 0.05) is inside
    assert is_outside(Interval(low, high), 0.05) is outside
    shifted = Estimate(value=(low + high) / 2 - 0.5, low=low - 0.5, high=high - 0.5, confidence=0.95, n=9)
    assert is_inside(shifted, 0.051, centre=0.0) is (inside and not outside)


def test_estimates_of_the_auc_and_of_a_share():
    train, control = np.arange(30.0), np.arange(20.0)
    area = area_of(train, control)
    found = area.estimate(0.9)
    assert (found.value, found.n, found.confidence) == (auc(train, control), 20, 0.9)
    assert found.low < found.value < found.high
    assert area.p_beyond(0.0) == pytest.approx(2 * stats.norm.sf((found.value - 0.5) / area.error))
    assert area.p_beyond(0.49) == 1.0
    found = exact_share(3, 20, confidence=0.95)
    assert (found.low, found.high) == clopper_pearson(3, 20, confidence=0.95)
    assert (found.value, found.n) == (0.15, 20)


def test_the_envelope_has_the_strongest_value_and_the_outermost_ends():
    wide = Estimate(value=0.52, low=0.44, high=0.60, confidence=0.95, n=70)
    far = Estimate(value=0.47, low=0.45, high=0.49, confidence=0.96, n=90)
    assert envelope([wide, far]) == Estimate(value=0.47, low=0.44, high=0.60, confidence=0.95, n=70)


def test_required_numbers_of_persons_are_stated():
    margins = ((100, 0.03), (50, 0.05), (10, 0.1))
    assert [supported_margin(n, margins) for n in (100, 99, 50, 10, 9)] == [0.03, 0.05, 0.05, 0.1, None]
    assert control_needed(100, reference_is_control=False) == 100
    assert control_needed(101, reference_is_control=True) == 127  # 101 / .8 = 126.25
    classes = {"person_class": np.zeros(50, dtype=np.int64), "synthetic_class": np.zeros(3, dtype=np.int64)}
    people = Arms(row_person=np.arange(50), is_train=np.arange(50) < 30, **classes, n_classes=1)
    said = too_few_rows("The test", 10, 155, people, reference_is_control=False)
    assert said.startswith("The test has too few independent records: 10 instead of at least 155. The smaller of")
    assert "has 20 persons. About 310 train persons and 310 control persons" in said
    found = compared(people, has_groups=False)
    assert found == {"claim_scope": "record", "n_train_persons": 30, "n_control_persons": 20}


def test_a_two_sided_result_has_limits_around_the_centre():
    area = Estimate(value=0.5, low=0.4, high=0.6, confidence=0.95, n=10)
    details = {"power": power(1, 2, 0.1)}
    result = two_sided_result("x", "pass", area, 0.1, metrics={"auc": area}, details=details, reason="r")
    assert (result.threshold, result.status, result.direction) == ((0.4, 0.6), "measured", "two_sided")
    assert result.details["power"] == {"n": 1, "n_needed": 2, "smallest_leak": 0.1, "epsilon_ceiling": None}
    around_zero = two_sided_result("x", "fail", area, 0.1, centre=0.0, metrics={}, details={}, reason="r")
    assert around_zero.threshold == (-0.1, 0.1)
