from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.compare.eda import eda
from synthgen.core.errors import DataError


class Fixed:
    """Random numbers written by hand: single ones, rows, and pairs of places."""

    def __init__(self, singles=(), row=(), places=()):
        self.singles, self.row, self.places = iter(singles), row, iter(places)

    def random(self, size=None):
        return next(self.singles) if size is None else np.array(self.row)

    def integers(self, _n, size=None):
        return np.array(next(self.places)) if size else next(self.places)


def test_eda_by_hand():
    ten = "a b c d e f g h i j"
    assert eda(ten, Fixed([0.4], places=[(0, 9)])) == "j b c d e f g h i a"
    twenty = f"{ten} {ten}"  # two swaps of twenty words
    assert eda(twenty, Fixed([0.4], places=[(0, 1), (1, 2)])) == "b c a d e f g h i j " + ten
    assert eda("a  b\nc", Fixed([0.5], row=[0.2, 0.09, 0.1])) == "a c"
    assert eda("a b", Fixed([0.5], row=[0.0, 0.0], places=[1])) == "b"
    with pytest.raises(DataError, match="without words"):
        eda("  ", Fixed([0.4]))


@given(st.lists(st.sampled_from("abcde"), min_size=1, max_size=30), st.integers(0, 99))
def test_eda_adds_no_word_and_keeps_at_least_one(words, seed):
    made = eda(" ".join(words), np.random.default_rng(seed)).split()
    assert made
    assert not Counter(made) - Counter(words)
