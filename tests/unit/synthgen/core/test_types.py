import dataclasses

import numpy as np
import pytest

from synthgen.core import types
from synthgen.core.errors import InternalError
from synthgen.core.types import Candidate, Corpus, FilterOutcome, Record, counts_by_reason

CANARY = "canary-7f3e"


def record(number=0, **kept):
    return Record(**{"id": f"r{number}", "text": f"text {number}", "label": "a", "group": f"g{number}", **kept})


def embedded(**kept):
    """Three rows of two numbers."""
    usual = {"vectors": np.array([[1, 0], [0, 1], [0.6, 0.8]], dtype=np.float32), "encoder": "tiny"}
    usual |= {"ids": ("r0", "r1", "r2"), "labels": ("a", "b", "a"), "groups": ("g0", "g1", "g2"), "normalized": True}
    return types.Embedded(**(usual | kept))


def latents(**kept):
    """Two rows of four numbers, the second with one parent."""
    usual = {"vectors": np.arange(8, dtype=np.float32).reshape(2, 4), "ids": ("x0", "x1"), "labels": ("a", "b")}
    usual |= {"parent_ids": (("r0", "r2"), ("r1",)), "weights": ((0.25, 0.75), (1.0,))}
    return types.Latents(**(usual | {"method": "smote", "seed_path": "interpolate/a"} | kept))


def segments(**kept):
    """Four rows of three numbers, of two records."""
    usual = {"vectors": np.eye(4, 3, dtype=np.float32), "record_ids": ("r1", "r1", "r1", "r0")}
    usual |= {"headings": ("plan", "plan", "", "plan"), "sections": (0, 0, 1, 0)}
    return types.Segments(**(usual | kept))


def corpus(*records, **kept):
    return Corpus(**{"role": "train", "records": records, "has_groups": True, **kept})


@pytest.mark.parametrize("value", [record(), corpus(), embedded(), latents()])
def test_values_are_frozen(value):
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, dataclasses.fields(value)[0].name, "other")


def test_corpus_rejects_duplicate_ids():
    with pytest.raises(InternalError, match="two records have the same id"):
        corpus(record(1), record(2), record(1, text="other"))


def test_corpus_counts_labels_and_keeps_the_order():
    made = corpus(record(2, label="b"), record(0), record(1), has_groups=False)
    assert (len(made), made.texts, made.labels) == (3, ["text 2", "text 0", "text 1"], ["b", "a", "a"])
    assert list(made.counts().items()) == [("a", 2), ("b", 1)]


@pytest.mark.parametrize("field", ["id", "text", "label", "group"])
def test_corpus_digest_covers_every_field_and_the_order(field):
    others = (corpus(record(0), record(1, **{field: "changed"})), corpus(record(1), record(0)))
    assert corpus(record(0), record(1)).digest not in {other.digest for other in others}


