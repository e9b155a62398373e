from dataclasses import replace

import numpy as np
import pytest

from audits.attacks.membership.scores import (
    coverage,
    further_scores,
    membership_scores,
    nearest_and_mass,
    shared_runs,
)
from audits.core.holdout import HoldoutTables
from audits.core.stats import auc
from audits.embeddings.encoders import Encoded, encode
from audits.text.ngrams import numbered_words


def sequences(synthetic, real, reference=("z",)):
    """Return the numbered words; each letter is doubled, because single letters would be joined."""
    return numbered_words(
        [[" ".join(word * 2 for word in text.split()) for text in t] for t in (synthetic, real, reference)]
    )


def test_coverage_and_shared_runs_by_hand():
    (s, x, r), _ = sequences(["a b c d"], ["a b c d e", "p q r", "a b", "b c d"], ["b c d", "o"])
    # not in the reference: abc and cde of the first (abc is found), pqr of the second, none of the others
    assert coverage(s, x, r).tolist() == [0.5, 0.0, 0.0, 0.0]
    (s, x, _), _ = sequences(["a b c d e", "c d e", "f f f f"], ["a b c d", "f f f", "y"])
    found = shared_runs(s, x)
    # the first record has the runs abc and bcd and shares both with the first row, which has 3 runs
    assert found["jaccard_top3"] == pytest.approx([2 / 9, 1 / 3, 0.0])
    assert found["containment"].tolist() == [1.0, 1.0, 0.0]


def test_mass_is_summed_over_rows():
    rng = np.random.default_rng(6)
    real = rng.normal(size=(9, 7))
    real /= np.linalg.norm(real, axis=1, keepdims=True)
    mixed = np.array([0.75 * real[2] + 0.25 * real[6], 0.5 * real[2] + 0.5 * real[7], real[4]])
    lengths = np.linalg.norm(mixed, axis=1, keepdims=True)
    synthetic = (mixed / lengths).astype(np.float32)
    encoded = Encoded(
        name="e",
        synthetic=synthetic,
        train=real[:5].astype(np.float32),
        control=real[5:].astype(np.float32),
        reference=real.astype(np.float32),
    )
    found = nearest_and_mass(encoded)
    by_hand = np.zeros(9)
    for row, parents in enumerate([{2: 0.75, 6: 0.25}, {2: 0.5, 7: 0.5}, {4: 1.0}]):
        for parent, weight in parents.items():
            by_hand[parent] += weight / lengths[row, 0]
    assert found["mass"][[2, 4, 6, 7]] == pytest.approx(by_hand[[2, 4, 6, 7]], abs=1e-3)
    assert found["mass"].sum() == pytest.approx(by_hand.sum(), abs=0.05)  # a copy may get a small second weight
    assert found["top1"] == pytest.approx((synthetic @ real.T).max(axis=0), abs=1e-6)


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


@pytest.mark.parametrize(
    ("scored", "names"),
    [
        (membership_scores, {"rmia", "coverage", "words_top1", "words_mass"}),
        (further_scores, {"kneser_ney", "containment", "jaccard_top3", "characters_top1", "characters_mass"}),
    ],
)
def test_every_score_detects_copies_with_dropped_words(parts, scored, names):
    scores = scored(parts, encode(parts, np.random.default_rng(0)))
    n = len(parts.train)
    assert set(scores) == names
    for name in scores:
        assert auc(scores[name][:n], scores[name][n:]) > 0.8, name


@pytest.mark.parametrize("scored", [membership_scores, further_scores])
def test_scores_do_not_depend_on_the_role(parts, scored):
    turned = replace(parts, train=parts.control, control=parts.train)
    one, other = (scored(p, encode(p, np.random.default_rng(0))) for p in (parts, turned))
    n = len(parts.train)
    for name in one:
        assert np.concatenate([one[name][n:], one[name][:n]]) == pytest.approx(other[name], abs=2e-3), name
