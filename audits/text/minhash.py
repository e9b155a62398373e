"""Find near-duplicate texts with MinHash signatures, without comparing every pair of rows.

The shingles of a row are its sequences of five consecutive tokens. A signature consists of 128 numbers; each is the
smallest value of one hash function over the shingles. The signature is divided into 16 bands of 8 numbers. Two rows
with equal numbers in a band share a bucket of this band, and only rows that share a bucket are compared.
"""

import hashlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audits.core.types import Bool, Float, Int, UInt
from audits.text.ngrams import STEP, distinct, find_keys, mix, starts_group, within_groups
from audits.text.normalise import tokens

SHINGLE_TOKENS = 5
# number of bands, and of minima per band; a pair is found with probability .95 at Jaccard index .8, and .66 at .71
BANDS, MINIMA = 16, 8
N_PERMUTATIONS = BANDS * MINIMA
# a bucket with more rows of the second table is skipped: so many rows share a bucket only if they contain a template
FULL_BUCKET = 50
_MIN_ESTIMATE = 0.2  # pairs with a smaller estimated Jaccard index are dropped; the standard error is about .04
_BATCH = 1 << 14  # number of pairs compared at a time
_BLOCK_ROWS = 1 << 12  # number of rows hashed at a time

U32 = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Sketch:
    """Texts with their buckets."""

    texts: Sequence[str]
    buckets: U32  # number of each text's bucket in each band, (BANDS, n); meaningless if not `filled`
    filled: Bool  # whether each text has a shingle (at least five tokens), and therefore buckets, (n,)

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True, slots=True)
class _Shingled:
    """The shingles (as hashes) and signatures of the n rows of a table."""

    hashes: UInt  # hashes of the shingles of all rows, sorted within each row, without repeats
    offsets: Int  # index of the first hash of each row, (n + 1,)
    signatures: UInt  # (n, 128)

    @property
    def sizes(self) -> Int:
        return np.diff(self.offsets)


@dataclass(frozen=True, slots=True)
class NearPairs:
    """Pairs of similar rows, one from each of two tables; each array has one entry per pair."""

    left: Int  # index of the row in the first table
    right: Int  # index of the row in the second table
    jaccard: Float  # exact Jaccard index |A ∩ B| / |A ∪ B| of the sets A and B of shingles


def sketch(texts: Sequence[str]) -> Sketch:
    """Return the MinHash buckets of texts. A text of fewer than five tokens is in no bucket.

    The hash of a shingle is `mix` of the polynomial t_1 × B^4 + … + t_5 mod 2^64, where t_i are the hashes of its
    tokens and B is `STEP`. The number of a bucket is 32 bits of the hash of the minima in its band.

    Reference: Broder, SEQUENCES 1997.
    """
    vocabulary: dict[str, int] = {}
    buckets, filled = np.empty((BANDS, len(texts)), np.uint32), np.empty(len(texts), np.bool_)
    for start in range(0, len(texts), _BLOCK_ROWS):
        block = slice(start, min(start + _BLOCK_ROWS, len(texts)))
        shingled = _shingled(texts[block], vocabulary)
        filled[block] = shingled.sizes > 0
        buckets[:, block] = [_bucket_numbers(of_band) for of_band in np.split(shingled.signatures, BANDS, axis=1)]
    return Sketch(texts, buckets, filled)


def near_pairs(left: Sketch, right: Sketch) -> NearPairs:
    """Return the pairs of rows, one from each table, that share a bucket and have an estimated Jaccard index ≥ 0.2.

    Buckets with more than 50 rows of the second table are skipped. A pair of Jaccard index s shares a bucket with
    probability 1 - (1 - s^8)^16.

    Reference: Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, section 3.4.
    """
    rows, other_rows = np.flatnonzero(left.filled), np.flatnonzero(right.filled)
    pairs_by_band = [
        _bucket_pairs((in_left[rows], rows), (in_right[other_rows], other_rows))
        for in_left, in_right in zip(left.buckets, right.buckets, strict=True)
    ]
    pairs = distinct(np.concatenate(pairs_by_band))
    a, b = (pairs >> np.uint64(32)).astype(np.int64), (pairs & np.uint64(0xFFFFFFFF)).astype(np.int64)
    starts = range(0, max(len(a), 1), _BATCH)
    compared = [_compare(left, right, a[start : start + _BATCH], b[start : start + _BATCH]) for start in starts]
    return NearPairs(*(np.concatenate(column) for column in zip(*compared, strict=True)))


def _compare(left: Sketch, right: Sketch, a: Int, b: Int) -> tuple[Int, Int, Float]:
    """Return (left, right, jaccard), as in `NearPairs`, of the pairs (a[i], b[i]) that are not dropped."""
    vocabulary: dict[str, int] = {}
    (left_rows, in_first), (right_rows, in_second) = (np.unique(rows, return_inverse=True) for rows in (a, b))
    first = _shingled([left.texts[i] for i in left_rows], vocabulary)
    second = _shingled([right.texts[i] for i in right_rows], vocabulary)
    keep = (first.signatures[in_first] == second.signatures[in_second]).mean(axis=1) >= _MIN_ESTIMATE
    in_first, in_second = in_first[keep], in_second[keep]
    shared = _shared(first, second, in_first, in_second)
    union = first.sizes[in_first] + second.sizes[in_second] - shared
    return a[keep], b[keep], shared / np.maximum(union, 1)


def _shingled(texts: Sequence[str], vocabulary: dict[str, int]) -> _Shingled:
    """Return the shingles and signatures of texts; `vocabulary` caches the hash of each token."""
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


def _bucket_numbers(of_band: UInt) -> U32:
    """Return the number of each row's bucket in one band; `of_band` has the minima of the band, (n, MINIMA)."""
    key = np.zeros(len(of_band), dtype=np.uint64)
    for column in of_band.T:
        key = mix(key ^ column) + STEP
    return (key >> np.uint64(32)).astype(np.uint32)


def _bucket_pairs(left: tuple[U32, Int], right: tuple[U32, Int]) -> UInt:
    """Return the pairs of rows that share a bucket of one band, uint64 (pairs,): left row << 32 | right row.

    Each argument has the buckets and the indices of the filled rows of one table.
    """
    (key, rows), (other_key, other_rows) = left, right
    order = np.argsort(other_key, kind="stable")
    ordered = other_key[order]
    start = np.searchsorted(ordered, key, side="left")
    count = np.searchsorted(ordered, key, side="right") - start
    count[count > FULL_BUCKET] = 0
    partner = other_rows[order[np.repeat(start, count) + within_groups(count)]]
    pairs: UInt = (np.repeat(rows, count).astype(np.uint64) << np.uint64(32)) | partner.astype(np.uint64)
    return pairs


def _shared(left: _Shingled, right: _Shingled, a: Int, b: Int) -> Int:
    """Return the number of shingles that the rows a[i] of `left` and b[i] of `right` share, for each i."""
    values, number = np.unique(np.concatenate([left.hashes, right.hashes]), return_inverse=True)
    base = len(values)
    of_left, of_right = number[: len(left.hashes)], number[len(left.hashes) :]
    owned = np.repeat(np.arange(len(right.sizes)), right.sizes) * base + of_right  # sorted: by row, then by hash
    sizes = left.sizes[a]
    pair = np.repeat(np.arange(len(sizes)), sizes)
    wanted = b[pair] * base + of_left[left.offsets[a][pair] + within_groups(sizes)]
    return np.bincount(pair[find_keys(owned, wanted)[1]], minlength=len(sizes))
