"""Near-duplicates without comparing every pair: MinHash signatures, banded buckets, exact check of each candidate.

Our own and no library's: signatures are made block by block of all texts, so a table of any size needs little room.
"""

import hashlib
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audits.text.ngrams import STEP, mix
from audits.text.normalise import tokens

N_PERMUTATIONS = 128
SHINGLE_TOKENS = 5
CLOSE = ((16, 8),)  # (bands, rows): finds J >= .8 with probability > .94, knee at .71
LOOSE = ((16, 8), (32, 4))  # and J >= .5 with probability > .87, knee at .42
FULL_BUCKET = 50  # a bucket with more rows than this holds a template, not a copy
_WORTH_CHECKING = 0.2  # estimated Jaccard below which a candidate is not checked; 128 permutations err by about .04
_BATCH = 1 << 14  # pairs compared at a time
_BLOCK_ROWS = 1 << 12  # rows read at a time

Int = NDArray[np.int64]
U32 = NDArray[np.uint32]
U64 = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Sketch:
    """Texts with the bucket of each band, which is all that is kept of their signatures."""

    texts: Sequence[str]  # the rows, of which the few that share a bucket are read again
    buckets: U32  # (bands, n)
    filled: NDArray[np.bool_]  # whether a row has a shingle; the others match nothing, (n,)

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True, slots=True)
class _Shingled:
    """Rows as sorted sets of shingle hashes with their signatures."""

    hashes: U64  # shingles of all rows, sorted within each row, without repeats
    offsets: Int  # where each row starts, (n + 1,)
    signatures: U64  # (n, 128)

    @property
    def sizes(self) -> Int:
        """Shingles in each row, (n,)."""
        return np.diff(self.offsets)


@dataclass(frozen=True, slots=True)
class NearPairs:
    """Pairs found near, with exact similarities."""

    left: Int  # row of the first table
    right: Int  # row of the second table
    jaccard: NDArray[np.float64]  # |A ∩ B| / |A ∪ B|
    containment: NDArray[np.float64]  # |A ∩ B| / |B|, how much of the second row stands in the first
    n_full: int  # buckets left out because a template filled them


def sketch(texts: Sequence[str], *, bands: Sequence[tuple[int, int]] = LOOSE) -> Sketch:
    """Return the buckets of texts by MinHash signatures of their 5-token shingles; shorter texts are in none.

    A shingle's hash is the polynomial t_1 B^4 + … + t_5 mod 2^64 of its tokens' hashes, mixed. A bucket's number is
    32 bits of its band's: two bands of a million rows that differ are taken for equal some hundred times, and each
    pair of rows is compared exactly anyway.

    Random: none; the permutations are fixed constants, the same for every table, so that buckets compare.
    Cost: keeps 4 bytes of each row and band; whatever else it takes, it takes for a block of rows.
    Source: Broder, SEQUENCES 1997.
    """
    vocabulary: dict[str, int] = {}
    n_bands = sum(n for n, _ in bands)
    buckets, filled = np.empty((n_bands, len(texts)), np.uint32), np.empty(len(texts), np.bool_)
    for start in range(0, len(texts), _BLOCK_ROWS):
        block = slice(start, min(start + _BLOCK_ROWS, len(texts)))
        found = _shingled(texts[block], vocabulary)
        filled[block] = found.sizes > 0
        columns = [found.signatures[:, i * width : (i + 1) * width] for n, width in bands for i in range(n)]
        buckets[:, block] = [_bucket(of_band) for of_band in columns]
    return Sketch(texts, buckets, filled)


def near_pairs(left: Sketch, right: Sketch) -> NearPairs:
    """Return the pairs of rows that share a bucket, each checked exactly.

    With b bands of r rows a pair of similarity s is found with probability 1 - (1 - s^r)^b.

    Args:
        left: of `sketch`.
        right: of `sketch` with the same bands.

    Cost: O(n · bands) for the buckets, O(candidates · shingles) for the checks, whose rows are read again; memory
        for the pairs, and for the rows of `_BATCH` of them at a time.
    Source: Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, section 3.4.
    """
    found, n_full = [np.empty(0, np.uint64)], 0
    rows, other_rows = np.flatnonzero(left.filled), np.flatnonzero(right.filled)
    for mine, theirs in zip(left.buckets, right.buckets, strict=True):
        pairs, is_full = _bucket_pairs((mine[rows], rows), (theirs[other_rows], other_rows))
        found.append(pairs)
        n_full += is_full
    pairs = np.unique(np.concatenate(found))
    a, b = (pairs >> np.uint64(32)).astype(np.int64), (pairs & np.uint64(0xFFFFFFFF)).astype(np.int64)
    starts = range(0, max(len(a), 1), _BATCH)
    compared = [_compared(left, right, a[start : start + _BATCH], b[start : start + _BATCH]) for start in starts]
    a, b, jaccard, containment = (np.concatenate(column) for column in zip(*compared, strict=True))
    return NearPairs(a, b, jaccard, containment, n_full)


