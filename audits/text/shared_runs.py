"""Find the longest runs (sequences of consecutive tokens) that a synthetic text shares with few owners.

The owner of a text is a person, or the public. A place is a token at which a run begins. The search starts with short
runs that occur in both the synthetic and the real table, which are compared by a key (64-bit hash), and extends them
by one token at a time. To limit memory, the places are divided into parts that are searched one after another.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from audits.core.types import Bool, Float, Int, UInt
from audits.text.ngrams import distinct, grown, starts_group, within_groups

SHORTEST = 5  # number of tokens of the runs with which the search starts; many persons share shorter runs
CAP_TOKENS = 64  # longer runs count as runs of this length
# a run with two or more owners counts as common text if it has more than one owner per this number of tokens
TOKENS_PER_OWNER = 10
# a run of at least `TOKENS_PER_OWNER` tokens with this information content in bits may have two owners without
# counting as common text; rare tokens have more bits than frequent tokens (`_bits_before`)
RARE_BITS = 150.0
PART_TOKENS = 1 << 20  # approximate number of places of a table per part; more if there would be more than 255 parts
NO_PART = 255  # part number of tokens at which no run of the required length begins; parts have lower numbers
TOKEN_BITS = 31  # number of bits of a token number
BLOCK_TOKENS = 1 << 20  # number of tokens for which keys are computed at a time


class Runs(NamedTuple):
    """For each of r pairs of a synthetic row and an owner, a run of few owners (`runs_alone`) that both have."""

    row: Int  # synthetic row of each pair, (r,)
    owner: Int  # owner of each pair, (r,)
    length: Int  # number of tokens of the run, at most CAP_TOKENS, (r,)
    start: Int  # index of the first token of the run in the synthetic row, (r,)
    lowest_owner: Int  # lowest number of an owner of the run, (r,)


class Numbered(NamedTuple):
    """Rows in which each token is replaced by its number in a vocabulary."""

    tokens: NDArray[np.int32]  # token numbers of all rows, concatenated, (N,)
    starts: Int  # index of the first token of each row, and N at the end, (rows + 1,)

    def row(self, at: Int) -> Int:
        """Return the row of each token in `at`, which has indices into `tokens`."""
        return np.searchsorted(self.starts, at, side="right") - 1

    def part(self, first: int, end: int) -> "Numbered":
        """Return the rows from `first` to before `end`."""
        start, stop = self.starts[first], self.starts[end]
        return Numbered(self.tokens[start:stop], self.starts[first : end + 1] - start)

    def rows(self, chosen: Int) -> "Numbered":
        """Return the rows with these numbers, in this order."""
        size = np.diff(self.starts)[chosen]
        at = np.repeat(self.starts[:-1][chosen], size) + within_groups(size)
        return Numbered(self.tokens[at], np.append(0, np.cumsum(size)))


class Places(NamedTuple):
    """The p places in one table at which runs of one length begin."""

    at: Int  # index of each place in `Numbered.tokens`, (p,)
    row: Int  # row of each place, (p,)
    key: UInt  # key (hash) of the shortest run that begins at each place, (p,)

    def chosen(self, is_chosen: Bool) -> "Places":
        """Return the places for which `is_chosen` is true."""
        return Places(self.at[is_chosen], self.row[is_chosen], self.key[is_chosen])


def most_owners(length: int) -> int:
    """Return how many owners a run may have without counting as common text: max(1, length // 10).

    A short phrase that two persons share may be a common expression. A long passage that two to six persons share may
    instead come from a family, from copied notes, or from a patient who is registered twice.
    """
    return max(1, length // TOKENS_PER_OWNER)


def runs_alone(synthetic: Numbered, real: Numbered, owners: Int, *, public: int, shortest: int = SHORTEST) -> Runs:
    """Return the longest runs of the synthetic rows that only few owners of real rows have.

    The search starts with the runs of `shortest` tokens that occur in both tables. It repeatedly extends the runs by
    one token, up to CAP_TOKENS, and keeps the runs that still occur in both tables. For each synthetic row and owner,
    the longest run of few owners is returned. A run has few owners if

    - the number of its owners is at most `most_owners`, or at most two if the run has at least 10 tokens and
      RARE_BITS bits, and
    - the public is not an owner.

    Both tables must be numbered with the same vocabulary. `owners` has the owner of each real row. `public` is the
    owner number of public text and higher than all other owner numbers.

    Time: O(N log N) for N tokens. Memory: 13 bytes per token, and about a hundred bytes per place of a part.
    """
    bits = _bits_before(real.tokens)
    parts = [
        _runs_of_part(synthetic_part, real_part, owners, public, shortest, bits)
        for synthetic_part, real_part in parts_of((synthetic, real), shortest)
    ]
    runs = Runs(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    order = np.lexsort((runs.start, -runs.length, runs.owner, runs.row))
    longest = order[starts_group(runs.row[order], runs.owner[order])]
    return Runs(*(column[longest] for column in runs))


def _bits_before(tokens: NDArray[np.int32]) -> Float:
    """Return the total bits of the first i of N tokens, for each i from 0 to N: shape (N + 1,).

    If a token occurs n times, each of its occurrences has log2(N / n) bits.
    """
    counts = np.maximum(np.bincount(tokens), 1)
    return np.append(0.0, np.cumsum(np.log2(len(tokens) / counts)[tokens]))


class TokenNumbers(dict[str, int]):
    """The number of each token; a token that is looked up for the first time gets the next number, counted from 0."""

    def __missing__(self, token: str) -> int:
        self[token] = number = len(self)
        return number


def number_rows(rows: Iterable[Sequence[str]], vocabulary: TokenNumbers) -> Numbered:
    """Return rows of tokens as numbers in `vocabulary`, to which new tokens are added."""
    numbers, ends = array("i"), array("q", [0])
    for words in rows:
        numbers.extend(map(vocabulary.__getitem__, words))
        ends.append(len(numbers))
    return Numbered(np.frombuffer(numbers, dtype=np.int32), np.frombuffer(ends, dtype=np.int64))


def renumbered(tables: Iterable[Numbered], number: NDArray[np.int32]) -> tuple[Numbered, ...]:
    """Return the tables with each token number i replaced by number[i].

    The new number 0 must stand for masked digits; adjacent zeros of a row are merged into one.
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
    """Yield, for each part, each table with the part's places, at which runs of `length` tokens begin.

    The key of a run determines its part, so all places of equal runs are in the same part. Every key of a part is
    lower than every key of the next part.
    """
    n_parts = min(NO_PART, 1 + max(len(table.tokens) for table in tables) // PART_TOKENS)
    parts = [_part_numbers(table, length, n_parts) for table in tables]
    for number in range(n_parts):
        at = [np.flatnonzero(part == number) for part in parts]
        yield tuple(
            (table, Places(places, table.row(places), run_keys(table, places, length)))
            for table, places in zip(tables, at, strict=True)
        )


def _part_numbers(table: Numbered, length: int, n_parts: int) -> NDArray[np.uint8]:
    """Return the part number of each token of the table; NO_PART if no run of this length begins there."""
    numbers = np.full(len(table.tokens), NO_PART, dtype=np.uint8)
    for start in range(0, len(table.tokens), BLOCK_TOKENS):
        places = np.arange(start, min(start + BLOCK_TOKENS, len(table.tokens)))
        places = places[places + length <= table.starts[table.row(places) + 1]]
        # the part of a 64-bit key is floor(key · n_parts / 2^64), computed from the upper 32 bits of the key
        numbers[places] = (run_keys(table, places, length) >> np.uint64(32)) * np.uint64(n_parts) >> np.uint64(32)
    return numbers


def run_keys(table: Numbered, places: Int, length: int) -> UInt:
    """Return the keys of the runs of `length` tokens that begin at these places."""
    keys = np.zeros(len(places), dtype=np.uint64)
    for i in range(length):
        keys = grown(keys, table.tokens[places + i])
    return keys


def _runs_of_part(synthetic_part: Part, real_part: Part, owners: Int, public: int, length: int, bits: Float) -> Runs:
    """Return the runs of few owners in one part: the first run for each synthetic row, owner and length.

    Equal runs have the same number, counted from 0. The numbers of longer runs are computed from the numbers of the
    shorter runs and the added tokens.
    """
    (synthetic, synthetic_places), (real, real_places) = synthetic_part, real_part
    empty, n_owners = np.zeros(0, dtype=np.int64), public + 1
    entries = [Runs(*[empty] * 5)]
    synthetic_places, synthetic_run, real_places, real_run = _of_shared_runs(
        synthetic_places, synthetic_places.key, real_places, real_places.key
    )
    while len(synthetic_places.at) > 0:
        n_runs = int(real_run.max()) + 1
        place_of_run = np.zeros(n_runs, dtype=np.int64)  # index in `real_places` of the first place of each run
        place_of_run[real_run[::-1]] = np.arange(len(real_run))[::-1]
        pairs = distinct(real_run * n_owners + owners[real_places.row])  # run · n_owners + owner, sorted
        # index in `pairs` of the first owner of each run; the owners of a run are in ascending order
        pair_start = np.append(0, np.cumsum(np.bincount(pairs // n_owners, minlength=n_runs)))
        limit = np.full(n_runs, most_owners(length))
        if length >= TOKENS_PER_OWNER:
            at_run = real_places.at[place_of_run]
            is_rare = bits[at_run + length] - bits[at_run] >= RARE_BITS
            limit[is_rare] = max(2, most_owners(length))
        has_few_owners = (np.diff(pair_start) <= limit) & (pairs[pair_start[1:] - 1] % n_owners != public)
        # `of_few_owners`: synthetic places at which runs of few owners begin; `place`: each of them, once per owner
        of_few_owners = np.flatnonzero(has_few_owners[synthetic_run])
        n_owners_of_place = np.diff(pair_start)[synthetic_run[of_few_owners]]
        place = np.repeat(of_few_owners, n_owners_of_place)
        owner = pairs[pair_start[synthetic_run[place]] + within_groups(n_owners_of_place)] % n_owners
        row = synthetic_places.row[place]
        # `at`: index in `place` of the first place of each pair of row and owner
        order = np.lexsort((place, owner, row))
        at = order[starts_group(row[order], owner[order])]
        start = synthetic_places.at[place[at]] - synthetic.starts[row[at]]
        lowest = pairs[pair_start[synthetic_run[place[at]]]] % n_owners
        entries.append(Runs(row[at], owner[at], np.full(len(at), length), start, lowest))
        if length == CAP_TOKENS:
            break
        synthetic_places, synthetic_run = _extended(synthetic, synthetic_places, synthetic_run, length)
        real_places, real_run = _extended(real, real_places, real_run, length)
        synthetic_places, synthetic_run, real_places, real_run = _of_shared_runs(
            synthetic_places, synthetic_run, real_places, real_run
        )
        length += 1
    return Runs(*(np.concatenate(columns) for columns in zip(*entries, strict=True)))


def _of_shared_runs(
    synthetic_places: Places, synthetic_key: UInt | Int, real_places: Places, real_key: UInt | Int
) -> tuple[Places, Int, Places, Int]:
    """Return the places of runs that both tables have, and the number of the run at each place, per table.

    Two runs are equal if they have the same key.
    """
    keys = np.concatenate((synthetic_key, real_key))
    order = np.argsort(keys)
    run = np.empty(len(keys), dtype=np.int64)
    run[order] = np.cumsum(starts_group(keys[order])) - 1
    n_runs = int(run.max(initial=-1)) + 1
    synthetic_run, real_run = run[: len(synthetic_key)], run[len(synthetic_key) :]
    is_shared = np.ones(n_runs, dtype=np.bool_)
    for of_table in (synthetic_run, real_run):
        is_shared &= np.bincount(of_table, minlength=n_runs) > 0
    number = np.cumsum(is_shared) - 1
    of_synthetic, of_real = is_shared[synthetic_run], is_shared[real_run]
    return (
        synthetic_places.chosen(of_synthetic),
        number[synthetic_run[of_synthetic]],
        real_places.chosen(of_real),
        number[real_run[of_real]],
    )


def _extended(table: Numbered, places: Places, run: Int, length: int) -> tuple[Places, Int]:
    """Return the places at which the row has a run of length + 1 tokens, and the key of this run at each place.

    The key combines the number of the run of `length` tokens with the added token. `Places.key` does not change.
    """
    is_longer = places.at + length < table.starts[places.row + 1]
    places = places.chosen(is_longer)
    return places, (run[is_longer] << TOKEN_BITS) + table.tokens[places.at + length]
