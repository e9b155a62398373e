"""Near-duplicates without comparing every pair: MinHash signatures, banded buckets, exact check of each candidate."""

import hashlib
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from audits.ngrams import STEP, mix

N_PERMUTATIONS = 128
SHINGLE_TOKENS = 5
CLOSE = ((16, 8),)  # (bands, rows): finds J >= .8 with probability > .94, knee at .71
LOOSE = ((16, 8), (32, 4))  # and J >= .5 with probability > .87, knee at .42
CROWDED = 50  # a bucket with more rows than this holds a template, not a copy
_WORTH_CHECKING = 0.2  # estimated Jaccard below which a candidate is not checked; 128 permutations err by about .04
_BATCH = 1 << 14
_BLOCK_ROWS = 1 << 12  # rows made into shingles at a time

Int = NDArray[np.int64]
U64 = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Shingled:
    """Rows as sorted sets of shingle hashes with their signatures.

    Args:
        hashes: shingles of all rows, sorted within each row, without repeats.
        offsets: where each row starts, (n + 1,).
        signatures: (n, 128); rows without a shingle match nothing.
    """

    hashes: U64
    offsets: Int
    signatures: U64

    @property
    def sizes(self) -> Int:
        """Shingles in each row, (n,)."""
        return np.diff(self.offsets)


@dataclass(frozen=True, slots=True)
class NearPairs:
    """Pairs found near, with exact similarities.

    Args:
        left: row of the first table.
        right: row of the second table.
        jaccard: |A ∩ B| / |A ∪ B|.
        containment: |A ∩ B| / |B|, how much of the second row stands in the first.
        n_crowded: buckets left out because a template filled them.
    """

    left: Int
    right: Int
    jaccard: NDArray[np.float64]
    containment: NDArray[np.float64]
    n_crowded: int


def shingle(rows: Iterable[Sequence[str]]) -> Shingled:
    """Return the 5-token shingles and MinHash signatures of tokenised rows; shorter rows have none.

    A shingle's hash is the polynomial t_1 B^4 + … + t_5 mod 2^64 of its tokens' hashes, mixed.

    Random: none; the permutations are fixed constants, the same for every table, so that signatures compare.
    Cost: keeps 8 bytes of each shingle and 1 KiB of each row; whatever else it takes, it takes for a block of rows.
    Source: Broder, SEQUENCES 1997.
    """
    vocabulary: dict[str, int] = {}
    hashes, sizes, signatures = (
        [np.empty(0, np.uint64)],
        [np.empty(0, np.int64)],
        [np.empty((0, N_PERMUTATIONS), np.uint64)],
    )
    unread = iter(rows)
    while block := list(islice(unread, _BLOCK_ROWS)):
        found, offsets = _shingles(block, vocabulary)
        hashes.append(found)
        sizes.append(np.diff(offsets))
        signatures.append(_signatures(found, offsets))
    return Shingled(np.concatenate(hashes), _offsets(np.concatenate(sizes)), np.concatenate(signatures))


def near_pairs(left: Shingled, right: Shingled, *, bands: Sequence[tuple[int, int]] = LOOSE) -> NearPairs:
    """Return the pairs of rows that share a band of their signatures, each checked exactly.

    With b bands of r rows a pair of similarity s is found with probability 1 - (1 - s^r)^b.

    Cost: O(n 128) for the buckets, O(candidates * shingles) for the checks.
    Source: Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, section 3.4.
    """
    found: list[U64] = []
    n_crowded = 0
    for n_bands, width in bands:
        for band in range(n_bands):
            columns = slice(band * width, (band + 1) * width)
            pairs, crowded = _bucket_pairs(_band(left, columns), _band(right, columns))
            found.append(pairs)
            n_crowded += crowded
    pairs = np.unique(np.concatenate(found)) if found else np.empty(0, np.uint64)
    a, b = (pairs >> np.uint64(32)).astype(np.int64), (pairs & np.uint64(0xFFFFFFFF)).astype(np.int64)
    keep = _estimated(left, right, a, b)
    a, b = a[keep], b[keep]
    shared = _shared(left, right, a, b)
    size_a, size_b = left.sizes[a], right.sizes[b]
    return NearPairs(
        a, b, shared / np.maximum(size_a + size_b - shared, 1), shared / np.maximum(size_b, 1), n_crowded
    )


def _shingles(rows: Sequence[Sequence[str]], vocabulary: dict[str, int]) -> tuple[U64, Int]:
    """Return the shingle hashes of rows, sorted within each, and where each row starts."""
    flat, sizes = _token_hashes(rows, vocabulary)
    row = np.repeat(np.arange(len(sizes)), sizes)
    n = max(0, len(flat) - SHINGLE_TOKENS + 1)
    rolled = np.zeros(n, dtype=np.uint64)
    for offset in range(SHINGLE_TOKENS):
        rolled = rolled * STEP + flat[offset : offset + n]
    whole = row[:n] == row[SHINGLE_TOKENS - 1 : SHINGLE_TOKENS - 1 + n]
    hashes, owner = mix(rolled[whole]), row[:n][whole]
    order = np.lexsort((hashes, owner))
    hashes, owner = hashes[order], owner[order]
    fresh = np.ones(len(hashes), dtype=bool)
    fresh[1:] = (hashes[1:] != hashes[:-1]) | (owner[1:] != owner[:-1])
    hashes, owner = hashes[fresh], owner[fresh]
    return hashes, np.searchsorted(owner, np.arange(len(sizes) + 1))


