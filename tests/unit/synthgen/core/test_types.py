import dataclasses

import numpy as np
import pytest

from synthgen.core.errors import InternalError
from synthgen.core.types import (
    Candidate,
    Corpus,
    Embedded,
    FilterOutcome,
    Latents,
    Record,
    Segments,
    counts_by_reason,
)

CANARY = "canary-7f3e"


def record(number=0, **kept):
    return Record(**{"id": f"r{number}", "text": f"text {number}", "label": "a", "group": f"g{number}", **kept})


def embedded(**kept):
    """Three rows of two numbers."""
    usual = {
        "vectors": np.array([[1, 0], [0, 1], [0.6, 0.8]], dtype=np.float32),
        "ids": ("r0", "r1", "r2"),
        "labels": ("a", "b", "a"),
        "groups": ("g0", "g1", "g2"),
        "encoder": "tiny",
        "normalized": True,
    }
    return Embedded(**{**usual, **kept})


def latents(**kept):
    """Two rows of four numbers, the second with one parent."""
    usual = {
        "vectors": np.arange(8, dtype=np.float32).reshape(2, 4),
        "ids": ("x0", "x1"),
        "labels": ("a", "b"),
        "parent_ids": (("r0", "r2"), ("r1",)),
        "weights": ((0.25, 0.75), (1.0,)),
        "method": "smote",
        "seed_path": "interpolate/a",
    }
    return Latents(**{**usual, **kept})


@pytest.mark.parametrize(
    "value", [record(), Corpus(role="train", records=(), has_groups=True), embedded(), latents()]
)
def test_values_are_frozen(value):
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, dataclasses.fields(value)[0].name, "other")


def test_a_corpus_refuses_two_records_of_one_id():
    with pytest.raises(InternalError, match="record ids are not unique"):
        Corpus(role="train", records=(record(1), record(2), record(1, text="other")), has_groups=True)


def test_a_corpus_counts_and_lists_in_order():
    corpus = Corpus(role="train", records=(record(2, label="b"), record(0), record(1)), has_groups=False)
    assert len(corpus) == 3
    assert corpus.texts == ["text 2", "text 0", "text 1"]
    assert corpus.labels == ["b", "a", "a"]
    assert list(corpus.counts().items()) == [("a", 2), ("b", 1)]


@pytest.mark.parametrize("field", ["id", "text", "label", "group"])
def test_every_field_of_every_record_is_in_the_digest(field):
    one = Corpus(role="train", records=(record(0), record(1)), has_groups=True)
    other = Corpus(role="train", records=(record(0), record(1, **{field: "changed"})), has_groups=True)
    assert one.digest != other.digest
    assert one.digest != Corpus(role="train", records=one.records[::-1], has_groups=True).digest


@pytest.mark.parametrize(
    ("kept", "message"),
    [
        ({"vectors": np.zeros(3, dtype=np.float32)}, "not a matrix"),
        ({"vectors": np.eye(3, 2)}, "not float32"),
        ({"vectors": np.eye(4, 5, dtype=np.float32)}, "rows do not match"),
        ({"ids": ("r0", "r1")}, "rows do not match"),
        ({"labels": ("a", "b")}, "rows do not match"),
        ({"groups": ("g0", "g1", "g2", "g3")}, "rows do not match"),
        ({"vectors": np.array([[1, 0], [0, 1], [np.nan, 1]], dtype=np.float32)}, "not finite"),
        ({"vectors": np.array([[1, 0], [0, 1], [np.inf, 1]], dtype=np.float32)}, "not finite"),
        ({"vectors": np.array([[1, 0], [0, 1], [1, 1]], dtype=np.float32)}, "not of unit length"),
    ],
)
def test_embedded_refuses(kept, message):
    with pytest.raises(InternalError, match=message):
        embedded(**kept)


def test_length_is_asked_only_where_it_is_claimed():
    assert not embedded(vectors=np.full((3, 2), 9, dtype=np.float32), normalized=False).normalized
    assert embedded(vectors=np.zeros((0, 2), dtype=np.float32), ids=(), labels=(), groups=()).ids == ()


