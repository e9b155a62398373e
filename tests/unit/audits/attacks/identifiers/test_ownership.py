from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.attacks.identifiers.ownership import MANY, KeyCollector, OwnerCollector, SharingCollector

strings = st.text(alphabet="abc", max_size=3)
rows = st.lists(st.tuples(st.lists(strings, max_size=6), st.integers(0, 3)), max_size=12)


@pytest.fixture(params=[2, 1 << 20])
def block(request, monkeypatch):
    monkeypatch.setattr("audits.attacks.identifiers.ownership.BLOCK_KEYS", request.param)


def owners_of(table):
    """The slow way: a set of owners for each string."""
    found = defaultdict(set)
    for items, owner in table:
        for item in items:
            found[item].add(owner)
    return found


@given(table=rows, asked=strings)
def test_keys_stand_for_the_strings_taken_in(table, asked):
    collector = KeyCollector()
    for items, _ in table:
        collector.add(items)
    keys, known = collector.done(), owners_of(table)
    assert len(keys) == len(known)
    assert (asked in keys) == (asked in known)
    assert all(item in keys for item in known)


@given(rows)
def test_the_only_owner_is_known_and_several_are_many(table):
    collector = OwnerCollector()
    for items, owner in table:
        collector.add(items, owner)
    owned, known = collector.done(), owners_of(table)
    assert len(owned.keys) == len(known)
    for item, who in known.items():
        assert owned.owner[owned.place([item])[0]] == (next(iter(who)) if len(who) == 1 else MANY)


def test_blocks_change_nothing(block):
    collector, keys = OwnerCollector(), KeyCollector()
    for i in range(50):
        collector.add([f"w{i % 7}", f"own{i}", "all"], i)
        keys.add([f"own{2 * i}"])
    owned = collector.done()
    assert len(owned.keys) == 58
    assert owned.owner[owned.place(["own9", "w3", "all", "own0"])].tolist() == [9, MANY, MANY, 0]
    assert owned.stand_in(keys.done()).sum() == 25
    assert len(keys.done()) == 50


def test_nothing_taken_in():
    assert len(KeyCollector().done()) == len(OwnerCollector().done().keys) == len(SharingCollector().n_owners()) == 0
    assert "a" not in KeyCollector().done()


@given(rows)
def test_owners_are_counted_once(table):
    sharing = SharingCollector()
    for items, owner in table:
        for item in items:
            sharing.add(item, owner)
    assert sorted(sharing.n_owners().tolist()) == sorted(len(who) for who in owners_of(table).values())
