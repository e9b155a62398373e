"""Longest runs of tokens that a synthetic text shares with exactly one person, by growing what is common."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
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
    """For every row of the synthetic table and every owner: where they share a run that nobody else's text holds."""

    row: Int  # synthetic row of each shared run, (r,)
    owner: Int  # owner of each shared run, (r,)
    length: Int  # tokens, at most CAP_TOKENS; one entry per (row, owner), the longest, (r,)
    start: Int  # token of the synthetic row at which the first such run begins, (r,)


class Numbered(NamedTuple):
    """Rows as numbers of their tokens."""

    tokens: NDArray[np.int32]  # of all rows, one after the other, (N,)
    starts: Int  # where each row begins, and N, (n + 1,)

    def row(self, at: Int) -> Int:
        """Return the row in which each token stands."""
        return np.searchsorted(self.starts, at, side="right") - 1


class _Dealt(NamedTuple):
    """Numbered rows with the part that the run of tokens beginning at each place belongs to, (N,)."""

    table: Numbered
    part: NDArray[np.uint8]


class Places(NamedTuple):
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
    made, real = (number_rows(rows, vocabulary) for rows in (synthetic, pool))
    return runs_alone(made, real, owners, shortest=shortest)


def runs_alone(made: Numbered, real: Numbered, owners: Int, *, shortest: int = SHORTEST) -> Runs:
    """Return the same as `unique_runs` of rows that are numbered already, by one vocabulary."""
    found = [_part(mine, theirs, owners, shortest) for mine, theirs in parts_of((made, real), shortest)]
    return _longest(*(np.concatenate(columns) for columns in zip(*found, strict=True)))


def number_rows(rows: Iterable[Sequence[str]], vocabulary: dict[str, int]) -> Numbered:
    """Return rows as numbers of their tokens; tokens met for the first time are added to the vocabulary."""
    numbers, ends = array("i"), array("q", [0])
    for words in rows:
        numbers.extend(vocabulary.setdefault(word, len(vocabulary)) for word in words)
        ends.append(len(numbers))
    return Numbered(np.frombuffer(numbers, dtype=np.int32), np.frombuffer(ends, dtype=np.int64))


Part = tuple[Numbered, Places]


def parts_of(tables: Sequence[Numbered], length: int) -> Iterator[tuple[Part, ...]]:
    """Yield part after part of the places of some tables, with the key of the run of `length` that begins there.

    Equal runs are in one part. There are as many parts as keep the places of one to a few millions.
    """
    n_parts = min(NO_PART, 1 + max(len(table.tokens) for table in tables) // PART_TOKENS)
    dealt = [_dealt(table, length, n_parts) for table in tables]
    for part in range(n_parts):
        yield tuple((one.table, _first(one, length, part)) for one in dealt)


def _dealt(table: Numbered, length: int, n_parts: int) -> _Dealt:
    """Return the rows, each place dealt to a part by the run of `length` tokens that begins there, if one does."""
    dealt = np.full(len(table.tokens), NO_PART, dtype=np.uint8)
    for start in range(0, len(table.tokens), BLOCK_TOKENS):
        places = np.arange(start, min(start + BLOCK_TOKENS, len(table.tokens)))
        places = places[places + length <= table.starts[table.row(places) + 1]]
        dealt[places] = run_keys(table, places, length) % np.uint64(n_parts)
    return _Dealt(table, dealt)


def run_keys(table: Numbered, places: Int, length: int) -> UInt:
    """Return the keys of the runs of `length` tokens that begin at places."""
    keys = np.zeros(len(places), dtype=np.uint64)
    for i in range(length):
        keys = grown(keys, table.tokens[places + i])
    return keys


def _part(synthetic: Part, pool: Part, owners: Int, length: int) -> Runs:
    """Return one entry for each row, owner and length at which they share a run that is the owner's alone."""
    (made, mine), (real, theirs) = synthetic, pool
    rows, whose, lengths, firsts, n_owners = [], [], [], [], int(owners.max(initial=0)) + 1
    while len(mine.at) > 0 and len(theirs.at) > 0:
        keys, group = np.unique(theirs.key, return_inverse=True)
        place = np.minimum(np.searchsorted(keys, mine.key), len(keys) - 1)
        common = keys[place] == mine.key
        mine, place = Places(mine.at[common], mine.key[common]), place[common]
        owner = owners[real.row(theirs.at)]
        low, high = np.full(len(keys), np.iinfo(np.int64).max), np.full(len(keys), -1)
        np.minimum.at(low, group, owner)
        np.maximum.at(high, group, owner)
        alone = low[place] == high[place]
        row = made.row(mine.at[alone])
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
        theirs = _longer(real, Places(theirs.at[kept], theirs.key[kept]), length)
        length += 1
    nothing = np.zeros(0, dtype=np.int64)
    return Runs(*(np.concatenate([nothing, *columns]) for columns in (rows, whose, lengths, firsts)))


def _first(dealt: _Dealt, length: int, part: int) -> Places:
    """Return the places of a part, with the key of the run of `length` tokens that begins there."""
    at = np.flatnonzero(dealt.part == part)
    return Places(at, run_keys(dealt.table, at, length))


def _longer(table: Numbered, places: Places, length: int) -> Places:
    """Return the places whose row goes on behind `length` tokens, with the key of a token more."""
    more = places.at + length < table.starts[table.row(places.at) + 1]
    at = places.at[more]
    return Places(at, grown(places.key[more], table.tokens[at + length]))


def _longest(row: Int, owner: Int, length: Int, start: Int) -> Runs:
    """Return one entry per (row, owner): the longest, and of those the first."""
    order = np.lexsort((start, -length, owner, row))
    row, owner, length, start = row[order], owner[order], length[order], start[order]
    first = np.ones(len(row), dtype=bool)
    first[1:] = (row[1:] != row[:-1]) | (owner[1:] != owner[:-1])
    return Runs(row[first], owner[first], length[first], start[first])
