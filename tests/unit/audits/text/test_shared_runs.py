import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from audits.text.shared_runs import CAP_TOKENS, unique_runs

rows = st.lists(st.lists(st.sampled_from("abc"), max_size=9), max_size=4)


def slow_runs(synthetic, pool, owners):
    """Every run of every row, looked up everywhere."""
    found = {}
    for i, row in enumerate(synthetic):
        for start in range(len(row)):
            for end in range(start + 1, len(row) + 1):
                run = tuple(row[start:end])
                who = {
                    o
                    for text, o in zip(pool, owners, strict=True)
                    if any(tuple(text[j : j + len(run)]) == run for j in range(len(text) - len(run) + 1))
                }
                if len(who) == 1:
                    key = (i, who.pop())
                    found[key] = max(found.get(key, 0), len(run))
    return found


@given(rows, st.lists(st.tuples(st.lists(st.sampled_from("abc"), max_size=9), st.integers(0, 2)), max_size=6))
def test_equals_the_slow_way(synthetic, pooled):
    pool, owners = [p for p, _ in pooled], [o for _, o in pooled]
    runs = unique_runs(synthetic, pool, np.array(owners, dtype=np.int64), shortest=1)
    fast = dict(zip(zip(runs.row.tolist(), runs.owner.tolist(), strict=True), runs.length.tolist(), strict=True))
    slow = slow_runs(synthetic, pool, owners)
    # a run inside a longer run of the same owner may start elsewhere: the longest per row and owner is what counts
    assert fast == slow


def test_runs_longer_than_the_cap_count_as_the_cap():
    text = [f"w{i}" for i in range(3 * CAP_TOKENS)]
    runs = unique_runs([text], [text, text[1:9]], np.array([4, 9]))
    assert runs.length.tolist() == [CAP_TOKENS]
    assert runs.owner.tolist() == [4]


def test_what_two_owners_share_belongs_to_nobody():
    text = [f"w{i}" for i in range(2 * CAP_TOKENS)]
    assert len(unique_runs([text], [text, text], np.array([1, 2])).row) == 0
    assert unique_runs([text], [text, text], np.array([1, 1])).length.tolist() == [CAP_TOKENS]


def test_a_run_begins_where_it_stands_first():
    pool = [["a", "b", "c"], ["p", "q", "r", "s"]]
    made = [["x", "a", "b", "a", "b", "c"], ["q", "r", "s", "x", "q", "r", "s"]]
    runs = unique_runs(made, pool, np.array([1, 4]), shortest=2)
    assert (runs.row.tolist(), runs.owner.tolist()) == ([0, 1], [1, 4])
    assert (runs.start.tolist(), runs.length.tolist()) == ([3, 0], [3, 3])


def test_nothing_crosses_the_end_of_a_row():
    runs = unique_runs([["a", "b", "c", "d"]], [["a", "b"], ["c", "d"]], np.array([0, 0]), shortest=1)
    assert runs.length.tolist() == [2]


def test_runs_shorter_than_asked_for_are_not_looked_for():
    pool, owners = [["a", "b", "c", "d"], ["c", "d", "e", "f", "g", "h"]], np.array([3, 5])
    runs = unique_runs([["a", "b", "c", "d", "e", "f", "g"]], pool, owners)
    assert (runs.row.tolist(), runs.owner.tolist(), runs.length.tolist()) == ([0], [5], [5])
    assert len(unique_runs([], pool, owners).row) == len(unique_runs([pool[1]], [], owners[:0]).row) == 0


def test_parts_and_blocks_change_nothing(monkeypatch):
    rng = np.random.default_rng(2)
    made, real = (
        [[f"w{i}" for i in rng.integers(0, 4, size=n)] for n in rng.integers(0, 40, size=m)] for m in (30, 50)
    )
    owners = rng.integers(0, 9, size=50)
    whole = unique_runs(made, real, owners)
    assert len(whole.row) > 100
    monkeypatch.setattr("audits.text.shared_runs.PART_TOKENS", 100)
    monkeypatch.setattr("audits.text.shared_runs.BLOCK_TOKENS", 37)
    for one, other in zip(whole, unique_runs(iter(made), iter(real), owners), strict=True):
        np.testing.assert_array_equal(one, other)
