"""Find copies with words changed, inserted, reordered or cut up, by the share of a record's rare words found in S."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from scipy import sparse

from audits.core.types import Float, Int, UInt
from audits.text.ngrams import find_keys, grown
from audits.text.shared_runs import Numbered, run_keys

PAIR_TOKENS = 2
APART = 8  # largest distance in S between the words of a pair that are adjacent in the record
PIECE_TOKENS = (3, 5, 8, 13)
MOST_PERSONS = 50  # runs of words that more persons have do not distinguish records
LEAST_BITS = 150.0  # per record: about fifteen pairs that few persons share; with fewer bits a share is chance
NEAR = 0.5
CALM = 0.5  # pieces of a length are not informative if a larger share of a non-member's record is found
BLOCK_ROWS = 1000


class NearCopies(NamedTuple):
    """Shares of records found in single synthetic rows."""

    best: Float  # highest share of a record of each owner, (n_owners,)
    row: Int  # rows that contain at least NEAR of a record, (r,)
    owner: Int  # owner of the record, (r,)
    share: Float  # the highest share over the owner's records, (r,)


class Pieces(NamedTuple):
    """Share of each record found anywhere in the table."""

    best: Float  # highest share of a record of each owner, (n_owners,)
    tokens: int  # tokens per piece
    row: Int  # rows with a piece that only one owner has; only owners with at least NEAR of a record in the table
    owner: Int  # owner of the piece, (r,)


class OwnedRecords(NamedTuple):
    """Records with their owners."""

    rows: Numbered
    owner: Int  # owner of each record
    n_owners: int
    own: Int  # positions of the tokens outside common text


class _Rare(NamedTuple):
    """Runs of words that few owners have: keys, weights in bits, only owner or -1, incidence and bits per record."""

    keys: UInt
    weight: Float
    sole: Int
    incidence: sparse.csr_array
    bits: Float

    @property
    def part(self) -> Float:
        """Return 1 / bits of each record; 0 if the record has too few bits."""
        return np.where(self.bits >= LEAST_BITS, 1 / np.maximum(self.bits, 1.0), 0.0)


def near_copies(made: Numbered, real: OwnedRecords, n_real: int, n_tokens: int = PAIR_TOKENS) -> NearCopies:
    """Return the share of each record's rare word pairs found in one row, weighted by rarity.

        share(x, s) = sum of w(g) over the pairs g in x and s / sum over the pairs in x,  w(g) = log2(n / df(g))

    df(g) is the number of owners of g among all n, and w(g) = 0 if df(g) > 50. The words of a pair are adjacent in x,
    and up to eight words apart in s, so that inserted words do not hide a copy. Records with fewer than 150 bits are
    skipped. A changed word costs two pairs, so a copy with every tenth word changed keeps four fifths. Unrelated
    persons reach a third, and one half in the most uniform clinic that we tested. With n_tokens = 1, single words
    count in any order; non-members may then reach one half in a long row. With n_tokens > 2, runs of adjacent words
    count.

    The first `n_real` rows are synthetic and the others planted; `best` ignores planted rows. The records must be
    numbered with the same vocabulary. Pairs of two common-text words do not count.

    Cost: O(8 tokens of S times the records that share a rare pair), in blocks of a thousand rows.
    Reference: containment, Broder, SEQUENCES 1997; inverse frequency weights, Spärck Jones, J. Doc. 1972.
    """
    rare = _rare(real, n_tokens)
    best = np.zeros(real.n_owners)
    scaled = (sparse.diags_array(rare.part) @ rare.incidence).T.tocsr()
    scaled = sparse.diags_array(rare.weight) @ scaled
    found = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    for start in range(0, len(made.starts) - 1 if len(rare.keys) else 0, BLOCK_ROWS):
        shares = (_block(made, start, rare.keys, n_tokens) @ scaled).tocoo()
        row, column, value = shares.row.astype(np.int64), shares.col, shares.data
        real_rows = row + start < n_real
        np.maximum.at(best, real.owner[column[real_rows]], value[real_rows])
        near = value >= NEAR
        pairs, number = np.unique((row[near] + start) * real.n_owners + real.owner[column[near]], return_inverse=True)
        highest = np.zeros(len(pairs))
        np.maximum.at(highest, number, value[near])
        found.append((pairs // real.n_owners, pairs % real.n_owners, highest))
    return NearCopies(best, *(np.concatenate(columns) for columns in zip(*found, strict=True)))


def in_pieces(made: Numbered, real: OwnedRecords, non_members: Iterable[int]) -> Pieces | None:
    """Return the share of each record's rare runs of words found anywhere in the table.

    A record cut into pieces of k words, one per row, keeps k - n + 1 of every k runs of n. The piece length is the
    shortest of `PIECE_TOKENS` at which no non-member exceeds CALM; None if there is none.
    """
    calibrating = np.array(list(non_members), dtype=np.int64)
    for n_tokens in PIECE_TOKENS:
        rare = _rare(real, n_tokens)
        if len(rare.keys) == 0:
            return None
        at, key = _places(made, n_tokens)
        row = made.row(at)
        share = (rare.incidence @ (rare.weight * np.isin(rare.keys, key))) * rare.part
        best = np.zeros(real.n_owners)
        np.maximum.at(best, real.owner, share)
        if best[calibrating].max(initial=0.0) <= CALM:
            place, is_rare = find_keys(rare.keys, key)
            owner = np.where(is_rare, rare.sole[place], -1)
            known = (owner >= 0) & (best[owner] >= NEAR)
            pairs = np.unique(row[known] * real.n_owners + owner[known])
            return Pieces(best, n_tokens, pairs // real.n_owners, pairs % real.n_owners)
    return None


def _rare(real: OwnedRecords, n_tokens: int) -> _Rare:
    """Return the runs of n words that at most 50 owners have and that are not all common text."""
    at, key = _places(real.rows, n_tokens)
    is_own = np.zeros(len(real.rows.tokens) + n_tokens, dtype=np.bool_)
    is_own[real.own] = True
    keys, number = np.unique(key, return_inverse=True)
    record = real.rows.row(at)
    df = np.bincount(np.unique(number * real.n_owners + real.owner[record]) // real.n_owners, minlength=len(keys))
    weight = np.where(df <= MOST_PERSONS, np.log2(len(np.unique(real.owner)) / np.maximum(df, 1)), 0.0)
    own = np.logical_or.reduce([is_own[at + i] for i in range(n_tokens)])
    chosen = (weight[number] > 0) & own
    incidence = _incidence(record[chosen], number[chosen], (len(real.owner), len(keys)))
    sole = np.full(len(keys), -1)
    sole[number[chosen]] = real.owner[record[chosen]]
    return _Rare(keys, weight, np.where(df == 1, sole, -1), incidence, incidence @ weight)


def _places(rows: Numbered, n_tokens: int) -> tuple[Int, UInt]:
    """Return the start and the key of every run of n words."""
    at = np.arange(len(rows.tokens))
    at = at[at + n_tokens <= rows.starts[rows.row(at) + 1]]
    return at, run_keys(rows, at, n_tokens)


def _block(made: Numbered, start: int, keys: UInt, n_tokens: int) -> sparse.csr_array:
    """Return which runs of words, or pairs up to APART apart, occur in each of BLOCK_ROWS rows from `start`."""
    end = min(start + BLOCK_ROWS, len(made.starts) - 1)
    first, last = made.starts[start], made.starts[end]
    rows = Numbered(made.tokens[first:last], made.starts[start : end + 1] - first)
    if n_tokens == PAIR_TOKENS:
        every = np.arange(len(rows.tokens))
        left = rows.starts[rows.row(every) + 1] - every
        firsts = [every[left > apart] for apart in range(1, APART + 1)]
        at = np.concatenate(firsts)
        seconds = np.concatenate([first + apart for apart, first in enumerate(firsts, start=1)])
        key = grown(run_keys(rows, at, 1), rows.tokens[seconds])
    else:
        at, key = _places(rows, n_tokens)
    place, known = find_keys(keys, key)
    return _incidence(rows.row(at)[known], place[known], (end - start, len(keys)))


def _incidence(row: Int, column: Int, shape: tuple[int, int]) -> sparse.csr_array:
    incidence = sparse.csr_array((np.ones(len(row)), (row, column)), shape=shape)
    incidence.sum_duplicates()
    incidence.data[:] = 1
    return incidence
