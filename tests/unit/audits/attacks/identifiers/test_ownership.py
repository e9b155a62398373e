from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.attacks.identifiers.ownership import SEVERAL, KeyCollector, OwnerCounter, SingleOwnerCollector

strings = st.text(alphabet="abc", max_size=3)
rows = st.lists(st.tuples(st.lists(strings, max_size=6), st.integers(0, 3)), max_size=12)


def owners_of(table):
    """Return the set of owners of each string, by brute force."""
    found = defaultdict(set)
    for items, owner in table:
        for item in items:
            found[item].add(owner)
    return found


@given(table=rows, probe=strings)
def test_collectors_agree_with_brute_force(table, probe):
    collector, owner_collector, counter = KeyCollector(), SingleOwnerCollector(), OwnerCounter()
    for items, owner in table:
        collector.add(items)
        owner_collector.add(items, owner)
        for item in items:
            counter.add(item, owner)
    keys, owned, known = collector.collected(), owner_collector.collected(), owners_of(table)
    assert len(keys) == len(owned.keys) == len(known)
    assert (probe in keys) == (probe in known)
    assert all(item in keys for item in known)
    for item, owners in known.items():
        assert owned.owner[owned.positions([item])[0]] == (next(iter(owners)) if len(owners) == 1 else SEVERAL)
    assert sorted(counter.n_owners().tolist()) == sorted(map(len, known.values()))


@pytest.mark.parametrize("block", [2, 1 << 20])
def test_block_size_changes_nothing(block, monkeypatch):
    monkeypatch.setattr("audits.attacks.identifiers.ownership.BLOCK_KEYS", block)
    collector, keys = SingleOwnerCollector(), KeyCollector()
    for i in range(50):
        collector.add([f"w{i % 7}", f"own{i}", "all"], i)
        keys.add([f"own{2 * i}"])
    owned = collector.collected()
    assert len(owned.keys) == 58
    assert owned.owner[owned.positions(["own9", "w3", "all", "own0"])].tolist() == [9, SEVERAL, SEVERAL, 0]
    assert owned.occur_in(keys.collected()).sum() == 25
    assert len(keys.collected()) == 50


def test_empty_collectors():
    empty = KeyCollector().collected()
    assert len(empty) == len(SingleOwnerCollector().collected().keys) == len(OwnerCounter().n_owners()) == 0
    assert "a" not in empty
