import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from audits.runs import CAP_TOKENS, unique_runs

rows = st.lists(st.lists(st.sampled_from("abc"), max_size=9), max_size=4)


def slow_runs(synthetic, pool, owners):
    """Every run of every row, looked up everywhere."""
    found = {}
    for i, row in enumerate(synthetic):
        for start in range(len(row)):
            for end in range(start + 1, len(row) + 1):
                run = tuple(row[start:end])
                who = {
                    o for text, o in zip(pool, owners, strict=True)
                    if any(tuple(text[j : j + len(run)]) == run for j in range(len(text) - len(run) + 1))
                }  # fmt: skip
                if len(who) == 1:
                    key = (i, who.pop())
                    found[key] = max(found.get(key, 0), len(run))
    return found


@given(rows, st.lists(st.tuples(st.lists(st.sampled_from("abc"), max_size=9), st.integers(0, 2)), max_size=6))
def test_equals_the_slow_way(synthetic, pooled):
    pool, owners = [p for p, _ in pooled], [o for _, o in pooled]
    runs = unique_runs(synthetic, pool, np.array(owners, dtype=np.int64))
    fast = dict(zip(zip(runs.row.tolist(), runs.owner.tolist(), strict=True), runs.length.tolist(), strict=True))
    slow = slow_runs(synthetic, pool, owners)
    # a run inside a longer run of the same owner may start elsewhere: the longest per row and owner is what counts
    assert fast == slow


def test_runs_longer_than_the_cap_count_as_the_cap():
    text = [f"w{i}" for i in range(3 * CAP_TOKENS)]
    runs = unique_runs([text], [text, ["w1"]], np.array([4, 9]))
    assert runs.length.tolist() == [CAP_TOKENS]
    assert runs.owner.tolist() == [4]


def test_what_two_owners_share_belongs_to_nobody():
    text = [f"w{i}" for i in range(2 * CAP_TOKENS)]
    assert len(unique_runs([text], [text, text], np.array([1, 2])).row) == 0
    assert unique_runs([text], [text, text], np.array([1, 1])).length.tolist() == [CAP_TOKENS]


def test_nothing_crosses_the_end_of_a_row():
    runs = unique_runs([["a", "b", "c", "d"]], [["a", "b"], ["c", "d"]], np.array([0, 0]))
    assert runs.length.tolist() == [2]
