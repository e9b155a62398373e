from collections import Counter
from statistics import NormalDist
from types import SimpleNamespace

import numpy as np
import pytest

from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus, Latents, Record
from synthgen.dp import word_queries as module
from synthgen.dp.noised_sums import PrivateMechanism, Query, StreamNoise
from synthgen.dp.word_queries import ClassWords, PromptWords, query_words, read_words, words_by_person

RNG = np.random.default_rng(0)
NAMES = tuple(f"word{chr(97 + i // 10)}{chr(97 + i % 10)}" for i in range(60))
TABLE = RNG.normal(size=(60, 8)).astype(np.float32)
TABLE /= np.linalg.norm(TABLE, axis=1, keepdims=True)
FREQUENCY = np.linspace(0.5, 0.01, 60).astype(np.float32)
VOCABULARY = SimpleNamespace(words=NAMES, frequency=FREQUENCY, table=TABLE, centre=np.zeros(8, dtype=np.float32))
OWN = {"a": NAMES[20:24], "b": NAMES[30:34]}
NOWHERE = np.zeros((2, 8))  # directions of classes whose means are equal


def words_of(texts, labels, persons):
    """Return the vocabulary words of each person."""
    given = enumerate(zip(texts, labels, persons, strict=True))
    records = tuple(Record(id=str(i), text=" ".join(t), label=label, group=p) for i, (t, label, p) in given)
    return words_by_person(Corpus(role="train", has_groups=True, records=records), ("a", "b"), VOCABULARY)


LABELS = ("a", "b") * 150
TEXTS = [(*NAMES[:6], *RNG.choice(OWN[label], 2, replace=False)) for label in LABELS]
USED = words_of(TEXTS, LABELS, [f"p{i % 150}" for i in range(300)])


@pytest.fixture
def strict(monkeypatch):
    """Lower the rate of false discoveries, so that noise alone chooses no word."""
    monkeypatch.setattr(module, "FALSE_DISCOVERIES", 1e-4)


def answered(sigma, used=USED):
    query = Query(name="words", noise_multiplier=sigma)
    return query_words(used, 2, VOCABULARY, query, PrivateMechanism(StreamNoise(SeedTree(1))))


def test_words_by_person_counts_each_person_once_and_the_rarest_words_first(monkeypatch):
    monkeypatch.setattr(module, "MAX_WORDS", 3)
    (pairs,) = words_of([NAMES[: 10 + i] for i in range(5)], "aaaaa", "ppppp")
    assert pairs.tolist() == [[0, 13], [0, 12], [0, 11]]


def test_the_words_of_a_person_depend_on_no_other_person():
    texts, labels, persons = TEXTS[:6], LABELS[:6], ["p", "q", "p", "r", "q", "s"]
    kept = [i for i, person in enumerate(persons) if person != "r"]
    rest = words_of(*([values[i] for i in kept] for values in (texts, labels, persons)))
    everyone = words_of(texts, labels, persons)
    assert [pairs.tolist() for pairs in rest] == [everyone[i].tolist() for i in (0, 1, 3)]


def test_query_words_counts_persons_and_weights_words_of_one_class_but_no_words_of_noise(strict):
    found, exact = answered(1e-6), Counter((int(c), int(w)) for pairs in USED for c, w in pairs)
    assert all(found.counts[c, w] == pytest.approx(n, abs=0.01) for (c, w), n in exact.items())
    weights = answered(0.5).weights(NOWHERE)
    for row, label in zip(weights, ("a", "b"), strict=True):
        assert {NAMES[i] for i in np.flatnonzero(row)} == set(OWN[label])
    none = [np.zeros((0, 2), dtype=np.int64)] * 40
    assert (answered(5.0, none).weights(NOWHERE) > 0).sum() <= 1


