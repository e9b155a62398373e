import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from audits.text.ngrams import characters, distinct, find_keys, numbered_words, runs
from audits.text.normalise import tokens as tokens_of

texts = st.lists(st.text(alphabet="ab c", max_size=14), min_size=1, max_size=6)


@given(texts, st.integers(1, 4))
def test_runs_are_the_windows_within_each_text(rows, k):
    (sequences,), _ = numbered_words([rows])
    keys, of = runs(sequences, k)
    expected = [
        (tuple(tokens[j : j + k]), i)
        for i, tokens in enumerate(map(tokens_of, rows))
        for j in range(len(tokens) - k + 1)
    ]
    assert list(of) == [i for _, i in expected]
    assert len(set(keys.tolist())) == len({run for run, _ in expected})
    assert len(set(zip(keys.tolist(), (r for r, _ in expected), strict=True))) == len(set(keys.tolist()))


def test_words_are_numbered_over_all_tables_and_runs_depend_on_their_order():
    (one, two), n = numbered_words([["Red  fox", ""], ["the fox", "RED"]])
    assert (one.symbols.tolist(), two.symbols.tolist(), n) == ([0, 1], [2, 1, 0], 3)
    assert one.starts.tolist() == [0, 2, 2]
    assert len(one) == 2
    (sequences,), _ = numbered_words([["a b", "b a", "a b"]])
    keys = runs(sequences, 2)[0]
    assert keys[0] == keys[2] != keys[1]


def test_characters_are_normalised_and_framed_by_spaces():
    assert characters(["Ab\tc"]).symbols.tolist() == [ord(c) for c in " ab c "]
    assert np.array_equal(characters(["É"]).symbols, characters(["é"]).symbols)


numbers = st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 5), max_size=12).map(lambda n: np.array(n, np.uint64))


@given(numbers, numbers)
def test_keys_are_found_whatever_their_order(keys, wanted):
    keys = distinct(keys)
    assert keys.tolist() == sorted(set(keys.tolist()))
    place, is_found = find_keys(keys, wanted)
    assert is_found.tolist() == [key in set(keys.tolist()) for key in wanted.tolist()]
    assert keys[place[is_found]].tolist() == wanted[is_found].tolist()
