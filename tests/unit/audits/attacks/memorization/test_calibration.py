from types import SimpleNamespace

import numpy as np
import pytest

from audits.attacks.memorization.calibration import (
    OF_RUNS,
    OF_SHARES,
    STRATA,
    bag_thresholds,
    capped_thresholds,
    caught,
    loose_thresholds,
    non_members,
    plant,
    short_thresholds,
    whole_thresholds,
)

OFF = (np.inf, np.inf)
THRESHOLDS = {
    lambda n: capped_thresholds(n, *OF_RUNS): [(0, 13, 13), (9, 17, 17), (22, 30, 30), (23, 31, 30), (64, 72, 30)],
    lambda n: capped_thresholds(n, *OF_SHARES): [(0.1, 0.55, 0.55), (0.45, 0.6, 0.6), (0.9, 1.05, 0.65)],
    short_thresholds: [(0, np.inf, 8), (5, np.inf, 9), (8, np.inf, 12), (9, *OFF)],
    whole_thresholds: [(0, 30, 30), (16, 32, 32), (32, 64, 64), (33, *OFF)],
    loose_thresholds: [(0.1, 0.6, 0.6), (0.5, 0.7, 0.7), (0.6, 0.8, 0.8), (0.61, *OFF)],
}


def test_thresholds_of_bags_consider_longer_records_and_the_shortest_prove_no_leak():
    quiet, noisy = bag_thresholds([0.1, 0.3, 0.5, 0.0]), bag_thresholds([0.0, 0.93, 0.7, 0.61])
    assert [t.limit for t in quiet] == pytest.approx([0.7, 0.7, 0.7, 0.65])
    assert [t.certain for t in quiet] == pytest.approx([np.inf, 0.8, 0.8, 0.8])
    assert [t.limit for t in noisy] == pytest.approx([np.inf, np.inf, 0.85, 0.76])
    assert [t.certain for t in noisy] == [np.inf] * 4
    assert [t.limit for t in bag_thresholds([0.7, 0.0, 0.0, 0.0])] == pytest.approx([0.97, 0.65, 0.65, 0.65])


@pytest.mark.parametrize("thresholds", THRESHOLDS)
def test_thresholds_have_a_floor_a_margin_and_a_ceiling(thresholds):
    for values in THRESHOLDS[thresholds]:
        assert thresholds(values[0]) == pytest.approx(values)


def test_non_members_share_no_record_with_train_and_are_at_most_as_many():
    found = SimpleNamespace(merged=np.array([0, 1, 2, 1, 4, 5, 6, 7]))  # the first control person is also person 1
    drawn = {
        n: non_members(SimpleNamespace(n_train=3, n_persons=n), found, np.random.default_rng(0)).tolist()
        for n in (6, 8)
    }
    assert drawn[6] == [1, 2]
    assert len(set(drawn[8])) == 3
    assert set(drawn[8]) < {1, 2, 3, 4}


def test_each_length_class_is_planted_and_counted_separately():
    long, medium = (" ".join(letter * n for n in range(1, size)) for letter, size in (("w", 80), ("v", 40)))
    texts = ["a b c"] * 400 + [long] * 90 + [medium] * 10
    planted = plant(texts, np.random.default_rng(0))
    for reordered, counts in ((False, [256, 0, 10, 90]), (True, [64, 0, 10, 64])):
        of_kind = planted.stratum[planted.is_reordered == reordered]
        assert np.bincount(of_kind, minlength=len(STRATA)).tolist() == counts
    assert caught(planted, planted.stratum > 0, reordered=True).by_length()["30"] == [10, 10, 0.02]
    again = next(
        text for text, is_it in zip(planted.texts, planted.is_reordered, strict=True) if is_it and "w" in text
    )
    assert again != long
    assert sorted(again.split()) == sorted(long.split())
    result = caught(planted, planted.stratum > 0, reordered=False)
    assert result.untested_share == pytest.approx(0.8)
    assert result.untested_lengths == "1 to 12 words"
    assert result.by_length() == {"1": [0, 256, 0.8], "30": [10, 10, 0.02], "64": [90, 90, 0.18]}