def test_at_the_shipped_rate_all_own_words_and_few_words_of_noise_are_chosen():
    for row, label in zip(answered(0.5).weights(NOWHERE), ("a", "b"), strict=True):
        chosen = {NAMES[i] for i in np.flatnonzero(row)}
        assert set(OWN[label]) <= chosen
        assert len(chosen - set(OWN[label])) <= 1
    none = [np.zeros((0, 2), dtype=np.int64)] * 40
    assert (answered(5.0, none).weights(NOWHERE) > 0).sum() <= 1


def test_words_of_a_class_are_chosen_by_the_weighted_procedure_of_benjamini_and_hochberg(monkeypatch):
    monkeypatch.setattr(module, "DIRECTION_FACTOR", 1.0)  # with 8 axes, cosines are larger than those of real vectors
    rng = np.random.default_rng(5)
    counts, directions = rng.normal(0, 10, (3, 60)), rng.normal(size=(3, 8))
    counts[1, 20:26] += 45
    found = ClassWords(vocabulary=VOCABULARY, counts=counts, error=10.0).weights(directions)
    for c in range(3):
        cosines = TABLE @ directions[c] / np.linalg.norm(directions[c])
        share = np.exp(module.DIRECTION_FACTOR * cosines) / np.mean(np.exp(module.DIRECTION_FACTOR * cosines))
        mean = np.maximum(counts.mean(axis=0), 0)
        noise = NormalDist(0, 10 * (2 / 3) ** 0.5)
        p = [1 - noise.cdf(x) for x in counts[c] - mean]
        order, last = sorted(range(60), key=lambda i: p[i] / share[i]), -1
        for rank, i in enumerate(order, 1):
            last = rank if p[i] / share[i] <= module.FALSE_DISCOVERIES * rank / 60 else last
        assert set(np.flatnonzero(found[c])) == set(order[: max(last, 0)])
        assert found[c].sum() == pytest.approx(1.0 if last > 0 else 0.0)
    assert len(set(np.flatnonzero(found[1])) & set(range(20, 26))) >= 4


def test_a_word_near_the_class_mean_needs_a_lower_count():
    counts = np.zeros((2, 60))
    counts[0, 25] = 28.0
    words = ClassWords(vocabulary=VOCABULARY, counts=counts, error=10.0)
    assert not words.weights(NOWHERE).any()
    assert np.flatnonzero(words.weights(np.stack([TABLE[25], -TABLE[25]]))[0]).tolist() == [25]


def test_draw_returns_words_of_the_class_without_repeats_and_prefers_near_ones(tmp_path, strict):
    found = answered(0.5)
    found.save(tmp_path)
    found, near = read_words(tmp_path, VOCABULARY), TABLE[[21] * 200]
    weights = found.weights(NOWHERE)[0]
    drawn = found.draw(weights, near, 2, np.random.default_rng(1))
    assert all(len(set(words)) == 2 and set(words) <= set(OWN["a"]) for words in drawn)
    assert Counter(word for words in drawn for word in words).most_common(1)[0][0] == NAMES[21]
    assert found.draw(weights, near[:3], 2, np.random.default_rng(1)) == drawn[:3]


def test_prompt_words_are_those_of_the_class_of_each_vector(strict):
    class Learned:
        def directions(self):
            return NOWHERE

        def sample(self, counts, rng):
            rows = [(label, i) for label, m in sorted(counts.items()) for i in range(m)]
            ids, labels = tuple(f"{label}{i}" for label, i in rows), tuple(label for label, _ in rows)
            rest = dict.fromkeys(("parent_ids", "weights"), ((),) * len(rows)) | {"method": "any", "seed_path": "any"}
            return Latents(vectors=TABLE[[i for _, i in rows]], ids=ids, labels=labels, **rest)

    draws = PromptWords(learned=Learned(), words=answered(0.5), labels=("a", "b"), words_per_vector=2)
    drawn = draws.sample({"b": 9, "a": 4}, SeedTree(3))
    for label, words in zip(drawn.labels, drawn.prompt_words, strict=True):
        assert set(words) <= set(OWN[label])
    assert draws.sample({"b": 3, "a": 4}, SeedTree(3)).prompt_words == drawn.prompt_words[:7]