@pytest.mark.parametrize(
    ("build", "kept", "message"),
    [
        (embedded, {"vectors": np.zeros(3, dtype=np.float32)}, "not a matrix"),
        (embedded, {"vectors": np.eye(3, 2)}, "are not float32 numbers"),
        (
            embedded,
            {"vectors": np.eye(4, 5, dtype=np.float32)},
            "the numbers of vectors, ids, labels and persons differ",
        ),
        (embedded, {"ids": ("r0", "r1")}, "the numbers of vectors, ids, labels and persons differ"),
        (embedded, {"labels": ("a", "b")}, "the numbers of vectors, ids, labels and persons differ"),
        (embedded, {"groups": ("g0", "g1", "g2", "g3")}, "the numbers of vectors, ids, labels and persons differ"),
        (
            embedded,
            {"vectors": np.array([[1, 0], [0, 1], [np.nan, 1]], dtype=np.float32)},
            "contain a number that is not finite",
        ),
        (
            embedded,
            {"vectors": np.array([[1, 0], [0, 1], [np.inf, 1]], dtype=np.float32)},
            "contain a number that is not finite",
        ),
        (
            embedded,
            {"vectors": np.array([[1, 0], [0, 1], [1, 1]], dtype=np.float32)},
            "a vector does not have the length 1",
        ),
        (latents, {"vectors": np.zeros(2, dtype=np.float32)}, "not a matrix"),
        (latents, {"vectors": np.zeros((2, 4))}, "are not float32 numbers"),
        (
            latents,
            {"vectors": np.zeros((3, 4), dtype=np.float32)},
            "the numbers of new vectors, ids and labels differ",
        ),
        (latents, {"labels": ("a",)}, "the numbers of new vectors, ids and labels differ"),
        (latents, {"parent_ids": (("r0", "r2"),)}, "differs from the number of their parents or weights"),
        (latents, {"weights": ((0.25, 0.75),)}, "differs from the number of their parents or weights"),
        (latents, {"ids": ("x0", "x0")}, "two new vectors have the same id"),
        (latents, {"prompt_words": (("word",),)}, "differs from the number of their prompt words"),
        (latents, {"vectors": np.full((2, 4), np.nan, dtype=np.float32)}, "contain a number that is not finite"),
        (
            latents,
            {"parent_ids": (("r0", "r2"), ("r1", "r3"))},
            "the numbers of parents and weights of a new vector differ",
        ),
        (latents, {"weights": ((0.25, 0.7), (1.0,))}, "do not sum to 1"),
        (latents, {"weights": ((0.25, float("nan")), (1.0,))}, "do not sum to 1"),
        (segments, {"vectors": np.zeros(4, dtype=np.float32)}, "not a matrix"),
        (segments, {"vectors": np.eye(4, 3)}, "are not float32 numbers"),
        (
            segments,
            {"vectors": np.eye(5, 3, dtype=np.float32)},
            "the numbers of vectors, record ids, headings and sections of the segments differ",
        ),
        (
            segments,
            {"headings": ("plan",)},
            "the numbers of vectors, record ids, headings and sections of the segments differ",
        ),
        (
            segments,
            {"sections": (0, 0)},
            "the numbers of vectors, record ids, headings and sections of the segments differ",
        ),
        (segments, {"vectors": np.full((4, 3), np.nan, dtype=np.float32)}, "contain a number that is not finite"),
        (segments, {"record_ids": ("r1", "r0", "r1", "r0")}, "not consecutive"),
    ],
)
def test_invalid_values_are_rejected(build, kept, message):
    with pytest.raises(InternalError, match=message):
        build(**kept)


def test_embedded_checks_the_length_only_of_normalized_vectors_and_latents_may_have_no_parents():
    assert not embedded(vectors=np.full((3, 2), 9, dtype=np.float32), normalized=False).normalized
    assert embedded(vectors=np.zeros((0, 2), dtype=np.float32), ids=(), labels=(), groups=()).ids == ()
    assert len(latents(parent_ids=((), ()), weights=((), ()))) == 2


@pytest.mark.parametrize("value", [embedded(), latents(), segments()])
def test_vectors_are_read_only(value):
    with pytest.raises(ValueError, match="read-only"):
        value.vectors[0, 0] = 5


def test_repr_shows_no_text():
    inside = record(text=CANARY)
    whole = corpus(inside, record(1, label=CANARY))
    candidate = Candidate(latent_id="x0", index=1, text=CANARY, label="a", finish="stop")
    named = (embedded(labels=(CANARY,) * 3), latents(labels=(CANARY,) * 2), segments(headings=(CANARY,) * 4))
    for value in (inside, whole, candidate, *named):
        assert CANARY not in repr(value) + f"{value}"
    assert (repr(whole), repr(embedded())) == ("Corpus(train, 2 records, 2 classes)", "Embedded(tiny, 3 x 2)")
    assert repr(latents()) == "Latents(smote, 2 x 4)"
    assert repr(candidate) == "Candidate(x0#1, 11 characters)"


def judged(*outcomes):
    return Candidate(latent_id="x", index=0, text="t", label="a", finish="stop", outcomes=outcomes)


GOOD = FilterOutcome(name="f", passed=True, score=1.0)
BAD = FilterOutcome(name="g", passed=False, score=0.0, reason="short")


@pytest.mark.parametrize(("outcomes", "is_passed"), [((GOOD, GOOD), True), ((GOOD, BAD), False), ((), False)])
def test_candidate_passed_if_it_was_judged_and_every_filter_passed_it(outcomes, is_passed):
    assert judged(*outcomes).passed is is_passed


def test_rejected_candidate_counts_once_under_its_first_failure():
    nameless = FilterOutcome(name="h", passed=False, score=0.0)
    candidates = (judged(GOOD, BAD, nameless), judged(nameless), judged(GOOD), judged(BAD), judged())
    assert dict(counts_by_reason(candidates)) == {"h": 1, "short": 2}


def test_segments_starts_returns_the_first_row_of_each_record():
    assert (segments().starts().tolist(), len(segments())) == ([0, 3], 4)
