import numpy as np
import pytest

from audits.attacks.memorization.calibration import STRATA, caught, near_thresholds, plant, run_thresholds

RUNS = [(0, 13, 13), (9, 17, 17), (22, 30, 30), (23, 31, 30), (64, 72, 30)]
SHARES = [(0.1, 0.55, 0.55), (0.45, 0.6, 0.6), (0.9, 1.05, 0.65)]


@pytest.mark.parametrize(
    ("thresholds", "values"), [*((run_thresholds, v) for v in RUNS), *((near_thresholds, v) for v in SHARES)]
)
def test_thresholds_have_a_floor_a_margin_and_a_ceiling(thresholds, values):
    assert thresholds(values[0]) == pytest.approx(values)


def test_each_length_class_is_planted_and_counted_separately():
    texts = ["a b c"] * 40 + [" ".join("w" * n for n in range(1, 80))] * 9 + [" ".join("v" * n for n in range(1, 40))]
    planted = plant(texts, np.random.default_rng(0))
    assert np.bincount(planted.stratum, minlength=len(STRATA)).tolist() == [8, 0, 1, 8]
    result = caught(planted, planted.stratum > 0)
    assert result.blind_share == pytest.approx(0.8)
    assert result.blind_lengths == "1 to 12 words"
    assert result.by_length() == {"1": [0, 8, 0.8], "30": [1, 1, 0.02], "64": [8, 8, 0.18]}
