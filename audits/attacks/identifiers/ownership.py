"""Which strings stand in a table, and which belong to one owner alone, at a few bytes for each string.

A string is known by its key, the interpreter's own 64-bit hash: keys live as long as the process and are never
written. Two of n strings have one key with a chance of about n^2 / 2^65.
"""

from array import array
from bisect import bisect_left
from collections.abc import Hashable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

MANY = -1  # the owner of what several have
MOST_OWNERS = 10  # what more persons have is nobody's; cells of at least 11, as CMS and Health Canada ask
BLOCK_KEYS = 1 << 20

Int = NDArray[np.int64]


class Owners:
    """Who has an identifier; of more than ten nobody is told apart any more.

    Persons are numbered train first, then control; the next number stands for public text.
    """

    __slots__ = ("_of",)

    def __init__(self, owners: Iterable[int] = ()) -> None:
        self._of: set[int] = set()
        for owner in owners:
            self.add(owner)

    def __iter__(self) -> Iterator[int]:
        return iter(sorted(self._of))

    def add(self, owner: int) -> None:
        """Take in an owner."""
        if len(self._of) <= MOST_OWNERS:
            self._of.add(owner)

    def sides(self, n_train: int, n_persons: int) -> tuple[list[int], list[int]]:
        """Return the owners in train, and those in control; none where too many have it or the public has."""
        if len(self._of) > MOST_OWNERS or n_persons in self._of:
            return [], []
        return [o for o in self if o < n_train], [o for o in self if o >= n_train]


class Keys:
    """Distinct keys in order; 8 bytes each."""

    def __init__(self, keys: Int) -> None:
        self.keys = keys
        self._view = np.ascontiguousarray(keys).data

    def __len__(self) -> int:
        return len(self.keys)

    def __contains__(self, item: Hashable) -> bool:
        key = hash(item)
        place = bisect_left(self._view, key)
        return place < len(self._view) and self._view[place] == key


class KeyCollector:
    """Gathers keys; holds each at most twice."""

    def __init__(self) -> None:
        self._kept = np.zeros(0, dtype=np.int64)
        self._new = array("q")

    def add(self, items: Iterable[Hashable]) -> None:
        """Take in the keys of some strings."""
        self._new.extend(map(hash, items))
        if len(self._new) >= max(BLOCK_KEYS, len(self._kept)):
            self._merge()

    def done(self) -> Keys:
        """Return all keys taken in."""
        self._merge()
        return Keys(self._kept)

    def _merge(self) -> None:
        self._kept = np.unique(np.concatenate([self._kept, np.frombuffer(self._new, dtype=np.int64)]))
        self._new = array("q")


class OwnedKeys:
    """Keys in order with the only owner of each, or MANY; 12 bytes each.

    Args:
        keys: (k,).
        owner: (k,).
    """

    def __init__(self, keys: Int, owner: NDArray[np.int32]) -> None:
        self.keys = keys
        self.owner = owner

    def place(self, items: Iterable[Hashable]) -> Int:
        """Return where the keys of strings that were taken in stand."""
        return np.searchsorted(self.keys, np.fromiter(map(hash, items), dtype=np.int64))

    def stand_in(self, keys: Keys) -> NDArray[np.bool_]:
        """Return for each key whether it is one of those, (k,)."""
        return np.isin(self.keys, keys.keys, assume_unique=True)


class OwnerCollector:
    """Gathers keys with their owners; holds each at most twice."""

    def __init__(self) -> None:
        self._kept = OwnedKeys(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int32))
        self._new, self._owners = array("q"), array("i")

    def add(self, items: Iterable[Hashable], owner: int) -> None:
        """Take in the keys of some strings of one owner."""
        before = len(self._new)
        self._new.extend(map(hash, items))
        self._owners.extend([owner] * (len(self._new) - before))
        if len(self._new) >= max(BLOCK_KEYS, len(self._kept.keys)):
            self._merge()

    def done(self) -> OwnedKeys:
        """Return all keys taken in, with their owners."""
        self._merge()
        return self._kept

    def _merge(self) -> None:
        if len(self._new) == 0:
            return
        keys = np.concatenate([self._kept.keys, np.frombuffer(self._new, dtype=np.int64)])
        owner = np.concatenate([self._kept.owner, np.frombuffer(self._owners, dtype=np.int32)])
        order = np.argsort(keys, kind="stable")
        keys, owner = keys[order], owner[order]
        first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
        low, high = np.minimum.reduceat(owner, first), np.maximum.reduceat(owner, first)
        self._kept = OwnedKeys(keys[first], np.where(low == high, low, np.int32(MANY)))
        self._new, self._owners = array("q"), array("i")


class SharingCollector:
    """Gathers which owners have which keys; 12 bytes for each pair."""

    def __init__(self) -> None:
        self._keys, self._owners = array("q"), array("i")

    def add(self, item: Hashable, owner: int) -> None:
        """Take in the key of a string of one owner."""
        self._keys.append(hash(item))
        self._owners.append(owner)

    def n_owners(self) -> Int:
        """Return how many owners each key has, in no order."""
        keys, owners = np.frombuffer(self._keys, dtype=np.int64), np.frombuffer(self._owners, dtype=np.int32)
        order = np.lexsort((owners, keys))
        keys, owners = keys[order], owners[order]
        is_first = np.concatenate(
            [np.ones(min(1, len(keys)), bool), (keys[1:] != keys[:-1]) | (owners[1:] != owners[:-1])]
        )
        return np.unique(keys[is_first], return_counts=True)[1]