def _compared(
    left: Sketch, right: Sketch, a: Int, b: Int
) -> tuple[Int, Int, NDArray[np.float64], NDArray[np.float64]]:
    """Return those of the pairs that are worth it, with Jaccard's index and containment."""
    vocabulary: dict[str, int] = {}
    (of_left, mine), (of_right, theirs) = (np.unique(rows, return_inverse=True) for rows in (a, b))
    read = _shingled([left.texts[i] for i in of_left], vocabulary)
    other = _shingled([right.texts[i] for i in of_right], vocabulary)
    keep = (read.signatures[mine] == other.signatures[theirs]).mean(axis=1) >= _WORTH_CHECKING
    mine, theirs = mine[keep], theirs[keep]
    shared = _shared(read, other, mine, theirs)
    size, other_size = read.sizes[mine], other.sizes[theirs]
    return a[keep], b[keep], shared / np.maximum(size + other_size - shared, 1), shared / np.maximum(other_size, 1)


def _shingled(texts: Sequence[str], vocabulary: dict[str, int]) -> _Shingled:
    hashes, offsets = _shingles([tokens(text) for text in texts], vocabulary)
    return _Shingled(hashes, offsets, _signatures(hashes, offsets))


def _shingles(rows: Sequence[Sequence[str]], vocabulary: dict[str, int]) -> tuple[U64, Int]:
    """Return the shingle hashes of rows, sorted within each, and where each row starts."""
    flat, sizes = _token_hashes(rows, vocabulary)
    row = np.repeat(np.arange(len(sizes)), sizes)
    n = max(0, len(flat) - SHINGLE_TOKENS + 1)
    rolled = np.zeros(n, dtype=np.uint64)
    for offset in range(SHINGLE_TOKENS):
        rolled = rolled * STEP + flat[offset : offset + n]
    within_one = row[:n] == row[SHINGLE_TOKENS - 1 : SHINGLE_TOKENS - 1 + n]
    hashes, owner = mix(rolled[within_one]), row[:n][within_one]
    order = np.lexsort((hashes, owner))
    hashes, owner = hashes[order], owner[order]
    is_first = np.ones(len(hashes), dtype=bool)
    is_first[1:] = (hashes[1:] != hashes[:-1]) | (owner[1:] != owner[:-1])
    hashes, owner = hashes[is_first], owner[is_first]
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


def _bucket(of_band: U64) -> U32:
    """Return the bucket of every row by its minima in one band, (n, width)."""
    key = np.zeros(len(of_band), dtype=np.uint64)
    for column in of_band.T:
        key = mix(key ^ column) + STEP
    return (key >> np.uint64(32)).astype(np.uint32)


def _bucket_pairs(left: tuple[U32, Int], right: tuple[U32, Int]) -> tuple[U64, int]:
    """Return left row << 32 | right row of rows in one bucket, and how many left rows met an overfull bucket."""
    (key, rows), (other_key, other_rows) = left, right
    order = np.argsort(other_key, kind="stable")
    ordered = other_key[order]
    start = np.searchsorted(ordered, key, side="left")
    count = np.searchsorted(ordered, key, side="right") - start
    is_full = count > FULL_BUCKET
    count[is_full] = 0
    total = int(count.sum())
    within = np.arange(total) - np.repeat(np.cumsum(count) - count, count)
    partner = other_rows[order[np.repeat(start, count) + within]]
    return (np.repeat(rows, count).astype(np.uint64) << np.uint64(32)) | partner.astype(np.uint64), int(is_full.sum())


def _shared(left: _Shingled, right: _Shingled, a: Int, b: Int) -> Int:
    """Return the exact number of shingles in common for each pair."""
    values, number = np.unique(np.concatenate([left.hashes, right.hashes]), return_inverse=True)
    base = len(values)
    of_left, of_right = number[: len(left.hashes)], number[len(left.hashes) :]
    owned = np.repeat(np.arange(len(right.sizes)), right.sizes) * base + of_right  # sorted: by row, then by hash
    sizes = left.sizes[a]
    pair = np.repeat(np.arange(len(sizes)), sizes)
    within = np.arange(len(pair)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    wanted = b[pair] * base + of_left[left.offsets[a][pair] + within]
    place = np.minimum(np.searchsorted(owned, wanted), len(owned) - 1)
    return np.bincount(pair[owned[place] == wanted], minlength=len(sizes))
