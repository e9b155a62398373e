"""Find copies of records with words changed, inserted or reordered, or cut into pieces.

A fragment is a single word, a pair of words or a run of words of a record. It is rare if at least one of its words is
an own word of the record, and if at most 50 owners, but not all owners, have it. The rarer a fragment is, the more
bits it has (its weight). The share of a record is the part of the bits of its rare fragments that the synthetic table
S contains: one row of S (`near_copies`), or all rows together (`in_pieces`). A high share suggests a copy.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from scipy import sparse

from audits.core.types import Float, Int, UInt
from audits.embeddings.similarity import incidence
from audits.text.ngrams import find_keys, grown
from audits.text.shared_runs import Numbered, run_keys

PAIR_TOKENS = 2  # number of words per fragment for which a row is searched for pairs, not for runs
MAX_DISTANCE = 8  # the second word of a pair is the next word in the record, and one of the next 8 words in a row
PIECE_TOKENS = (3, 5, 8, 13)  # numbers of words per fragment that `in_pieces` tries, in this order
MAX_OWNERS = 50  # fragments with more owners have weight 0, because they do not distinguish records
# records with fewer bits (about 15 pairs of 10 bits) are skipped, because all their fragments may match by chance
MIN_BITS = 150.0
NEAR = 0.5  # rows with at least this share of a record are listed
MAX_BY_CHANCE = 0.5  # `in_pieces` needs fragments so long that no control person has a share above this
BLOCK_ROWS = 1000  # number of synthetic rows compared at a time


class NearCopies(NamedTuple):
    """Shares of records in single rows; r pairs of a row and an owner are listed, with a share of at least NEAR."""

    best: Float  # highest share of a record of each owner in one synthetic row, (n_owners,)
    row: Int  # row of each listed pair, synthetic or planted, (r,)
    owner: Int  # owner of each listed pair, (r,)
    share: Float  # highest share of a record of the owner in the row, (r,)

    def of_rows(self, n_rows: int, n_train: int) -> Float:
        """Return the highest listed share of a train person (owner below `n_train`) in each row, or 0; (n_rows,)."""
        highest, of_train = np.zeros(n_rows), self.owner < n_train
        np.maximum.at(highest, self.row[of_train], self.share[of_train])
        return highest


class Pieces(NamedTuple):
    """Shares of records in all synthetic rows together; the fragments are runs of words.

    A pair of a row and an owner is listed if the row has a rare fragment that only the owner has, and all rows
    together have a share of at least NEAR of a record of the owner. r is the number of listed pairs.
    """

    best: Float  # highest share of a record of each owner, (n_owners,)
    tokens: int  # number of words per fragment
    row: Int  # row of each listed pair, (r,)
    owner: Int  # owner of each listed pair, (r,)


class OwnedRecords(NamedTuple):
    """Records with their owners, numbered from 0."""

    rows: Numbered  # the n records in full
    owner: Int  # owner of each record, (n,)
    n_owners: int  # length of the arrays with an entry per owner
    own: Int  # indices of the own words in `rows.tokens`


class _Fragments(NamedTuple):
    """The k different fragments of n records, and which records contain which rare fragments."""

    keys: UInt  # sorted keys of the fragments, (k,)
    weight: Float  # bits of each fragment, 0 if it has more than MAX_OWNERS owners, (k,)
    only_owner: Int  # owner of each rare fragment that has only one owner, otherwise -1, (k,)
    incidence: sparse.csr_array  # 1 if the fragment is rare and the record contains it, (n, k)
    bits: Float  # total weight of each record's rare fragments, (n,)

    @property
    def inverse_bits(self) -> Float:
        """Return 1 / bits of each record; 0 if the record has fewer than MIN_BITS."""
        return np.where(self.bits >= MIN_BITS, 1 / np.maximum(self.bits, 1.0), 0.0)


def near_copies(made: Numbered, real: OwnedRecords, n_synthetic: int, n_tokens: int = PAIR_TOKENS) -> NearCopies:
    """Return which share of each record's rare fragments one row contains, weighted by rarity.

        share(x, s) = (sum of w(g) over the fragments g in both x and s) / (sum of w(g) over the fragments g in x)
        w(g) = log2(N / df(g)), or 0 if df(g) > 50

    x is a record, s a row, N the number of owners, and df(g) the number of owners of fragment g. A fragment counts
    for x only if at least one of its words is an own word of x. If the weights of x sum to less than 150 bits, the
    share is 0. `n_tokens` is the number of words per fragment:

    - 1: single words, in any order. Control persons may reach a share of one half in a long row.
    - 2: two words that are adjacent in x. In s, the second word may be any of the eight words after the first, so
      that inserted words do not hide a copy. A copy with every tenth word changed keeps a share of four fifths.
      Records of unrelated persons reach one third, and one half in the most uniform of the tested clinics.
    - 3 or more: runs of words in x and in s.

    The first `n_synthetic` rows of `made` are synthetic. The remaining rows are planted train records, which are
    listed but do not count for `NearCopies.best`. `real` must be numbered with the same vocabulary as `made`.

    Cost: O(MAX_DISTANCE · tokens of S · records that share a rare pair), in blocks of a thousand rows.
    Reference: containment, Broder, SEQUENCES 1997; inverse frequency weights, Spärck Jones, J. Doc. 1972.
    """
    rare = _rare_fragments(real, n_tokens)
    best = np.zeros(real.n_owners)
    scaled = (sparse.diags_array(rare.inverse_bits) @ rare.incidence).T.tocsr()
    scaled = sparse.diags_array(rare.weight) @ scaled
    found = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    for start in range(0, len(made.starts) - 1 if len(rare.keys) else 0, BLOCK_ROWS):
        shares = (_block(made, start, rare.keys, n_tokens) @ scaled).tocoo()
        row, column, value = shares.row.astype(np.int64), shares.col, shares.data
        is_synthetic = row + start < n_synthetic
        np.maximum.at(best, real.owner[column[is_synthetic]], value[is_synthetic])
        near = value >= NEAR
        pairs, number = np.unique((row[near] + start) * real.n_owners + real.owner[column[near]], return_inverse=True)
        highest = np.zeros(len(pairs))
        np.maximum.at(highest, number, value[near])
        found.append((pairs // real.n_owners, pairs % real.n_owners, highest))
    return NearCopies(best, *(np.concatenate(columns) for columns in zip(*found, strict=True)))


def joined(readings: Sequence[NearCopies]) -> NearCopies:
    """Return all pairs of several readings (`search.readings`) of the same rows, with `best` over the readings."""
    best, *columns = zip(*readings, strict=True)
    return NearCopies(np.maximum.reduce(best), *map(np.concatenate, columns))


def in_pieces(made: Numbered, real: OwnedRecords, non_members: Iterable[int]) -> Pieces | None:
    """Return which share of each record's rare runs of n words all rows contain together, weighted by rarity.

    Short runs detect small pieces, but also occur by chance. n is therefore the first number in PIECE_TOKENS at which
    no owner in `non_members` has a share above MAX_BY_CHANCE, or the last number. The result is None if all records
    are shorter than a number that is tried.
    """
    calibrating = np.array(list(non_members), dtype=np.int64)
    for n_tokens in PIECE_TOKENS:
        rare = _rare_fragments(real, n_tokens)
        if len(rare.keys) == 0:
            return None
        first, key = places_of(made, n_tokens)
        row = made.row(first)
        share = (rare.incidence @ (rare.weight * np.isin(rare.keys, key))) * rare.inverse_bits
        best = np.zeros(real.n_owners)
        np.maximum.at(best, real.owner, share)
        if best[calibrating].max(initial=0.0) <= MAX_BY_CHANCE or n_tokens == PIECE_TOKENS[-1]:
            place, is_in_record = find_keys(rare.keys, key)
            owner = np.where(is_in_record, rare.only_owner[place], -1)
            is_listed = (owner >= 0) & (best[owner] >= NEAR)
            pairs = np.unique(row[is_listed] * real.n_owners + owner[is_listed])
            return Pieces(best, n_tokens, pairs // real.n_owners, pairs % real.n_owners)
    return None


def _rare_fragments(real: OwnedRecords, n_tokens: int) -> _Fragments:
    """Return the fragments (`n_tokens` adjacent words) of the records, and which of them are rare."""
    first, key = places_of(real.rows, n_tokens)
    is_own = np.zeros(len(real.rows.tokens) + n_tokens, dtype=np.bool_)
    is_own[real.own] = True
    keys, number = np.unique(key, return_inverse=True)
    record = real.rows.row(first)
    df = np.bincount(np.unique(number * real.n_owners + real.owner[record]) // real.n_owners, minlength=len(keys))
    weight = np.where(df <= MAX_OWNERS, np.log2(len(np.unique(real.owner)) / np.maximum(df, 1)), 0.0)
    has_own = np.logical_or.reduce([is_own[first + i] for i in range(n_tokens)])
    is_rare = (weight[number] > 0) & has_own
    contains = sparse.csr_array(incidence(record[is_rare], number[is_rare], (len(real.owner), len(keys))))
    some_owner = np.full(len(keys), -1)
    some_owner[number[is_rare]] = real.owner[record[is_rare]]
    return _Fragments(keys, weight, np.where(df == 1, some_owner, -1), contains, contains @ weight)


def places_of(rows: Numbered, n_tokens: int) -> tuple[Int, UInt]:
    """Return (indices of the first words in `rows.tokens`, keys) of all runs of `n_tokens` words within one row."""
    first = np.arange(len(rows.tokens))
    first = first[first + n_tokens <= rows.starts[rows.row(first) + 1]]
    return first, run_keys(rows, first, n_tokens)


def _block(made: Numbered, start: int, keys: UInt, n_tokens: int) -> sparse.csr_array:
    """Return which fragments each of up to BLOCK_ROWS rows from `start` contains, as 0 or 1, (rows, k).

    `keys` has the sorted keys of the k fragments.
    """
    end = min(start + BLOCK_ROWS, len(made.starts) - 1)
    rows = made.part(start, end)
    if n_tokens == PAIR_TOKENS:
        position = np.arange(len(rows.tokens))
        n_to_row_end = rows.starts[rows.row(position) + 1] - position
        by_distance = [position[n_to_row_end > distance] for distance in range(1, MAX_DISTANCE + 1)]
        first = np.concatenate(by_distance)
        second = np.concatenate([at + distance for distance, at in enumerate(by_distance, start=1)])
        key = grown(run_keys(rows, first, 1), rows.tokens[second])
    else:
        first, key = places_of(rows, n_tokens)
    place, is_found = find_keys(keys, key)
    return sparse.csr_array(incidence(rows.row(first)[is_found], place[is_found], (end - start, len(keys))))
