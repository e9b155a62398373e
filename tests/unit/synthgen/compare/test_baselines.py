from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.compare.baselines import baselines, eda, write_label_only
from synthgen.core.errors import DataError
from synthgen.core.progress import silent
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus, Record
from synthgen.decode.config import DecodeConfig
from synthgen.evaluate import Tables, evaluate

WORDS = {"ant": "colony worker queen nest", "bee": "hive drone swarm comb"}


def corpus(role, counts):
    """Return records whose words and vectors identify the class."""
    records, vectors, rng = [], [], np.random.default_rng(len(role))
    for at, (label, n) in enumerate(counts.items()):
        for i in range(n):
            text = f"{WORDS[label]} seen by {role} {i}"
            records.append(Record(id=f"{role}-{label}-{i}", text=text, label=label, group=f"{role}-{label}-{i}"))
            vectors.append(np.eye(2, 4)[at] + rng.normal(scale=0.05, size=4))
    return Corpus(role=role, records=tuple(records), has_groups=True), np.array(vectors, dtype=np.float32)


@pytest.fixture(scope="module")
def tables():
    made = {"synthetic": ("synthetic", {"ant": 6, "bee": 9}), "train": ("train", {"ant": 20, "bee": 8})}
    found = {name: corpus(*given) for name, given in {**made, "test": ("control", {"ant": 7, "bee": 7})}.items()}
    vectors = {name: rows for name, (_, rows) in found.items()}
    return Tables(**{name: one for name, (one, _) in found.items()}, vectors=vectors)


def encode(texts):
    return np.array([[float(w in t.split()) for w in ("colony", "hive", "nest", "comb")] for t in texts], np.float32)


def test_each_baseline_makes_as_many_records_as_the_synthetic_table(tables):
    label_only = ["about an ant"] * 6 + ["about a bee"] * 9
    arms = baselines(tables, encode, SeedTree(3), label_only)
    assert list(arms) == ["class weights", "random oversampling", "real + EDA", "real + SMOTE", "label-only"]
    sizes = {name: Counter(arm.rows.labels.tolist()) for name, arm in arms.items()}
    assert sizes["class weights"] == {"ant": 20, "bee": 8}
    assert sizes["random oversampling"] == {"ant": 20, "bee": 20}
    assert sizes["real + EDA"] == sizes["real + SMOTE"] == {"ant": 26, "bee": 17}
    assert sizes["label-only"] == tables.synthetic.counts() == {"ant": 6, "bee": 9}
    assert arms["class weights"].weights == "balanced"
    repeated = arms["random oversampling"].rows
    assert set(repeated.texts) == set(tables.train.texts)
    assert repeated.texts[:28] == tuple(tables.train.texts)
    altered = arms["real + EDA"].rows.texts[28:]
    assert all(set(text.split()) <= set(" ".join(tables.train.texts).split()) for text in altered)
    made = arms["real + SMOTE"].rows.vectors[28:]
    assert not arms["real + SMOTE"].has_texts
    assert (made[:6, 0] > 0.7).all()  # interpolated between the vectors of class "ant"
    again = baselines(tables, encode, SeedTree(3), label_only)
    assert all((arms[name].rows.vectors == again[name].rows.vectors).all() for name in arms)


def test_a_class_of_one_person_has_no_smote(tables):
    train = corpus("train", {"ant": 20, "bee": 1})
    few = Tables(
        synthetic=tables.synthetic, train=train[0], test=tables.test, vectors={**tables.vectors, "train": train[1]}
    )
    assert "real + SMOTE" not in baselines(few, encode, SeedTree(3))


def test_a_class_that_train_lacks_is_an_error(tables):
    train = corpus("train", {"ant": 20})
    other = Tables(
        synthetic=tables.synthetic, train=train[0], test=tables.test, vectors={**tables.vectors, "train": train[1]}
    )
    with pytest.raises(DataError, match="1 of the 2 classes of the synthetic table has no train records"):
        baselines(other, encode, SeedTree(3))


def test_baselines_stand_beside_the_others_and_change_no_metric(tables):
    arms = baselines(tables, encode, SeedTree(3))
    plain, found = (evaluate(tables, SeedTree(1), baselines=given) for given in (None, arms))
    assert found.metrics == plain.metrics
    both = {name for name, arm in arms.items() if arm.has_texts}
    assert set(found.results["classifiers"]["tfidf-linear"]) == {"real", "synthetic", "real+synthetic", *both}
    assert set(found.results["classifiers"]["encoder-logistic"]) == {"real", "synthetic", "real+synthetic", *arms}
    for classifier, of_sets in plain.results["classifiers"].items():
        assert {name: found.results["classifiers"][classifier][name] for name in of_sets} == of_sets


@pytest.mark.slow
def test_label_only_texts_do_not_depend_on_the_source(tiny, tmp_path):
    folder = tmp_path / "decoder"
    tiny.save_model(folder, "llama", max_position_embeddings=1024)
    config = DecodeConfig(model="decoder", max_new_tokens=8)
    counts = {"ant": 3, "bee": 2}
    texts = write_label_only(folder, counts, config, SeedTree(5), silent)
    assert len(texts) == 5
    assert write_label_only(folder, counts, config, SeedTree(5), silent) == texts
    assert write_label_only(folder, counts, config, SeedTree(6), silent) != texts


class Fixed:
    """A random generator that returns the given numbers: `singles`, a `row`, and single or paired `places`."""

    def __init__(self, singles=(), row=(), places=()):
        self.singles, self.row, self.places = iter(singles), row, iter(places)

    def random(self, size=None):
        return next(self.singles) if size is None else np.array(self.row)

    def integers(self, _n, size=None):
        return np.array(next(self.places)) if size else next(self.places)


def test_eda_by_hand():
    ten = "a b c d e f g h i j"
    assert eda(ten, Fixed([0.4], places=[(0, 9)])) == "j b c d e f g h i a"
    twenty = f"{ten} {ten}"  # twenty words get two swaps
    assert eda(twenty, Fixed([0.4], places=[(0, 1), (1, 2)])) == "b c a d e f g h i j " + ten
    assert eda("a  b\nc", Fixed([0.5], row=[0.2, 0.09, 0.1])) == "a c"
    assert eda("a b", Fixed([0.5], row=[0.0, 0.0], places=[1])) == "b"
    with pytest.raises(DataError, match="a train text has no words"):
        eda("  ", Fixed([0.4]))


@given(st.lists(st.sampled_from("abcde"), min_size=1, max_size=30), st.integers(0, 99))
def test_eda_adds_no_word_and_keeps_at_least_one(words, seed):
    made = eda(" ".join(words), np.random.default_rng(seed)).split()
    assert made
    assert not Counter(made) - Counter(words)
