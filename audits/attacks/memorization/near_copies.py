"""Find copies of records whose words were changed, inserted or reordered, or that were cut into pieces.

An owner of text is a person, or the public. A fragment of a record is a word, a pair of words or a run of words. It
is rare if at least one of its words is an own word of the record (outside the text that several persons share), and
if at most 50 owners, but not all owners, have it. A fragment with fewer owners has more bits (a higher weight). The
share of a record measures how much of it the synthetic table S contains: the bits of its rare fragments in one row of
S (`near_copies`), or in all rows of S together (`in_pieces`), divided by the bits of all its rare fragments.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from audits.core.types import Float, Int, UInt
from audits.embeddings.similarity import incidence
from audits.text.ngrams import distinct, find_keys, grown, starts_group
from audits.text.shared_runs import Numbered, parts_of, run_keys

PAIR_TOKENS = 2  # number of words of a pair; in a record, they are adjacent
MAX_DISTANCE = 8  # in a synthetic row, the second word of a pair may be any of this many words after the first
PIECE_TOKENS = (3, 5, 8, 13)  # numbers of words per fragment that `in_pieces` tries, in this order
MAX_OWNERS = 50  # fragments with more owners have weight 0, because they do not distinguish records
# records with fewer bits (about 15 pairs of 10 bits) are skipped, because all their fragments may match by chance
MIN_BITS = 150.0
NEAR = 0.5  # rows with at least this share of a record are listed
# if a control person has a higher share, `in_pieces` uses longer fragments, so that shares are not due to chance
MAX_BY_CHANCE = 0.5
BLOCK_ROWS = 1000  # largest number of rows, synthetic or planted, compared at a time
BLOCK_PRODUCTS = 1 << 21  # approximate number of terms that are added for the shares of a block, to limit memory


class NearCopies(NamedTuple):
    """How much of each owner's records single rows contain; r pairs (row, owner) with a share >= NEAR are listed."""

    best: Float  # highest share of a record of each owner in one synthetic row, (n_owners,)
    row: Int  # row of each listed pair, synthetic or planted (`near_copies` explains planted rows), (r,)
    owner: Int  # owner of each listed pair, (r,)
    share: Float  # highest share of a record of the owner in the row, (r,)

    def of_rows(self, n_rows: int, n_train: int) -> Float:
        """Return for each row the highest listed share of a train person (owner below `n_train`), or else 0."""
        highest, of_train = np.zeros(n_rows), self.owner < n_train
        np.maximum.at(highest, self.row[of_train], self.share[of_train])
        return highest


class Pieces(NamedTuple):
    """How much of each owner's records all synthetic rows together contain; the fragments are runs of words.

    r pairs of a row and an owner are listed. In each pair, the row has a rare fragment that only this owner has, and
    the owner's `best` is at least NEAR.
    """

    best: Float  # highest share of a record of each owner, (n_owners,)
    tokens: int  # number of words per fragment
    row: Int  # row of each listed pair, (r,)
    owner: Int  # owner of each listed pair, (r,)


class OwnedRecords(NamedTuple):
    """Records with the numbers of their owners, which start from 0."""

    rows: Numbered  # the n records in full
    owner: Int  # owner of each record, (n,)
    n_owners: int  # every owner number is lower than this; some numbers may be unused
    own: Int  # indices of the own words in `rows.tokens`


class _Fragments(NamedTuple):
    """The k different rare fragments of n records. An entry is a pair of a fragment and a record that contains it."""

    keys: UInt  # sorted keys (64-bit hashes) of the fragments, (k,)
    weight: Float  # bits of each fragment, (k,)
    only_owner: NDArray[np.int32]  # owner of each fragment that has only one owner, otherwise -1, (k,)
    starts: Int  # index of the first entry of each fragment, and the number of entries at the end, (k + 1,)
    record: NDArray[np.int32]  # record of each entry; entries are sorted by fragment, then by record
    bits: Float  # total weight of each record's fragments, (n,)

    @property
    def inverse_bits(self) -> Float:
        """Return 1 / bits of each record; 0 if the record has fewer than MIN_BITS."""
        return np.where(self.bits >= MIN_BITS, 1 / np.maximum(self.bits, 1.0), 0.0)

    def sums(self, of_fragment: Float) -> Float:
        """Return the sum of the values of each record's fragments, (n,), from the value of each fragment, (k,)."""
        values = np.repeat(of_fragment, np.diff(self.starts))
        return np.asarray(np.bincount(self.record, weights=values, minlength=len(self.bits)), dtype=np.float64)

    def shares(self) -> sparse.csr_array:
        """Return a matrix (k, n): the weight of each fragment, as a share of the bits of each record that has it."""
        data = np.repeat(self.weight, np.diff(self.starts)) * self.inverse_bits[self.record]
        return sparse.csr_array((data, self.record, self.starts), shape=(len(self.keys), len(self.bits)))


