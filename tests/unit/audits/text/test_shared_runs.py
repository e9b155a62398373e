from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from audits.text import shared_runs
from audits.text.shared_runs import CAP_TOKENS, SHORTEST, TokenNumbers, number_rows, renumbered, runs_alone

rows = st.lists(st.lists(st.sampled_from("abc"), max_size=9), max_size=4)


def runs_of(synthetic, pool, owners, shortest=SHORTEST):
    vocabulary = TokenNumbers()
    made, real = (number_rows(rows, vocabulary) for rows in (synthetic, pool))
    public = max(owners, default=0) + 1
    return runs_alone(made, real, np.array(owners, dtype=np.int64), public=public, shortest=shortest)


def slow_runs(synthetic, pool, owners):
    """Return the longest run of each synthetic row and owner by searching for every run in every pool row."""
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
def test_runs_equal_an_exhaustive_search(synthetic, pooled):
    pool, owners = [p for p, _ in pooled], [o for _, o in pooled]
    runs = runs_of(synthetic, pool, owners, shortest=1)
    fast = dict(zip(zip(runs.row.tolist(), runs.owner.tolist(), strict=True), runs.length.tolist(), strict=True))
    assert fast == slow_runs(synthetic, pool, owners)


def test_runs_longer_than_the_cap_count_as_the_cap():
    text = [f"w{i}" for i in range(3 * CAP_TOKENS)]
    runs = runs_of([text], [text, text[1:9]], [4, 9])
    assert runs.length.tolist() == [CAP_TOKENS]
    assert runs.owner.tolist() == [4]


def test_the_longer_a_run_the_more_owners_may_have_it():
    text = [f"w{i}" for i in range(CAP_TOKENS)]
    for length, n_owners, n_counted in ((19, 2, 0), (20, 2, 2), (29, 3, 0), (50, 5, 5), (59, 6, 0), (64, 7, 0)):
        runs = runs_of([text], [text[:length]] * n_owners, range(3, 3 + n_owners))
        assert runs.owner.tolist() == list(range(3, 3 + n_counted))
        assert set(runs.lowest_owner.tolist()) <= {3}
    vocabulary = TokenNumbers()
    made, real = (number_rows([text], vocabulary) for _ in range(2))
    assert len(runs_alone(made, real, np.array([4]), public=4).row) == 0


def test_numbers_of_renumbered_rows_are_merged_within_rows():
    rows = number_rows([["a", "1", "2", "b"], [], ["3"], ["4", "a"]], TokenNumbers())
    (merged,) = renumbered([rows], np.array([5, 0, 0, 6, 0, 0], dtype=np.int32))
    assert (merged.tokens.tolist(), merged.starts.tolist()) == ([5, 0, 6, 0, 0, 5], [0, 3, 3, 4, 6])


def test_the_start_is_that_of_the_first_longest_run():
    pool = [["a", "b", "c"], ["p", "q", "r", "s"]]
    made = [["x", "a", "b", "a", "b", "c"], ["q", "r", "s", "x", "q", "r", "s"]]
    runs = runs_of(made, pool, [1, 4], shortest=2)
    assert (runs.row.tolist(), runs.owner.tolist()) == ([0, 1], [1, 4])
    assert (runs.start.tolist(), runs.length.tolist()) == ([3, 0], [3, 3])
    across_rows = runs_of([["a", "b", "c", "d"]], [["a", "b"], ["c", "d"]], [0, 0], shortest=1)
    assert across_rows.length.tolist() == [2]


def test_shorter_runs_are_not_searched_for():
    pool, owners = [["a", "b", "c", "d"], ["c", "d", "e", "f", "g", "h"]], [3, 5]
    runs = runs_of([["a", "b", "c", "d", "e", "f", "g"]], pool, owners)
    assert (runs.row.tolist(), runs.owner.tolist(), runs.length.tolist()) == ([0], [5], [5])
    assert len(runs_of([], pool, owners).row) == len(runs_of([pool[1]], [], owners[:0]).row) == 0


def test_the_result_does_not_depend_on_parts_and_blocks(monkeypatch):
    rng = np.random.default_rng(2)
    made, real = (
        [[f"w{i}" for i in rng.integers(0, 4, size=n)] for n in rng.integers(0, 40, size=m)] for m in (30, 50)
    )
    owners = rng.integers(0, 9, size=50)
    whole = runs_of(made, real, owners)
    assert len(whole.row) > 100
    monkeypatch.setattr("audits.text.shared_runs.PART_TOKENS", 100)
    monkeypatch.setattr("audits.text.shared_runs.BLOCK_TOKENS", 37)
    for one, other in zip(whole, runs_of(iter(made), iter(real), owners), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_run_of_two_owners_counts_from_ten_tokens_if_its_words_are_rare():
    draws = np.random.default_rng(8)
    common = [" ".join(draws.choice(["the", "of", "was", "seen", "in"], 40)).split() for _ in range(400)]
    for n_tokens, words in ((12, [f"rare{i}" for i in range(12)]), (9, [f"few{i}" for i in range(9)])):
        pool = [[*common[0], *words], [*common[1], *words], *common[2:]]
        found = runs_of([words], pool, list(range(400)), shortest=SHORTEST)
        longest = dict(zip(found.owner.tolist(), found.length.tolist(), strict=True))
        assert longest == ({0: n_tokens, 1: n_tokens} if n_tokens >= 10 else {})
    ordinary = ["the", "of"] * 8  # sixteen words, but common ones with few bits of information
    pool = [[*common[0], "x", *ordinary], [*common[1], "x", *ordinary], *([["no", "words"]] * 398)]
    assert len(runs_of([ordinary], pool, list(range(400))).row) == 0


@given(st.lists(st.text("ab ", max_size=6), min_size=1, max_size=5), st.lists(st.integers(0, 4), max_size=6))
def test_chosen_rows_are_returned_in_order(texts, chosen):
    chosen = [i % len(texts) for i in chosen]
    vocabulary = TokenNumbers()
    rows = number_rows(map(str.split, texts), vocabulary).rows(np.array(chosen, dtype=np.int64))
    expected = number_rows((texts[i].split() for i in chosen), vocabulary)
    assert rows.tokens.tolist() == expected.tokens.tolist()
    assert rows.starts.tolist() == expected.starts.tolist()


def test_keys_of_a_part_are_lower_than_keys_of_the_next_part(monkeypatch):
    monkeypatch.setattr(shared_runs, "PART_TOKENS", 40)
    table = number_rows(([f"w{i * j % 97}" for j in range(60)] for i in range(9)), TokenNumbers())
    parts = [places.key for ((_, places),) in shared_runs.parts_of((table,), 3)]
    assert len(parts) == 14
    assert sum(map(len, parts)) == 9 * 58
    assert all(a.max() < b.min() for a, b in pairwise(key for key in parts if len(key) > 0))
