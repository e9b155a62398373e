from collections import Counter

import numpy as np
import pytest

from synthgen.core.seeds import SeedTree
from synthgen.dp import votes
from synthgen.dp.basis import fit_basis
from synthgen.dp.method import PublicContext
from synthgen.dp.noise import StreamNoise
from synthgen.dp.noised_sums import PrivateAsk
from synthgen.dp.person_rows import PersonRows
from synthgen.dp.votes import EACH, FEWEST, MOST, VOTES, candidates_of, nearest

RNG = np.random.default_rng(3)
D, C, N = 10, 2, 3000


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


BASIS = fit_basis(unit(RNG.normal(size=(500, D))))
# each class is of two far modes, so that its mean is where nobody is
MODES = unit(RNG.normal(size=(2 * C, D)))
CLASSES, MODE = RNG.integers(0, C, N), RNG.integers(0, 2, N)
POINTS = BASIS.inward(unit(MODES[2 * CLASSES + MODE] + 0.15 * RNG.normal(size=(N, D))))
PEOPLE = PersonRows(points=POINTS, classes=CLASSES, starts=np.arange(N), n_classes=C, names=tuple(map(str, range(N))))


def learned(sigma, write=lambda vectors, *_: vectors):
    context = PublicContext(labels=("a", "b"), basis=BASIS, persons=N, write=write, seeds=SeedTree(5))
    queries = {name: asked.query(name, sigma, N) for name, asked in votes.ASKED.items()}
    return votes.learn(PEOPLE, context, queries, PrivateAsk(StreamNoise(SeedTree(1)))), context


def to_a_mode(model):
    """Return how near points of class a lie to a mode of theirs, on average, and to how many modes."""
    drawn = BASIS.inward(model.sample({"a": 300}, SeedTree(8)).vectors)
    apart = np.linalg.norm(drawn[:, None] - BASIS.inward(MODES[:2])[None], axis=2)
    return float(apart.min(axis=1).mean()), Counter(apart.argmin(axis=1).tolist())


def test_votes_find_where_people_are_inside_a_class():
    model, _ = learned(2.0)
    near, which = to_a_mode(model)
    before, _ = to_a_mode(model.classes)
    assert near < 0.9 * before
    assert min(which.values()) > 60


def test_noise_that_drowns_the_votes_leaves_the_class_as_it_was():
    model, _ = learned(1e5)
    assert model.survivors.shape[1] == FEWEST
    assert np.allclose(model.votes.sum(axis=1), 1)


def test_people_vote_for_what_was_written_and_not_for_what_was_meant():
    away = unit(RNG.normal(size=(1, D)))
    calls = []

    def write(vectors, labels, seeds):
        calls.append((len(vectors), Counter(labels), str(seeds)))
        return np.repeat(away, len(vectors), axis=0)

    model, _ = learned(2.0, write)
    assert len({seeds for _, _, seeds in calls}) == len(calls) == 2
    assert all(set(counted.values()) == {n // 2} for n, counted, _ in calls)
    assert (model.votes.max(axis=1) > 0.8).all()  # all texts alike: the first of a class takes all


def test_candidates_are_as_many_as_the_noise_lets_be_heard():
    query = votes.ASKED[VOTES].query(VOTES, 3.0, 2400)
    assert candidates_of(query, 2400, 2) == 2400 / (2 * EACH * 3)
    assert candidates_of(query, 10**9, 2) == MOST
    assert candidates_of(query, 10, 2) == FEWEST


def test_the_nearest_text_is_of_the_records_own_class():
    written = RNG.normal(size=(6, D))
    found = nearest(POINTS[:200], CLASSES[:200], written, 3)
    for row, code in zip(found, CLASSES[:200], strict=True):
        assert row // 3 == code
    slow = []
    for x, c in zip(POINTS[:200], CLASSES[:200], strict=True):
        own = [written[3 * c + i] for i in range(3)]
        slow.append(3 * c + int(np.argmax([x @ w - np.mean([w @ v for v in own]) for w in own])))
    assert found.tolist() == slow


def test_of_texts_written_twice_the_first_alone_is_voted_for_whoever_votes_beside():
    rng = np.random.default_rng(1)
    own = rng.normal(size=(54, 48))
    own[[20, 53]] = own[[3, 7]] + 1e-16 * rng.normal(size=(2, 48))
    points, classes = rng.normal(size=(700, 48)) * 0.1 + own[rng.integers(0, 54, 700)], np.zeros(700, dtype=np.int64)
    votes = nearest(points, classes, own, 54)
    assert not {20, 53} & set(votes)
    assert {3, 7} <= set(votes)
    for left_out in (0, 350, 699):
        others = np.delete(np.arange(700), left_out)
        assert (nearest(points[others], classes[others], own, 54) == votes[others]).all()


def test_what_is_saved_comes_back_and_more_points_keep_the_first(tmp_path):
    model, context = learned(2.0)
    model.save(tmp_path)
    again = votes.read(tmp_path, context)
    few, many = again.sample({"b": 4}, SeedTree(1)), model.sample({"b": 7, "a": 2}, SeedTree(1))
    assert np.allclose(few.vectors, many.vectors[[i for i, n in enumerate(many.labels) if n == "b"][:4]])
    assert set(few.parent_ids) == {()}
    with pytest.raises(KeyError):
        votes.learn(PEOPLE, context, {}, PrivateAsk(StreamNoise(SeedTree(1))))
