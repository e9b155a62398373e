"""Every registered method has these properties; a new one is tested after it is registered."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.core.errors import DataError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Embedded, Latents
from synthgen.interpolate import METHODS, InterpolateConfig

DIM = 7
SEEDS = SeedTree(20261120).child("interpolate")
pytestmark = pytest.mark.parametrize("method", sorted(METHODS))


def embedded(persons: dict[str, int], *, per_person: int = 2, seed: int = 3, far: tuple[str, ...] = ()) -> Embedded:
    """Return unit vectors of `persons[label]` persons per class, each with several records; some rows are equal.

    The classes overlap, so that every method finds neighbours of other classes. The classes in `far` do not overlap.
    """
    names, rows = [], []  # (record, class, person)
    for label, count in sorted(persons.items()):
        own = np.random.default_rng([seed, len(label), ord(label[0])])
        for person, note in product(range(count), range(per_person)):
            names.append((f"{label}-{person:03d}-{note}", label, f"{label}-p{person}"))
            row = np.append(own.normal(size=DIM - 1), 90 if label in far else 0)
            rows.append(row / np.linalg.norm(row))
        rows[-1] = rows[-2]  # two records with the same vector
    ids, labels, groups = zip(*names, strict=True)
    vectors = np.array(rows, dtype=np.float32)
    x = Embedded(vectors=vectors, ids=ids, labels=labels, groups=groups, encoder="test", normalized=True)
    return reordered(x, np.random.default_rng(seed).permutation(len(ids)))


def reordered(x: Embedded, order: np.ndarray) -> Embedded:
    names = {name: tuple(getattr(x, name)[i] for i in order) for name in ("ids", "labels", "groups")}
    return replace(x, vectors=x.vectors[order], **names)


def built(method: str):
    options = {"m_neighbors": 5} if method == "borderline-smote" else {}
    return InterpolateConfig(method=method, k_neighbors=3, total=10, **options).build()


def enough(method: str) -> Embedded:
    n = built(method).min_groups
    return embedded({"ant": n + 2, "bee": n + 1})


def fitted(method: str, x: Embedded):
    return built(method).fit(x)


def weighted_sum(parents, weights):
    return weights @ parents


def on_the_sphere(parents, weights):
    """Return a point of the great-circle arc between the parents; the second weight is its fraction of the arc."""
    a, b = parents
    angle = np.arccos(np.clip(a @ b / np.linalg.norm(a) / np.linalg.norm(b), -1, 1))
    if angle < 1e-6:
        return weights @ parents
    return (np.sin(weights[0] * angle) * a + np.sin(weights[1] * angle) * b) / np.sin(angle)


def same(a: Latents, b: Latents) -> bool:
    names = ("ids", "labels", "parent_ids", "weights", "seed_path")
    return np.array_equal(a.vectors, b.vectors) and all(getattr(a, name) == getattr(b, name) for name in names)


def of_label(latents: Latents, label: str):
    rows = [i for i, name in enumerate(latents.labels) if name == label]
    return latents.vectors[rows], [(latents.ids[i], latents.parent_ids[i], latents.weights[i]) for i in rows]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 5), st.integers(0, 5), st.integers(2, 3), st.integers(1, 23), st.integers(0, 2**31))
def test_a_row_is_made_of_its_parents(method, n_a, n_b, per_person, m, seed):
    need, place = built(method).min_groups, on_the_sphere if method == "slerp" else weighted_sum
    if built(method).max_parents == 0:
        pytest.skip("its rows come from a model of the whole class")
    x = embedded({"ant": need + n_a, "bee": need + n_b}, per_person=per_person)
    row = {id_: i for i, id_ in enumerate(x.ids)}
    latents = fitted(method, x).sample({"ant": m, "bee": m + 2}, SeedTree(seed))
    for i, (parents, weights) in enumerate(zip(latents.parent_ids, latents.weights, strict=True)):
        p = [row[id_] for id_ in parents]
        assert all(0 <= w <= 1 for w in weights)
        assert {x.labels[j] for j in p} == {latents.labels[i]}
        assert len({x.groups[j] for j in p}) == len(p)
        assert 1 <= len(p) <= built(method).max_parents
        made = place(x.vectors[p].astype(np.float64), np.array(weights))
        np.testing.assert_allclose(latents.vectors[i], made, atol=1e-5)


def test_a_method_with_parents_names_them_and_one_without_names_none(method):
    n = built(method).min_groups
    latents = fitted(method, embedded({"ant": n, "bee": n + 1})).sample({"ant": 5}, SEEDS)
    assert {bool(parents) for parents in latents.parent_ids} == {built(method).max_parents > 0}


def test_counts_are_exact_and_sorted_by_label(method):
    counts = {"bee": 5, "ant": 13}
    latents = fitted(method, enough(method)).sample(counts, SEEDS)
    assert latents.labels == ("ant",) * 13 + ("bee",) * 5
    assert latents.vectors.shape == (18, DIM)
    assert (latents.method, latents.seed_path) == (method, str(SEEDS))
    assert fitted(method, enough(method)).sample({}, SEEDS).vectors.shape == (0, DIM)


def test_the_seed_decides_the_rows(method):
    sampler, counts = fitted(method, enough(method)), {"ant": 11}
    assert same(sampler.sample(counts, SEEDS), sampler.sample(counts, SEEDS))
    seeds = (SEEDS, SeedTree(1).child("interpolate"), SEEDS.child("again"))
    assert len({sampler.sample(counts, of).vectors.tobytes() for of in seeds}) == 3


def test_the_order_of_the_rows_changes_nothing(method):
    x = enough(method)
    shuffled = reordered(x, np.random.default_rng(8).permutation(len(x.ids)))
    counts = {"ant": 9, "bee": 4}
    assert same(fitted(method, x).sample(counts, SEEDS), fitted(method, shuffled).sample(counts, SEEDS))


def test_adding_a_class_far_off_changes_no_other_class(method):
    n, counts = built(method).min_groups, {"ant": 9, "cow": 3}
    two = {"ant": n + 2, "cow": n + 1}
    both = (embedded(two), embedded({**two, "bee": n + 3}, far=("bee",)))
    before, after = (fitted(method, x).sample(counts, SEEDS) for x in both)
    for label in counts:
        (vectors, rows), (vectors_after, rows_after) = of_label(before, label), of_label(after, label)
        assert np.array_equal(vectors, vectors_after)
        assert rows == rows_after


def test_requesting_another_class_changes_nothing(method):
    sampler = fitted(method, enough(method))
    alone, both = (sampler.sample(counts, SEEDS) for counts in ({"bee": 4}, {"ant": 9, "bee": 4}))
    assert np.array_equal(alone.vectors, of_label(both, "bee")[0])


def test_requesting_more_keeps_the_first_rows(method):
    sampler = fitted(method, enough(method))
    few, many = sampler.sample({"ant": 4}, SEEDS), sampler.sample({"ant": 17}, SEEDS)
    assert np.array_equal(few.vectors, many.vectors[:4])
    assert (few.ids, few.parent_ids) == (many.ids[:4], many.parent_ids[:4])


def test_every_small_or_absent_class_is_refused_by_name(method):
    need = built(method).min_groups
    small = {"bee": need - 1, "cow": need - 1} if need > 1 else {}
    sampler = fitted(method, embedded({"ant": need, "dog": need, **small}))
    with pytest.raises(DataError, match="no records can be made") as refused:
        sampler.sample({"ant": 2, "absent": 5, **dict.fromkeys(small, 3)}, SEEDS)
    assert len(refused.value.problems) == 1 + len(small)
    for label in ("absent", *small):
        assert any(repr(label) in p and f"; {need} persons are needed" in p for p in refused.value.problems)
    assert len(sampler.sample({"ant": 2}, SEEDS)) == 2  # a small class that is not requested does not matter


def test_many_records_of_few_persons_are_still_too_few(method):
    need = built(method).min_groups
    if need == 1:
        pytest.skip("this method takes any class")
    sampler = fitted(method, embedded({"ant": need - 1}, per_person=9))
    with pytest.raises(DataError, match="no records can be made for 1 class"):
        sampler.sample({"ant": 2}, SEEDS)
