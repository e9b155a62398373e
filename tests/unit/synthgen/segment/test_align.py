import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.attacks.parent_recovery.parent_recovery_audit import MIN_EFFECTIVE_PARENTS
from synthgen.core.errors import ModelError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Latents, Segments
from synthgen.segment.align import MIN_EFFECTIVE, align, record_vectors


def segments(vectors, record_ids):
    k = len(record_ids)
    return Segments(
        vectors=np.array(vectors, dtype=np.float32),
        record_ids=tuple(record_ids),
        headings=("",) * k,
        sections=(0,) * k,
    )


@pytest.mark.parametrize(
    ("parts", "of", "record_ids", "expected"),
    [
        ([[3, 0, 0], [0, 0.5, 0], [0, 0, 7]], "bba", ("b", "a"), [[0.5**0.5, 0.5**0.5, 0], [0, 0, 1]]),
        ([[3, 4]], "a", ("a",), [[0.6, 0.8]]),
        (np.empty((0, 3)), "", (), np.empty((0, 3))),
    ],
)
def test_record_vectors_weight_segments_equally(parts, of, record_ids, expected):
    found, vectors = record_vectors(segments(parts, of))
    assert (found, vectors.dtype) == (record_ids, np.float32)
    np.testing.assert_allclose(vectors, expected, atol=1e-7)


@pytest.mark.parametrize(
    ("vectors", "what"),
    [
        ([[0, 0], [1, 0]], "the vector of a segment"),
        ([[1, 0], [-1, 0]], "the sum of the segment vectors of a record"),
    ],
)
def test_record_vectors_reject_length_zero(vectors, what):
    with pytest.raises(ModelError, match=f"{what} has length zero"):
        record_vectors(segments(vectors, "aa"))


SEEDS = SeedTree(3).child("segments")
DIM = 3


def parents(**records):
    """Return the segments of records given as (heading, windows) pairs; row i has the vector (i, i², 1)."""
    rows = [
        (record_id, heading, section)
        for record_id, sections in records.items()
        for section, (heading, windows) in enumerate(sections)
        for _ in range(windows)
    ]
    i = np.arange(len(rows))
    record_ids, headings, numbers = zip(*rows, strict=True)
    vectors = np.column_stack([i, i**2, np.ones(len(i))]).astype(np.float32)
    return Segments(vectors=vectors, record_ids=record_ids, headings=headings, sections=numbers)


def latents(*rows, names=None):
    """Return latents of (parent ids, weights) rows."""
    ids = names or tuple(f"x{i}" for i in range(len(rows)))
    return Latents(
        vectors=np.zeros((len(rows), DIM), dtype=np.float32),
        ids=ids,
        labels=("l",) * len(rows),
        parent_ids=tuple(tuple(p) for p, _ in rows),
        weights=tuple(tuple(w) for _, w in rows),
        method="smote",
        seed_path="s",
    )


A = [("", 1), ("plan", 4), ("history", 2), ("social", 1)]  # rows 0; 1 to 4; 5, 6; 7
B = [("history", 2), ("allergies", 1), ("plan", 1)]  # rows 8, 9; 10; 11


def test_align_blends_shared_sections_by_window():
    given_ = parents(a=A, b=B)
    made = align(latents(("ab", (0.75, 0.25)), ("ab", (0.25, 0.75))), given_, SEEDS)
    blends = {"x0": 0.75, "x1": 0.25}
    for name, weight in blends.items():
        of = [i for i, record_id in enumerate(made.record_ids) if record_id == name]
        sections = {h: [i for i in of if made.headings[i] == h] for h in ("plan", "history")}
        assert {made.headings[i] for i in of} == {"plan", "history"}
        # weighted means of 4 and 1 windows: 3.25 and 1.75, rounded to 3 and 2
        pairs = {0.75: [(1, 11), (2, 11), (3, 11)], 0.25: [(1, 11), (3, 11)]}[weight]
        v = given_.vectors
        expected = [weight * v[p] + (1 - weight) * v[q] for p, q in pairs]
        np.testing.assert_allclose(made.vectors[sections["plan"]], expected, rtol=1e-6)
        expected = [weight * v[p] + (1 - weight) * v[q] for p, q in ((5, 8), (6, 9))]
        np.testing.assert_allclose(made.vectors[sections["history"]], expected, rtol=1e-6)


def orders(made):
    found = {}
    for record_id, heading in zip(made.record_ids, made.headings, strict=True):
        own = found.setdefault(record_id, [])
        if heading not in own:
            own.append(heading)
    return found


def test_align_takes_section_order_of_a_random_parent():
    names = tuple(f"n{i}" for i in range(40))
    made = align(latents(*[("ab", (0.5, 0.5))] * 40, names=names), parents(a=A, b=B), SEEDS)
    found = orders(made)
    assert {tuple(order) for order in found.values()} == {("plan", "history"), ("history", "plan")}
    alone = align(latents(("ab", (0.5, 0.5)), names=("n7",)), parents(a=A, b=B), SEEDS)
    assert orders(alone)["n7"] == found["n7"]


