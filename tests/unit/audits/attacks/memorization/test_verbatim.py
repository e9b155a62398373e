import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.attacks.memorization.verbatim import (
    RECORD_TOKENS,
    keyed,
    owner_of,
    record_keys,
    sentence_keys,
    sole_owners,
)

KEYS = st.integers(0, 6)
ROWS = st.lists(st.tuples(st.lists(KEYS, max_size=4), st.integers(0, 3)), max_size=9)


@given(ROWS, st.lists(KEYS, max_size=8))
def test_sole_owners_equal_an_exhaustive_search(rows, wanted):
    owners = np.array([owner for _, owner in rows], dtype=np.int64)
    sole = sole_owners(keyed(keys for keys, _ in rows), owners)
    assert (np.diff(sole.key.astype(np.int64)) > 0).all()
    having = {key: {owner for keys, owner in rows if key in keys} for key in range(7)}
    slow = [next(iter(having[key])) if len(having[key]) == 1 else -1 for key in wanted]
    assert owner_of(sole, np.array(wanted, dtype=np.uint64)).tolist() == slow


def test_keys_have_their_rows():
    found = keyed([[3, 1], [], [2**64 - 1]])
    assert found.key.tolist() == [3, 1, 2**64 - 1]
    assert found.row.tolist() == [0, 0, 2]


SENTENCES = [f"The {name} was seen here on day {i} and felt quite well." for i, name in enumerate("abc")]


def test_reordered_sentences_and_changed_numbers_share_a_key():
    whole, masked, bag = record_keys(" ".join(SENTENCES))
    turned = record_keys(" ".join(SENTENCES[::-1]))
    assert turned[2] == bag
    assert whole not in turned
    renumbered = record_keys(" ".join(SENTENCES).replace("day 1", "day 7"))
    assert renumbered[1] == masked
    assert renumbered[0] != whole
    assert len({whole, masked, bag}) == 3


@pytest.mark.parametrize(("n", "n_keys"), [(RECORD_TOKENS - 1, 0), (RECORD_TOKENS, 3)])
def test_short_records_have_no_key(n, n_keys):
    assert len(record_keys(" ".join(f"w{chr(97 + i)}" for i in range(n)))) == n_keys


def test_short_sentences_have_no_key():
    assert len(sentence_keys("One two three four five. One two three four five six. " * 2)) == 2
