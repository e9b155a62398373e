import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.core.errors import DataError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import latent_ids
from synthgen.interpolate.base import Points, Sampler, Unfit, check_classes, counts_per_class, largest_remainder


@pytest.mark.parametrize(
    ("labels", "balance", "total", "counts"),
    [
        ("caba", "equal", 11, {"a": 4, "b": 4, "c": 3}),  # the remainder goes to the first labels
        # 10 · (5, 3, 2, 1)/11 = 4.55, 2.73, 1.82, 0.91: whole parts 4, 2, 1, 0; the three largest remainders get one
        ("aaaaabbbccd", "as-source", 10, {"a": 4, "b": 3, "c": 2, "d": 1}),
        ("ab", {"b": 3, "a": 8}, None, {"a": 8, "b": 3}),
    ],
)
def test_counts_per_class_worked_examples(labels, balance, total, counts):
    assert counts_per_class([*labels], balance, total) == counts


@given(st.dictionaries(st.text(max_size=3), st.integers(1, 1000), min_size=1, max_size=12), st.integers(0, 5000))
def test_largest_remainder_sums_to_the_total_and_is_within_one_of_the_share(weights, total):
    counts = largest_remainder(weights, total)
    assert (sum(counts.values()), list(counts)) == (total, sorted(weights))
    for label, count in counts.items():
        assert abs(count - total * weights[label] / sum(weights.values())) < 1


@pytest.mark.parametrize(
    ("labels", "balance", "total", "message", "problems"),
    [
        ("", "equal", 5, "there are no training records", ()),
        ("a", "equal", None, "total is required", ()),
        (
            "a",
            {"y": 3, "a": 8, "x": 1},
            None,
            "without training",
            ("'x': no training records", "'y': no training records"),
        ),
        ("a" * 99 + "b", "as-source", 10, "1 of 2 classes get no record", ("'b': 1 of 100 train records",)),
    ],
)
def test_counts_per_class_rejects_unusable_input(labels, balance, total, message, problems):
    with pytest.raises(DataError, match=message) as refused:
        counts_per_class([*labels], balance, total)
    assert refused.value.problems == problems


def test_check_classes_rejects_counts_below_one():
    with pytest.raises(DataError, match="no records can be made for 1 class") as refused:
        check_classes(["a", "a"], ["p", "q"], {"a": 0}, 2)
    assert refused.value.problems == ("'a': 0 records requested, but at least 1 is needed",)


@pytest.fixture
def x(embed):
    return embed(np.arange(8).reshape(4, 2), ("one", "two", "one", "two"), "pqpr", "zbac")


class Centres:
    """A method without parents that raises Unfit for the classes `refused`."""

    name, min_groups, max_parents = "centres", 1, 0

    def __init__(self, refused=()):
        self.refused = refused

    def fit_rows(self, rows):
        self.rows = rows
        return self

    def points(self, code, m, rng):
        if code in self.refused:
            raise Unfit("has no centre")
        centre = self.rows.vectors[self.rows.of(code)].mean(axis=0)
        return Points(vectors=np.tile(centre, (m, 1)), parents=np.empty((m, 0), np.int64), weights=np.empty((m, 0)))


def test_sampler_sorts_rows_by_label_and_id(x):
    sampler = Sampler.of(Centres(), x)
    rows = sampler.fitted.rows
    assert (sampler.x.ids, sampler.names) == (("a", "z", "b", "c"), ("one", "two"))
    assert (rows.vectors.tolist(), rows.classes.tolist()) == ([[4, 5], [0, 1], [2, 3], [6, 7]], [0, 0, 1, 1])
    assert (rows.groups.tolist(), rows.of(1).tolist()) == ([0, 0, 1, 2], [2, 3])


def test_sampler_supports_methods_without_parents_and_lists_unfit_classes(x):
    latents = Sampler.of(Centres(), x).sample({"two": 3, "one": 1}, SeedTree(1))
    assert latents.vectors.tolist() == [[2, 3], [4, 5], [4, 5], [4, 5]]
    assert latents.labels == ("one", "two", "two", "two")
    assert latents.parent_ids == ((),) * 4 == latents.weights
    with pytest.raises(DataError, match="centres cannot make records of 2 classes") as refused:
        Sampler.of(Centres(refused=(0, 1)), x).sample({"two": 3, "one": 1}, SeedTree(1))
    assert refused.value.problems == ("'one': has no centre", "'two': has no centre")


def test_latent_ids_depend_only_on_label_and_number():
    assert latent_ids("a", 2) == latent_ids("a", 3)[:2]
    assert not set(latent_ids("a", 9)) & set(latent_ids("b", 9))
