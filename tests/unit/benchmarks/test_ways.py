import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.core.errors import InternalError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Candidate
from synthgen.decode.base import Settings

sys.path.append(str(Path(__file__).parents[3] / "benchmarks"))  # the scripts are not a package

from ways import (
    Candidates,
    RoundTrip,
    Sources,
    Way,
    best_of,
    correct_once,
    corrected,
    distinct_ngrams,
    first_of,
    judge,
    overlap,
    ranks,
    row_of,
)

AXES = ("ant", "bee", "cow")
PROMPTS = {"x": "", "y": ""}
SETTINGS = Settings(prompts=PROMPTS, candidates=1, max_new_tokens=5, temperature=1.0, top_p=1.0, top_k=3, batch=2)
SEEDS = st.integers(0, 2**31)


def unit(*shape, seed):
    x = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


class Axes:
    """An encoder that counts the three words; a text with none of them gets the vector of the first word."""

    def encode(self, texts, progress=None):
        counts = np.array([[text.split().count(w) for w in AXES] for text in texts], dtype=np.float32)
        counts[counts.sum(axis=1) == 0, 0] = 1
        return counts / np.linalg.norm(counts, axis=1, keepdims=True)


class Loudest:
    """A decoder whose candidate 0 is the word of the largest entry, candidate 1 that of the second largest, etc."""

    name = "loudest"

    def __init__(self):
        self.asked = []

    def decode(self, latents, settings, seeds, advance):
        self.asked.append((latents.vectors, settings, str(seeds)))
        order = np.argsort(-latents.vectors, axis=1)
        return tuple(
            Candidate(latent_id=name, index=c, text=AXES[o[c % 3]], label=label, finish="length" if c else "stop")
            for name, label, o in zip(latents.ids, latents.labels, order, strict=True)
            for c in range(settings.candidates)
        )


def sources():
    texts = ("ant ant bee", "cow bee cow", "bee ant bee", "cow cow ant")
    return Sources(texts=texts, labels=(*"xyxy",), vectors=Axes().encode(texts))


def trip():
    return RoundTrip(encoder=Axes(), decoder=Loudest(), settings=SETTINGS)


def test_decoded_texts_are_in_rows_and_changes_reach_the_settings():
    found = trip().write(sources().vectors, sources().labels, SeedTree(0), candidates=2)
    assert found.texts == (("ant", "bee"), ("cow", "bee"), ("bee", "ant"), ("cow", "ant"))
    assert found.vectors.shape == (4, 2, 3)
    assert found.vectors[1].tolist() == [[0, 0, 1], [0, 1, 0]]
    assert found.ended.tolist() == [[True, False]] * 4
    made = trip()
    made.write(sources().vectors, sources().labels, SeedTree(0).child("s"), candidates=3, words=4)
    ((_, settings, stream),) = made.decoder.asked
    assert (settings, stream) == (replace(SETTINGS, candidates=3, words=4), "s")


@given(st.integers(1, 5), st.integers(1, 4), st.integers(2, 6), SEEDS)
def test_the_best_is_the_nearest_and_never_worse_than_the_first(m, c, d, seed):
    texts = tuple(tuple(f"{i}{k}" for k in range(c)) for i in range(m))
    tries = Candidates(texts=texts, vectors=unit(m, c, d, seed=seed), ended=np.ones((m, c), dtype=bool))
    target = unit(m, d, seed=seed + 1)
    for count in range(1, c + 1):
        way = best_of("w", tries, target, count=count, before=2)
        assert way.decodes == count + 2
        for i in range(m):
            k = max(range(count), key=lambda k, i=i: float(tries.vectors[i, k] @ target[i]))
            assert way.texts[i] == f"{i}{k}"
            assert (way.vectors[i] == tries.vectors[i, k]).all()
    first = first_of("f", tries)
    assert (first.texts, first.decodes) == (best_of("w", tries, target, count=1).texts, 1)


@given(st.integers(1, 4), st.integers(2, 6), st.floats(0.1, 2), SEEDS)
def test_a_correction_overshoots_by_the_missed_part(m, d, alpha, seed):
    target, guess = unit(m, d, seed=seed), unit(m, d, seed=seed + 1)
    moved = corrected(target, guess, alpha)
    assert np.linalg.norm(moved, axis=1) == pytest.approx(np.ones(m), abs=1e-5)
    assert ((moved * guess).sum(axis=1) <= (target * guess).sum(axis=1) + 1e-5).all()  # further from the guess
    assert corrected(target, target, alpha) == pytest.approx(target, abs=1e-5)  # nothing to correct


def test_a_correction_by_hand():
    x, g = np.array([[0.6, 0.8]], dtype=np.float32), np.array([[0, 1]], dtype=np.float32)
    assert corrected(x, g, 0.5) == pytest.approx(np.array([[0.9, 0.7]]) / np.hypot(0.9, 0.7), abs=1e-6)


