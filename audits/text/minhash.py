"""Find near-duplicates without comparing every pair of rows: MinHash signatures, buckets, exact check of candidates.

A signature holds the minima of 128 permuted hashes over the shingles of a row. It is divided into bands. Two rows
with equal minima in one band share a bucket, and only rows that share a bucket are compared.
"""

import hashlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audits.core.types import Bool, Float, Int, UInt
from audits.text.ngrams import STEP, find_keys, mix, starts_group, within_groups
from audits.text.normalise import tokens

N_PERMUTATIONS = 128  # number of minima in a signature
SHINGLE_TOKENS = 5  # number of consecutive tokens in a shingle
# (number of bands, minima per band)
CLOSE = ((16, 8),)  # probability to find a pair: more than .94 at Jaccard index .8, about .64 at .71
LOOSE = ((16, 8), (32, 4))  # probability to find a pair: more than .87 at Jaccard index .5, about .64 at .42
FULL_BUCKET = 50  # a bucket with more rows is skipped, because so many similar rows come from a template
# pairs with a smaller estimated Jaccard index are dropped; the standard error of the estimate is about .04
_MIN_ESTIMATE = 0.2
_BATCH = 1 << 14  # number of pairs compared at a time
_BLOCK_ROWS = 1 << 12  # number of rows hashed at a time

U32 = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Sketch:
    """Texts with their bucket in each band of their MinHash signature."""

    texts: Sequence[str]
    buckets: U32  # number of the bucket of each text in each band, (bands, n)
    filled: Bool  # whether each text has a shingle; a text without a shingle is in no bucket, (n,)

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True, slots=True)
class _Shingled:
    """Rows as sorted sets of shingle hashes with their signatures."""

    hashes: UInt  # hashes of the shingles of all rows, sorted within each row, without repeats
    offsets: Int  # index of the first hash of each row, (n + 1,)
    signatures: UInt  # the minimum of each permuted hash over the shingles of each row, (n, 128)

    @property
    def sizes(self) -> Int:
        """Number of shingles in each row, (n,)."""
        return np.diff(self.offsets)


@dataclass(frozen=True, slots=True)
class NearPairs:
    """Pairs of similar rows with their exact similarities; A and B are the sets of shingles of the two rows."""

    left: Int  # row of the first table
    right: Int  # row of the second table
    jaccard: Float  # |A ∩ B| / |A ∪ B|
    containment: Float  # |A ∩ B| / |B|, the share of the second row found in the first
    n_full: int  # number of pairs (row of the first table, band) whose bucket was skipped


def sketch(texts: Sequence[str], *, bands: Sequence[tuple[int, int]] = LOOSE) -> Sketch:
    """Return the buckets of texts by MinHash signatures of their 5-token shingles.

    The hash of a shingle is `mix` of the polynomial t_1 × B^4 + … + t_5 mod 2^64, where t_i are the hashes of its
    tokens and B is `STEP`. The number of a bucket is 32 bits of the hash of the minima in its band. In a million
    rows, about a hundred pairs of rows with different minima get the same number in a band. This is harmless,
    because each pair is checked afterwards. The permutations are constants, so that tables are comparable. A text of
    fewer than five tokens is in no bucket.

    Cost: 4 bytes per row and band, plus the memory for one block of rows.
    Reference: Broder, SEQUENCES 1997.
    """
    vocabulary: dict[str, int] = {}
    n_bands = sum(n for n, _ in bands)
    buckets, filled = np.empty((n_bands, len(texts)), np.uint32), np.empty(len(texts), np.bool_)
    for start in range(0, len(texts), _BLOCK_ROWS):
        block = slice(start, min(start + _BLOCK_ROWS, len(texts)))
        shingled = _shingled(texts[block], vocabulary)
        filled[block] = shingled.sizes > 0
        columns = [shingled.signatures[:, i * width : (i + 1) * width] for n, width in bands for i in range(n)]
        buckets[:, block] = [_bucket(of_band) for of_band in columns]
    return Sketch(texts, buckets, filled)


def near_pairs(left: Sketch, right: Sketch) -> NearPairs:
    """Return the pairs of rows that share a bucket; both sketches must have the same bands.

    Buckets with more than 50 rows are skipped, and pairs with an estimated Jaccard index below .2 are dropped. The
    similarities of every returned pair are exact. With b bands of r minima, a pair of Jaccard index s is found with
    probability 1 - (1 - s^r)^b.

    Cost: O(n · bands) for the buckets and O(pairs · shingles) for the checks, which tokenise rows again; memory for
        the pairs and for the rows of `_BATCH` pairs.
    Reference: Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, section 3.4.
    """
    pairs_by_band, n_full = [np.empty(0, np.uint64)], 0
    rows, other_rows = np.flatnonzero(left.filled), np.flatnonzero(right.filled)
    for in_left, in_right in zip(left.buckets, right.buckets, strict=True):
        pairs, n_skipped = _bucket_pairs((in_left[rows], rows), (in_right[other_rows], other_rows))
        pairs_by_band.append(pairs)
        n_full += n_skipped
    pairs = np.unique(np.concatenate(pairs_by_band))
    a, b = (pairs >> np.uint64(32)).astype(np.int64), (pairs & np.uint64(0xFFFFFFFF)).astype(np.int64)
    starts = range(0, max(len(a), 1), _BATCH)
    compared = [_compare(left, right, a[start : start + _BATCH], b[start : start + _BATCH]) for start in starts]
    a, b, jaccard, containment = (np.concatenate(column) for column in zip(*compared, strict=True))
    return NearPairs(a, b, jaccard, containment, n_full)


