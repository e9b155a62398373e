from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studies.smotext.draws import draw
from synthgen.core.errors import DataError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus, Record


def pool(labels, groups):
    rows = enumerate(zip(labels, groups, strict=True))
    records = (Record(id=f"r{i}", text=f"t{i}", label=label, group=group) for i, (label, group) in rows)
    return Corpus(role="source", records=tuple(records), has_groups=True)


@given(st.integers(0, 99), st.integers(10, 60), st.integers(1, 4))
def test_no_person_is_on_both_sides_and_classes_keep_their_shares(seed, n, persons_records):
    labels = ["a", "b", "a", "c", "a"] * 18
    groups = [f"g{i // persons_records}" for i in range(90)]
    records = pool(labels, groups)
    drawn = draw(records, n, 1, SeedTree(seed))
    assert len(drawn.train) == n
    found = Counter(records.records[i].label for i in drawn.train)
    assert all(abs(found[label] - n * share) < 1 for label, share in (("a", 0.6), ("b", 0.2), ("c", 0.2)))
    persons = [{groups[i] for i in rows} for rows in (drawn.train, drawn.held_out)]
    assert not persons[0] & persons[1]
    others = Counter(records.records[i].label for i in drawn.held_out)
    assert all(others[label] <= found[label] for label in "abc")
    assert list(drawn.train) == sorted(set(drawn.train))


def test_of_a_small_pool_four_fifths_are_drawn_and_seeds_differ():
    records = pool(["a", "b"] * 10, [f"g{i}" for i in range(20)])
    first, again, other = (draw(records, 1000, 2, SeedTree(seed)) for seed in (1, 1, 2))
    assert (len(first.train), len(first.held_out)) == (16, 4)
    assert (first.train == again.train).all()
    assert set(first.train) != set(other.train)


def test_too_few_persons_of_a_class_are_all_named():
    records = pool(["a"] * 10 + ["b"] * 10 + ["c"] * 10, ["x"] * 10 + ["y"] * 10 + [f"g{i}" for i in range(10)])
    with pytest.raises(DataError, match="too few for SMOTE") as caught:
        draw(records, 15, 3, SeedTree(0))
    assert caught.value.problems == ("'a': 1 persons, needs 3", "'b': 1 persons, needs 3")
