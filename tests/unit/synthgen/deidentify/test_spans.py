from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.deidentify.spans import KINDS, Span, without_overlaps

LENGTH = 23
SPANS = st.lists(
    st.builds(Span, st.integers(0, LENGTH), st.integers(0, LENGTH), st.sampled_from(KINDS)), max_size=8, unique=True
)


def test_of_overlapping_kinds_the_surer_one_counts():
    date, phone, name = Span(2, 12, "date"), Span(0, 14, "phone"), Span(12, 20, "name")
    assert without_overlaps([name, phone, date], LENGTH) == [date, name]


def test_of_one_kind_the_longer_counts_and_then_the_first():
    assert without_overlaps([Span(0, 3, "name"), Span(2, 9, "name")], LENGTH) == [Span(2, 9, "name")]
    assert without_overlaps([Span(4, 8, "name"), Span(2, 6, "name")], LENGTH) == [Span(2, 6, "name")]


def test_spans_that_touch_both_count_and_empty_ones_never():
    assert without_overlaps([Span(5, 9, "name"), Span(0, 5, "name"), Span(3, 3, "email")], LENGTH) == [
        Span(0, 5, "name"),
        Span(5, 9, "name"),
    ]


def test_an_unknown_kind_is_a_bug():
    with pytest.raises(ValueError, match="not in tuple"):
        without_overlaps([Span(0, 1, "nonsense")], LENGTH)


@given(SPANS)
def test_what_is_kept_is_in_order_apart_and_as_much_as_fits(spans):
    kept = without_overlaps(spans, LENGTH)
    assert all(a.end <= b.start for a, b in pairwise(kept))
    assert set(kept) <= set(spans)
    for span in set(spans) - set(kept):
        assert span.start >= span.end or any(k.start < span.end and span.start < k.end for k in kept)


@given(SPANS, st.randoms(use_true_random=False))
def test_the_order_of_the_finds_does_not_matter(spans, random):
    shuffled = random.sample(spans, len(spans))
    assert without_overlaps(shuffled, LENGTH) == without_overlaps(spans, LENGTH)
