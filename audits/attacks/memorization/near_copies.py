"""Copies with words changed, put between, or cut up: how much of what is rare in a record stands in S."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from audits.text.ngrams import grown
from audits.text.shared_runs import Numbered, run_keys

PAIR_TOKENS = 2
APART = 8  # words from the one of a pair to the other in S, at most, where they are neighbours in the record
PIECE_TOKENS = (3, 5, 8, 13)
MOST_PERSONS = 50  # who have a run of words; what more have tells no record from another
LEAST_BITS = 150.0  # of a record: some fifteen pairs that hardly anybody else has; with fewer a share is luck
NEAR = 0.5
CALM = 0.5  # share of a stranger's record above which words in any order, or pieces, tell nothing
BLOCK_ROWS = 1000

Int = NDArray[np.int64]
Float = NDArray[np.float64]


class NearCopies(NamedTuple):
    """How near synthetic rows come to records.

    Args:
        best: highest share of a record of each owner that stands in one of the first rows, (n_owners,).
        row: rows in which NEAR of a record or more stands, (r,).
        owner: whose record, (r,).
        share: how much of it, the highest of the owner's records, (r,).
    """

    best: Float
    row: Int
    owner: Int
    share: Float


class Pieces(NamedTuple):
    """How much of records stands in the table, in whichever rows.

    Args:
        best: highest share of a record of each owner, (n_owners,).
        tokens: of a piece.
        row: rows that hold a piece that is one owner's alone, of whom NEAR of a record or more is there, (r,).
        owner: whose it is, (r,).
    """

    best: Float
    tokens: int
    row: Int
    owner: Int


class OwnedRecords(NamedTuple):
    """Records, whose they are, and which of their words are not common text.

    Args:
        rows: the records.
        owner: of each.
        n_owners: how many owners there are.
        own: tokens outside common text.
    """

    rows: Numbered
    owner: Int
    n_owners: int
    own: Int


class _Rare(NamedTuple):
    """Runs of words that few owners have: the key of each, its bits, its only owner or -1, and by record."""

    keys: NDArray[np.uint64]
    weight: Float
    sole: Int
    held: sparse.csr_array
    bits: Float

    @property
    def part(self) -> Float:
        """Return of each record what a bit of it is of the whole; 0 where it has too few."""
        return np.where(self.bits >= LEAST_BITS, 1 / np.maximum(self.bits, 1.0), 0.0)


def near_copies(made: Numbered, real: OwnedRecords, n_real: int, n_tokens: int = PAIR_TOKENS) -> NearCopies:
    """Return the share of each record's rare pairs of words that stands in one row, weighted by how rare they are.

        share(x, s) = sum of w(g) over the pairs g in x and s / sum over the pairs in x,  w(g) = log2(n / df(g))

    with df(g) the owners of g among all n, and w(g) = 0 where df(g) > 50. The two words of a pair stand next to one
    another in x, and up to eight words apart in s, so that a word between any two, or another record's words in turn
    with these, hide nothing. Records with fewer than 150 bits in all have no share. A word changed costs the two
    pairs it stands in, so a copy with every tenth word changed keeps four fifths; unrelated people come to a third,
    in the most uniform clinic we have to a half. With n_tokens = 1 the words by themselves count, whatever their
    order and whatever was left out between them; non-members may come to half of them in a long row. With more it is
    runs of so many, each where it stands.

    Args:
        made: synthetic rows; of the planted ones behind them `best` knows nothing.
        real: records, numbered by the same vocabulary. A pair of words that are both common text counts for nothing.
        n_real: how many of the rows are no planted ones.
        n_tokens: 2, or 1, or of a run.

    Cost: O(8 tokens of S times the records that share a rare pair), a thousand rows at a time.
    Source: containment, Broder, SEQUENCES 1997; weights by inverse frequency, Spärck Jones, J. Doc. 1972.
    """
    rare = _rare(real, n_tokens)
    best = np.zeros(real.n_owners)
    scaled = (sparse.diags_array(rare.part) @ rare.held).T.tocsr()
    scaled = sparse.diags_array(rare.weight) @ scaled
    found = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    for start in range(0, len(made.starts) - 1 if len(rare.keys) else 0, BLOCK_ROWS):
        shares = (_block(made, start, rare.keys, n_tokens) @ scaled).tocoo()
        row, column, value = shares.row.astype(np.int64), shares.col, shares.data
        real_rows = row + start < n_real
        np.maximum.at(best, real.owner[column[real_rows]], value[real_rows])
        near = value >= NEAR
        found.append(_highest(row[near] + start, real.owner[column[near]], value[near], real.n_owners))
    return NearCopies(best, *(np.concatenate(columns) for columns in zip(*found, strict=True)))


def in_pieces(made: Numbered, real: OwnedRecords, non_members: Iterable[int]) -> Pieces | None:
    """Return the share of each record's rare runs of words that stands in the table, in whichever rows.

    A record cut into pieces of k words, a row each, keeps k - n + 1 of every k runs of n. Pieces are the shortest of
    `PIECE_TOKENS` of which no stranger has more than a share of CALM; None where there are none.

    Args:
        made: synthetic rows.
        real: records, as in `near_copies`.
        non_members: owners who tell what chance does.

    Cost: O(N) for each length of piece.
    """
    theirs = np.array(list(non_members), dtype=np.int64)
    for n_tokens in PIECE_TOKENS:
        rare = _rare(real, n_tokens)
        if len(rare.keys) == 0:
            return None
        at, key = _places(made, n_tokens)
        row = made.row(at)
        stands = np.isin(rare.keys, key)
        share = (rare.held @ (rare.weight * stands)) * rare.part
        best = np.zeros(real.n_owners)
        np.maximum.at(best, real.owner, share)
        if best[theirs].max(initial=0.0) <= CALM:
            place = np.minimum(np.searchsorted(rare.keys, key), max(len(rare.keys) - 1, 0))
            owner = (
                np.where(rare.keys[place] == key, rare.sole[place], -1) if len(rare.keys) else np.full(len(key), -1)
            )
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
    held = _incidence(record[chosen], number[chosen], (len(real.owner), len(keys)))
    sole = np.full(len(keys), -1)
    sole[number[chosen]] = real.owner[record[chosen]]
    return _Rare(keys, weight, np.where(df == 1, sole, -1), held, held @ weight)


def _places(rows: Numbered, n_tokens: int) -> tuple[Int, NDArray[np.uint64]]:
    """Return the places at which a run of n words begins, and its key."""
    at = np.arange(len(rows.tokens))
    at = at[at + n_tokens <= rows.starts[rows.row(at) + 1]]
    return at, run_keys(rows, at, n_tokens)


def _block(made: Numbered, start: int, keys: NDArray[np.uint64], n_tokens: int) -> sparse.csr_array:
    """Return which of the runs of words, or pairs up to APART apart, stand in each of BLOCK_ROWS rows from one on."""
    end = min(start + BLOCK_ROWS, len(made.starts) - 1)
    first, last = made.starts[start], made.starts[end]
    rows = Numbered(made.tokens[first:last], made.starts[start : end + 1] - first)
    at = np.arange(len(rows.tokens))
    left = rows.starts[rows.row(at) + 1] - at
    row, key = [], []
    for apart in range(1, APART + 1) if n_tokens == PAIR_TOKENS else ():
        one = at[left > apart]
        words = grown(np.zeros(len(one), dtype=np.uint64), rows.tokens[one])
        row.append(rows.row(one))
        key.append(grown(words, rows.tokens[one + apart]))
    if n_tokens != PAIR_TOKENS:
        at, keys_at = _places(rows, n_tokens)
        row, key = [rows.row(at)], [keys_at]
    wanted = np.concatenate(key)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    known = keys[place] == wanted
    return _incidence(np.concatenate(row)[known], place[known], (end - start, len(keys)))


def _incidence(row: Int, column: Int, shape: tuple[int, int]) -> sparse.csr_array:
    held = sparse.csr_array((np.ones(len(row)), (row, column)), shape=shape)
    held.sum_duplicates()
    held.data[:] = 1
    return held


def _highest(row: Int, owner: Int, share: Float, n_owners: int) -> tuple[Int, Int, Float]:
    """Return one entry for each row and owner, the highest."""
    pairs, number = np.unique(row * n_owners + owner, return_inverse=True)
    highest = np.zeros(len(pairs))
    np.maximum.at(highest, number, share)
    return pairs // n_owners, pairs % n_owners, highest