def _compare(left: Sketch, right: Sketch, a: Int, b: Int) -> tuple[Int, Int, Float, Float]:
    """Return the pairs whose estimated Jaccard index is large enough, with exact Jaccard index and containment."""
    vocabulary: dict[str, int] = {}
    (left_rows, in_first), (right_rows, in_second) = (np.unique(rows, return_inverse=True) for rows in (a, b))
    first = _shingled([left.texts[i] for i in left_rows], vocabulary)
    second = _shingled([right.texts[i] for i in right_rows], vocabulary)
    keep = (first.signatures[in_first] == second.signatures[in_second]).mean(axis=1) >= _MIN_ESTIMATE
    in_first, in_second = in_first[keep], in_second[keep]
    shared = _shared(first, second, in_first, in_second)
    size, other_size = first.sizes[in_first], second.sizes[in_second]
    return a[keep], b[keep], shared / np.maximum(size + other_size - shared, 1), shared / np.maximum(other_size, 1)


def _shingled(texts: Sequence[str], vocabulary: dict[str, int]) -> _Shingled:
    """Return the shingles of texts; `vocabulary` caches the hash of each token."""
    token_hashes, n_tokens = array("Q"), array("q")
    for text in texts:
        words = tokens(text)
        for word in words:
            if word not in vocabulary:
                digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
                vocabulary[word] = int.from_bytes(digest, "little")
        token_hashes.extend(map(vocabulary.__getitem__, words))
        n_tokens.append(len(words))
    flat, sizes = np.frombuffer(token_hashes, dtype=np.uint64), np.frombuffer(n_tokens, dtype=np.int64)
    row = np.repeat(np.arange(len(sizes)), sizes)
    n = max(0, len(flat) - SHINGLE_TOKENS + 1)
    rolled = np.zeros(n, dtype=np.uint64)
    for offset in range(SHINGLE_TOKENS):
        rolled = rolled * STEP + flat[offset : offset + n]
    within_one = row[:n] == row[SHINGLE_TOKENS - 1 : SHINGLE_TOKENS - 1 + n]
    hashes, owner = mix(rolled[within_one]), row[:n][within_one]
    order = np.lexsort((hashes, owner))
    hashes, owner = hashes[order], owner[order]
    is_first = starts_group(hashes, owner)
    hashes, owner = hashes[is_first], owner[is_first]
    offsets = np.searchsorted(owner, np.arange(len(sizes) + 1))
    return _Shingled(hashes, offsets, _signatures(hashes, offsets))


def _signatures(hashes: UInt, offsets: Int) -> UInt:
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


def _bucket(of_band: UInt) -> U32:
    """Return the bucket of each row from its minima in one band, (n, width)."""
    key = np.zeros(len(of_band), dtype=np.uint64)
    for column in of_band.T:
        key = mix(key ^ column) + STEP
    return (key >> np.uint64(32)).astype(np.uint32)


def _bucket_pairs(left: tuple[U32, Int], right: tuple[U32, Int]) -> tuple[UInt, int]:
    """Return the pairs of rows in one bucket, and the number of left rows whose bucket is skipped.

    A pair is encoded as left row << 32 | right row. `left` and `right` have the buckets and the rows of one band.
    """
    (key, rows), (other_key, other_rows) = left, right
    order = np.argsort(other_key, kind="stable")
    ordered = other_key[order]
    start = np.searchsorted(ordered, key, side="left")
    count = np.searchsorted(ordered, key, side="right") - start
    is_full = count > FULL_BUCKET
    count[is_full] = 0
    partner = other_rows[order[np.repeat(start, count) + within_groups(count)]]
    return (np.repeat(rows, count).astype(np.uint64) << np.uint64(32)) | partner.astype(np.uint64), int(is_full.sum())


def _shared(left: _Shingled, right: _Shingled, a: Int, b: Int) -> Int:
    """Return the exact number of common shingles of each pair."""
    values, number = np.unique(np.concatenate([left.hashes, right.hashes]), return_inverse=True)
    base = len(values)
    of_left, of_right = number[: len(left.hashes)], number[len(left.hashes) :]
    owned = np.repeat(np.arange(len(right.sizes)), right.sizes) * base + of_right  # sorted: by row, then by hash
    sizes = left.sizes[a]
    pair = np.repeat(np.arange(len(sizes)), sizes)
    wanted = b[pair] * base + of_left[left.offsets[a][pair] + within_groups(sizes)]
    return np.bincount(pair[find_keys(owned, wanted)[1]], minlength=len(sizes))
