"""Finds near-duplicates between two sets of texts: MinHash to find candidates, exact Jaccard to decide.

Our own and no library's: the minima of all texts are computed at once, not text by text.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

UInt64 = NDArray[np.uint64]
SHINGLE_TOKENS = 5
THRESHOLD = 0.8
# a pair at exactly J = .8 shares no band with probability (1 - .8^5)^26 = 3e-5
BANDS, BAND_ROWS = 26, 5
_TOKEN = re.compile(r"\w+")


def near_duplicates(texts: Sequence[str], others: Sequence[str], threshold: float = THRESHOLD) -> NDArray[np.bool_]:
    """Return, for each text, whether any of the others is its near-duplicate.

        J(A, B) = |A n B| / |A u B| >= threshold,  A and B the sets of 5-token shingles

    Tokens are runs of letters and digits, case folded; a text of fewer than five tokens is one shingle, so short
    texts are near-duplicates only where their tokens are equal.

    Args:
        texts: n texts.
        others: m texts.
        threshold: Jaccard similarity from which two texts are near-duplicates.

    Returns:
        Booleans (n,).

    Random: none; the hash functions are fixed.
    Cost: O(total tokens * 130) time; candidates that share a band are compared exactly.
    Source: Broder, "On the resemblance and containment of documents", 1997; banding after Leskovec, Rajaraman
        and Ullman, Mining of Massive Datasets, section 3.4. Departure: candidates are decided exactly.
    """
    left, right = [_shingles(t) for t in texts], [_shingles(t) for t in others]
    buckets: dict[bytes, list[int]] = defaultdict(list)
    for row, keys in enumerate(_band_keys(right)):
        for key in keys:
            buckets[key].append(row)
    found = np.zeros(len(texts), dtype=np.bool_)
    for row, keys in enumerate(_band_keys(left)):
        found[row] = any(jaccard(left[row], right[other]) >= threshold for other in _candidates(keys, buckets))
    return found


def jaccard(a: UInt64, b: UInt64) -> float:
    """Return |A n B| / |A u B| of two sets given as sorted distinct hashes."""
    shared = np.intersect1d(a, b, assume_unique=True).size
    return float(shared / (a.size + b.size - shared))


def _candidates(keys: list[bytes], buckets: Mapping[bytes, list[int]]) -> Iterator[int]:
    """Yield the rows that share a band, each once, no sooner than asked for: the first match ends the search."""
    seen: set[int] = set()
    for key in keys:
        for row in buckets.get(key, ()):
            if row not in seen:
                seen.add(row)
                yield row


def _shingles(text: str) -> UInt64:
    """Return the sorted distinct 64-bit hashes of a text's shingles; at least one."""
    tokens = _TOKEN.findall(text.casefold())
    spans = range(max(1, len(tokens) - SHINGLE_TOKENS + 1))
    joined = {" ".join(tokens[i : i + SHINGLE_TOKENS]).encode() for i in spans}
    digests = b"".join(hashlib.blake2b(shingle, digest_size=8).digest() for shingle in joined)
    return np.unique(np.frombuffer(digests, dtype="<u8").astype(np.uint64))


def _band_keys(shingles: list[UInt64]) -> list[list[bytes]]:
    """Return the keys of each text's bands; two texts share a key only where a whole band of minima agrees."""
    if not shingles:
        return []
    signatures = _signatures(shingles)
    return [
        [bytes([band]) + row[band * BAND_ROWS : (band + 1) * BAND_ROWS].tobytes() for band in range(BANDS)]
        for row in signatures
    ]


def _signatures(shingles: list[UInt64]) -> UInt64:
    """Return the minima (n, 130) of h_k(x) = (a_k x + b_k) mod 2^64 over each text's shingles, a_k odd."""
    stream = np.random.Generator(np.random.Philox(key=int.from_bytes(b"synthgen/minhash", "big")))
    hashes = np.concatenate(shingles)
    starts = np.cumsum([0, *(s.size for s in shingles[:-1])])
    signatures = np.empty((len(shingles), BANDS * BAND_ROWS), dtype=np.uint64)
    for k in range(BANDS * BAND_ROWS):
        a, b = stream.integers(0, 1 << 64, size=2, dtype=np.uint64)
        signatures[:, k] = np.minimum.reduceat(hashes * (a | np.uint64(1)) + b, starts)
    return signatures
