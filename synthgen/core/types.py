"""Define what the stages of a run exchange: records, their vectors, new vectors, and texts decoded from new vectors.

All values are immutable, and are checked on creation. A `repr` shows no text.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from synthgen.core.digest import sha256_texts
from synthgen.core.errors import InternalError

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]
Counts = Mapping[str, int]  # key: label; value: number of records, vectors or texts
Role = Literal["source", "train", "control", "reference", "synthetic"]


def _require(condition: bool, message: str) -> None:  # noqa: FBT001 - called like `assert`
    if not condition:
        raise InternalError(message)


def _check_matrix(vectors: Float32, name: str) -> None:
    _require(vectors.ndim == 2, f"the {name} are not a matrix")
    _require(vectors.dtype == np.float32, f"the {name} are not float32 numbers")
    _require(bool(np.isfinite(vectors).all()), f"the {name} contain a number that is not finite")
    vectors.flags.writeable = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One labelled text of one person."""

    id: str  # unique within its corpus
    text: str  # not empty
    label: str  # the class
    group: str  # the person; a record without a person has a group that no other record has

    def __repr__(self) -> str:
        return f"Record(id={self.id!r}, {len(self.text)} characters)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """Records of one role, such as train or control."""

    role: Role
    records: tuple[Record, ...]  # in a fixed order, with unique ids
    has_groups: bool  # whether the person of each record is known; if not, privacy statements are per record

    def __post_init__(self) -> None:
        _require(len({r.id for r in self.records}) == len(self.records), "two records have the same id")

    @property
    def digest(self) -> str:
        """SHA-256 over ids, texts, labels and groups, in order."""
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
        return dict(sorted(Counter(self.labels).items()))

    def __len__(self) -> int:
        return len(self.records)

    def __repr__(self) -> str:
        return f"Corpus({self.role}, {len(self.records)} records, {len(self.counts())} classes)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segments:
    """Vectors of the segments (parts) of records; the rows of each record are consecutive and in order."""

    vectors: Float32  # (k, d), finite
    record_ids: tuple[str, ...]  # the id of the record of each row
    headings: tuple[str, ...]  # heading of each row's section in lower case, such as "past history"; "" for none
    sections: tuple[int, ...]  # index of each row's section within its record, from 0

    def __post_init__(self) -> None:
        _check_matrix(self.vectors, "vectors of segments")
        sizes = {len(self.vectors), len(self.record_ids), len(self.headings), len(self.sections)}
        _require(len(sizes) == 1, "the numbers of vectors, record ids, headings and sections of the segments differ")
        _require(len(self.starts()) == len(set(self.record_ids)), "the segments of a record are not consecutive")

    def starts(self) -> NDArray[np.int64]:
        """Return the number of the first row of each record, int64."""
        ids = self.record_ids
        rows = [i for i, record_id in enumerate(ids) if i == 0 or ids[i - 1] != record_id]
        return np.array(rows, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.record_ids)

    def __repr__(self) -> str:
        return f"Segments({len(set(self.record_ids))} records, {self.vectors.shape[0]} x {self.vectors.shape[1]})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """Vectors of records; row i belongs to record ids[i]."""

    vectors: Float32  # (n, d), finite
    ids: tuple[str, ...]
    labels: tuple[str, ...]  # the class of each row
    groups: tuple[str, ...]  # the person of each row
    encoder: str  # name of the encoder that made the vectors
    normalized: bool  # whether every row has unit length
    parts: Segments | None = None  # the segments of the records; None if records are not segmented

    def __post_init__(self) -> None:
        _check_matrix(self.vectors, "vectors")
        sizes = {len(self.vectors), len(self.ids), len(self.labels), len(self.groups)}
        _require(len(sizes) == 1, "the numbers of vectors, ids, labels and persons differ")
        if self.normalized and len(self.ids):
            lengths = np.linalg.norm(self.vectors, axis=1)
            _require(bool(np.abs(lengths - 1).max() < 1e-3), "a vector does not have the length 1")

    def __repr__(self) -> str:
        return f"Embedded({self.encoder}, {self.vectors.shape[0]} x {self.vectors.shape[1]})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Latents:
    """New vectors to be decoded, with the parents (records) that each vector was made from, and their weights.

    A row that does not depend on single records, such as a row drawn under DP, has no parents and no weights. The
    parents of any other row are train records of different persons with the label of the row. With borderline-smote
    of kind 2, the second parent may have another label; its weight is then below 0.5.
    """

    vectors: Float32  # (m, d), finite
    ids: tuple[str, ...]  # decoding derives the random numbers of a record from the id of its row
    labels: tuple[str, ...]  # the class of each row
    parent_ids: tuple[tuple[str, ...], ...]  # ids of the parents of each row
    weights: tuple[tuple[float, ...], ...]  # one weight per parent; a row's weights sum to 1
    method: str  # name of the method
    seed_path: str  # name of the random stream from which the rows were drawn
    prompt_words: tuple[tuple[str, ...], ...] = ()  # words for the prompt of each row; () for prompts without words

    def __post_init__(self) -> None:
        m = len(self.ids)
        _require(
            len(self.prompt_words) in {0, m},
            "the number of new vectors differs from the number of their prompt words",
        )
        _check_matrix(self.vectors, "new vectors")
        _require(self.vectors.shape[0] == m == len(self.labels), "the numbers of new vectors, ids and labels differ")
        _require(
            m == len(self.parent_ids) == len(self.weights),
            "the number of new vectors differs from the number of their parents or weights",
        )
        _require(len(set(self.ids)) == m, "two new vectors have the same id")
        for parents, weights in zip(self.parent_ids, self.weights, strict=True):
            _require(len(parents) == len(weights), "the numbers of parents and weights of a new vector differ")
            _require(
                not weights or abs(sum(weights) - 1) < 1e-5,
                "the weights of the parents of a new vector do not sum to 1",
            )

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"Latents({self.method}, {self.vectors.shape[0]} x {self.vectors.shape[1]})"


def latent_ids(label: str, n: int) -> list[str]:
    """Return the ids of the first n latents of a class; each depends only on the label and a number from 0."""
    stem = hashlib.sha256(b"synthgen/latent/v1\0" + label.encode()).hexdigest()[:12]
    return [f"{stem}-{i:07d}" for i in range(n)]


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterOutcome:
    """The result of one filter for one candidate."""

    name: str
    passed: bool
    score: float  # the value that the filter judged; its meaning and unit depend on the filter
    reason: str = ""  # a fixed word for the cause of a rejection, never text of a record; empty if passed


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One decoded text for one latent."""

    latent_id: str  # id of the latent that the text was decoded from
    index: int  # number of the candidate for that latent, from 0
    text: str
    label: str  # the requested class
    finish: Literal["stop", "length"]  # "stop" if the model ended the text, "length" if it was cut
    outcomes: tuple[FilterOutcome, ...] = ()  # in the order of the filters; empty before filtering
    # mean of -ln p(token) under the language model, divided by ln(size of its vocabulary); 1 for a uniform guess
    surprisal: float = field(default=1.0, compare=False)

    @property
    def passed(self) -> bool:
        """Whether the candidate passed every filter; False before filtering."""
        return bool(self.outcomes) and all(o.passed for o in self.outcomes)

    def __repr__(self) -> str:
        return f"Candidate({self.latent_id}#{self.index}, {len(self.text)} characters)"


def counts_by_reason(candidates: tuple[Candidate, ...]) -> Mapping[str, int]:
    """Return the number of rejected candidates by the reason (or else the name) of their first failed filter."""
    failures = ([o for o in c.outcomes if not o.passed] for c in candidates)
    reasons = Counter(failed[0].reason or failed[0].name for failed in failures if failed)
    return dict(sorted(reasons.items()))
