"""Each recipe is compared with a slow or obvious reference."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.attacks.identifiers.identifiers_audit import Identifiers
from audits.core.errors import NotMeasurable
from audits.core.inputs import take
from audits.core.types import AuditInputs, Table
from audits.embeddings.encoders import encode_words
from audits.selftest import recipes
from audits.selftest.clean_release import Population, draw_population


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def population(people):
    def labelled(table):
        return replace(table, labels=tuple("ab"[i % 2] for i in range(len(table))))

    train, control = labelled(people(33, seed=1, prefix="t")), labelled(people(65, seed=2, prefix="h"))
    return draw_population(AuditInputs(synthetic=control, train=train, control=control), rng())


def tiny(texts, groups, labels=None):
    """Return a population with this train table; its other fields are placeholders."""
    train = Table(texts=tuple(texts), labels=labels, groups=tuple(groups), has_groups=True)
    tables = dict.fromkeys(("train", "control", "unseen"), train)
    return Population(**tables, n_unseen=1, n_repeating=0, own_run=np.zeros(len(texts)))


def test_verbatim_is_train(population):
    made = recipes.verbatim(population, rng())
    assert (made.synthetic.texts, made.synthetic.labels) == (population.train.texts, population.train.labels)
    assert (made.train, made.control) == (population.train, population.control)


def test_some_persons_are_copied_with_all_their_rows(population):
    made = recipes.verbatim_some(population, rng())
    texts = made.synthetic.texts
    assert texts[: len(population.unseen)] == population.unseen.texts
    copied = {made.train.groups[made.train.texts.index(t)] for t in texts[len(population.unseen) :]}
    assert len(copied) == recipes.MIN_COPIED
    assert len(texts) - len(population.unseen) == sum(g in copied for g in population.train.groups)
    pairs = zip(made.train.groups, made.train.texts, population.train.texts, strict=True)
    numbered = [group for group, now, before in pairs if now != before]
    assert sorted(numbered) == sorted(copied)
    assert all(" MRN " in t for t in set(made.train.texts) - set(population.train.texts))


def test_one_text_is_pasted_into_one_row(population):
    made = recipes.verbatim_one(population, rng())
    texts = made.synthetic.texts
    changed = [i for i in range(len(texts)) if texts[i] != population.unseen.texts[i]]
    assert len(changed) == 1
    pasted = texts[changed[0]].removeprefix(f"{population.unseen.texts[changed[0]]} ")
    row = made.train.texts.index(pasted)
    assert population.own_run[row] >= 30
    assert pasted.startswith(f"{population.train.texts[row]} MRN ")
    assert Identifiers().run(made, rng(), 0.95).metrics["hard_hits"].value == 1


@pytest.mark.parametrize(
    ("recipe", "words"), [(recipes.verbatim_some, "11 train persons"), (recipes.verbatim_one, "but there are 0")]
)
def test_texts_without_own_words_cannot_be_planted(population, recipe, words):
    with pytest.raises(NotMeasurable, match=words):
        recipe(replace(population, own_run=np.zeros_like(population.own_run)), rng())


@given(rate=st.floats(0, 1), seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_dropout_keeps_order_and_at_least_one_word(rate, seed):
    texts = ["a b c d e f g h", "only", " ".join(map(str, range(400)))]
    made = recipes.word_dropout(tiny(texts, "xyz"), rng(seed), rate=rate).synthetic.texts
    for before, after in zip(texts, made, strict=True):
        words = iter(before.split())
        assert after
        assert all(word in words for word in after.split())
    assert abs(len(made[2].split()) - 400 * (1 - rate)) < 60


def encoded_as(monkeypatch, x):
    monkeypatch.setattr(recipes, "encode_characters", lambda *_: SimpleNamespace(train=np.float32(x)))


ANGLES = np.deg2rad([0, 10, 30, 90, 5])
CIRCLE = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)


def test_a_point_mixes_neighbours_of_its_class_and_of_other_persons(monkeypatch):
    encoded_as(monkeypatch, CIRCLE)
    people = tiny(["at 0", "at 10", "at 30", "at 90", "at 5"], "pqqrp", labels=tuple("aaaba"))
    made = recipes.interpolated(people, rng(), k=1, largest=1e-6).synthetic
    assert made.texts == ("at 0", "at 10", "at 30", "at 5")  # the text at 90 is alone in its class
    assert made.labels == ("a",) * 4
    many = [recipes.interpolated(people, rng(seed), k=1, largest=1.0).synthetic.texts for seed in range(40)]
    assert {t[0] for t in many} == {"at 0", "at 5", "at 10"}  # towards 10, past 5, which is of the same person
    assert {t[2] for t in many} == {"at 30", "at 10", "at 5"}  # towards 5, because 10 is of the same person
    wide = {recipes.interpolated(people, rng(seed), k=5, largest=1.0).synthetic.texts[0] for seed in range(40)}
    assert wide == {"at 0", "at 5", "at 10", "at 30"}


def test_classes_of_one_person_cannot_be_mixed(monkeypatch):
    encoded_as(monkeypatch, CIRCLE[:2])
    people = tiny(["one", "two"], ["p", "p"], labels=("a", "a"))
    for recipe, options in ((recipes.interpolated, {"k": 1, "largest": 1.0}), (recipes.chunk_mix, {})):
        with pytest.raises(NotMeasurable, match="nothing can be mixed"):
            recipe(people, rng(), **options)


def test_interpolated_texts_are_train_texts(population, monkeypatch):
    made = recipes.interpolated(population, rng(), k=5, largest=1.0).synthetic
    assert len(made) == len(population.train)
    assert set(made.texts) <= set(population.train.texts)
    near = recipes.interpolated(population, rng(), k=1, largest=0.05).synthetic
    assert near.texts == population.train.texts
    monkeypatch.setattr(recipes, "MAX_ROWS", 12)  # of a large table, only this many rows are mixed
    assert len(recipes.interpolated(population, rng(), k=5, largest=1.0).synthetic) == 12
    assert len(recipes.chunk_mix(population, rng()).synthetic) == 12


def test_chunks_are_from_two_persons_of_one_class():
    """Each word contains the number of its text and its position there."""
    lengths = [23, 40, 5, 64, 31, 17]
    texts = [" ".join(f"{t}:{place}" for place in range(n)) for t, n in enumerate(lengths)]
    persons, classes = "ppqrsq", "aababb"
    people = tiny(texts, persons, labels=tuple(classes))
    met = set()
    for seed in range(30):
        made = recipes.chunk_mix(people, rng(seed)).synthetic
        assert made.labels == people.train.labels
        for base, text in enumerate(made.texts):
            words = [tuple(map(int, word.split(":"))) for word in text.split()]
            assert words == sorted(words, key=lambda w: w[1])
            by_chunk = {place // 8: {t for t, p in words if p // 8 == place // 8} for _, place in words}
            assert all(len(of) == 1 for of in by_chunk.values())
            parents = {base} | {t for t, _ in words}
            met.add(frozenset(parents))
            assert len(parents) <= 2
            assert {classes[t] for t in parents} == {classes[base]}
            assert len({persons[t] for t in parents}) == len(parents)
    assert {frozenset({0, 3}), frozenset({1, 3}), frozenset({2, 4}), frozenset({4, 5})} <= met


@pytest.mark.parametrize("n", [2, 3])
def test_model_writes_only_runs_of_train(population, n):
    made = recipes.ngram_model(population, rng(), n=n).synthetic
    runs = {tuple(w[i : i + n]) for w in (t.split() for t in population.train.texts) for i in range(len(w) - n + 1)}
    words = [t.split() for t in made.texts]
    assert all(tuple(w[i : i + n]) in runs for w in words for i in range(len(w) - n + 1))
    assert {w[0] for w in words} <= {t.split()[0] for t in population.train.texts}
    assert len(made) == len(population.train)
    assert not set(made.texts) <= set(population.train.texts)
    texts = ["a b", "a b", "a b", "a c"] * 50  # the model reproduces the frequencies of train
    made = recipes.ngram_model(tiny(texts, map(str, range(200))), rng(), n=2).synthetic.texts
    assert set(made) == {"a b", "a c"}
    assert 0.65 < made.count("a b") / 200 < 0.85


def test_one_record_number_is_in_one_row_and_found(population):
    before, after = recipes.clean_release(population, rng()), recipes.one_identifier(population, rng())
    assert sum(a != b for a, b in zip(before.synthetic.texts, after.synthetic.texts, strict=True)) == 1
    assert sum(a != b for a, b in zip(before.train.texts, after.train.texts, strict=True)) == 1
    hits = [Identifiers().run(made, rng(), 0.95).metrics["hard_hits"].value for made in (before, after)]
    assert hits == [0, 1]


def test_last_quarter_is_of_another_person(population):
    made = recipes.permuted_secret(population, rng()).synthetic.texts
    words = [t.split() for t in population.train.texts]
    cuts = [-(-3 * len(w) // 4) for w in words]
    tails = {" ".join(w[c:]): g for w, c, g in zip(words, cuts, population.train.groups, strict=True)}
    found = []
    for i, text in enumerate(made):
        assert text.split()[: cuts[i]] == words[i][: cuts[i]]
        found.append(" ".join(text.split()[cuts[i] :]))
        assert tails[found[-1]] != population.train.groups[i]
    assert sorted(found) == sorted(tails)


def test_tenth_nearest_to_train_is_removed(population):
    kept = recipes.filtered_release(population, rng()).synthetic.texts
    encoded = encode_words(recipes._holdout(population))
    nearness = (encoded.synthetic @ encoded.train.T).toarray().max(axis=1)
    gone = [i for i, t in enumerate(population.unseen.texts) if t not in kept]
    assert len(gone) == len(population.unseen) // 10
    assert nearness[gone].min() >= np.delete(nearness, gone).max()


def test_roles_are_reassigned_by_person(population):
    made = recipes.permuted_roles(population, rng())
    groups = [set(t.groups) for t in (made.train, made.control)]
    assert [len(g) for g in groups] == [len(set(t.groups)) for t in (population.train, population.control)]
    assert not groups[0] & groups[1]
    assert 5 < len(groups[0] & set(population.train.groups)) < 33
    assert sorted(made.train.texts + made.control.texts) == sorted(population.train.texts + population.control.texts)
    assert made.synthetic == population.unseen
    assert made.train.has_groups


def test_recipe_depends_only_on_its_stream(population):
    names = ("verbatim_some", "verbatim_one", "chunk_mix", "one_identifier", "permuted_roles")
    for recipe in (getattr(recipes, name) for name in names):
        assert recipe(population, rng(3)) == recipe(population, rng(3))
        assert recipe(population, rng(3)) != recipe(population, rng(4))


def test_unlabelled_tables_stay_unlabelled(population):
    plain = replace(population, train=replace(population.train, labels=None))
    assert recipes.chunk_mix(plain, rng()).synthetic.labels is None
    assert recipes.interpolated(plain, rng(), k=5, largest=1.0).synthetic.labels is None
    few = replace(plain, train=take(plain.train, np.arange(40)))
    assert len(recipes.ngram_model(few, rng(), n=2).synthetic) == 40
