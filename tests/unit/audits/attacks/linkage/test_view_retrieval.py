"""Views of records and the synthetic rows nearest to them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from audits.attacks.linkage.view_retrieval import NEAREST, _nearest_both_ways, match_views, nearest_rows, split_halves
from audits.core.holdout import hold_out
from audits.core.types import AuditInputs
from audits.embeddings.encoders import Encoded


@given(st.lists(st.sampled_from(["a", "bb", "c,", "d."]), max_size=13))
def test_halves_make_up_the_whole_and_the_first_is_the_larger(words):
    first, second = split_halves("  ".join(words))
    assert first.split() + second.split() == words
    assert 0 <= len(first.split()) - len(second.split()) <= 1


def test_nearest_rows_are_ranked_by_mean_similarity():
    rng = np.random.default_rng(0)
    pairs = []
    for d in (7, 5):
        queries, keys = (rng.normal(size=(n, d)).astype(np.float32) for n in (300, 41))
        pairs.append(tuple(v / np.linalg.norm(v, axis=1, keepdims=True) for v in (queries, keys)))
    slow = np.mean([q @ k.T for q, k in pairs], axis=0)
    found = nearest_rows([*pairs[:1], tuple(sparse.csr_matrix(v) for v in pairs[1])])
    assert found.rows.shape == (300, NEAREST)
    assert (found.rows == np.argsort(-slow, axis=1)[:, :NEAREST]).all()
    assert found.similarities == pytest.approx(-np.sort(-slow, axis=1)[:, :NEAREST], abs=1e-5)
    rows = np.eye(4, dtype=np.float32)  # fewer than ten
    assert nearest_rows([(rows[:3], rows)]).rows.shape == (3, 4)


def test_nearest_both_ways_agrees_with_the_similarity_matrix():
    rng = np.random.default_rng(5)
    synthetic, train, control = (rng.normal(size=(n, 6)).astype(np.float32) for n in (31, 400, 213))
    encoded = Encoded(name="x", synthetic=synthetic, train=train, control=control, reference=synthetic)
    rows = rng.permutation(613)[:590]
    nearest, reverse = _nearest_both_ways(encoded, rows)
    slow = np.vstack([train, control])[rows] @ synthetic.T
    assert (nearest.rows[:, 0] == slow.argmax(axis=1)).all()
    assert nearest.similarities[:, 0] == pytest.approx(slow.max(axis=1), abs=1e-5)
    assert (reverse == slow.argmax(axis=0)).all()


@pytest.fixture(scope="module")
def town(people, retexted):
    """Return 60 train and 100 control people, and the train texts as synthetic rows in reversed order."""
    train, control = people(60, seed=1, prefix="t", rows=(1, 1)), people(100, seed=2, prefix="h", rows=(1, 1))
    inputs = AuditInputs(synthetic=retexted(train, train.texts[::-1]), train=train, control=control)
    return hold_out(inputs, np.random.default_rng(0))


def test_every_view_of_a_copied_record_leads_to_its_copy(town):
    matches = match_views(town, np.random.default_rng(1))
    n_train, n = len(town.train), len(town.train) + len(town.control)
    copy = np.arange(n_train)[::-1]
    for view in (matches.first, matches.second, *matches.full.values()):
        assert view.rows.shape[0] == n
        assert (view.rows[:n_train, 0] == copy).all()
        assert (np.diff(view.similarities, axis=1) <= 0).all()
    assert set(matches.full) == set(matches.reverse) == {"words", "characters"}
    for reverse in matches.reverse.values():
        assert (reverse == copy).all()
    for full in matches.full.values():
        assert full.similarities[:n_train, 0] == pytest.approx(1, abs=1e-4)
    assert matches.first_in_reference.rows.max() < len(town.reference)


def test_equal_records_of_train_and_control_are_equally_likely(people, retexted):
    """Every train text also occurs in control, so each of the two is found with probability one half."""
    train = people(80, seed=1, prefix="t", rows=(1, 1))
    twins = people(80, seed=1, prefix="h", rows=(1, 1))
    inputs = AuditInputs(
        synthetic=retexted(train, train.texts), train=train, control=twins, reference=people(30, seed=3, prefix="r")
    )
    matches = match_views(hold_out(inputs, np.random.default_rng(0)), np.random.default_rng(2))
    assert 0.3 < np.mean(matches.reverse["words"] < 80) < 0.7
