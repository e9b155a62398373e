from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.gate.coarse import RATES, Bin, coarsen, public_curve, public_histogram

counts = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=25)


def test_bins_with_small_counts_are_joined():
    edges = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    bins = coarsen(edges, train=[3, 20, 0, 40, 2], control=[0, 30, 11, 41, 1], min_count=10)
    assert bins == (Bin(0.0, 0.2, 23, 30), Bin(0.2, 0.3, 0, 11), Bin(0.3, 0.5, 42, 42))
    spike = coarsen([0, 0.1, 0.2], train=[500, 60], control=[0, 70], min_count=10)
    assert spike[0] == Bin(0, 0.1, 500, 0)
    assert coarsen([0, 1, 2], train=[3, 2], control=[1, 4], min_count=10) == ()
    with pytest.raises(ValueError, match=r"shorter|longer"):  # the counts do not match the edges
        coarsen([0, 1, 2], train=[10], control=[10, 10], min_count=10)


@given(counts)
def test_bins_have_enough_records_and_keep_all_counts(rows):
    train, control = zip(*rows, strict=True)
    bins = coarsen(list(range(len(rows) + 1)), train, control, 10)
    assert all(c == 0 or c >= 10 for b in bins for c in (b.train, b.control))
    assert all(left.high == right.low for left, right in pairwise(bins))
    if bins:
        assert sum(b.train for b in bins) == sum(train)
        assert sum(b.control for b in bins) == sum(control)


def test_public_histogram_contains_shares_only():
    edges, train, control = [0.0, 0.1, 0.2, 0.3], [33, 64, 0], [51, 52, 0]
    shown = public_histogram({"edges": edges, "train": train, "control": control}, 10, 0.01)
    assert [(b["train"], b["control"]) for b in shown["bins"]] == [(0.34, 0.5), (0.66, 0.5), (0.0, 0.0)]
    twice = {"edges": edges, "train": [2 * n for n in train], "control": [3 * n for n in control]}
    assert public_histogram(twice, 10, 0.01) == shown


@given(st.integers(2, 300), st.floats(0.3, 1.0))
def test_public_curve_has_fixed_rates_and_the_best_result_up_to_each(n, power):
    fpr = np.linspace(0, 1, n)
    shown = public_curve({"fpr": list(fpr), "tpr": list(fpr**power)}, 0.01)
    assert tuple(shown["fpr"]) == RATES
    for rate, found in zip(shown["fpr"], shown["tpr"], strict=True):
        best = max(t for f, t in zip(fpr, fpr**power, strict=True) if f <= rate * (1 + 1e-9))
        assert abs(found - best) <= 0.005 + 1e-9
    assert public_curve(shown, 0.01) == shown


def test_curve_uses_the_last_point_of_a_step_and_rounds_ends_outward():
    curve = {"fpr": [0, 0, 0, 0.5, 1], "tpr": [0, 0.2, 0.4, 0.7, 1], "low": [0, 0.1, 0.309, 0.6, 1]}
    shown = public_curve(curve, 0.01)
    assert (shown["tpr"][0], shown["low"][0]) == (0.4, 0.3)
    assert "high" not in shown
