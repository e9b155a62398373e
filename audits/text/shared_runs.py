"""Longest runs of tokens that a synthetic text shares with exactly one person, by growing what is common."""

from array import array
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from audits.text.ngrams import UInt, grown

SHORTEST = 5  # shorter runs are common to everyone
CAP_TOKENS = 64  # longer runs are counted as this long
PART_TOKENS = 1 << 22  # so many places, about, are compared at a time
NO_PART = 255
BLOCK_TOKENS = 1 << 22

Int = NDArray[np.int64]


class Runs(NamedTuple):
    """For every row of the synthetic table and every owner: where they share a run that nobody else's text holds.

    Args:
        row: synthetic row of each shared run, (r,).
        owner: owner of each shared run, (r,).
        length: tokens, at most CAP_TOKENS; one entry per (row, owner), the longest, (r,).
        start: token of the synthetic row at which the first such run begins, (r,).
    """

    row: Int
    owner: Int
    length: Int
    start: Int


class _Numbered(NamedTuple):
    """Rows as numbers of their tokens, one after the other; where each row starts, (n + 1,); each place's part."""

    tokens: NDArray[np.int32]
    starts: Int
    part: NDArray[np.uint8]


class _Places(NamedTuple):
    """Places in numbered rows with the key of the run that begins there."""

    at: Int
    key: UInt


def unique_runs(
    synthetic: Iterable[Sequence[str]], pool: Iterable[Sequence[str]], owners: Int, *, shortest: int = SHORTEST
) -> Runs:
    """Return the longest runs of tokens in synthetic rows that stand in the texts of exactly one owner of the pool.

    A run that two owners share (boilerplate, a common phrase) belongs to nobody. Runs of `shortest` tokens that both
    tables hold are found by their keys, and of those the ones that both hold with a token more, and so on, until
    nothing is common or CAP_TOKENS is reached; at each length the runs of one owner are noted. Places are dealt into
    parts by their first key, because equal runs have equal keys, and one part is looked at after the other.

    Args:
        synthetic: tokens of each synthetic row; read once.
        pool: tokens of each row it is compared with; read once.
        owners: owner of each pool row, (len(pool),).
        shortest: tokens of the shortest run that is looked for.

    Cost: O(N log N) time; 5 bytes for each of the N tokens, some hundred for each place of a part.
    Source: the joins are ours; 64-bit keys, so unequal runs are taken for equal with a chance of about pairs / 2^64.
    """
    vocabulary: dict[str, int] = {}
    numbered = [_numbered(rows, vocabulary) for rows in (synthetic, pool)]
    n_parts = min(NO_PART, 1 + len(numbered[1].tokens) // PART_TOKENS)
    made, real = (_dealt(table, shortest, n_parts) for table in numbered)
    found = [_part(made, real, owners, shortest, part) for part in range(n_parts)]
    return _longest(*(np.concatenate(columns) for columns in zip(*found, strict=True)))


def _numbered(rows: Iterable[Sequence[str]], vocabulary: dict[str, int]) -> _Numbered:
    numbers, ends = array("i"), array("q", [0])
    for words in rows:
        numbers.extend(vocabulary.setdefault(word, len(vocabulary)) for word in words)
        ends.append(len(numbers))
    nowhere = np.full(len(numbers), NO_PART, dtype=np.uint8)
    return _Numbered(np.frombuffer(numbers, dtype=np.int32), np.frombuffer(ends, dtype=np.int64), nowhere)


def _dealt(table: _Numbered, length: int, n_parts: int) -> _Numbered:
    """Return the rows, each place dealt to a part by the run of `length` tokens that begins there, if one does."""
    for start in range(0, len(table.tokens), BLOCK_TOKENS):
        places = np.arange(start, min(start + BLOCK_TOKENS, len(table.tokens)))
        places = places[places + length <= table.starts[_row(table, places) + 1]]
        table.part[places] = _keys(table, places, length) % np.uint64(n_parts)
    return table


def _keys(table: _Numbered, places: Int, length: int) -> UInt:
    """Return the keys of the runs of `length` tokens that begin at places."""
    keys = np.zeros(len(places), dtype=np.uint64)
    for i in range(length):
        keys = grown(keys, table.tokens[places + i])
    return keys


def _part(made: _Numbered, real: _Numbered, owners: Int, length: int, part: int) -> Runs:
    """Return one entry for each row, owner and length at which they share a run that is the owner's alone."""
    mine, theirs = _first(made, length, part), _first(real, length, part)
    rows, whose, lengths, firsts, n_owners = [], [], [], [], int(owners.max(initial=0)) + 1
    while len(mine.at) > 0 and len(theirs.at) > 0:
        keys, group = np.unique(theirs.key, return_inverse=True)
        place = np.minimum(np.searchsorted(keys, mine.key), len(keys) - 1)
        common = keys[place] == mine.key
        mine, place = _Places(mine.at[common], mine.key[common]), place[common]
        owner = owners[_row(real, theirs.at)]
        low, high = np.full(len(keys), np.iinfo(np.int64).max), np.full(len(keys), -1)
        np.minimum.at(low, group, owner)
        np.maximum.at(high, group, owner)
        alone = low[place] == high[place]
        row = _row(made, mine.at[alone])
        pairs, first = np.unique(row * n_owners + low[place[alone]], return_index=True)
        rows.append(pairs // n_owners)
        whose.append(pairs % n_owners)
        lengths.append(np.full(len(pairs), length))
        firsts.append(mine.at[alone][first] - made.starts[row[first]])
        if length == CAP_TOKENS:
            break
        is_common = np.zeros(len(keys), dtype=bool)
        is_common[place] = True
        kept = is_common[group]
        mine = _longer(made, mine, length)
        theirs = _longer(real, _Places(theirs.at[kept], theirs.key[kept]), length)
        length += 1
    nothing = np.zeros(0, dtype=np.int64)
    return Runs(*(np.concatenate([nothing, *columns]) for columns in (rows, whose, lengths, firsts)))


def _first(table: _Numbered, length: int, part: int) -> _Places:
    """Return the places of a part, with the key of the run of `length` tokens that begins there."""
    at = np.flatnonzero(table.part == part)
    return _Places(at, _keys(table, at, length))


def _longer(table: _Numbered, places: _Places, length: int) -> _Places:
    """Return the places whose row goes on behind `length` tokens, with the key of a token more."""
    more = places.at + length < table.starts[_row(table, places.at) + 1]
    at = places.at[more]
    return _Places(at, grown(places.key[more], table.tokens[at + length]))


def _row(table: _Numbered, at: Int) -> Int:
    return np.searchsorted(table.starts, at, side="right") - 1


def _longest(row: Int, owner: Int, length: Int, start: Int) -> Runs:
    """Return one entry per (row, owner): the longest, and of those the first."""
    order = np.lexsort((start, -length, owner, row))
    row, owner, length, start = row[order], owner[order], length[order], start[order]
    first = np.ones(len(row), dtype=bool)
    first[1:] = (row[1:] != row[:-1]) | (owner[1:] != owner[:-1])
    return Runs(row[first], owner[first], length[first], start[first])
