import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.interpolate import exposure
from synthgen.interpolate.base import Unfit
from synthgen.interpolate.exposure import limit_exposure


def blocks(n, p, seed):
    """Yield endless blocks of 17 proposals; the parents of a proposal are p of n rows."""
    rng = np.random.default_rng(seed)
    while True:
        yield rng.random((17, n)).argsort(axis=1)[:, :p], rng.dirichlet(np.ones(p), size=17)


def slow(proposals, m, persons, bound):
    """Return the first m proposals that fit, tested one after the other."""
    used, taken = dict.fromkeys(persons.tolist(), 0.0), []
    for rows, shares in proposals:
        for row, share in zip(rows.tolist(), shares.tolist(), strict=True):
            after = [used[persons[r]] + w for r, w in zip(row, share, strict=True)]
            if max(after) <= bound:
                used.update({persons[r]: total for r, total in zip(row, after, strict=True)})
                taken.append((row, share))
            if len(taken) == m:
                return taken
    return taken


def test_limit_exposure_worked_example():
    # With limit 1, the second proposal would raise person 2 to 1.1, and the fourth would raise person 4 to 1.2. The
    # last proposal raises person 3 to exactly 1.
    pairs = [[0, 1], [0, 2], [2, 3], [0, 3], [1, 2]]
    shares = [[0.7, 0.3], [0.4, 0.6], [0.5, 0.5], [0.3, 0.7], [0.5, 0.5]]
    for limit, taken in ((1.25, [0, 1, 2]), (1, [0, 2, 4])):
        offered = iter([(np.array(pairs), np.array(shares))])
        parents, weights = limit_exposure(offered, 3, groups=np.array([2, 5, 3, 4]), max_exposure=limit)
        assert (parents.tolist(), weights.tolist()) == ([pairs[i] for i in taken], [shares[i] for i in taken])


def test_limit_exposure_accepts_a_sum_equal_to_the_limit():
    pairs = [[0, 1], [1, 2], [0, 2]]
    offered = ((np.array([pair]), np.array([[0.5, 0.5]])) for pair in pairs)
    assert limit_exposure(offered, 3, groups=np.arange(3), max_exposure=1)[0].tolist() == pairs


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_exposure_limit_accepts_first_fitting_proposals(data):
    p = data.draw(st.integers(2, 5), label="p")
    n, m = data.draw(st.integers(p + 1, 13), label="n"), data.draw(st.integers(1, 60), label="m")
    bound = data.draw(st.floats(1.3, 4), label="room") * max(m, n) / n
    seed = data.draw(st.integers(0, 2**31), label="seed")
    groups = np.random.default_rng(seed).permutation(n) + 3
    try:
        parents, weights = limit_exposure(blocks(n, p, seed), m, groups=groups, max_exposure=bound)
    except Unfit:
        return  # the next tests cover this error
    taken = slow(blocks(n, p, seed), m, groups, bound)
    assert (parents.tolist(), weights.tolist()) == ([row for row, _ in taken], [share for _, share in taken])
    assert np.bincount(groups[parents].ravel(), weights=weights.ravel()).max() <= bound


@pytest.mark.parametrize("bound", [None, 9.5])
def test_limit_exposure_of_more_points_keeps_the_first(bound):
    made = (limit_exposure(blocks(23, 3, 4), m, groups=np.arange(23), max_exposure=bound) for m in (40, 180))
    for a, b in zip(*made, strict=True):
        assert np.array_equal(a, b[:40])


def test_limit_exposure_without_a_limit_accepts_every_proposal():
    parents, weights = limit_exposure(blocks(7, 3, 5), 20, groups=np.arange(7), max_exposure=None)
    (first, share), (second, _) = itertools.islice(blocks(7, 3, 5), 2)
    assert np.array_equal(parents, np.concatenate([first, second])[:20])
    assert np.array_equal(weights[:17], share)


def test_limit_exposure_rejects_more_records_than_the_persons_allow():
    with pytest.raises(Unfit, match=r"4 persons with a summed weight of at most 2\.5 each allow 10 records, but 11"):
        limit_exposure(blocks(6, 2, 1), 11, groups=np.array([8, 8, 8, 1, 2, 3]), max_exposure=2.5)


def test_limit_exposure_gives_up_if_no_proposal_fits():
    # every proposal has the parents 0 and 1; rows 2 and 3 are never proposed
    proposals = itertools.repeat((np.tile([0, 1], (5, 1)), np.tile([0.75, 0.25], (5, 1))))
    tries = exposure.GIVE_UP * exposure.BLOCK
    with pytest.raises(Unfit, match=f"only 2 of 3 records could be made: in {tries} consecutive draws"):
        limit_exposure(proposals, 3, groups=np.arange(4), max_exposure=1.5)
    assert len(limit_exposure(proposals, 2, groups=np.arange(4), max_exposure=1.5)[0]) == 2


def test_limit_exposure_counts_only_consecutive_failures():
    fitting, too_large = ((np.array([[0, 1]]), np.array([share])) for share in ([0.5, 0.5], [99.0, 0.0]))
    proposals = iter([fitting, *[too_large] * (exposure.GIVE_UP - 1)] * 3)
    parents, _ = limit_exposure(proposals, 3, groups=np.arange(2), max_exposure=5)
    assert parents.tolist() == [[0, 1]] * 3
