"""Split persons at random into parts, remove near-duplicates of train from control, and commit to the split.

A commitment is a digest that fixes the split without revealing it, so that a later change can be detected.
"""

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
SHINGLE_TOKENS = 5  # number of tokens in a shingle
THRESHOLD = 0.8  # Jaccard similarity J of shingles from which two texts are near-duplicates
# MinHash signatures have this many bands of this many rows. A pair at exactly J = 0.8 shares no band, and is missed,
# with probability (1 - 0.8^5)^26 = 3e-5.
BANDS, BAND_ROWS = 26, 5
_TOKEN = re.compile(r"\w+")


def near_duplicates(texts: Sequence[str], others: Sequence[str], threshold: float = THRESHOLD) -> NDArray[np.bool_]:
    """Return for each text whether any of the others is a near-duplicate.

        J(A, B) = |A ∩ B| / |A ∪ B| >= threshold

    A and B are the sets of 5-token shingles of two texts. MinHash with banding finds candidate pairs, and their exact
    Jaccard similarity decides. Tokens are case-folded runs of letters and digits. A text of fewer than five tokens is
    a single shingle.

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
    """Yield each row that shares a band, once. The search ends at the first match, so the rows are yielded lazily."""
    seen: set[int] = set()
    for key in keys:
        for row in buckets.get(key, ()):
            if row not in seen:
                seen.add(row)
                yield row


def _shingles(text: str) -> UInt64:
    """Return the sorted distinct 64-bit hashes of a text's shingles. The result is never empty."""
    tokens = _TOKEN.findall(text.casefold())
    spans = range(max(1, len(tokens) - SHINGLE_TOKENS + 1))
    joined = {" ".join(tokens[i : i + SHINGLE_TOKENS]).encode() for i in spans}
    digests = b"".join(hashlib.blake2b(shingle, digest_size=8).digest() for shingle in joined)
    return np.unique(np.frombuffer(digests, dtype="<u8").astype(np.uint64))


def _band_keys(shingles: list[UInt64]) -> list[list[bytes]]:
    """Return the band keys of each text; two texts share a key only if all minima of a band are equal."""
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

    groups: dict[str, int]  # number of persons by part
    records: dict[str, dict[str, int]]  # number of records by part and label, after near-duplicates were removed
    n_near_duplicates: int  # number of records removed from control because a train record is a near-duplicate
    near_duplicate_rate: float | None  # share of control records that were removed; None if control was empty


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """The three parts. Control is not used before the audits, and `rest` is never used."""

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

    with g the id of a person, p = `config.train` and q = `config.control`. Each draw depends only on the seed and the
    person's id, so adding or removing a person does not move another person. The statistical bounds of the audits
    require independent draws instead of parts of fixed size. A control record that is a near-duplicate (J >= 0.8) of
    a train record is removed, because the audits compare with control as text that train does not contain. Each part
    keeps the order of the corpus. A class can be small or empty in a part; later stages check the counts.

    Privacy: the seed and a person's id reveal that person's part, so keep the seed private.
    Randomness: one hash per person.
    Reference: independent inclusion as in Steinke, Nasr and Jagielski 2023, arXiv 2305.08846, section 3.
    """
    part_of = {group: _drawn_part(group, config, seeds) for group in {r.group for r in corpus.records}}
    roles: dict[str, Role] = {"train": "train", "control": "control", "rest": "reference"}  # by part
    records = {part: [r for r in corpus.records if part_of[r.group] == part] for part in roles}
    control = records["control"]
    repeats = near_duplicates([r.text for r in control], [r.text for r in records["train"]])
    records["control"] = [r for r, is_repeat in zip(control, repeats, strict=True) if not is_repeat]
    corpora = {
        part: Corpus(role=role, records=tuple(records[part]), has_groups=corpus.has_groups)
        for part, role in roles.items()
    }
    n_repeats = len(control) - len(corpora["control"])
    report = SplitReport(
        groups={part: sum(drawn == part for drawn in part_of.values()) for part in corpora},
        records={part: own.counts() for part, own in corpora.items()},
        n_near_duplicates=n_repeats,
        near_duplicate_rate=n_repeats / len(control) if control else None,
    )
    return Split(**corpora, report=report)


def _drawn_part(group: str, config: SplitConfig, seeds: SeedTree) -> str:
    u = int.from_bytes(seeds.child("person", group).key(), "big") / 2**256
    if u < config.train:
        return "train"
    has_no_rest = config.train + config.control >= 1 - 1e-9  # the shares sum to 1 up to rounding
    return "control" if has_no_rest or u < config.train + config.control else "rest"


def commitment(split: Split, seeds: SeedTree) -> str:
    """Return the SHA-256 of the seed and of the sorted record ids of each part, as hex.

    Privacy: as long as the seed is private, the digest does not reveal who is in which part.
    """
    texts = [seeds.key().hex()]
    for name, part in split.parts().items():
        texts += [name, str(len(part)), *sorted(r.id for r in part.records)]
    return sha256_texts(texts)


def commit_split(split: Split, seeds: SeedTree, path: Path) -> str:
    """Write the commitment to a new JSON file with mode 0600 and return the digest.

    Call this function before a model is trained: the time of the file is evidence that control was chosen first.
    Raise StorageError if the file exists or cannot be written.
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
            hint="A commitment is never overwritten: if the file exists, use another folder. Otherwise check "
            "the permissions of the folder and the free space.",
        ) from error
    return digest
