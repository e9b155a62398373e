"""Membership scores against hand-worked texts and slow references."""

import math
from dataclasses import replace

import numpy as np
import pytest

from audits.core.errors import NotMeasurable
from audits.core.holdout import HoldoutTables
from audits.core.stats import auc
from audits.membership.scores import coverage, density_ratio, membership_scores, model_ratio, shared_runs
from audits.space.encoders import Encoded, encode
from audits.text.ngrams import words


def sequences(synthetic, real, reference=("z",)):
    """Return the words' numbers; a word of one letter is written twice, for letters one by one are one word."""
    return words([[" ".join(word * 2 for word in text.split()) for text in t] for t in (synthetic, real, reference)])


def test_bigram_model_by_hand():
    (s, x, r), v = sequences(["a b a b", "a c"], ["a b c", "q"], ["a c", "b"])
    assert v == 4
    # after a: 2 of 3 times b; six words, two of them b; the reference has a once, then c, and three words
    s_b = 0.8 * 2 / 3 + 0.19 * 2 / 6 + 0.01 / 4
    r_b = 0.8 * 0 + 0.19 * 1 / 3 + 0.01 / 4
    s_c = 0.8 * 0 + 0.19 * 1 / 6 + 0.01 / 4
    r_c = 0.8 * 0 + 0.19 * 1 / 3 + 0.01 / 4
    expected = (math.log(s_b / r_b) + math.log(s_c / r_c)) / 2
    assert model_ratio(s, x, r, k=2, n_words=v) == pytest.approx([expected, 0.0])


def test_trigram_model_by_hand():
    (s, x, r), v = sequences(["a b c", "a b d"], ["a b c"], ["b c"])
    # "a b" twice, then c once; b twice as a first word of two; c once of six; the reference knows b c and c of two
    p_s = 0.6 * 1 / 2 + 0.25 * 1 / 2 + 0.14 * 1 / 6 + 0.01 / 4
    p_r = 0.6 * 0 + 0.25 * 1 / 1 + 0.14 * 1 / 2 + 0.01 / 4
    assert model_ratio(s, x, r, k=3, n_words=v) == pytest.approx([math.log(p_s / p_r)])


def test_coverage_by_hand():
    (s, x, r), _ = sequences(["a b c d"], ["a b c d e", "p q r", "a b", "b c d"], ["b c d", "o"])
    # unknown to the reference: abc, cde of the first (abc found); pqr of the second; none of the others
    assert coverage(s, x, r).tolist() == [0.5, 0.0, 0.0, 0.0]


def test_shared_runs_by_hand():
    (s, x, _), _ = sequences(["a b c d e", "c d e", "f f f f"], ["a b c d", "f f f", "y"])
    found = shared_runs(s, x)
    # first: runs abc bcd; shares both with the first row (3 runs) and none with the others
    assert found["jaccard_top1"] == pytest.approx([2 / 3, 1.0, 0.0])
    assert found["jaccard_top3"] == pytest.approx([2 / 9, 1 / 3, 0.0])
    assert found["containment"].tolist() == [1.0, 1.0, 0.0]


def test_density_ratio_is_the_slow_formula():
    rng = np.random.default_rng(6)
    tables = {
        k: rng.normal(size=(n, 7)).astype(np.float32) for k, n in (("synthetic", 14), ("train", 5), ("control", 4))
    }
    encoded = Encoded(name="e", reference=rng.normal(size=(30, 7)).astype(np.float32), **tables)
    found = density_ratio(encoded)
    real = np.vstack([tables["train"], tables["control"]])
    for k in (5, 10):
        expected = [
            7
            * math.log(
                np.sort(np.linalg.norm(encoded.reference - x, axis=1))[k - 1]
                / np.sort(np.linalg.norm(encoded.synthetic - x, axis=1))[k - 1]
            )
            for x in real
        ]
        assert found[f"density{k}"] == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(("n_synthetic", "n_reference", "short"), [(9, 30, "synthetic"), (14, 2, "reference")])
def test_density_needs_as_many_records_as_neighbours(n_synthetic, n_reference, short):
    sizes = {"synthetic": n_synthetic, "train": 5, "control": 4, "reference": n_reference}
    rng = np.random.default_rng(8)
    encoded = Encoded(name="e", **{k: rng.normal(size=(n, 7)).astype(np.float32) for k, n in sizes.items()})
    with pytest.raises(NotMeasurable, match=f"10 records in the {short} table"):
        density_ratio(encoded)


@pytest.fixture(scope="module")
def parts(people, retexted, word_dropout):
    train = people(45, seed=1, prefix="t")
    return HoldoutTables(
        synthetic=retexted(train, word_dropout(train.texts, 0.3)),
        train=train,
        control=people(40, seed=2, prefix="h"),
        reference=people(35, seed=3, prefix="r"),
        reference_is_control=True,
    )


def test_every_sharp_attack_sees_copies_with_words_left_out(parts):
    scores = membership_scores(parts, encode(parts, np.random.default_rng(0)))
    n = len(parts.train)
    assert len(scores) == 15
    sharp = [name for name in scores if not name.endswith(("top25", "density5", "density10"))]
    for name in sharp:  # the others look at more neighbours than a record has copies
        assert auc(scores[name][:n], scores[name][n:]) > 0.8, name


def test_scores_move_with_their_rows_and_do_not_know_the_arm(parts):
    turned = replace(parts, train=parts.control, control=parts.train)
    one, other = (membership_scores(p, encode(p, np.random.default_rng(0))) for p in (parts, turned))
    n = len(parts.train)
    for name in one:
        assert np.concatenate([one[name][n:], one[name][:n]]) == pytest.approx(other[name], abs=2e-3), name
