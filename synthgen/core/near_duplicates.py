"""Find near-duplicates with MinHash: texts that share most of their shingles (runs of five tokens)."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

UInt64 = NDArray[np.uint64]
SHINGLE_TOKENS = 5
THRESHOLD = 0.8  # smallest Jaccard similarity J of the shingles of two near-duplicates
# A MinHash signature has 26 bands of 5 numbers. Two texts are compared only if they agree in all 5 numbers of a band.
# For J = 0.8, the probability that they agree in no band, and are missed, is (1 - 0.8^5)^26 = 3e-5.
BANDS, BAND_ROWS = 26, 5
_TOKEN = re.compile(r"\w+")


def near_duplicates(texts: Sequence[str], others: Sequence[str]) -> NDArray[np.bool_]:
    """Return, as an array of bool, whether each text has a near-duplicate in `others`.

    Tokens are case-folded runs of letters, digits and underscores. A text of fewer than five tokens is one shingle.
    Two texts with the sets of shingles A and B are near-duplicates if

        J(A, B) = |A ∩ B| / |A ∪ B| >= `THRESHOLD`

    MinHash with banding finds candidate pairs, and J is then computed exactly.

    Reference: Broder, "On the resemblance and containment of documents", 1997; banding after Leskovec, Rajaraman
        and Ullman, Mining of Massive Datasets, section 3.4.
    """
    left, right = [_shingles(t) for t in texts], [_shingles(t) for t in others]
    buckets: dict[bytes, list[int]] = defaultdict(list)
    for row, keys in enumerate(_band_keys(right)):
        for key in keys:
            buckets[key].append(row)
    found = [
        any(jaccard(shingles, right[row]) >= THRESHOLD for row in _candidates(keys, buckets))
        for shingles, keys in zip(left, _band_keys(left), strict=True)
    ]
    return np.array(found, dtype=np.bool_)


def repeated(texts: Sequence[str], persons: Sequence[str] | None = None) -> NDArray[np.bool_]:
    """Return, as an array of bool, whether each text is a near-duplicate of an earlier text; see `near_duplicates`.

    A text is compared only with earlier texts whose result is False. With `persons` (the person of each text), only
    texts of the same person are compared.
    """
    shingles = [_shingles(text) for text in texts]
    buckets: dict[Any, list[int]] = defaultdict(list)
    found = np.zeros(len(texts), dtype=np.bool_)
    for row, keys in enumerate(_band_keys(shingles)):
        own_keys = keys if persons is None else [(persons[row], key) for key in keys]
        found[row] = any(jaccard(shingles[row], shingles[o]) >= THRESHOLD for o in _candidates(own_keys, buckets))
        if not found[row]:
            for key in own_keys:
                buckets[key].append(row)
    return found


def jaccard(a: UInt64, b: UInt64) -> float:
    """Return |A ∩ B| / |A ∪ B| of two sets given as sorted distinct hashes."""
    shared = np.intersect1d(a, b, assume_unique=True).size
    return shared / (a.size + b.size - shared)


def _candidates(keys: Iterable[Any], buckets: Mapping[Any, list[int]]) -> Iterator[int]:
    """Yield each row that `buckets` lists under one of the keys, without repetition."""
    seen: set[int] = set()
    for key in keys:
        for row in buckets.get(key, ()):
            if row not in seen:
                seen.add(row)
                yield row


def _shingles(text: str) -> UInt64:
    """Return the 64-bit hashes of the distinct shingles of a text, sorted."""
    tokens = _TOKEN.findall(text.casefold())
    spans = range(max(1, len(tokens) - SHINGLE_TOKENS + 1))
    joined = {" ".join(tokens[i : i + SHINGLE_TOKENS]).encode() for i in spans}
    digests = b"".join(hashlib.blake2b(shingle, digest_size=8).digest() for shingle in joined)
    return np.unique(np.frombuffer(digests, dtype="<u8").astype(np.uint64))


def _band_keys(shingles: list[UInt64]) -> list[list[bytes]]:
    """Return the band keys of each text; two texts share a key only if all MinHash values of a band are equal."""
    if not shingles:
        return []
    # Row i of `signatures` (n, 130) is the MinHash signature of text i. The k-th number of the row is the minimum of
    # (a_k x + b_k) mod 2^64 over the hashes x of the text's shingles. a_k and b_k are random, and a_k is odd.
    stream = np.random.Generator(np.random.Philox(key=int.from_bytes(b"synthgen/minhash", "big")))
    hashes = np.concatenate(shingles)
    starts = np.cumsum([0, *(s.size for s in shingles[:-1])])
    signatures = np.empty((len(shingles), BANDS * BAND_ROWS), dtype=np.uint64)
    for k in range(BANDS * BAND_ROWS):
        a, b = stream.integers(0, 1 << 64, size=2, dtype=np.uint64)
        signatures[:, k] = np.minimum.reduceat(hashes * (a | np.uint64(1)) + b, starts)
    banded = signatures.reshape(len(shingles), BANDS, BAND_ROWS)
    return [[bytes([band]) + numbers.tobytes() for band, numbers in enumerate(row)] for row in banded]
