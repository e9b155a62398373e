"""Find the longest runs (sequences of consecutive tokens) that a synthetic text shares with one or few persons.

A place is a token at which a run begins. The owner of a text is a person, or the public.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from audits.core.types import Float, Int, UInt
from audits.text.ngrams import find_keys, grown, starts_group, within_groups

SHORTEST = 5  # the search begins with runs of this many tokens; many persons share shorter runs
CAP_TOKENS = 64  # longer runs count as runs of this length
TOKENS_PER_OWNER = 10  # number of tokens that a run needs for each of its owners (`most_owners`)
# a run of at least 10 tokens may have two owners if its words together have this many bits; the rarer a word is, the
# more bits it has (`_bits_before`)
RARE_BITS = 150.0
PART_TOKENS = 1 << 22  # approximate number of places that are searched at a time (a part)
NO_PART = 255  # part number of tokens at which no run of the required length begins
BLOCK_TOKENS = 1 << 22  # number of places for which keys are computed at a time


class Runs(NamedTuple):
    """For r pairs of a synthetic row and an owner, the longest run that both share and that few owners have."""

    row: Int  # synthetic row of each pair, (r,)
    owner: Int  # owner of each pair, (r,)
    length: Int  # tokens of the longest run, at most CAP_TOKENS, (r,)
    start: Int  # index in the synthetic row of the token at which the first run of this length begins, (r,)
    lowest_owner: Int  # lowest number of an owner who has this run, (r,)


class Numbered(NamedTuple):
    """Rows in which each token is replaced by its number in a vocabulary."""

    tokens: NDArray[np.int32]  # token numbers of all rows, concatenated, (N,)
    starts: Int  # index of the first token of each row, and N at the end, (rows + 1,)

    def row(self, at: Int) -> Int:
        """Return the row of each token; `at` has indices in `tokens`."""
        return np.searchsorted(self.starts, at, side="right") - 1

    def part(self, first: int, end: int) -> "Numbered":
        """Return the rows from `first` to before `end`."""
        start, stop = self.starts[first], self.starts[end]
        return Numbered(self.tokens[start:stop], self.starts[first : end + 1] - start)


class Places(NamedTuple):
    """Places in numbered rows, with runs of one length."""

    at: Int  # index of each place in `Numbered.tokens`
    key: UInt  # key (hash) of the run that begins at each place


def most_owners(length: int) -> int:
    """Return how many owners a run of this many tokens may have without counting as common text.

    The number is max(1, length // 10). A short phrase of two persons may be a common expression. A long passage of
    two to six persons is not: it occurs in families, in notes that are copied forward, and in records of patients who
    are registered twice.
    """
    return max(1, length // TOKENS_PER_OWNER)


def runs_alone(synthetic: Numbered, real: Numbered, owners: Int, *, public: int, shortest: int = SHORTEST) -> Runs:
    """Return the longest runs of the synthetic rows that only few owners of real rows have.

    The search starts with the runs of `shortest` tokens that occur in both tables. It repeatedly extends the runs by
    one token, up to CAP_TOKENS, and keeps the runs that still occur in both tables. At each length, the search
    records the runs that few owners have, once for each owner. "Few" is at most `most_owners`, or two if the
    run has 10 to 19 tokens and its words are rare (RARE_BITS).

    Both tables must be numbered with the same vocabulary. `owners` has the owner of each real row. `public` is the
    owner number of public text and higher than all other owner numbers; runs in public text do not count.

    Cost: O(N log N) time for N tokens; 13 bytes per token, and about a hundred bytes per place of a part.
    """
    bits = _bits_before(real.tokens)
    parts = [
        _part(synthetic_part, real_part, owners, public, shortest, bits)
        for synthetic_part, real_part in parts_of((synthetic, real), shortest)
    ]
    runs = Runs(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    order = np.lexsort((runs.start, -runs.length, runs.owner, runs.row))
    longest = order[starts_group(runs.row[order], runs.owner[order])]
    return Runs(*(column[longest] for column in runs))


def _bits_before(tokens: NDArray[np.int32]) -> Float:
    """Return the sums of the bits of the first 0, 1, ..., N tokens; a token has log2(N / its occurrences) bits."""
    counts = np.maximum(np.bincount(tokens), 1)
    return np.append(0.0, np.cumsum(np.log2(len(tokens) / counts)[tokens]))


def number_rows(rows: Iterable[Sequence[str]], vocabulary: dict[str, int]) -> Numbered:
    """Return rows with their tokens numbered; the function adds new tokens to the vocabulary."""
    numbers, ends = array("i"), array("q", [0])
    for words in rows:
        numbers.extend(vocabulary.setdefault(word, len(vocabulary)) for word in words)
        ends.append(len(numbers))
    return Numbered(np.frombuffer(numbers, dtype=np.int32), np.frombuffer(ends, dtype=np.int64))


def renumbered(tables: Iterable[Numbered], number: NDArray[np.int32]) -> tuple[Numbered, ...]:
    """Return the tables with each token number i replaced by number[i].

    The new token number 0 stands for masked digits. Adjacent zeros of a row are merged into one.
    """
    changed = []
    for table in tables:
        tokens = number[table.tokens]
        kept = tokens != 0
        kept[1:] |= tokens[:-1] != 0
        kept[table.starts[:-1][np.diff(table.starts) > 0]] = True
        changed.append(Numbered(tokens[kept], np.append(0, np.cumsum(kept))[table.starts]))
    return tuple(changed)


Part = tuple[Numbered, Places]  # a table, and its places in one part


def parts_of(tables: Sequence[Numbered], length: int) -> Iterator[tuple[Part, ...]]:
    """Yield the places of each table where runs of this length begin, one part of the places at a time.

    The key of a run determines its part, so equal runs are in the same part.
    """
    n_parts = min(NO_PART, 1 + max(len(table.tokens) for table in tables) // PART_TOKENS)
    parts = [_part_numbers(table, length, n_parts) for table in tables]
    for number in range(n_parts):
        at = [np.flatnonzero(part == number) for part in parts]
        yield tuple(
            (table, Places(places, run_keys(table, places, length))) for table, places in zip(tables, at, strict=True)
        )


def _part_numbers(table: Numbered, length: int, n_parts: int) -> NDArray[np.uint8]:
    numbers = np.full(len(table.tokens), NO_PART, dtype=np.uint8)
    for start in range(0, len(table.tokens), BLOCK_TOKENS):
        places = np.arange(start, min(start + BLOCK_TOKENS, len(table.tokens)))
        places = places[places + length <= table.starts[table.row(places) + 1]]
        numbers[places] = run_keys(table, places, length) % np.uint64(n_parts)
    return numbers


def run_keys(table: Numbered, places: Int, length: int) -> UInt:
    """Return the keys of the runs of `length` tokens that begin at these places."""
    keys = np.zeros(len(places), dtype=np.uint64)
    for i in range(length):
        keys = grown(keys, table.tokens[places + i])
    return keys


def _part(synthetic_part: Part, real_part: Part, owners: Int, public: int, length: int, bits: Float) -> Runs:
    """Return, for one part, an entry for each row, owner and length with a run of few owners (see `runs_alone`)."""
    (synthetic, synthetic_places), (real, real_places) = synthetic_part, real_part
    nothing, n_owners = np.zeros(0, dtype=np.int64), public + 1
    entries = [Runs(*[nothing] * 5)]
    while len(synthetic_places.at) > 0 and len(real_places.at) > 0:
        # `keys` has the key of each different run of the real rows, and `example` the index of its first place.
        # `group` has the index in `keys` of the run at each real place, and `found` that of the run at each synthetic
        # place.
        keys, example, group = np.unique(real_places.key, return_index=True, return_inverse=True)
        found, is_real = find_keys(keys, synthetic_places.key)
        synthetic_places, found = (
            Places(synthetic_places.at[is_real], synthetic_places.key[is_real]),
            found[is_real],
        )
        pairs = np.unique(group * n_owners + owners[real.row(real_places.at)])  # one number per run and owner
        first = np.searchsorted(pairs, np.arange(len(keys) + 1) * n_owners)
        limit = np.full(len(keys), most_owners(length))
        if length >= TOKENS_PER_OWNER:
            is_rare = bits[real_places.at[example] + length] - bits[real_places.at[example]] >= RARE_BITS
            limit[is_rare] = max(2, most_owners(length))
        is_counted = (np.diff(first) <= limit) & (pairs[first[1:] - 1] % n_owners != public)
        chosen = np.flatnonzero(is_counted[found])
        n_of_run = np.diff(first)[found[chosen]]
        run = np.repeat(chosen, n_of_run)
        owner = pairs[first[found[run]] + within_groups(n_of_run)] % n_owners
        row = synthetic.row(synthetic_places.at[run])
        # the first run of each pair of row and owner
        row_owners, at = np.unique(row * n_owners + owner, return_index=True)
        start = synthetic_places.at[run[at]] - synthetic.starts[row[at]]
        lowest = pairs[first[found[run[at]]]] % n_owners
        entries.append(Runs(row[at], owner[at], np.full(len(row_owners), length), start, lowest))
        if length == CAP_TOKENS:
            break
        is_common = np.zeros(len(keys), dtype=bool)
        is_common[found] = True
        kept = is_common[group]
        synthetic_places = _longer(synthetic, synthetic_places, length)
        real_places = _longer(real, Places(real_places.at[kept], real_places.key[kept]), length)
        length += 1
    return Runs(*(np.concatenate(columns) for columns in zip(*entries, strict=True)))


def _longer(table: Numbered, places: Places, length: int) -> Places:
    """Return the places at which the row has a run of length + 1 tokens, with the keys of these runs."""
    fits = places.at + length < table.starts[table.row(places.at) + 1]
    at = places.at[fits]
    return Places(at, grown(places.key[fits], table.tokens[at + length]))
