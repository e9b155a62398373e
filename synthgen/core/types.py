"""The values that cross from one stage to the next: frozen, checked when made, with their provenance.

Arrays are made read-only. A `repr` shows counts and digests, never text.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from synthgen.core.digest import sha256_texts
from synthgen.core.errors import InternalError

Float32 = NDArray[np.float32]
Role = Literal["source", "train", "control", "reference", "synthetic"]


def _read_only(array: NDArray[np.generic]) -> None:
    array.flags.writeable = False


def _require(condition: bool, message: str) -> None:  # noqa: FBT001 - a condition is what it takes
    if not condition:
        raise InternalError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One labelled text of one person.

    Args:
        id: unique within its corpus.
        text: not empty.
        label: the class.
        group: the person; records without one each form their own group.
    """

    id: str
    text: str
    label: str
    group: str

    def __repr__(self) -> str:
        return f"Record(id={self.id!r}, {len(self.text)} characters)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """Records of one role, with a digest over all of their fields.

    Args:
        role: which part of the data this is.
        records: in a fixed order; ids are unique.
        has_groups: whether the source named the person of each record; if not, claims are per record.
    """

    role: Role
    records: tuple[Record, ...]
    has_groups: bool

    def __post_init__(self) -> None:
        _require(len({r.id for r in self.records}) == len(self.records), "record ids are not unique")

    @property
    def digest(self) -> str:
        """Sha256 over ids, texts, labels and groups, in order."""
        return sha256_texts(part for r in self.records for part in (r.id, r.text, r.label, r.group))

    @property
    def texts(self) -> list[str]:
        """The texts, in order."""
        return [r.text for r in self.records]

    @property
    def labels(self) -> list[str]:
        """The labels, in order."""
        return [r.label for r in self.records]

    def counts(self) -> dict[str, int]:
        """Return the number of records of each label, sorted by label."""
        return dict(sorted(Counter(r.label for r in self.records).items()))

    def __len__(self) -> int:
        return len(self.records)

    def __repr__(self) -> str:
        return f"Corpus({self.role}, {len(self.records)} records, {len(self.counts())} classes)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segments:
    """Vectors of the segments of records that are sequences of them; the rows of a record together and in order.

    Args:
        vectors: float32 (k, d), finite.
        owners: the record of each row.
        headings: the heading of each row's section in its normal form; empty where it has none.
        sections: which section of its record each row is in, from 0.
    """

    vectors: Float32
    owners: tuple[str, ...]
    headings: tuple[str, ...]
    sections: tuple[int, ...]

    def __post_init__(self) -> None:
        k = len(self.owners)
        _require(self.vectors.ndim == 2, "segments are not a matrix")
        _require(self.vectors.dtype == np.float32, "segments are not float32")
        _require(self.vectors.shape[0] == k == len(self.headings) == len(self.sections), "segments do not match")
        _require(bool(np.isfinite(self.vectors).all()), "segments are not finite")
        _require(len(self.starts()) == len(set(self.owners)), "the segments of a record are not together")
        _read_only(self.vectors)

    def starts(self) -> NDArray[np.int64]:
        """Return the first row of each record."""
        rows = [i for i, owner in enumerate(self.owners) if i == 0 or self.owners[i - 1] != owner]
        return np.array(rows, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.owners)

    def __repr__(self) -> str:
        return f"Segments({len(set(self.owners))} records, {self.vectors.shape[0]} x {self.vectors.shape[1]})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """Vectors of records, row i belonging to ids[i].

    Args:
        vectors: float32 (n, d), finite.
        ids: the record of each row.
        labels: the class of each row.
        groups: the person of each row.
        encoder: name of the encoder that made them.
        normalized: whether every row has unit length.
        parts: the segments of the records, where records are sequences of them.
    """

    vectors: Float32
    ids: tuple[str, ...]
    labels: tuple[str, ...]
    groups: tuple[str, ...]
    encoder: str
    normalized: bool
    parts: Segments | None = None

    def __post_init__(self) -> None:
        n = len(self.ids)
        _require(self.vectors.ndim == 2, "vectors are not a matrix")
        _require(self.vectors.dtype == np.float32, "vectors are not float32")
        _require(self.vectors.shape[0] == n == len(self.labels) == len(self.groups), "rows do not match ids")
        _require(bool(np.isfinite(self.vectors).all()), "vectors are not finite")
        if self.normalized and n:
            lengths = np.linalg.norm(self.vectors, axis=1)
            _require(bool(np.abs(lengths - 1).max() < 1e-3), "vectors are not of unit length")
        _read_only(self.vectors)

    def __repr__(self) -> str:
        return f"Embedded({self.encoder}, {self.vectors.shape[0]} x {self.vectors.shape[1]})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Latents:
    """New vectors to be decoded, with the parents and weights each was made from.

    Args:
        vectors: float32 (m, d), finite.
        ids: stable names of the rows; decoding draws each record's random numbers by them.
        labels: the class of each row.
        parent_ids: (m) tuples of train record ids; all of the row's label, of different persons. One exception: the
            second parent of a row of borderline-smote kind 2 may have another label, its weight is then below 0.5.
        weights: (m) tuples, one weight per parent, each row summing to 1.
        method: name of the method.
        seed_path: the random stream the rows were drawn from.
        told: (m) tuples of words that the texts are to say; empty where nothing is told but the vectors.
    """

    vectors: Float32
    ids: tuple[str, ...]
    labels: tuple[str, ...]
    parent_ids: tuple[tuple[str, ...], ...]
    weights: tuple[tuple[float, ...], ...]
    method: str
    seed_path: str
    told: tuple[tuple[str, ...], ...] = ()

    def __post_init__(self) -> None:
        m = len(self.ids)
        _require(len(self.told) in {0, m}, "latents do not match their words")
        _require(self.vectors.ndim == 2, "latents are not a matrix")
        _require(self.vectors.dtype == np.float32, "latents are not float32")
        _require(self.vectors.shape[0] == m == len(self.labels), "latents do not match their labels")
        _require(m == len(self.parent_ids) == len(self.weights), "latents do not match their parents")
        _require(len(set(self.ids)) == m, "latent ids are not unique")
        _require(bool(np.isfinite(self.vectors).all()), "latents are not finite")
        for parents, weights in zip(self.parent_ids, self.weights, strict=True):
            _require(len(parents) == len(weights), "a latent's parents do not match its weights")
            _require(not weights or abs(sum(weights) - 1) < 1e-5, "a latent's weights do not sum to 1")
        _read_only(self.vectors)

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"Latents({self.method}, {self.vectors.shape[0]} x {self.vectors.shape[1]})"


def latent_ids(label: str, n: int) -> list[str]:
    """Return the ids of the new rows of a class; they depend only on the label and the row number."""
    stem = hashlib.sha256(b"synthgen/latent/v1\0" + label.encode()).hexdigest()[:12]
    return [f"{stem}-{i:07d}" for i in range(n)]


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterOutcome:
    """What one filter said of one candidate; reason is a fixed word, never text of a record."""

    name: str
    passed: bool
    score: float
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One decoded text for one latent.

    Args:
        latent_id: the row of the latents it was decoded from.
        index: which of the latent's candidates this is, from 0.
        text: what the model wrote.
        label: the class it was asked for.
        finish: "stop" when the model ended the text, "length" when it was cut.
        outcomes: what each filter said, in the order of the chain; empty before filtering.
    """

    latent_id: str
    index: int
    text: str
    label: str
    finish: Literal["stop", "length"]
    outcomes: tuple[FilterOutcome, ...] = ()

    @property
    def kept(self) -> bool:
        """Whether every filter passed it; a candidate no filter has judged is not kept."""
        return bool(self.outcomes) and all(o.passed for o in self.outcomes)

    def __repr__(self) -> str:
        return f"Candidate({self.latent_id}#{self.index}, {len(self.text)} characters)"


def counts_by_reason(candidates: tuple[Candidate, ...]) -> Mapping[str, int]:
    """Return how many candidates each reason rejected; a candidate counts under its first failure."""
    reasons = Counter(
        next(o.reason or o.name for o in c.outcomes if not o.passed)
        for c in candidates
        if any(not o.passed for o in c.outcomes)
    )
    return dict(sorted(reasons.items()))
