import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.core.errors import DataError
from synthgen.interpolate.counts import check_classes, largest_remainder, wanted_counts


def test_equal_gives_the_odd_ones_to_the_labels_that_sort_first():
    assert wanted_counts(["c", "a", "b", "a"], "equal", 11) == {"a": 4, "b": 4, "c": 3}


def test_as_source_by_largest_remainder():
    # 10 · (5, 3, 2, 1)/11 = 4.55, 2.73, 1.82, 0.91: whole parts 4, 2, 1, 0 and the three largest remainders get one
    labels = ["a"] * 5 + ["b"] * 3 + ["c"] * 2 + ["d"]
    assert wanted_counts(labels, "as-source", 10) == {"a": 4, "b": 3, "c": 2, "d": 1}


@given(st.dictionaries(st.text(max_size=3), st.integers(1, 1000), min_size=1, max_size=12), st.integers(0, 5000))
def test_whole_numbers_sum_to_the_total_and_are_within_one_of_the_share(weights, total):
    counts = largest_remainder(weights, total)
    assert sum(counts.values()) == total
    assert list(counts) == sorted(weights)
    for label, count in counts.items():
        assert abs(count - total * weights[label] / sum(weights.values())) < 1


def test_a_mapping_is_taken_as_it_is():
    assert wanted_counts(["a", "b"], {"b": 3, "a": 8}, None) == {"a": 8, "b": 3}


def test_every_unknown_class_is_named():
    with pytest.raises(DataError, match="do not have") as refused:
        wanted_counts(["a"], {"y": 3, "a": 8, "x": 1}, None)
    assert [p[:3] for p in refused.value.problems] == ["'x'", "'y'"]


def test_a_class_that_would_vanish_is_refused():
    with pytest.raises(DataError, match="leaves 1 of 2 classes") as refused:
        wanted_counts(["a"] * 99 + ["b"], "as-source", 10)
    assert refused.value.problems == ("'b': 1 of 100 train records",)


@pytest.mark.parametrize(
    ("labels", "total", "message"), [([], 5, "no train records"), (["a"], None, "total is needed")]
)
def test_nothing_to_count(labels, total, message):
    with pytest.raises(DataError, match=message):
        wanted_counts(labels, "equal", total)


def test_a_count_below_one_is_refused():
    with pytest.raises(DataError, match="too small") as refused:
        check_classes(["a", "a"], ["p", "q"], {"a": 0}, 2)
    assert refused.value.problems == ("'a': 0 records asked for, needs 1",)