def near_copies(made: Numbered, real: OwnedRecords, n_synthetic: int, n_tokens: int = PAIR_TOKENS) -> NearCopies:
    """Return how much of each owner's records single rows contain, as a share of the bits of rare fragments.

        share(x, s) = (sum of w(g) over the fragments g in both x and s) / (sum of w(g) over the fragments g in x)
        w(g) = log2(N / df(g)), or 0 if df(g) > 50

    x is a record, s a row, N the number of owners, and df(g) the number of owners of fragment g. A fragment counts
    for x only if at least one of its words is an own word of x. If the weights of x sum to less than 150 bits, the
    share is 0. `n_tokens` is the number of words per fragment:

    - 1: single words, in any order. Control persons may reach a share of one half in a long row.
    - 2: two words that are adjacent in x. In s, the second word may be any of the eight words after the first, so
      that inserted words do not hide a copy. A copy with every tenth word changed keeps a share of four fifths.
      Records of unrelated persons reach a share of one third, or one half in the most uniform of the tested clinics.
    - 3 or more: runs of words in x and in s.

    The first `n_synthetic` rows of `made` are synthetic. The remaining rows are planted (train records that are
    searched as if they were synthetic). They are listed, but do not count for `NearCopies.best`. `real` must be
    numbered with the same vocabulary as `made`.

    Cost: O(MAX_DISTANCE · tokens of `made` · records that share a rare pair), in blocks of at most BLOCK_ROWS rows.
    Reference: containment, Broder, SEQUENCES 1997; inverse frequency weights, Spärck Jones, J. Doc. 1972.
    """
    rare = _rare_fragments(real, n_tokens)
    best, shares_of_records = np.zeros(real.n_owners), rare.shares()
    found = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    for start, contained in _blocks(made, rare, n_tokens):
        shares = (contained @ shares_of_records).tocoo()
        row, column, value = shares.row.astype(np.int64) + start, shares.col, shares.data
        is_synthetic = row < n_synthetic
        np.maximum.at(best, real.owner[column[is_synthetic]], value[is_synthetic])
        near = value >= NEAR
        pairs, number = np.unique(row[near] * real.n_owners + real.owner[column[near]], return_inverse=True)
        highest = np.zeros(len(pairs))
        np.maximum.at(highest, number, value[near])
        found.append((pairs // real.n_owners, pairs % real.n_owners, highest))
    return NearCopies(best, *(np.concatenate(columns) for columns in zip(*found, strict=True)))


def joined(readings: Sequence[NearCopies]) -> NearCopies:
    """Combine the results for several readings of the same rows; a reading is one way to split texts into tokens."""
    best, *columns = zip(*readings, strict=True)
    return NearCopies(np.maximum.reduce(best), *map(np.concatenate, columns))


def in_pieces(made: Numbered, real: OwnedRecords, non_members: Iterable[int]) -> Pieces | None:
    """Return the highest share of a record of each owner that all rows together contain, by rare runs of n words.

    Short runs detect small pieces, but also occur by chance. n is therefore the first number in PIECE_TOKENS at which
    no owner in `non_members` has a share above MAX_BY_CHANCE. If there is no such number, n is the last one. The
    result is None if all records have fewer words than a number that is tried.
    """
    calibrating = np.array(list(non_members), dtype=np.int64)
    for n_tokens in PIECE_TOKENS:
        if not (np.diff(real.rows.starts) >= n_tokens).any():
            return None
        rare = _rare_fragments(real, n_tokens)
        row, fragment = _found_fragments(made, rare, n_tokens)
        is_found = np.zeros(len(rare.keys), dtype=np.bool_)
        is_found[fragment] = True
        share = rare.sums(rare.weight * is_found) * rare.inverse_bits
        best = np.zeros(real.n_owners)
        np.maximum.at(best, real.owner, share)
        if best[calibrating].max(initial=0.0) <= MAX_BY_CHANCE or n_tokens == PIECE_TOKENS[-1]:
            owner = rare.only_owner[fragment]
            is_listed = (owner >= 0) & (best[owner] >= NEAR)
            pairs = distinct(row[is_listed] * real.n_owners + owner[is_listed])
            return Pieces(best, n_tokens, pairs // real.n_owners, pairs % real.n_owners)
        del rare  # so that the fragments of two lengths are never in memory together
    return None


def _rare_fragments(real: OwnedRecords, n_tokens: int) -> _Fragments:
    """Return the rare fragments (`n_tokens` adjacent words) of the records, computed part by part to save memory."""
    n_different, n_records = len(distinct(real.owner)), len(real.owner)
    is_own = np.zeros(len(real.rows.tokens) + n_tokens, dtype=np.bool_)
    is_own[real.own] = True
    bits = np.zeros(n_records)
    parts = []
    for ((_, places),) in parts_of((real.rows,), n_tokens):
        order = np.argsort(places.key, kind="stable")  # so that the records of a fragment are in ascending order
        key, first = places.key[order], places.at[order]
        record = places.row[order]
        is_new = starts_group(key)
        fragment = np.cumsum(is_new, dtype=np.int64) - 1
        owners = distinct(fragment * real.n_owners + real.owner[record])  # fragment · real.n_owners + owner
        df = np.bincount(owners // real.n_owners)
        weight = np.where(df <= MAX_OWNERS, np.log2(n_different / np.maximum(df, 1)), 0.0)
        has_own = np.logical_or.reduce([is_own[first + i] for i in range(n_tokens)])
        is_entry = (weight[fragment] > 0) & has_own
        fragment, record = fragment[is_entry], record[is_entry]
        is_entry = starts_group(fragment, record)
        fragment, record = fragment[is_entry], record[is_entry]
        np.add.at(bits, record, weight[fragment])  # keys are ascending, so the sums do not depend on the parts
        is_first = starts_group(fragment)
        kept, size = fragment[is_first], np.diff(np.append(np.flatnonzero(is_first), len(fragment)))
        first_owner = owners[np.searchsorted(owners, kept * real.n_owners)] % real.n_owners
        only_owner = np.where(df[kept] == 1, first_owner, -1).astype(np.int32)
        parts.append((key[is_new][kept], weight[kept], only_owner, size, record.astype(np.int32)))
    columns = [list(column) for column in zip(*parts, strict=True)]
    parts.clear()  # so that `_concatenated` frees the arrays of the parts, column by column
    keys, of_fragment, only_owner, sizes, records = map(_concatenated, columns)
    starts = np.append(0, np.cumsum(sizes, dtype=np.int64))
    return _Fragments(keys, of_fragment, only_owner, starts, records, bits)


def _concatenated(parts: list[Any]) -> Any:
    """Return the concatenated arrays, and empty the list, so that only one column is in memory twice."""
    whole = np.concatenate(parts)
    parts.clear()
    return whole


def _places_in_row(rows: Numbered, n_tokens: int) -> tuple[Int, UInt]:
    """Return (indices of first words, keys) of the fragments of rows; other words may stand inside a pair."""
    if n_tokens != PAIR_TOKENS:
        return places_of(rows, n_tokens)
    position = np.arange(len(rows.tokens))
    n_to_row_end = rows.starts[rows.row(position) + 1] - position
    by_distance = [position[n_to_row_end > distance] for distance in range(1, MAX_DISTANCE + 1)]
    first = np.concatenate(by_distance)
    second = np.concatenate([at + distance for distance, at in enumerate(by_distance, start=1)])
    return first, grown(run_keys(rows, first, 1), rows.tokens[second])


def _blocks(made: Numbered, rare: _Fragments, n_tokens: int) -> Iterator[tuple[int, sparse.csr_array]]:
    """Yield (number of the first row, matrix) for each block of rows.

    The matrix has an entry for each row of the block and each rare fragment: 1 if the row has the fragment, else 0. A
    block has at most BLOCK_ROWS rows. Its product with `_Fragments.shares` has about BLOCK_PRODUCTS terms, or more if
    a single row needs more.
    """
    n_records_of = np.diff(rare.starts)
    for start in range(0, len(made.starts) - 1 if len(rare.keys) > 0 else 0, BLOCK_ROWS):
        rows = made.part(start, min(start + BLOCK_ROWS, len(made.starts) - 1))
        first, key = _places_in_row(rows, n_tokens)
        place, is_found = find_keys(rare.keys, key)
        shape = len(rows.starts) - 1, len(rare.keys)
        contained = sparse.csr_array(incidence(rows.row(first)[is_found], place[is_found], shape))
        n_terms = np.cumsum(contained @ n_records_of)
        bounds = [*np.flatnonzero(starts_group(n_terms // BLOCK_PRODUCTS)).tolist(), shape[0]]
        for low, high in pairwise(bounds):
            yield start + low, contained[low:high]


def places_of(rows: Numbered, n_tokens: int) -> tuple[Int, UInt]:
    """Return (indices of the first words in `rows.tokens`, keys) of all runs of `n_tokens` words within one row."""
    first = np.arange(len(rows.tokens))
    first = first[first + n_tokens <= rows.starts[rows.row(first) + 1]]
    return first, run_keys(rows, first, n_tokens)


def _found_fragments(made: Numbered, rare: _Fragments, n_tokens: int) -> tuple[Int, Int]:
    """Return (rows, indices of fragments) of all places in `made` at which a rare fragment begins."""
    found = [(np.zeros(0, np.int64), np.zeros(0, np.int64))]
    for start in range(0, len(made.starts) - 1, BLOCK_ROWS):
        rows = made.part(start, min(start + BLOCK_ROWS, len(made.starts) - 1))
        first, key = places_of(rows, n_tokens)
        place, is_found = find_keys(rare.keys, key)
        found.append((rows.row(first[is_found]) + start, place[is_found]))
    row, fragment = (np.concatenate(column) for column in zip(*found, strict=True))
    return row, fragment
