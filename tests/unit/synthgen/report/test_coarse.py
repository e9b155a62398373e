from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.report.coarse import MAX_CURVE_POINTS, MIN_BIN_RECORDS, Bin, coarsen, thin_curve

counts = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=25)


def test_small_counts_join_their_neighbours():
    edges = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    bins = coarsen(edges, train=[3, 20, 0, 40, 2], control=[0, 30, 11, 41, 1])
    assert bins == (Bin(0.0, 0.2, 23, 30), Bin(0.2, 0.3, 0, 11), Bin(0.3, 0.5, 42, 42))


def test_a_spike_of_copies_is_not_joined_away():
    bins = coarsen([0, 0.1, 0.2], train=[500, 60], control=[0, 70])
    assert bins[0] == Bin(0, 0.1, 500, 0)


def test_too_few_records_give_no_bins():
    assert coarsen([0, 1, 2], train=[3, 2], control=[1, 4]) == ()


@given(counts)
def test_no_shown_bin_stands_for_few_records_and_none_is_lost(rows):
    train, control = zip(*rows, strict=True)
    bins = coarsen(list(range(len(rows) + 1)), train, control)
    assert all(c == 0 or c >= MIN_BIN_RECORDS for b in bins for c in (b.train, b.control))
    assert all(left.high == right.low for left, right in pairwise(bins))
    if bins:
        assert sum(b.train for b in bins) == sum(train)
        assert sum(b.control for b in bins) == sum(control)


def test_counts_must_match_their_edges():
    with pytest.raises(ValueError, match=r"shorter|longer"):
        coarsen([0, 1, 2], train=[10], control=[10, 10])


@given(st.integers(2, 300), st.floats(0.3, 1.0))
def test_thinning_keeps_the_attackers_best_at_each_rate_it_keeps(n, power):
    fpr = np.linspace(0, 1, n)
    roc = {"fpr": list(fpr), "tpr": list(fpr**power)}
    thin = thin_curve(roc)
    assert len(thin["fpr"]) <= MAX_CURVE_POINTS
    assert (thin["fpr"][0], thin["fpr"][-1]) == (0.0, 1.0)
    assert set(zip(thin["fpr"], thin["tpr"], strict=True)) <= set(zip(roc["fpr"], roc["tpr"], strict=True))


def test_thinning_takes_the_last_point_of_a_step():
    thin = thin_curve({"fpr": [0, 0, 0, 0.5, 1], "tpr": [0, 0.2, 0.4, 0.7, 1], "low": [0, 0.1, 0.3, 0.6, 1]})
    assert (thin["tpr"][0], thin["low"][0]) == (0.4, 0.3)
    assert "high" not in thin
