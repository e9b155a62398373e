"""Copies with words changed: how much of what is rare in a record stands in one synthetic row."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from audits.text.shared_runs import Numbered, run_keys

PAIR_TOKENS = 2
MOST_PERSONS = 50  # who have a pair of words; what more have tells no record from another
LEAST_BITS = 150.0  # of a record: some fifteen pairs that hardly anybody else has; with fewer a share is luck
NEAR = 0.5
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


def near_copies(made: Numbered, real: OwnedRecords, n_real: int) -> NearCopies:
    """Return the share of each record's rare pairs of words that stands in one row, weighted by how rare they are.

        share(x, s) = sum of w(g) over the pairs g in x and s / sum over the pairs in x,  w(g) = log2(n / df(g))

    with df(g) the owners of g among all n, and w(g) = 0 where df(g) > 50. Records with fewer than 150 bits in all
    have no share. A word changed costs the two pairs it stands in, so a copy with every tenth word changed keeps four
    fifths; unrelated people come to a third, in the most uniform clinic we have to a half.

    Args:
        made: synthetic rows; of the planted ones behind them `best` knows nothing.
        real: records, numbered by the same vocabulary. A pair of words that are both common text counts for nothing.
        n_real: how many of the rows are no planted ones.

    Cost: O(tokens of S times the records that share a rare pair), a thousand rows at a time.
    Source: containment, Broder, SEQUENCES 1997; weights by inverse frequency, Spärck Jones, J. Doc. 1972.
    """
    owner, n_owners = real.owner, real.n_owners
    at, key = _pairs(real.rows)
    is_own = np.zeros(len(real.rows.tokens) + 1, dtype=np.bool_)
    is_own[real.own] = True
    keys, number = np.unique(key, return_inverse=True)
    best = np.zeros(n_owners)
    nothing = np.zeros(0, dtype=np.int64)
    if len(keys) == 0 or len(made.tokens) == 0:
        return NearCopies(best, nothing, nothing, np.zeros(0))
    record = real.rows.row(at)
    df = np.bincount(np.unique(number * n_owners + owner[record]) // n_owners, minlength=len(keys))
    weight = np.where(df <= MOST_PERSONS, np.log2(len(np.unique(owner)) / df), 0.0)
    rare = (weight[number] > 0) & (is_own[at] | is_own[at + 1])
    held = _incidence(record[rare], number[rare], (len(owner), len(keys)))
    bits = held @ weight
    able = bits >= LEAST_BITS
    scaled = (sparse.diags_array(np.where(able, 1 / np.maximum(bits, 1.0), 0.0)) @ held).T.tocsr()
    scaled = sparse.diags_array(weight) @ scaled
    found = []
    for start in range(0, len(made.starts) - 1, BLOCK_ROWS):
        shares = (_block(made, start, keys) @ scaled).tocoo()
        row, column, value = shares.row.astype(np.int64), shares.col, shares.data
        real_rows = row + start < n_real
        np.maximum.at(best, owner[column[real_rows]], value[real_rows])
        near = value >= NEAR
        found.append(_highest(row[near] + start, owner[column[near]], value[near], n_owners))
    return NearCopies(best, *(np.concatenate(columns) for columns in zip(*found, strict=True)))


def _pairs(rows: Numbered) -> tuple[Int, NDArray[np.uint64]]:
    """Return the places at which a pair of words begins, and its key."""
    at = np.arange(len(rows.tokens))
    at = at[at + PAIR_TOKENS <= rows.starts[rows.row(at) + 1]]
    return at, run_keys(rows, at, PAIR_TOKENS)


def _block(made: Numbered, start: int, keys: NDArray[np.uint64]) -> sparse.csr_array:
    """Return which of the pairs stand in each of BLOCK_ROWS rows, from the given one on."""
    end = min(start + BLOCK_ROWS, len(made.starts) - 1)
    first, last = made.starts[start], made.starts[end]
    rows = Numbered(made.tokens[first:last], made.starts[start : end + 1] - first)
    at, key = _pairs(rows)
    place = np.minimum(np.searchsorted(keys, key), len(keys) - 1)
    known = keys[place] == key
    return _incidence(rows.row(at[known]), place[known], (end - start, len(keys)))


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
