from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from synthgen.core.errors import ConfigError, DataError
from synthgen.stages.interpolate.strategy import CHOICES, new_points

HAVE = {"ant": 3, "bee": 7, "cow": 5}
SIZES = st.lists(st.integers(1, 40), min_size=2, max_size=6)


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("auto", {"ant": 4, "cow": 2}),
        ("not majority", {"ant": 4, "cow": 2}),
        ("minority", {"ant": 4}),
        ("not minority", {"bee": 0, "cow": 2}),
        ("all", {"ant": 4, "bee": 0, "cow": 2}),
        ({"cow": 5, "ant": 11}, {"ant": 8, "cow": 0}),
        (OrderedDict(bee=np.int64(8)), {"bee": 1}),
        (lambda y: {name: len(y) for name in ["ant", "bee"]}, {"ant": 12, "bee": 8}),
    ],
)
def test_worked_by_hand(strategy, expected):
    found = new_points(strategy, HAVE, y=range(15))
    assert found == expected
    assert list(found) == sorted(found)


def test_a_ratio_is_of_the_larger_class_rounded_down():
    assert new_points(0.7, {"no": 11, "yes": 2}) == {"yes": 5}  # 7.7
    assert new_points(1, {"no": 2, "yes": 11}) == {"no": 9}


def test_of_classes_of_one_size_the_first_counts():
    assert new_points("auto", {"ant": 4, "bee": 4}) == {"bee": 0}
    assert new_points("minority", {"ant": 4, "bee": 4}) == {"ant": 0}


def in_imblearn(strategy, sizes):
    check = pytest.importorskip("imblearn.utils", reason="imbalanced-learn is not installed").check_sampling_strategy
    return dict(check(strategy, np.repeat(np.arange(len(sizes)), sizes), "over-sampling"))


def ours(strategy, sizes):
    return new_points(strategy, dict(enumerate(sizes)), np.repeat(np.arange(len(sizes)), sizes))


@given(SIZES, st.sampled_from(CHOICES))
def test_words_mean_what_they_mean_in_imbalanced_learn(sizes, word):
    assert ours(word, sizes) == in_imblearn(word, sizes)


@given(st.lists(st.integers(1, 40), min_size=2, max_size=2), st.floats(0.01, 1))
def test_so_do_ratios(sizes, ratio):
    try:
        expected = in_imblearn(ratio, sizes)
    except ValueError:
        with pytest.raises(DataError, match="Raise the ratio"):
            ours(ratio, sizes)
    else:
        assert ours(ratio, sizes) == expected


@given(SIZES, st.data())
def test_so_do_totals_and_functions(sizes, data):
    totals = {c: data.draw(st.integers(n - 2, n + 30)) for c, n in enumerate(sizes) if data.draw(st.booleans())}
    assume(totals)
    for strategy in (totals, lambda _: totals):
        try:
            expected = in_imblearn(strategy, sizes)
        except ValueError:
            with pytest.raises(DataError, match="over-sampling cannot do"):
                ours(strategy, sizes)
        else:
            assert ours(strategy, sizes) == expected


@pytest.mark.parametrize(
    ("strategy", "have", "error", "message"),
    [
        ("auto", {"ant": 3}, DataError, "at least 2 classes"),
        ("majority", HAVE, ConfigError, "one of: auto, minority"),
        (0.9, HAVE, DataError, "give a dict"),
        (0, {"a": 3, "b": 2}, ConfigError, r"in \(0, 1\]"),
        (1.01, {"a": 3, "b": 2}, ConfigError, r"in \(0, 1\]"),
        (float("nan"), {"a": 3, "b": 2}, ConfigError, r"in \(0, 1\]"),
        (None, HAVE, ConfigError, r"in \(0, 1\]"),
        (0.5, {"a": 4, "b": 2}, DataError, "Raise the ratio"),
        (lambda _: "auto", HAVE, ConfigError, "must return a mapping"),
    ],
)
def test_what_is_refused(strategy, have, error, message):
    with pytest.raises(error, match=message):
        new_points(strategy, have)


def test_every_problem_of_the_totals_is_listed():
    with pytest.raises(DataError) as caught:
        new_points({"ant": 2, "bee": 7.5, "elk": 9}, HAVE)
    assert caught.value.problems == (
        "'elk': no such class in y",
        "'ant': a total of 2 is below the 3 rows there are",
        "'bee': the total must be a whole number, got 7.5",
    )