def test_align_drops_sections_of_only_one_parent():
    made = align(latents(("ab", (0.5, 0.5)), ("a", (1.0,)), ("ab", (0.0, 1.0))), parents(a=A, b=B), SEEDS)
    found = orders(made)
    assert set(found["x0"]) == {"plan", "history"}
    assert found["x1"] == ["", "plan", "history", "social"]
    assert found["x2"] == ["history", "allergies", "plan"]  # a parent of weight 0 is ignored
    np.testing.assert_array_equal(made.vectors[[o == "x1" for o in made.record_ids]], parents(a=A, b=B).vectors[:8])


def test_align_drops_sections_that_nearly_all_weight_of_one_parent_determines():
    given_ = parents(a=[("plan", 1), ("social", 1)], b=[("plan", 1)], c=[("plan", 1), ("social", 1)])
    rows = [("abc", (0.5, 0.45, 0.05))] * 20 + [("abc", (0.4, 0.2, 0.4))] * 20 + [("ac", (0.95, 0.05))]
    made = orders(align(latents(*rows), given_, SEEDS))
    uneven, even = ([made[f"x{i}"] for i in numbers] for numbers in (range(20), range(20, 40)))
    assert uneven == [["plan"]] * 20  # of `social`, parent a has 91 % of the weight: 1.2 effective parents
    assert {tuple(order) for order in even} == {("plan", "social"), ("plan",)}  # parent b has only a plan
    assert made["x40"] == ["plan", "social"]  # all sections have the same parents as the record


def test_sections_and_records_need_the_same_number_of_effective_parents():
    assert MIN_EFFECTIVE == MIN_EFFECTIVE_PARENTS  # code that makes texts may not import the audits


def test_align_cuts_no_sections_if_all_shared_ones_are_dropped():
    given_ = parents(a=[("plan", 1)], b=[("history", 1)], c=[("plan", 2)])
    made = align(latents(*[("abc", (0.5, 0.45, 0.05))] * 9), given_, SEEDS)
    assert set(made.headings) == {""}


def test_align_without_shared_section_uses_whole_records():
    given_ = parents(a=[("plan", 1), ("history", 2)], b=[("", 3), ("social", 2)])
    made = align(latents(("ab", (0.5, 0.5))), given_, SEEDS)
    assert set(made.headings) == {""}
    assert len(made) == 4
    expected = [(given_.vectors[p] + given_.vectors[q]) / 2 for p, q in ((0, 3), (0, 4), (1, 5), (2, 6))]
    np.testing.assert_allclose(made.vectors, expected, rtol=1e-6)


def test_align_treats_repeated_headings_as_separate_sections():
    given_ = parents(a=[("results", 1), ("plan", 1), ("results", 1)], b=[("results", 1), ("plan", 1)])
    made = align(latents(("ab", (0.5, 0.5)), ("a", (1.0,))), given_, SEEDS)
    assert [h for o, h in zip(made.record_ids, made.headings, strict=True) if o == "x0"] == ["results", "plan"]
    assert [h for o, h in zip(made.record_ids, made.headings, strict=True) if o == "x1"] == [
        "results",
        "plan",
        "results",
    ]


def test_align_of_three_parents_rescales_weights():
    given_ = parents(a=[("plan", 1)], b=[("plan", 1), ("social", 1)], c=[("plan", 1), ("social", 1)])
    made = align(latents(("abc", (0.5, 0.3, 0.2)), names=("y",)), given_, SEEDS)
    v = given_.vectors
    np.testing.assert_allclose(made.vectors[0], 0.5 * v[0] + 0.3 * v[1] + 0.2 * v[3], rtol=1e-6)
    many = align(latents(*[("abc", (0.5, 0.3, 0.2))] * 20), given_, SEEDS)
    social = [row for row, h in enumerate(many.headings) if h == "social"]
    assert social
    for row in social:
        np.testing.assert_allclose(many.vectors[row], 0.6 * v[2] + 0.4 * v[4], rtol=1e-6)


windows = st.integers(1, 6)


@given(windows, windows, st.floats(0.01, 0.99))
def test_align_windows_lie_between_parent_windows(n_a, n_b, weight):
    given_ = parents(a=[("plan", n_a)], b=[("plan", n_b)])
    made = align(latents(("ab", (weight, 1 - weight))), given_, SEEDS)
    m = len(made)
    assert min(n_a, n_b) <= m <= max(n_a, n_b)
    assert m == pytest.approx(weight * n_a + (1 - weight) * n_b, abs=0.5 + 1e-9)
    a, b = given_.vectors[:n_a], given_.vectors[n_a:]
    expected = [weight * a[j * n_a // m] + (1 - weight) * b[j * n_b // m] for j in range(m)]
    np.testing.assert_allclose(made.vectors, expected, rtol=1e-5)
    assert align(latents(), given_, SEEDS).vectors.shape == (0, DIM)