def test_a_correction_decodes_the_missing_part_and_keeps_the_better_text():
    near = Sources(texts=("ant bee",), labels=("x",), vectors=np.array([[0.65, 0.76, 0]], dtype=np.float32))
    made = trip()
    guess = first_of("guess", made.write(near.vectors, near.labels, SeedTree(0)))
    assert guess.texts == ("bee",)
    way = correct_once(made, guess, near, alpha=1, tries=1, seeds=SeedTree(0).child("again"))
    assert np.argmax(made.decoder.asked[-1][0]) == 0  # the corrected vector requests "ant"
    assert (way.name, way.decodes) == ("guess, corrected by α = 1", 2)
    assert way.texts == ("bee",)  # "bee" is kept, because it is nearer
    far = replace(guess, texts=("cow",), vectors=np.array([[0, 0, 1]], dtype=np.float32), decodes=3)
    way = correct_once(made, far, near, alpha=1, tries=2, seeds=SeedTree(0))
    assert (way.texts, way.decodes) == (("bee",), 5)


def test_the_measures_by_hand():
    given = sources()
    way = Way(name="w", decodes=1, texts=("ant", "cow", "cow"), vectors=Axes().encode(["ant", "cow", "cow"]))
    found = judge(way, given)
    assert found.cosine == pytest.approx([2 / 5**0.5, 2 / 5**0.5, 0])
    # cow lies as near to "cow bee cow" as to "cow cow ant", and is as far from "bee ant bee" as from "ant ant bee"
    assert found.rank.tolist() == [1, 2, 4]
    assert found.class_kept.tolist() == [1, 1, 0]
    assert (found.overlap[:2] > 0.5).all()
    assert found.overlap[2] == 0


def test_a_row_holds_means_intervals_and_paired_differences():
    given = sources()
    right = judge(Way(name="right", decodes=4, texts=given.texts, vectors=given.vectors), given)
    wrong = judge(Way(name="wrong", decodes=0, texts=("ant",) * 4, vectors=Axes().encode(["ant"] * 4)), given)
    row = row_of(right, SeedTree(0), against=wrong)
    assert (row["way"], row["decodes"], row["texts"], row["against"]) == ("right", 4, 4, "wrong")
    assert row["cosine"] == pytest.approx(1)
    assert (row["first"], row["median_rank"], row["reciprocal_rank"]) == (1, 1, 1)
    assert row["cosine_more"] == pytest.approx(float((right.cosine - wrong.cosine).mean()))
    assert row["cosine_more_low"] <= row["cosine_more"] <= row["cosine_more_high"]
    assert row["overlap_more"] > 0
    assert row == row_of(right, SeedTree(0), against=wrong)
    assert row_of(wrong, SeedTree(0))["reciprocal_rank"] == pytest.approx(np.mean(1 / wrong.rank))


def test_ranks_by_hand():
    sources = np.array([[1, 0], [0, 1], [-1, 0]], dtype=np.float32)
    written = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)
    # the third text is as near to the first source as to the third, and the second source is nearer
    assert ranks(written, sources).tolist() == [1, 2, 3]
    same = np.tile(unit(1, 4, seed=0), (6, 1))
    assert ranks(same, same).tolist() == [6] * 6  # equal texts identify no source


@given(st.integers(2, 9), st.integers(0, 3), st.integers(2, 5), SEEDS)
def test_ranks_agree_with_sorting(m, more, d, seed):
    written, sources = unit(m, d, seed=seed), unit(m + more, d, seed=seed + 1)
    likeness = (written @ sources.T).tolist()
    slow = [1 + sum(x >= row[i] for j, x in enumerate(row) if j != i) for i, row in enumerate(likeness)]
    assert ranks(written, sources).tolist() == slow


def test_overlap_by_hand():
    sources = ["red fox", "red hen", "blue whale"]
    assert overlap(["red fox", "HEN red!", "nothing known"], sources) == pytest.approx([1, 1, 0])
    red, fox = math.log(4 / 3) + 1, math.log(4 / 2) + 1  # smoothed idf: ln((1 + n) / (1 + df)) + 1
    assert overlap(["red"], sources) == pytest.approx([red / math.hypot(red, fox)])


def test_distinct_by_hand():
    texts = ["The cat, the dog", "the cat"]
    assert distinct_ngrams(texts, 1, 100) == pytest.approx(3 / 6)
    assert distinct_ngrams(texts, 2, 100) == pytest.approx(3 / 4)  # the-cat cat-the the-dog | the-cat; not dog-the
    assert distinct_ngrams(texts, 1, 2) == 1.0  # of the first two words
    with pytest.raises(InternalError, match="7 consecutive words"):
        distinct_ngrams(texts, 7, 100)
