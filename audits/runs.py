"""Longest runs of tokens that a synthetic text shares with exactly one person, by suffix sorting in O(N) memory."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

CAP_LEVEL = 6
CAP_TOKENS = 1 << CAP_LEVEL  # longer runs are counted as this long

Int = NDArray[np.int64]


class Runs(NamedTuple):
    """For every row of the synthetic table and every owner: where they share a run that nobody else's text holds.

    Args:
        row: synthetic row of each shared run, (r,).
        owner: owner of each shared run, (r,).
        length: tokens, at most CAP_TOKENS; one entry per (row, owner), the longest, (r,).
    """

    row: Int
    owner: Int
    length: Int


def unique_runs(synthetic: Sequence[Sequence[str]], pool: Sequence[Sequence[str]], owners: Int) -> Runs:
    """Return the longest runs of tokens in synthetic rows that stand in the texts of exactly one owner of the pool.

    A run that two owners share (boilerplate, a common phrase) belongs to nobody. All suffixes of all rows are sorted
    by their first CAP_TOKENS tokens (prefix doubling). For a suffix s of a synthetic row and its neighbours in the
    sorted pool, M(s) = longest common prefix with any pool suffix, reached at p; U(p) = longest common prefix of p
    with any suffix of another owner. The run is of one owner iff U(p) < M(s).

    Args:
        synthetic: tokens of each synthetic row.
        pool: tokens of each row it is compared with.
        owners: owner of each pool row, (len(pool),).

    Cost: O(N log CAP_TOKENS) comparisons by sorting, 40 bytes for each of the N tokens.
    Source: Manber and Myers, SIAM J. Comput. 1993, prefix doubling; matching statistics, Chang and Lawler 1994.
    """
    flat, row = _flatten([*synthetic, *pool])
    ranks = _ranks(flat)
    order = np.argsort(ranks[-1], kind="stable")
    n_rows = len(synthetic)
    is_pool = row >= n_rows
    owner = np.full(len(flat), -1, dtype=np.int64)
    owner[is_pool] = owners[row[is_pool] - n_rows]

    pool_order = order[is_pool[order]]
    other = _longest_with_other_owner(ranks, pool_order, owner[pool_order])

    before = np.cumsum(is_pool[order]) - 1  # index in pool_order of the last pool suffix at or before each place
    places = np.flatnonzero(~is_pool[order])
    position = order[places]
    previous, following = before[places], before[places] + 1
    length_before = _common(ranks, position, pool_order, previous)
    length_after = _common(ranks, position, pool_order, following)
    length = np.maximum(length_before, length_after)
    best = np.where(length_before >= length_after, previous, following)
    held = np.flatnonzero(length > 0)
    held = held[other[best[held]] < length[held]]
    return _longest(row[position[held]], owner[pool_order[best[held]]], length[held])


def _flatten(rows: Sequence[Sequence[str]]) -> tuple[Int, Int]:
    """Return token numbers of all rows, each row closed by a number of its own, and the row of each token."""
    vocabulary: dict[str, int] = {}
    numbers = [[vocabulary.setdefault(word, len(vocabulary)) for word in words] for words in rows]
    sizes = np.array([len(n) + 1 for n in numbers], dtype=np.int64)
    row = np.repeat(np.arange(len(rows)), sizes)
    flat = np.empty(int(sizes.sum()), dtype=np.int64)
    ends = np.cumsum(sizes) - 1
    inside = np.ones(len(flat), dtype=bool)
    inside[ends] = False
    flat[inside] = np.fromiter((n for words in numbers for n in words), dtype=np.int64, count=int(inside.sum()))
    flat[ends] = len(vocabulary) + np.arange(len(rows))
    return flat, row


def _ranks(flat: Int) -> list[NDArray[np.int32]]:
    """Return for each level v the rank of every suffix by its first 2^v tokens."""
    ranks = [flat.astype(np.int32)]
    for level in range(CAP_LEVEL):
        current = ranks[-1].astype(np.int64)
        shifted = np.zeros_like(current)
        step = 1 << level
        if step < len(current):
            shifted[:-step] = current[step:] + 1
        keys = current * (int(shifted.max(initial=0)) + 1) + shifted
        order = np.argsort(keys)
        ordered = keys[order]
        rank = np.empty(len(keys), dtype=np.int32)
        rank[order] = np.concatenate([[0], np.cumsum(ordered[1:] != ordered[:-1])]) if len(keys) else []
        ranks.append(rank)
    return ranks


def _prefix(ranks: Sequence[NDArray[np.int32]], a: Int, b: Int) -> Int:
    """Return the length of the common prefix of suffixes a and b, at most CAP_TOKENS."""
    length = np.zeros(len(a), dtype=np.int64)
    last = len(ranks[0]) - 1
    for level in range(CAP_LEVEL, -1, -1):
        at_a, at_b = a + length, b + length
        inside = np.maximum(at_a, at_b) <= last
        same = ranks[level][np.minimum(at_a, last)] == ranks[level][np.minimum(at_b, last)]
        length += (inside & same & (length < CAP_TOKENS)).astype(np.int64) << level
    return np.minimum(length, CAP_TOKENS)


def _common(ranks: Sequence[NDArray[np.int32]], position: Int, pool_order: Int, index: Int) -> Int:
    """Return the common prefix of each position with the pool suffix at an index; 0 where the index is outside."""
    length = np.zeros(len(position), dtype=np.int64)
    inside = np.flatnonzero((index >= 0) & (index < len(pool_order)))
    length[inside] = _prefix(ranks, position[inside], pool_order[index[inside]])
    return length


def _longest_with_other_owner(ranks: Sequence[NDArray[np.int32]], pool_order: Int, owner: Int) -> Int:
    """Return for each sorted pool suffix its longest common prefix with a suffix of another owner."""
    n = len(pool_order)
    if n == 0:
        return np.zeros(0, dtype=np.int64)
    change = np.flatnonzero(owner[1:] != owner[:-1]) + 1
    starts, ends = np.concatenate([[0], change]), np.concatenate([change, [n]])
    sizes = ends - starts
    before = _common(ranks, pool_order, pool_order, np.repeat(starts - 1, sizes))
    after = _common(ranks, pool_order, pool_order, np.repeat(ends, sizes))
    return np.maximum(before, after)


def _longest(row: Int, owner: Int, length: Int) -> Runs:
    """Return one entry per (row, owner): the longest."""
    order = np.lexsort((-length, owner, row))
    row, owner, length = row[order], owner[order], length[order]
    first = np.ones(len(row), dtype=bool)
    first[1:] = (row[1:] != row[:-1]) | (owner[1:] != owner[:-1])
    return Runs(row[first], owner[first], length[first])