@pytest.mark.parametrize(
    ("kept", "message"),
    [
        ({"vectors": np.zeros(2, dtype=np.float32)}, "not a matrix"),
        ({"vectors": np.zeros((2, 4))}, "not float32"),
        ({"vectors": np.zeros((3, 4), dtype=np.float32)}, "do not match their labels"),
        ({"labels": ("a",)}, "do not match their labels"),
        ({"parent_ids": (("r0", "r2"),)}, "do not match their parents"),
        ({"weights": ((0.25, 0.75),)}, "do not match their parents"),
        ({"ids": ("x0", "x0")}, "ids are not unique"),
        ({"vectors": np.full((2, 4), np.nan, dtype=np.float32)}, "not finite"),
        ({"parent_ids": (("r0", "r2"), ("r1", "r3"))}, "parents do not match its weights"),
        ({"weights": ((0.25, 0.7), (1.0,))}, "do not sum to 1"),
        ({"weights": ((0.25, float("nan")), (1.0,))}, "do not sum to 1"),
    ],
)
def test_latents_refuse(kept, message):
    with pytest.raises(InternalError, match=message):
        latents(**kept)


def test_latents_may_have_no_parents():
    assert len(latents(parent_ids=((), ()), weights=((), ()))) == 2


@pytest.mark.parametrize("value", [embedded(), latents()])
def test_vectors_cannot_be_written(value):
    with pytest.raises(ValueError, match="read-only"):
        value.vectors[0, 0] = 5


def test_no_repr_shows_a_text():
    inside = record(text=CANARY)
    corpus = Corpus(role="train", records=(inside, record(1, label=CANARY)), has_groups=True)
    candidate = Candidate(latent_id="x0", index=1, text=CANARY, label="a", finish="stop")
    for value in (inside, corpus, candidate, embedded(labels=(CANARY,) * 3), latents(labels=(CANARY,) * 2)):
        assert CANARY not in repr(value)
        assert CANARY not in f"{value}"
    assert repr(corpus) == "Corpus(train, 2 records, 2 classes)"
    assert repr(embedded()) == "Embedded(tiny, 3 x 2)"
    assert repr(latents()) == "Latents(smote, 2 x 4)"
    assert repr(candidate) == "Candidate(x0#1, 11 characters)"


def judged(*outcomes):
    return Candidate(latent_id="x", index=0, text="t", label="a", finish="stop", outcomes=outcomes)


def test_a_candidate_is_kept_when_all_filters_passed_it_and_at_least_one_judged_it():
    good = FilterOutcome(name="f", passed=True, score=1.0)
    bad = FilterOutcome(name="g", passed=False, score=0.0)
    assert judged(good, good).kept
    assert not judged(good, bad).kept
    assert not judged().kept


def test_a_rejected_candidate_counts_once_under_its_first_failure():
    good = FilterOutcome(name="f", passed=True, score=1.0)
    bad = FilterOutcome(name="g", passed=False, score=0.0, reason="short")
    nameless = FilterOutcome(name="h", passed=False, score=0.0)
    candidates = (judged(good, bad, nameless), judged(nameless), judged(good), judged(bad), judged())
    assert dict(counts_by_reason(candidates)) == {"h": 1, "short": 2}


def segments(**kept):
    """Four rows of three numbers, of two records."""
    usual = {
        "vectors": np.eye(4, 3, dtype=np.float32),
        "owners": ("r1", "r1", "r1", "r0"),
        "headings": ("plan", "plan", "", "plan"),
        "sections": (0, 0, 1, 0),
    }
    return Segments(**{**usual, **kept})


@pytest.mark.parametrize(
    ("kept", "message"),
    [
        ({"vectors": np.zeros(4, dtype=np.float32)}, "not a matrix"),
        ({"vectors": np.eye(4, 3)}, "not float32"),
        ({"vectors": np.eye(5, 3, dtype=np.float32)}, "do not match"),
        ({"headings": ("plan",)}, "do not match"),
        ({"sections": (0, 0)}, "do not match"),
        ({"vectors": np.full((4, 3), np.nan, dtype=np.float32)}, "not finite"),
        ({"owners": ("r1", "r0", "r1", "r0")}, "not together"),
    ],
)
def test_segments_refuse(kept, message):
    with pytest.raises(InternalError, match=message):
        segments(**kept)


def test_segments_know_where_each_record_begins():
    assert segments().starts().tolist() == [0, 3]
    assert len(segments()) == 4
    assert "plan" not in repr(segments())
    with pytest.raises(ValueError, match="read-only"):
        segments().vectors[0, 0] = 1
