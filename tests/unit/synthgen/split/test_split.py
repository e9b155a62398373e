import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus, Record
from synthgen.split import split
from synthgen.split.config import SplitConfig

SEEDS = SeedTree(9).child("split")


def corpus(groups, text="words {i} of a text that repeats nowhere, number {i} {i} {i}"):
    records = [Record(id=f"r{i}", text=text.format(i=i), label="ab"[i % 2], group=g) for i, g in enumerate(groups)]
    return Corpus(role="source", records=tuple(records), has_groups=True)


def sides(result):
    return {r.group: part.role for part in (result.train, result.control, result.rest) for r in part.records}


def test_split_keeps_persons_whole_and_all_records():
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
def test_split_is_unchanged_for_others_when_a_person_is_added(people, newcomer):
    config = SplitConfig(train=0.5, control=0.3)
    before = sides(split(corpus([f"p{i}" for i in people]), config, SEEDS))
    after = sides(split(corpus([f"p{i}" for i in (newcomer, *people)]), config, SEEDS))
    assert all(after[group] == side for group, side in before.items())


@pytest.mark.parametrize(("train", "control"), [(0.5, 0.5), (0.2, 0.5), (0.7, 0.1)])
def test_split_shares_match_independent_draws(train, control):
    n = 4000
    result = split(corpus([f"p{i}" for i in range(n)]), SplitConfig(train=train, control=control), SEEDS)
    for share, count in ((train, len(result.train)), (control, len(result.control))):
        assert abs(count - n * share) < 4 * math.sqrt(n * share * (1 - share))
    if train + control == 1:
        assert len(result.rest) == 0


def test_split_sets_near_duplicate_control_records_aside():
    groups = [f"p{i}" for i in range(80)]
    clean = split(corpus(groups), SplitConfig(), SEEDS)
    assert (clean.report.n_near_duplicates, clean.report.near_duplicate_rate) == (0, 0)
    same = split(corpus(groups, text="one and the same text for everybody here"), SplitConfig(), SEEDS)
    assert len(same.control) == 0
    assert same.report.n_near_duplicates == len(clean.control)
    assert same.report.near_duplicate_rate == 1.0
    assert len(same.train) == len(clean.train)


def test_split_keeps_duplicates_within_a_part():
    result = split(corpus(["p1"] * 3, text="exactly the same text again"), SplitConfig(), SEEDS)
    assert len(result.train) + len(result.control) == 3
    assert result.report.near_duplicate_rate in {0.0, None}


WHOLE = corpus([f"p{i}" for i in range(40)])


def make(records=WHOLE.records, seeds=SEEDS):
    return split(replace(WHOLE, records=records), SplitConfig(), seeds)


def test_split_depends_on_the_seed_and_not_on_the_order():
    assert sides(make(WHOLE.records[::-1])) == sides(make())
    assert sides(make(seeds=SeedTree(10))) != sides(make())