def _token_hashes(rows: Iterable[Sequence[str]], vocabulary: dict[str, int]) -> tuple[U64, Int]:
    """Return the hash of each token of all rows, and how many tokens each row has; words met are added."""
    flat, sizes = array("Q"), array("q")
    for words in rows:
        for word in words:
            if word not in vocabulary:
                digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
                vocabulary[word] = int.from_bytes(digest, "little")
        flat.extend(map(vocabulary.__getitem__, words))
        sizes.append(len(words))
    return np.frombuffer(flat, dtype=np.uint64), np.frombuffer(sizes, dtype=np.int64)


def _offsets(sizes: Int) -> Int:
    """Return where each of rows of these sizes starts, and the end; (n + 1,)."""
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _signatures(hashes: U64, offsets: Int) -> U64:
    signatures = np.full((len(offsets) - 1, N_PERMUTATIONS), np.iinfo(np.uint64).max, dtype=np.uint64)
    filled = np.flatnonzero(np.diff(offsets) > 0)
    if len(filled) == 0:
        return signatures
    starts = offsets[filled]
    multipliers = mix(np.arange(1, N_PERMUTATIONS + 1, dtype=np.uint64)) | np.uint64(1)
    shifts = mix(np.arange(1001, N_PERMUTATIONS + 1001, dtype=np.uint64))
    for i in range(N_PERMUTATIONS):
        signatures[filled, i] = np.minimum.reduceat(hashes * multipliers[i] + shifts[i], starts)
    return signatures


def _band(table: Shingled, columns: slice) -> tuple[U64, Int]:
    """Return the bucket of every row that has shingles, and those rows."""
    rows = np.flatnonzero(table.sizes > 0)
    key = np.zeros(len(rows), dtype=np.uint64)
    for column in table.signatures[rows, columns].T:
        key = mix(key ^ column) + STEP
    return key, rows


def _bucket_pairs(left: tuple[U64, Int], right: tuple[U64, Int]) -> tuple[U64, int]:
    """Return left row << 32 | right row for rows in one bucket, and how many left rows met a crowded bucket."""
    (key, rows), (other_key, other_rows) = left, right
    order = np.argsort(other_key, kind="stable")
    ordered = other_key[order]
    start = np.searchsorted(ordered, key, side="left")
    count = np.searchsorted(ordered, key, side="right") - start
    crowded = count > CROWDED
    count[crowded] = 0
    total = int(count.sum())
    within = np.arange(total) - np.repeat(np.cumsum(count) - count, count)
    partner = other_rows[order[np.repeat(start, count) + within]]
    return (np.repeat(rows, count).astype(np.uint64) << np.uint64(32)) | partner.astype(np.uint64), int(crowded.sum())


def _estimated(left: Shingled, right: Shingled, a: Int, b: Int) -> NDArray[np.bool_]:
    keep = np.zeros(len(a), dtype=bool)
    for start in range(0, len(a), _BATCH):
        part = slice(start, start + _BATCH)
        keep[part] = (left.signatures[a[part]] == right.signatures[b[part]]).mean(axis=1) >= _WORTH_CHECKING
    return keep


def _shared(left: Shingled, right: Shingled, a: Int, b: Int) -> Int:
    """Return the exact number of shingles in common for each pair."""
    (left_hashes, left_offsets, a), (right_hashes, right_offsets, b) = _only(left, a), _only(right, b)
    left_sizes, right_sizes = np.diff(left_offsets), np.diff(right_offsets)
    values, number = np.unique(np.concatenate([left_hashes, right_hashes]), return_inverse=True)
    base = len(values)
    of_left, of_right = number[: len(left_hashes)], number[len(left_hashes) :]
    owned = np.repeat(np.arange(len(right_sizes)), right_sizes) * base + of_right  # sorted: by row, then by hash
    shared = np.zeros(len(a), dtype=np.int64)
    for start in range(0, len(a), _BATCH):
        sizes = left_sizes[a[start : start + _BATCH]]
        pair = np.repeat(np.arange(len(sizes)), sizes)
        within = np.arange(len(pair)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        wanted = (
            b[start : start + _BATCH][pair] * base + of_left[left_offsets[a[start : start + _BATCH]][pair] + within]
        )
        place = np.minimum(np.searchsorted(owned, wanted), len(owned) - 1)
        shared[start : start + _BATCH] = np.bincount(pair[owned[place] == wanted], minlength=len(sizes))
    return shared


def _only(table: Shingled, rows: Int) -> tuple[U64, Int, Int]:
    """Return the hashes of the rows that occur, each once, where each starts, and the rows' numbers among them."""
    kept, number = np.unique(rows, return_inverse=True)
    sizes = table.sizes[kept]
    offsets = _offsets(sizes)
    at = np.repeat(table.offsets[kept] - offsets[:-1], sizes) + np.arange(offsets[-1])
    return table.hashes[at], offsets, number
