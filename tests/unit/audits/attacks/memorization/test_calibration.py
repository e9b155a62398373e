import numpy as np
import pytest

from audits.attacks.memorization.calibration import STRATA, caught, near_thresholds, plant, run_thresholds


@pytest.mark.parametrize(
    ("by_chance", "certain", "limit"), [(0, 13, 13), (9, 17, 17), (22, 30, 30), (23, 31, 30), (64, 72, 30)]
)
def test_the_bound_on_runs(by_chance, certain, limit):
    assert run_thresholds(by_chance)[1:] == (certain, limit)


@pytest.mark.parametrize(("by_chance", "certain", "limit"), [(0.1, 0.55, 0.55), (0.45, 0.6, 0.6), (0.9, 1.05, 0.65)])
def test_the_bound_on_shares(by_chance, certain, limit):
    assert near_thresholds(by_chance)[1:] == pytest.approx((certain, limit))


def test_every_length_is_planted_and_judged_by_itself():
    texts = ["a b c"] * 40 + [" ".join("w" * n for n in range(1, 80))] * 9 + [" ".join("v" * n for n in range(1, 40))]
    planted = plant(texts, np.random.default_rng(0))
    assert np.bincount(planted.stratum, minlength=len(STRATA)).tolist() == [8, 0, 1, 8]
    result = caught(planted, planted.stratum > 0)
    assert result.blind_share == pytest.approx(0.8)
    assert result.blind_lengths == "1 to 12 words"
    assert result.by_length() == {"1": [0, 8, 0.8], "30": [1, 1, 0.02], "64": [8, 8, 0.18]}
