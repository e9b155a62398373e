"""Store which strings occur in a table, and who owns them.

The owners of a string are the persons in whose texts it occurs. A string is stored as its key: its 64-bit hash in
Python, which is never written to a file. Among n different strings, the probability that two have the same key is
about n^2 / 2^65.
"""

from array import array
from bisect import bisect_left
from collections.abc import Hashable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from audits.core.types import Bool, Int
from audits.text.ngrams import distinct

SEVERAL = -1  # replaces the owner of a string that several persons own
MAX_OWNERS = 10  # a string with more owners identifies nobody; CMS and Health Canada require groups of at least 11
# new keys are merged into the stored keys when they are at least this many, and at least as many as the stored keys
BLOCK_KEYS = 1 << 20
# Values of `minimum` for `exceeds_control`, which compares matches of train persons in the synthetic table with
# chance matches. The generator cannot have caused a chance match. If there are fewer than `minimum` chance matches,
# every match of a train person is a leak.
MIN_NAMES = 2  # for names; chance matches are mostly control persons whose names occur in the synthetic table
# For numbers and codes. Chance matches are control persons whose numbers or codes occur in the synthetic table, or
# train numbers that occur in control texts. `CodeOccurrences.shared_forms` uses the same limit for shared codes.
MIN_NUMBERS = 2
MIN_CONTACTS = 4  # for contacts such as e-mail addresses; `judge_patterned` defines their chance matches


class Owners:
    """The numbers of the owners of one identifier; at most eleven are stored.

    Train persons have the lowest numbers, and control persons follow. The next number stands for public text. The
    last number stands for all rows set aside by the input checks, which count as one owner in control.
    """

    __slots__ = ("_of",)

    def __init__(self, owners: Iterable[int] = ()) -> None:
        self._of: set[int] = set()
        for owner in owners:
            self.add(owner)

    def __iter__(self) -> Iterator[int]:
        return iter(sorted(self._of))

    def __len__(self) -> int:
        return len(self._of)

    def add(self, owner: int) -> None:
        """Add an owner if fewer than eleven are stored."""
        if len(self._of) <= MAX_OWNERS:
            self._of.add(owner)

    def split(self, n_train: int, n_persons: int) -> tuple[list[int], list[int]]:
        """Return the owners in train and in control; two empty lists if public text or eleven owners are stored."""
        if len(self._of) > MAX_OWNERS or n_persons in self._of:
            return [], []
        return [o for o in self if o < n_train], [o for o in self if o >= n_train]


class Keys:
    """Distinct keys in ascending order. Memory: 8 bytes for each key."""

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
    """Collect keys without owners."""

    def __init__(self) -> None:
        self._kept = np.zeros(0, dtype=np.int64)
        self._new = array("q")

    def add(self, items: Iterable[Hashable]) -> None:
        """Add the keys of some strings."""
        self._new.extend(map(hash, items))
        if len(self._new) >= max(BLOCK_KEYS, len(self._kept)):
            self._merge()

    def collected(self) -> Keys:
        """Return all keys added so far; more can be added later."""
        self._merge()
        return Keys(self._kept)

    def _merge(self) -> None:
        self._kept = distinct(np.concatenate([self._kept, np.frombuffer(self._new, dtype=np.int64)]))
        self._new = array("q")


class OwnedKeys(NamedTuple):
    """k keys in ascending order, each with its only owner, or SEVERAL. Memory: 12 bytes for each key."""

    keys: Int  # (k,)
    owner: NDArray[np.int32]  # (k,)

    def positions(self, items: Iterable[Hashable]) -> Int:
        """Return the position in `keys` of each string in `items`; the keys of all these strings must be stored."""
        return np.searchsorted(self.keys, np.fromiter(map(hash, items), dtype=np.int64))

    def occur_in(self, keys: Keys) -> Bool:
        """Return whether each stored key is one of `keys`; the result has the shape (k,)."""
        return np.isin(self.keys, keys.keys, assume_unique=True)


class SingleOwnerCollector:
    """Collect keys, each with its only owner, or with SEVERAL instead of several owners."""

    def __init__(self) -> None:
        self._kept = OwnedKeys(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int32))
        self._new, self._owners = array("q"), array("i")

    def add(self, items: Iterable[Hashable], owner: int) -> None:
        """Add the keys of strings that `owner` has."""
        before = len(self._new)
        self._new.extend(map(hash, items))
        self._owners.extend([owner] * (len(self._new) - before))
        if len(self._new) >= max(BLOCK_KEYS, len(self._kept.keys)):
            self._merge()

    def collected(self) -> OwnedKeys:
        """Return all keys added so far; more can be added later."""
        self._merge()
        return self._kept

    def _merge(self) -> None:
        if len(self._new) > 0:
            keys = np.concatenate([self._kept.keys, np.frombuffer(self._new, dtype=np.int64)])
            owner = np.concatenate([self._kept.owner, np.frombuffer(self._owners, dtype=np.int32)])
            order = np.argsort(keys, kind="stable")
            keys, owner = keys[order], owner[order]
            first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
            low, high = np.minimum.reduceat(owner, first), np.maximum.reduceat(owner, first)
            self._kept = OwnedKeys(keys[first], np.where(low == high, low, np.int32(SEVERAL)))
            self._new, self._owners = array("q"), array("i")


class OwnerCounter:
    """Count the owners of each key. Memory: 12 bytes for each added pair of a key and an owner."""

    def __init__(self) -> None:
        self._keys, self._owners = array("q"), array("i")

    def add(self, item: Hashable, owner: int) -> None:
        """Add the key of a string that `owner` has."""
        self._keys.append(hash(item))
        self._owners.append(owner)

    def n_owners(self) -> Int:
        """Return the number of owners of each key, in no particular order."""
        pairs = np.stack([np.frombuffer(self._keys, dtype=np.int64), np.frombuffer(self._owners, dtype=np.int32)])
        return np.unique(np.unique(pairs, axis=1)[0], return_counts=True)[1]
