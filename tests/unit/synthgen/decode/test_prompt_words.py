import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.core.errors import ModelError
from synthgen.decode import prompt_words as module
from synthgen.decode.prompt_words import WordReader, load_words, make_reader, save_words

ROOT2 = 2**-0.5


def reader(frequency=(0.1, 0.1, 0.1, 0.1), centre=(0.0, 0.0)):
    return WordReader(
        words=("east", "eastern", "north", "west"),
        frequency=np.array(frequency),
        table=np.array([[1, 0], [0.8, 0.6], [0, 1], [-1, 0]], dtype=np.float32),
        centre=np.array(centre, dtype=np.float32),
    )


def test_words_are_ordered_by_nearness_and_unlikeness(monkeypatch):
    # cosines with x: .894, .984, .447, -.894; after "eastern", east scores .894 - .2 · .8 and north .447 - .2 · .6
    x = np.array([[2, 1]], dtype=np.float32)
    assert reader().read(x, 3) == (("eastern", "east", "north"),)
    monkeypatch.setattr(module, "LIKENESS", 3.0)
    # now east scores .894 - 2.4, north .447 - 1.8, and west, which is like no chosen word, -.894
    assert reader().read(x, 3) == (("eastern", "west", "north"),)


def test_a_rare_word_must_be_nearer():
    x = np.array([[ROOT2, ROOT2]], dtype=np.float32)  # cosines .707, .990, .707, -.707
    assert reader().read(x, 1) == (("eastern",),)
    # .990 + .02 log(e^-30) is .39, which is less than .707 + .02 log .1 = .661
    assert reader(frequency=(0.1, np.exp(-30.0), 0.05, 0.1)).read(x, 1) == (("east",),)


def test_vectors_are_centred_and_a_vector_at_the_centre_gives_the_most_frequent_words():
    at = reader(centre=(1, 1)).read(np.array([[2, 1], [1, 1.5], [1, 9]], dtype=np.float32), 1)
    assert at == (("east",), ("north",), ("north",))
    assert reader(frequency=(0.1, 0.2, 0.4, 0.3)).read(np.zeros((1, 2), dtype=np.float32), 2) == (("north", "west"),)


@settings(max_examples=30, deadline=None)
@given(st.integers(5, 40), st.integers(2, 9), st.integers(1, 5), st.integers(0, 2**31))
def test_words_differ_and_a_vectors_words_depend_on_no_other(v, d, k, seed):
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(v, d)).astype(np.float32)
    table /= np.linalg.norm(table, axis=1, keepdims=True)
    read = WordReader(
        words=tuple(f"w{i}" for i in range(v)),
        frequency=rng.uniform(0.001, 1, size=v),
        table=table,
        centre=rng.normal(size=d).astype(np.float32) / 3,
    )
    x = rng.normal(size=(7, d)).astype(np.float32)
    for choose in (read.read, read.plan):
        together = choose(x, k)
        assert all(len(set(words)) == k for words in together)
        assert together == tuple(choose(row[None], k)[0] for row in x)
        assert tuple(words[: k - 1] for words in together) == choose(x, k - 1)


def test_a_plan_is_near_its_vector_as_a_whole(monkeypatch):
    # x = (1, .25): cosines east .970, eastern .922, north .243, west -.970
    x = np.array([[1, 0.25]], dtype=np.float32)
    four = dataclasses.replace(reader(), words=("a", "b", "c", "d"))
    assert four.read(x, 3) == (("a", "b", "c"),)
    # a + b = (1.8, .6) has the cosine .997; adding c gives (1.8, 1.6), .886, and adding d gives (.8, .6), .922
    assert four.plan(x, 3) == (("a", "b", "d"),)
    # the mean of log f of a, b, d is -2.3 - 30 / 3 and costs .6 more than that of a, b, c
    rare = dataclasses.replace(four, frequency=np.array([0.1, 0.1, 0.1, 0.1 * np.exp(-30.0)]))
    assert rare.plan(x, 3) == (("a", "b", "c"),)
    monkeypatch.setattr(module, "PLAN_PRIOR", 0.0)
    assert rare.plan(x, 3) == (("a", "b", "d"),)


def test_a_plan_has_one_form_of_a_word_unless_no_other_is_left():
    plural = dataclasses.replace(reader(), words=("knee", "knees", "north", "west"))
    x = np.array([[1, 0.25]], dtype=np.float32)
    assert plural.plan(x, 4) == (("knee", "north", "west", "knees"),)


def test_plan_of_a_vector_at_the_centre_is_of_frequent_words():
    of = reader(frequency=(0.1, 0.2, 0.4, 0.3)).plan
    assert of(np.zeros((1, 2), dtype=np.float32), 3) == (("north", "west", "eastern"),)


def test_vocabulary_is_centred_and_nearly_unchanged_by_saving(tmp_path):
    rng = np.random.default_rng(1)
    vectors = (rng.normal(size=(40, 24)) + 3).astype(np.float32)
    frequency = {f"w{i}": 1 / (i + 2) for i in range(40)}
    made = make_reader(frequency, vectors, vectors.mean(axis=0))
    np.testing.assert_allclose(np.linalg.norm(made.table, axis=1), 1, atol=1e-6)
    save_words(made, tmp_path / "w.safetensors")
    read = load_words(tmp_path / "w.safetensors")
    assert read.words == tuple(frequency)
    np.testing.assert_allclose(read.frequency, list(frequency.values()), rtol=1e-6)
    assert np.einsum("ij,ij->i", read.table, made.table).min() > 0.9999  # cosines
    x = vectors + rng.normal(size=vectors.shape).astype(np.float32) / 10
    same = [a == b for a, b in zip(read.read(x, 1), made.read(x, 1), strict=True)]
    assert np.mean(same) > 0.9


def test_a_damaged_vocabulary_is_rejected(tmp_path):
    path = tmp_path / "w.safetensors"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(ModelError, match="damaged"):
        load_words(path)
    vectors = np.eye(5, dtype=np.float32)
    save_words(make_reader({"a": 0.1, "b": 0.1}, vectors[:3], vectors[0]), path)
    with pytest.raises(ModelError, match="contradict each other: 2 words, table"):
        load_words(path)
