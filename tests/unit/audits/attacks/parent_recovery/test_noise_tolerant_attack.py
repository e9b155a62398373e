"""The noise-tolerant attack, compared with a slow search, permutations within classes, and simulated shares."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize, sparse, stats

from audits.attacks.parent_recovery import noise_tolerant_attack
from audits.attacks.parent_recovery.noise_tolerant_attack import (
    MARGINS,
    ParentPairs,
    ParentRecall,
    ShareTest,
    both_train,
    find_parent_pairs,
    margin_of,
    parent_recall,
    share_of_nearest,
)
from audits.core.holdout import Arms
from audits.core.stats import clopper_pearson, needed_for_share, power_of_each
from audits.core.types import Lineage
from audits.embeddings.distances import Share
from audits.embeddings.encoders import Encoded

RNG = np.random.default_rng


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def arms_of(train_rows, control_rows, m, classes=None):
    """Return arms in which the i-th person of an arm has the given number of rows."""
    rows = [*train_rows, *control_rows]
    return Arms(
        row_person=np.repeat(np.arange(len(rows)), rows),
        is_train=np.arange(len(rows)) < len(train_rows),
        person_class=np.zeros(len(rows), dtype=np.int64) if classes is None else np.array(classes),
        synthetic_class=np.zeros(m, dtype=np.int64),
        n_classes=1 if classes is None else max(classes) + 1,
    )


def encoded_of(people, synthetic, seed=0, d=9):
    real = unit(RNG(seed).normal(size=(len(people.row_person), d)))
    n_train = int(people.is_train[people.row_person].sum())
    return Encoded(name="e", synthetic=synthetic, train=real[:n_train], control=real[n_train:], reference=real[:5])


def slowly(z, real, owner):
    """Return the two persons whose records leave the smallest remainder of z; solve each pair separately."""
    best, found = np.inf, set()
    for i in range(len(real)):
        for j in range(i):
            remainder = optimize.nnls(real[[i, j]].T.astype(float), z.astype(float))[1]
            if owner[i] != owner[j] and remainder < best - 1e-7:
                best, found = remainder, {int(owner[i]), int(owner[j])}
    return found


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix])
def test_pairs_and_nearness_equal_a_slow_search(form):
    people = arms_of([2, 1, 3, 1], [1, 2, 2, 1], m=13)
    synthetic = unit(RNG(3).normal(size=(13, 9)))
    encoded = encoded_of(people, synthetic)
    tables = {n: form(getattr(encoded, n)) for n in ("synthetic", "train", "control", "reference")}
    found = find_parent_pairs(Encoded(name="e", **tables), people, RNG(1))
    real = np.vstack([encoded.train, encoded.control])
    for z, pair in zip(synthetic, found.pairs[0], strict=True):
        assert set(pair.tolist()) == slowly(z, real, people.row_person)
    cosines = synthetic @ real.T
    nearest = [cosines[:, people.row_person == p].max() for p in range(8)]
    assert found.nearness == pytest.approx(nearest, abs=1e-6)


def test_unequal_arms_use_drawn_persons_only():
    people = arms_of([1] * 11, [2] * 4, m=7)
    synthetic = unit(RNG(3).normal(size=(7, 9)))
    encoded = encoded_of(people, synthetic)
    found = find_parent_pairs(encoded, people, RNG(1))
    real = np.vstack([encoded.train, encoded.control])
    assert found.pairs.shape == (noise_tolerant_attack.REPEATS, 7, 2)
    for pairs, among in list(zip(found.pairs, found.included, strict=True))[:4]:
        assert len(among) == 8
        rows = np.flatnonzero(np.isin(people.row_person, among))
        for z, pair in zip(synthetic, pairs, strict=True):
            assert set(pair.tolist()) == slowly(z, real[rows], people.row_person[rows])


def test_rows_unlike_all_records_get_random_persons():
    people = arms_of([1] * 6, [1] * 6, m=900)
    encoded = encoded_of(people, np.zeros((900, 9), dtype=np.float32))
    pairs = find_parent_pairs(encoded, people, RNG(1)).pairs[0]
    assert (pairs[:, 0] != pairs[:, 1]).all()
    assert np.bincount(pairs.ravel(), minlength=12).min() > 100


def test_second_person_is_random_if_one_person_has_all_candidates():
    people = arms_of([60, 1, 1], [1, 1, 1], m=40)
    encoded = encoded_of(people, np.zeros((40, 9), dtype=np.float32))
    base = unit(RNG(5).normal(size=(1, 9)))
    encoded.train[:60] = unit(base + 1e-3 * RNG(6).normal(size=(60, 9)))
    encoded.synthetic[:] = base
    pairs = find_parent_pairs(encoded, people, RNG(1)).pairs[0]
    assert (pairs[:, 0] == 0).all()
    assert set(pairs[:, 1].tolist()) == {1, 2, 3, 4, 5}


def found_in(pairs, n_persons):
    persons = {"included": [np.arange(n_persons)], "nearness": np.zeros(n_persons)}
    return ParentPairs(rows=np.arange(len(pairs)), pairs=np.array(pairs)[None], **persons)


def test_shares_and_errors_equal_permutation_within_classes():
    classes = [0] * 6 + [1] * 8 + [0] * 6 + [1] * 8
    people = arms_of([1] * 14, [1] * 14, m=50, classes=classes)
    pairs = np.array([RNG(i).choice(28, size=2, replace=False, p=np.arange(1, 29) / 406) for i in range(50)])
    found = found_in(pairs, 28)
    (measured, null), rng = both_train(found, people, RNG(0)), RNG(4)
    assert measured.value == people.is_train[pairs].all(axis=1).mean()
    both, one, first = [], [], []
    for _ in range(5000):
        is_train = people.is_train.copy()
        for c in (0, 1):
            members = np.flatnonzero(people.person_class == c)
            is_train[members] = is_train[rng.permutation(members)]
        both.append(is_train[pairs].all(axis=1).mean())
        one.append(is_train[pairs].mean())
        first.append(is_train[pairs[:, 0]].mean())
    assert null == pytest.approx(np.mean(both), abs=0.003)
    assert null < 0.25
    assert measured.error == pytest.approx(np.std(both), rel=0.12)
    assert share_of_nearest(found, people, 2).error == pytest.approx(np.std(one), rel=0.04)
    assert share_of_nearest(found, people, 1).error == pytest.approx(np.std(first), rel=0.04)


def test_parent_recall_worked_example():
    people = arms_of([1] * 4, [1] * 4, m=5)
    found = found_in([[0, 1], [2, 5], [6, 3], [1, 0], [7, 4]], 8)
    # rows of train 0..5 are of persons 0, 0, 1, 2, 3, 3; the last synthetic row has no parents
    lineage = Lineage(
        parents=((0, 2), (3, 0), (4, 2), (5, 2), ()), weights=((0.6, 0.4), (0.5, 0.5), (0.9, 0.1), (0.3, 0.7), ())
    )
    r = parent_recall(found, people, lineage, np.array([0, 0, 1, 2, 3, 3]))
    # parents of the four rows: {0, 1}, {0, 2}, {1, 3}, {1, 3}; found first: 0, 2, 6, 1
    assert r.one == 3 / 4
    assert r.pair == 1 / 4
    assert r.one_chance == pytest.approx((2 + 2 + 1 + 1) / 16)
    assert r.pair_chance == pytest.approx(2 / 16)
    assert parent_recall(found, people, Lineage(parents=((),) * 5, weights=((),) * 5), np.arange(4)) is None


def test_chance_recall_equals_permutation_within_classes():
    rng, m = RNG(2), 60
    people = replace(arms_of([1] * 10, [1] * 10, m, classes=[0, 1] * 10), synthetic_class=np.arange(m) % 2)
    pairs = np.array([rng.choice(np.arange(i % 2, 20, 2), size=2, replace=False) for i in range(m)])
    of_row = tuple(tuple(rng.choice(np.arange(i % 2, 10, 2), size=3, replace=False).tolist()) for i in range(m))
    lineage = Lineage(parents=of_row, weights=((0.5, 0.3, 0.2),) * m)
    found = parent_recall(found_in(pairs, 20), people, lineage, np.arange(10))
    one, both = [], []
    for _ in range(2000):
        dealt = pairs.copy()
        for c in (0, 1):
            rows = np.flatnonzero(people.synthetic_class == c)
            dealt[rows] = dealt[rng.permutation(rows)]
        hits = np.array([[p in of_row[i] for p in pair] for i, pair in enumerate(dealt)])
        one.append(hits[:, 0].mean())
        both.append(hits.all(axis=1).mean())
    assert found.one_chance == pytest.approx(np.mean(one), abs=0.005)
    assert found.pair_chance == pytest.approx(np.mean(both), abs=0.005)


def test_recall_interval_counts_agreeing_rows_once():
    r = ParentRecall(one=0.1, one_chance=0.01, pair=0.0, pair_chance=0.0, n=50.0)
    assert r.ends(0.95) == pytest.approx(clopper_pearson(5, 50, confidence=0.95))
    assert r.p_above(r.ends(0.95)[0]) == pytest.approx(0.05)
    assert ParentRecall(one=0.0, one_chance=0.01, pair=0.0, pair_chance=0.0, n=50.0).p_above(0.03) == 1.0
    people = arms_of([1] * 5, [1] * 5, m=40)
    lineage = Lineage(parents=tuple(((i // 8),) for i in range(40)), weights=((1.0,),) * 40)
    agreeing, mixed = (
        parent_recall(
            found_in([[i // 8 if i in hits else 9, 8] for i in range(40)], 10), people, lineage, np.arange(5)
        )
        for hits in (range(16), [i for i in range(40) if i % 5 < 2])
    )
    assert agreeing.one == mixed.one == 16 / 40
    assert agreeing.n == pytest.approx(5)
    assert mixed.n == 40


def test_more_rows_than_the_limit_are_sampled(monkeypatch):
    monkeypatch.setattr(noise_tolerant_attack, "MAX_ROWS", 30)
    people = arms_of([1] * 6, [1] * 6, m=50)
    found = find_parent_pairs(encoded_of(people, unit(RNG(3).normal(size=(50, 9)))), people, RNG(1))
    assert len(set(found.rows.tolist())) == 30
    assert found.pairs.shape == (1, 30, 2)


def test_shares_of_non_members_scatter_by_their_errors():
    people, scatter = arms_of([1] * 30 + [2] * 40, [1] * 50 + [3] * 25, m=90), []
    for seed in range(50):
        encoded = encoded_of(people, unit(RNG(seed).normal(size=(90, 9))), seed=seed + 500)
        found = find_parent_pairs(encoded, people, RNG(seed))
        both, null = both_train(found, people, RNG(seed))
        shares = [(share_of_nearest(found, people, 2), 0.5), (both, null), (share_of_nearest(found, people, 1), 0.5)]
        scatter.append([(share.value - expected) / share.error for share, expected in shares])
    assert np.abs(np.mean(scatter, axis=0)).max() < 0.4
    assert np.std(scatter, axis=0).max() < 1.25


def share_test(value, n, margin, null=0.5):
    return ShareTest(what="x", share=Share(value=value, error=0.5 / np.sqrt(n)), null=null, margin=margin)


MARGIN_OF_ROWS = [(100, None), (160, 0.10), (1000, 0.10), (1900, 0.05), (3000, 0.05), (5200, 0.03)]


def test_more_rows_support_a_stricter_margin_and_a_constant_share_supports_none():
    for n, margin in MARGIN_OF_ROWS:
        assert margin_of(Share(value=0.5, error=0.5 / np.sqrt(n)), 6) == margin
    assert margin_of(Share(value=0.5, error=0.0), 6) is None
    assert not share_test(0.5, 400, None).is_within(None, 0.95)
    assert ShareTest(what="x", share=Share(value=0.9, error=0.0), null=0.5, margin=0.1).p_beyond(0.1) == 1.0


def test_safe_shares_lie_within_the_supported_margin_together():
    n_shares = 6
    n = needed_for_share(0.05, power=power_of_each(n_shares))
    values = np.random.default_rng(0).normal(0.5, 0.5 / np.sqrt(n), size=(1000, n_shares))
    inside = [all(share_test(v, n, 0.05).is_within(0.05, 0.95) for v in row) for row in values]
    assert np.mean(inside) == pytest.approx(0.8, abs=0.04)


def test_share_at_its_margin_passes_in_five_percent():
    values = np.random.default_rng(0).normal(0.55, 0.5 / np.sqrt(2000), size=4000)
    passes = [share_test(v, 2000, 0.05).is_within(0.05, 0.95) for v in values]
    assert np.mean(passes) == pytest.approx(0.05, abs=0.012)


def test_p_value_is_two_sided_and_an_estimate_less_its_null_is_an_excess():
    p = {value: share_test(value, 900, 0.05).p_beyond(0.05) for value in (0.38, 0.54, 0.62)}
    assert p[0.62] == p[0.38] == pytest.approx(2 * stats.norm.sf(0.07 / 0.5 * 30))
    assert p[0.54] == 1.0
    assert not any(share_test(value, 900, 0.05).is_within(0.05, 0.95) for value in (0.4, 0.6))
    excess = share_test(0.3, 400, 0.1, null=0.25).share.estimate(0.95, less=0.25)
    assert (excess.value, excess.n) == (pytest.approx(0.05), pytest.approx(400, abs=1))
    assert excess.high - excess.low == pytest.approx(2 * stats.norm.ppf(0.95) * 0.025)


@pytest.mark.parametrize(("n", "margin"), [(200, 0.10), (1500, 0.05), (5000, 0.03)])
def test_smallest_leak_is_stopped_with_power_four_fifths(n, margin):
    leak = share_test(0.5, n, margin).smallest_leak(6, 0.95)
    values = np.random.default_rng(1).normal(0.5 + leak, 0.5 / np.sqrt(n), size=3000)
    shares = [share_test(v, n, margin) for v in values]
    stopped = [
        not s.is_within(margin, 0.95) or (6 * s.p_beyond(0.0) < 0.05 and not s.is_within(MARGINS[0], 0.95))
        for s in shares
    ]
    assert 0.78 <= np.mean(stopped) <= 0.9
    assert share_test(0.5, n, None).smallest_leak(6, 0.95) is None
