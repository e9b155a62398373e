import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus, Record
from synthgen.split import split
from synthgen.split.config import SplitConfig

SEEDS = SeedTree(9).child("split")


def corpus(groups, text="words {i} of a text that repeats nowhere, number {i} {i} {i}"):
    return Corpus(
        role="source",
        records=tuple(
            Record(id=f"r{i}", text=text.format(i=i), label="ab"[i % 2], group=g) for i, g in enumerate(groups)
        ),
        has_groups=True,
    )


def sides(result):
    return {r.group: name for name in ("train", "control", "rest") for r in getattr(result, name).records}


def test_persons_stay_whole_and_no_record_is_lost():
    whole = corpus([f"p{i // 3}" for i in range(301)])
    result = split(whole, SplitConfig(train=0.4, control=0.35), SEEDS)
    parts = [result.train, result.control, result.rest]
    assert [p.role for p in parts] == ["train", "control", "reference"]
    assert sum(len(p) for p in parts) == 301
    groups = [{r.group for r in p.records} for p in parts]
    assert not groups[0] & groups[1]
    assert not groups[1] & groups[2]
    assert list(result.report.groups.values()) == [len(g) for g in groups]
    assert result.report.records["train"] == result.train.counts()


@given(st.sets(st.integers(0, 10**6), min_size=1, max_size=30), st.integers(0, 10**6))
def test_adding_a_person_moves_nobody_else(people, newcomer):
    config = SplitConfig(train=0.5, control=0.3)
    before = sides(split(corpus([f"p{i}" for i in people]), config, SEEDS))
    after = sides(split(corpus([f"p{i}" for i in (newcomer, *people)]), config, SEEDS))
    assert all(after[group] == side for group, side in before.items())


@pytest.mark.parametrize(("train", "control"), [(0.5, 0.5), (0.2, 0.5), (0.7, 0.1)])
def test_shares_are_those_of_independent_coins(train, control):
    n = 4000
    result = split(corpus([f"p{i}" for i in range(n)]), SplitConfig(train=train, control=control), SEEDS)
    for share, count in ((train, len(result.train)), (control, len(result.control))):
        assert abs(count - n * share) < 4 * math.sqrt(n * share * (1 - share))
    if train + control == 1:
        assert len(result.rest) == 0


def test_another_seed_gives_another_split():
    whole = corpus([f"p{i}" for i in range(60)])
    assert sides(split(whole, SplitConfig(), SEEDS)) != sides(split(whole, SplitConfig(), SeedTree(10)))


def test_control_records_that_repeat_train_are_set_aside_and_counted():
    groups = [f"p{i}" for i in range(80)]
    clean = split(corpus(groups), SplitConfig(), SEEDS)
    assert clean.report.n_near_duplicates == 0
    assert not clean.report.has_too_many_near_duplicates
    same = split(corpus(groups, text="one and the same text for everybody here"), SplitConfig(), SEEDS)
    assert len(same.control) == 0
    assert same.report.n_near_duplicates == len(clean.control)
    assert same.report.near_duplicate_rate == 1.0
    assert same.report.has_too_many_near_duplicates
    assert len(same.train) == len(clean.train)


def test_repeats_inside_one_side_stay():
    records = [Record(id=f"r{i}", text="exactly the same text again", label="a", group="p1") for i in range(3)]
    result = split(Corpus(role="source", records=tuple(records), has_groups=True), SplitConfig(), SEEDS)
    assert len(result.train) + len(result.control) == 3
    assert result.report.near_duplicate_rate in {0.0, None}
