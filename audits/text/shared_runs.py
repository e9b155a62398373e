"""Find the longest runs of tokens that a synthetic text shares with exactly one person."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from audits.core.types import Int, UInt
from audits.text.ngrams import find_keys, grown, starts_group

SHORTEST = 5  # the search starts with runs of so many tokens; shorter runs are common to many persons
CAP_TOKENS = 64  # longer runs count as runs of this length
PART_TOKENS = 1 << 22  # about so many places are compared at a time
NO_PART = 255  # number for places at which no run of the required length begins
BLOCK_TOKENS = 1 << 22  # keys are computed for so many places at a time


class Runs(NamedTuple):
    """The longest run that each synthetic row shares with one owner and no other; r pairs of row and owner."""

    row: Int  # synthetic row of each pair, (r,)
    owner: Int  # owner of each pair, (r,)
    length: Int  # tokens of the longest run, at most CAP_TOKENS, (r,)
    start: Int  # token of the synthetic row at which the first run of this length begins, (r,)


class Numbered(NamedTuple):
    """Rows in which each token is replaced by its number in a vocabulary."""

    tokens: NDArray[np.int32]  # token numbers of all rows, concatenated, (N,)
    starts: Int  # index of the first token of each row, and N at the end, (rows + 1,)

    def row(self, at: Int) -> Int:
        """Return the row of each token."""
        return np.searchsorted(self.starts, at, side="right") - 1


class Places(NamedTuple):
    """Places in numbered rows where a run begins."""

    at: Int  # index of the first token of each run
    key: UInt  # key of each run


def runs_alone(synthetic: Numbered, real: Numbered, owners: Int, *, shortest: int = SHORTEST) -> Runs:
    """Return the longest runs in the synthetic rows that only one owner of the real rows has.

    The search starts with the runs of `shortest` tokens that occur in both tables. It repeatedly extends the runs by
    one token, up to CAP_TOKENS, and keeps those that still occur in both tables. At each length it records the runs
    that only one owner has. To save memory, the places are split into parts by the key of their first run, and the
    parts are processed one after the other.

    Args:
        synthetic: synthetic rows.
        real: real rows, numbered with the same vocabulary.
        owners: owner of each real row.
        shortest: shortest run, in tokens.

    Cost: O(N log N) time for N tokens; 5 bytes per token, and about a hundred bytes per place of a part. Different
        runs count as equal with a probability of about pairs / 2^64.
    """
    found = [_part(mine, theirs, owners, shortest) for mine, theirs in parts_of((synthetic, real), shortest)]
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
    """Yield the places where a run of `length` tokens begins, in parts of a few million.

    Each part contains the places of every table, with their keys. Equal runs are in the same part.
    """
    n_parts = min(NO_PART, 1 + max(len(table.tokens) for table in tables) // PART_TOKENS)
    parts = [_part_numbers(table, length, n_parts) for table in tables]
    for number in range(n_parts):
        at = [np.flatnonzero(part == number) for part in parts]
        yield tuple(
            (table, Places(places, run_keys(table, places, length))) for table, places in zip(tables, at, strict=True)
        )


def _part_numbers(table: Numbered, length: int, n_parts: int) -> NDArray[np.uint8]:
    """Return the number of the part of each place, or NO_PART if the row ends within `length` tokens."""
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


def _part(synthetic_part: Part, real_part: Part, owners: Int, length: int) -> Runs:
    """Return an entry for each row, owner and length if the row shares with this owner alone a run of this length."""
    (synthetic, mine), (real, theirs) = synthetic_part, real_part
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
        row = synthetic.row(mine.at[alone])
        pairs, first = np.unique(row * n_owners + low[place[alone]], return_index=True)
        start = mine.at[alone][first] - synthetic.starts[row[first]]
        found.append(Runs(pairs // n_owners, pairs % n_owners, np.full(len(pairs), length), start))
        if length == CAP_TOKENS:
            break
        is_common = np.zeros(len(keys), dtype=bool)
        is_common[place] = True
        kept = is_common[group]
        mine = _longer(synthetic, mine, length)
        theirs = _longer(real, Places(theirs.at[kept], theirs.key[kept]), length)
        length += 1
    return Runs(*(np.concatenate(columns) for columns in zip(*found, strict=True)))


def _longer(table: Numbered, places: Places, length: int) -> Places:
    """Return the places whose row has another token after `length` tokens, with the key of the longer run."""
    more = places.at + length < table.starts[table.row(places.at) + 1]
    at = places.at[more]
    return Places(at, grown(places.key[more], table.tokens[at + length]))
