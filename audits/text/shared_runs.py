"""Longest runs of tokens that a synthetic text shares with exactly one person, found by extending common runs."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from audits.core.types import Int, UInt
from audits.text.ngrams import find_keys, grown, starts_group

SHORTEST = 5  # shorter runs are common to everyone
CAP_TOKENS = 64  # longer runs are counted with this length
PART_TOKENS = 1 << 22  # approximate number of places compared at a time
NO_PART = 255
BLOCK_TOKENS = 1 << 22


class Runs(NamedTuple):
    """Runs that a synthetic row shares with exactly one owner; one entry per (row, owner): the longest run, (r,)."""

    row: Int  # synthetic row
    owner: Int
    length: Int  # tokens, at most CAP_TOKENS
    start: Int  # token of the synthetic row at which the first run of this length begins


class Numbered(NamedTuple):
    """Rows as numbers of their tokens."""

    tokens: NDArray[np.int32]  # tokens of all rows, concatenated, (N,)
    starts: Int  # first token of each row, and N, (n + 1,)

    def row(self, at: Int) -> Int:
        """Return the row of each token."""
        return np.searchsorted(self.starts, at, side="right") - 1


class Places(NamedTuple):
    """Places in numbered rows, each with the key of the run that begins there."""

    at: Int
    key: UInt


def runs_alone(made: Numbered, real: Numbered, owners: Int, *, shortest: int = SHORTEST) -> Runs:
    """Return the longest runs in the rows of `made` that only one owner of the rows of `real` has.

    A run that two owners share (boilerplate, a common phrase) does not count. The search starts with the runs of
    `shortest` tokens that occur in both tables. It repeatedly extends them by one token and keeps those that still
    occur in both, up to CAP_TOKENS; at each length it records the runs of a single owner. Equal runs have equal keys,
    so the places are split into parts by their first key, and the parts are processed one after the other. Both
    tables must be numbered with one vocabulary.

    Cost: O(N log N) time; 5 bytes per token, and about a hundred per place of a part.
    Reference: the joins are ours. Keys have 64 bits, so different runs count as equal with a probability of about
        pairs / 2^64.
    """
    found = [_part(mine, theirs, owners, shortest) for mine, theirs in parts_of((made, real), shortest)]
    row, owner, length, start = (np.concatenate(columns) for columns in zip(*found, strict=True))
    order = np.lexsort((start, -length, owner, row))
    longest = order[starts_group(row[order], owner[order])]
    return Runs(row[longest], owner[longest], length[longest], start[longest])


def number_rows(rows: Iterable[Sequence[str]], vocabulary: dict[str, int]) -> Numbered:
    """Return rows as token numbers; add new tokens to the vocabulary."""
    numbers, ends = array("i"), array("q", [0])
    for words in rows:
        numbers.extend(vocabulary.setdefault(word, len(vocabulary)) for word in words)
        ends.append(len(numbers))
    return Numbered(np.frombuffer(numbers, dtype=np.int32), np.frombuffer(ends, dtype=np.int64))


Part = tuple[Numbered, Places]


def parts_of(tables: Sequence[Numbered], length: int) -> Iterator[tuple[Part, ...]]:
    """Yield the places of some tables in parts of a few million, with the key of the run of `length` at each place.

    Equal runs are in the same part.
    """
    n_parts = min(NO_PART, 1 + max(len(table.tokens) for table in tables) // PART_TOKENS)
    parts = [_part_numbers(table, length, n_parts) for table in tables]
    for number in range(n_parts):
        at = [np.flatnonzero(part == number) for part in parts]
        yield tuple(
            (table, Places(places, run_keys(table, places, length))) for table, places in zip(tables, at, strict=True)
        )


def _part_numbers(table: Numbered, length: int, n_parts: int) -> NDArray[np.uint8]:
    """Return the part of each place from the run of `length` tokens that begins there; NO_PART if the row ends."""
    numbers = np.full(len(table.tokens), NO_PART, dtype=np.uint8)
    for start in range(0, len(table.tokens), BLOCK_TOKENS):
        places = np.arange(start, min(start + BLOCK_TOKENS, len(table.tokens)))
        places = places[places + length <= table.starts[table.row(places) + 1]]
        numbers[places] = run_keys(table, places, length) % np.uint64(n_parts)
    return numbers


def run_keys(table: Numbered, places: Int, length: int) -> UInt:
    """Return the keys of the runs of `length` tokens that begin at places."""
    keys = np.zeros(len(places), dtype=np.uint64)
    for i in range(length):
        keys = grown(keys, table.tokens[places + i])
    return keys


def _part(synthetic: Part, pool: Part, owners: Int, length: int) -> Runs:
    """Return one entry for each row, owner and length at which they share a run that no other owner has."""
    (made, mine), (real, theirs) = synthetic, pool
    nothing, n_owners = np.zeros(0, dtype=np.int64), int(owners.max(initial=0)) + 1
    found = [Runs(nothing, nothing, nothing, nothing)]
    while len(mine.at) > 0 and len(theirs.at) > 0:
        keys, group = np.unique(theirs.key, return_inverse=True)
        place, common = find_keys(keys, mine.key)
        mine, place = Places(mine.at[common], mine.key[common]), place[common]
        owner = owners[real.row(theirs.at)]
        low, high = np.full(len(keys), np.iinfo(np.int64).max), np.full(len(keys), -1)
        np.minimum.at(low, group, owner)
        np.maximum.at(high, group, owner)
        alone = low[place] == high[place]
        row = made.row(mine.at[alone])
        pairs, first = np.unique(row * n_owners + low[place[alone]], return_index=True)
        start = mine.at[alone][first] - made.starts[row[first]]
        found.append(Runs(pairs // n_owners, pairs % n_owners, np.full(len(pairs), length), start))
        if length == CAP_TOKENS:
            break
        is_common = np.zeros(len(keys), dtype=bool)
        is_common[place] = True
        kept = is_common[group]
        mine = _longer(made, mine, length)
        theirs = _longer(real, Places(theirs.at[kept], theirs.key[kept]), length)
        length += 1
    return Runs(*(np.concatenate(columns) for columns in zip(*found, strict=True)))


def _longer(table: Numbered, places: Places, length: int) -> Places:
    """Return the places whose row has another token after `length` tokens, with the key of the longer run."""
    more = places.at + length < table.starts[table.row(places.at) + 1]
    at = places.at[more]
    return Places(at, grown(places.key[more], table.tokens[at + length]))
