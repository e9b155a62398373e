"""Represent texts as arrays of symbols (word numbers or characters), and k consecutive symbols as a 64-bit key."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from audits.core.types import Bool, Int, UInt
from audits.text.normalise import normalise, tokens

_Number = TypeVar("_Number", bound=np.number)
MANY_KEYS = 1 << 16  # to search among at least this many keys, `find_keys` first sorts the wanted keys

# constants of splitmix64 (Steele, Lea and Flood, OOPSLA 2014)
STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequences:
    """Texts as one array of symbols."""

    symbols: Int  # word numbers or code points of all texts, one after the other, (total,)
    starts: Int  # text i is symbols[starts[i]:starts[i + 1]], (n + 1,)

    def __len__(self) -> int:
        return len(self.starts) - 1


def numbered_words(tables: Iterable[Sequence[str]]) -> tuple[list[Sequences], int]:
    """Return (each table as `Sequences` of word numbers, count of distinct words).

    Words are numbered from 0 in the order in which they first appear in the tables.
    """
    number: dict[str, int] = {}
    numbered = [[[number.setdefault(w, len(number)) for w in tokens(text)] for text in table] for table in tables]
    return [_sequences(rows) for rows in numbered], len(number)


def characters(texts: Sequence[str]) -> Sequences:
    """Return the code points of the normalised texts, after adding a space before and after each text."""
    encoded = [np.frombuffer(f" {normalise(text)} ".encode("utf-32-le"), dtype="<u4") for text in texts]
    return _sequences(encoded)


def runs(sequences: Sequences, k: int) -> tuple[UInt, Int]:
    """Return the key, uint64 (runs,), and the text index, int64 (runs,), of each run in text order.

    A run is k consecutive symbols of one text. Two different runs have equal keys with probability 2^-64.
    """
    rows = np.repeat(np.arange(len(sequences)), np.diff(sequences.starts))
    n = max(0, len(rows) - k + 1)
    within = rows[:n] == rows[len(rows) - n :]
    keys = np.zeros(n, dtype=np.uint64)
    symbols = sequences.symbols.astype(np.uint64)
    for i in range(k):
        keys = grown(keys, symbols[i : i + n])
    return keys[within], rows[:n][within]


def grown(keys: UInt, symbols: NDArray[np.integer]) -> UInt:
    """Return the keys of runs after appending one symbol to each run; the key of an empty run is 0."""
    return mix(keys + STEP * (symbols.astype(np.uint64) + np.uint64(1)))


def mix(x: UInt) -> UInt:
    """Return a hash of each number (last step of splitmix64); every input bit affects every output bit."""
    x = (x ^ (x >> np.uint64(30))) * _MIX_1
    x = (x ^ (x >> np.uint64(27))) * _MIX_2
    return x ^ (x >> np.uint64(31))


def find_keys(keys: UInt | Int, wanted: UInt | Int) -> tuple[Int, Bool]:
    """Return the index of each wanted key in the sorted array `keys`, and whether `keys` has it.

    Both results have shape (wanted,). The index of a key that is not in `keys` has no meaning.
    """
    if len(keys) == 0:
        return np.zeros(len(wanted), dtype=np.int64), np.zeros(len(wanted), dtype=np.bool_)
    if len(keys) < MANY_KEYS:
        place = np.searchsorted(keys, wanted)
    else:  # in a long array, sorting the wanted keys first reduces the total time to a third
        order = np.argsort(wanted)
        place = np.empty(len(wanted), dtype=np.int64)
        place[order] = np.searchsorted(keys, wanted[order])
    place = np.minimum(place, len(keys) - 1)
    return place, keys[place] == wanted


def distinct(values: NDArray[_Number]) -> NDArray[_Number]:
    """Return the different values in ascending order, as `np.unique` does, but by sorting.

    For 64-bit numbers, `np.unique` of NumPy 2.3 and later uses a hash table, which takes up to 60 times as long.
    """
    ordered = np.sort(values)
    return ordered[starts_group(ordered)]


def starts_group(*columns: NDArray[np.generic]) -> Bool:
    """Return whether each row of sorted columns differs from the previous row; true for the first row."""
    starts = np.ones(len(columns[0]), dtype=np.bool_)
    starts[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    return starts


def within_groups(sizes: Int) -> Int:
    """Return the position of each member in its group, for groups of these sizes: [2, 3] -> [0, 1, 0, 1, 2]."""
    return np.asarray(np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes))


def _sequences(texts: Sequence[Sequence[int] | NDArray[np.uint32]]) -> Sequences:
    starts = np.concatenate([[0], np.cumsum([len(t) for t in texts])]).astype(np.int64)
    symbols = np.concatenate([np.asarray(t, dtype=np.int64) for t in texts]) if texts else np.zeros(0, dtype=np.int64)
    return Sequences(symbols=symbols, starts=starts)
