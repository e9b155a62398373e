import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.core.holdout import Arms
from audits.embeddings.distances import (
    balanced_draws,
    crowding,
    distance_histogram,
    nearest_person_of_rows,
    nndr_ratio,
    share_of_train,
    two_nearest_distances,
)
from audits.embeddings.encoders import Encoded

RNG = np.random.default_rng


def arms_of(train_rows, control_rows, classes=None):
    """Return arms in which the i-th person of an arm has the given number of rows."""
    rows = [*train_rows, *control_rows]
    person_class = np.zeros(len(rows), dtype=np.int64) if classes is None else np.array(classes)
    return Arms(
        row_person=np.repeat(np.arange(len(rows)), rows),
        is_train=np.arange(len(rows)) < len(train_rows),
        person_class=person_class,
        synthetic_class=np.zeros(1, dtype=np.int64),
        n_classes=int(person_class.max()) + 1,
    )


def encoded_of(people, seed=0, m=13, d=6):
    def unit(n):
        rows = RNG(seed + n).normal(size=(n, d)).astype(np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    real = unit(len(people.row_person))
    n_train = int(people.is_train[people.row_person].sum())
    return Encoded(name="e", synthetic=unit(m), train=real[:n_train], control=real[n_train:], reference=unit(9))


def test_draws_are_balanced_within_each_class():
    people = arms_of([1] * 9, [1] * 5, classes=[0] * 7 + [1] * 2 + [0] * 2 + [1] * 3)
    draws = balanced_draws(people, 6, RNG(0))
    for among in draws:
        for c, n in ((0, 2), (1, 2)):
            for side in (True, False):
                assert sum((people.person_class[among] == c) & (people.is_train[among] == side)) == n
    assert len({tuple(among) for among in draws}) > 1


def test_the_nearest_person_equals_an_exhaustive_search():
    people = arms_of([2, 1, 3], [1, 2, 2, 1])
    encoded, included = encoded_of(people), balanced_draws(people, 3, RNG(1))
    real = np.vstack([encoded.train, encoded.control])
    found = nearest_person_of_rows(encoded.synthetic, real, people, included, RNG(2))
    for r, among in enumerate(included):
        for j, s in enumerate(encoded.synthetic):
            rows = [i for i, p in enumerate(people.row_person) if p in among]
            assert found[r, j] == people.row_person[max(rows, key=lambda i: real[i] @ s)]


def test_ties_and_rows_without_similarity_are_decided_at_random():
    people = arms_of([1] * 4, [1] * 4)
    included = balanced_draws(people, 400, RNG(0))
    same = np.ones((8, 1), dtype=np.float32)
    synthetic = np.zeros((1, 1), dtype=np.float32)
    lonely = nearest_person_of_rows(synthetic, same, people, included, RNG(1))
    assert np.bincount(lonely[:, 0], minlength=8).min() > 25
    tied = [nearest_person_of_rows(synthetic + 1, same, people, included[:1], RNG(i))[0, 0] for i in range(400)]
    assert np.bincount(tied, minlength=8).min() > 25


def test_the_standard_error_equals_that_of_permuted_roles():
    people = arms_of([1] * 12, [1] * 12, classes=[0] * 5 + [1] * 7 + [0] * 5 + [1] * 7)
    nearest = RNG(3).integers(24, size=(1, 60)) // 2 * 2
    included = [np.arange(24)]
    share = share_of_train(nearest, included, people)
    assert share.value == np.mean(people.is_train[nearest])
    permuted, rng = [], RNG(4)
    for _ in range(6000):
        is_train = people.is_train.copy()
        for c in (0, 1):
            members = np.flatnonzero(people.person_class == c)
            is_train[members] = is_train[rng.permutation(members)]
        permuted.append(np.mean(is_train[nearest]))
    assert share.error == pytest.approx(np.std(permuted), rel=0.03)


def test_rows_near_few_persons_count_less():
    people, included = arms_of([1] * 10, [1] * 10), [np.arange(20)]
    spread = share_of_train(np.tile(np.arange(20), 5)[None, :], included, people)
    over_represented = share_of_train(np.repeat([3, 15, 4, 16], 25)[None, :], included, people)
    assert spread.error == pytest.approx(0, abs=1e-9)
    assert 0 < over_represented.n < 20
    assert over_represented.ends(0.95).low < over_represented.value == 0.5 < over_represented.ends(0.95).high
    nearest = np.array([[2, 1, 1, 3, 2, 0, 4, 1, 1, 0]])  # in floating point, .2 + .4 + .2 + .1 + .1 is more than 1
    share = share_of_train(nearest, [np.arange(98)], arms_of([1] * 49, [1] * 49))
    assert share.value == 1 == share.ends(0.95).high


def test_crowding_equals_the_formula():
    people = arms_of([2, 1, 3], [1, 2, 2, 1])
    encoded = encoded_of(people)
    real = np.vstack([encoded.train, encoded.control])
    nearest = [(encoded.synthetic @ x).max() for x in real]
    local = [np.sort(encoded.reference @ x)[-5:].mean() for x in real]
    found = crowding(encoded, people)
    for name, rows in (("nearest", nearest), ("crowding", np.subtract(nearest, local))):
        expected = [max(rows[i] for i in np.flatnonzero(people.row_person == p)) for p in range(7)]
        assert found[name] == pytest.approx(expected, abs=1e-5)


def test_distances_and_their_ratio_by_hand():
    people = arms_of([1] * 3, [1] * 4)
    encoded = encoded_of(people)
    to_train, to_control = two_nearest_distances(encoded, people, np.arange(7))
    assert to_train == pytest.approx(np.sort(1 - encoded.synthetic @ encoded.train.T, axis=1)[:, :2], abs=1e-5)
    assert to_control == pytest.approx(np.sort(1 - encoded.synthetic @ encoded.control.T, axis=1)[:, :2], abs=1e-5)
    assert nndr_ratio(np.array([[0.1, 0.5]]), np.array([[0.2, 0.4]])) == pytest.approx(0.4)
    assert nndr_ratio(np.array([[0.1, 0.5]]), np.zeros((2, 2))) is None


@given(st.lists(st.floats(0, 2), min_size=1, max_size=150), st.lists(st.floats(0, 2), min_size=1, max_size=150))
def test_histogram_bins_have_zero_or_at_least_ten_rows(train, control):
    bins = distance_histogram(np.array(train), np.array(control))
    if min(len(train), len(control)) < 10:
        assert bins == {"edges": [], "train": [], "control": []}
        return
    assert (sum(bins["train"]), sum(bins["control"])) == (len(train), len(control))
    assert len(bins["edges"]) == len(bins["train"]) + 1 == len(bins["control"]) + 1
    assert bins["edges"] == sorted(bins["edges"])
    assert np.array(bins["edges"]) * 40 == pytest.approx(np.round(np.array(bins["edges"]) * 40))
    assert all(n == 0 or n >= 10 for n in (*bins["train"], *bins["control"]))
