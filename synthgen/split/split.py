"""Split persons at random, set near-duplicate control records aside and commit to the result."""

import hashlib
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthgen.core.digest import sha256_texts
from synthgen.core.errors import StorageError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus, Role
from synthgen.split.config import SplitConfig

UInt64 = NDArray[np.uint64]
SHINGLE_TOKENS = 5
THRESHOLD = 0.8
# a pair at exactly J = .8 shares no band with probability (1 - .8^5)^26 = 3e-5
BANDS, BAND_ROWS = 26, 5
_TOKEN = re.compile(r"\w+")


def near_duplicates(texts: Sequence[str], others: Sequence[str], threshold: float = THRESHOLD) -> NDArray[np.bool_]:
    """Return for each text whether any of the others is a near-duplicate.

        J(A, B) = |A ∩ B| / |A ∪ B| >= threshold,  A and B the sets of 5-token shingles

    MinHash with banding finds candidate pairs, and the exact Jaccard similarity decides. Tokens are case-folded runs
    of letters and digits. A text of fewer than five tokens is a single shingle.

    Reference: Broder, "On the resemblance and containment of documents", 1997; banding after Leskovec, Rajaraman
        and Ullman, Mining of Massive Datasets, section 3.4.
    """
    left, right = [_shingles(t) for t in texts], [_shingles(t) for t in others]
    buckets: dict[bytes, list[int]] = defaultdict(list)
    for row, keys in enumerate(_band_keys(right)):
        for key in keys:
            buckets[key].append(row)
    found = [
        any(jaccard(own, right[other]) >= threshold for other in _candidates(keys, buckets))
        for own, keys in zip(left, _band_keys(left), strict=True)
    ]
    return np.array(found, dtype=np.bool_)


def jaccard(a: UInt64, b: UInt64) -> float:
    """Return |A ∩ B| / |A ∪ B| of two sets given as sorted distinct hashes."""
    shared = np.intersect1d(a, b, assume_unique=True).size
    return shared / (a.size + b.size - shared)


def _candidates(keys: list[bytes], buckets: Mapping[bytes, list[int]]) -> Iterator[int]:
    """Yield the distinct rows that share a band, lazily, because the first match ends the search."""
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
    """Return the band keys of each text; two texts share a key only if a whole band of minima is equal."""
    if not shingles:
        return []
    # signatures (n, 130): minima of h_k(x) = (a_k x + b_k) mod 2^64 over each text's shingles, a_k odd
    stream = np.random.Generator(np.random.Philox(key=int.from_bytes(b"synthgen/minhash", "big")))
    hashes = np.concatenate(shingles)
    starts = np.cumsum([0, *(s.size for s in shingles[:-1])])
    signatures = np.empty((len(shingles), BANDS * BAND_ROWS), dtype=np.uint64)
    for k in range(BANDS * BAND_ROWS):
        a, b = stream.integers(0, 1 << 64, size=2, dtype=np.uint64)
        signatures[:, k] = np.minimum.reduceat(hashes * (a | np.uint64(1)) + b, starts)
    return [
        [bytes([band]) + row[band * BAND_ROWS : (band + 1) * BAND_ROWS].tobytes() for band in range(BANDS)]
        for row in signatures
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitReport:
    """Sizes of the parts and number of near-duplicates."""

    groups: dict[str, int]  # persons by part
    records: dict[str, dict[str, int]]  # records by part and label; control is counted without near-duplicates
    n_near_duplicates: int  # control records set aside because train has a near-duplicate of another person
    near_duplicate_rate: float | None  # their share of the control records; None if control is empty


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """The parts: `train` for training, `control` unused until the audits, `rest` unused."""

    train: Corpus
    control: Corpus
    rest: Corpus
    report: SplitReport

    def parts(self) -> dict[str, Corpus]:
        """Return the three parts by name."""
        return {"train": self.train, "control": self.control, "rest": self.rest}


def split(corpus: Corpus, config: SplitConfig, seeds: SeedTree) -> Split:
    """Return the corpus split by person.

        u(g) = sha256(seed path, g) / 2^256;  train if u < p,  control if p <= u < p + q,  rest otherwise

    with p = `config.train` and q = `config.control`. Each draw depends only on the seed and the person's id, so
    adding or removing a person moves no other person. The statistical bounds of the audits require independent draws
    instead of shares of fixed size. A control record that is a near-duplicate (J >= 0.8) of a training record is set
    aside, because it is not a true non-member. Each part is in corpus order. A class can be small or empty in a part;
    later stages check the counts.

    Privacy: the seed and a person's id reveal that person's part, so keep the seed private.
    Randomness: one hash per person.
    Reference: independent inclusion as in Steinke, Nasr and Jagielski 2023, arXiv 2305.08846, section 3.
    """
    sides = {group: _side(group, config, seeds) for group in {r.group for r in corpus.records}}
    roles: dict[str, Role] = {"train": "train", "control": "control", "rest": "reference"}
    records = {part: [r for r in corpus.records if sides[r.group] == part] for part in roles}
    drawn = records["control"]
    repeats = near_duplicates([r.text for r in drawn], [r.text for r in records["train"]])
    records["control"] = [r for r, is_repeat in zip(drawn, repeats, strict=True) if not is_repeat]
    parts = {
        part: Corpus(role=role, records=tuple(records[part]), has_groups=corpus.has_groups)
        for part, role in roles.items()
    }
    n_repeats = len(drawn) - len(parts["control"])
    report = SplitReport(
        groups={name: sum(side == name for side in sides.values()) for name in parts},
        records={name: part.counts() for name, part in parts.items()},
        n_near_duplicates=n_repeats,
        near_duplicate_rate=n_repeats / len(drawn) if drawn else None,
    )
    return Split(**parts, report=report)


def _side(group: str, config: SplitConfig, seeds: SeedTree) -> str:
    u = int.from_bytes(seeds.child("person", group).key(), "big") / 2**256
    if u < config.train:
        return "train"
    # if the shares sum to 1 up to rounding, no person falls in `rest`
    is_whole = config.train + config.control >= 1 - 1e-9
    return "control" if is_whole or u < config.train + config.control else "rest"


def commitment(split: Split, seeds: SeedTree) -> str:
    """Return the SHA-256 of the seed and the sorted record ids of each part, as hex.

    Privacy: the digest does not reveal who is in which part as long as the seed is private.
    """
    texts = [seeds.key().hex()]
    for name, part in split.parts().items():
        texts += [name, str(len(part)), *sorted(r.id for r in part.records)]
    return sha256_texts(texts)


def commit_split(split: Split, seeds: SeedTree, path: Path) -> str:
    """Write the commitment to a new JSON file with mode 0600 and return the digest.

    Call it before any model is trained: the time of the file is evidence that control was chosen first. Raise
    StorageError if the file exists or cannot be written.
    """
    digest = commitment(split, seeds)
    sizes = {name: len(part) for name, part in split.parts().items()}
    content = json.dumps({"schemaVersion": 1, "commitment": digest, "records": sizes}, indent=2, sort_keys=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content + "\n")
    except OSError as error:
        raise StorageError(
            f"{path}: the split's commitment cannot be written ({error.strerror})",
            hint="Check the workspace's permissions and the free space.",
        ) from error
    return digest
