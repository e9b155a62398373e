"""Define the interface of filters, and the data that filters may read. A filter accepts or rejects generated texts.

A candidate is a text that the decoder wrote from a latent (a new vector). A filter first learns its limits from train
records and their reconstructions, then judges each candidate.

Privacy: only the filter of copies (copies.py) rejects candidates because they are close to train records. If other
filters also rejected such candidates, the regions around train persons would contain no synthetic text, which would
reveal who is in train. Filters never read control records, which are held out for the audits.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from synthgen.core.errors import InternalError
from synthgen.core.neighbours import unit_rows
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Candidate, Corpus, Embedded, FilterOutcome, Float32, Latents

# The train persons are divided into groups, called folds. The parents of a candidate are the train records from which
# its latent was made. Some filters judge a candidate only by the folds that contain no parent of the candidate.
MIN_FOLDS = 5  # smallest number of folds
FREE_FOLDS = 3  # for every latent, at least this number of folds contain no parent of the latent


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reconstructions:
    """Train records decoded from their own vectors; their texts show how far a decoded text is from its vector."""

    record_ids: tuple[str, ...]  # id of the train record of each reconstruction
    texts: tuple[str, ...]
    vectors: Float32  # (r, d), vectors of the texts

    def __post_init__(self) -> None:
        if not len(self.record_ids) == len(self.texts) == len(self.vectors):
            raise InternalError("the reconstructions have different numbers of record ids, texts and vectors")

    def __repr__(self) -> str:
        return f"Reconstructions({len(self.texts)} records)"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FilterContext:
    """The data that filters may read: n train records sorted by id, m latents, c candidates and r reconstructions.

    All vectors have unit length. A row is a position among the records, latents, candidates or reconstructions. Under
    DP, the filters get no real record: each train record has an empty text and a vector drawn from noised statistics.
    """

    latents: Latents
    latent_row: Mapping[str, int]  # id of a latent -> row of the latent
    vectors: Float32  # (c, d), embedded texts of the candidates
    targets: Float32  # (m, d), vectors of the latents
    train: Float32  # (n, d), vectors of the train records
    texts: tuple[str, ...]  # train texts
    labels: NDArray[np.str_]  # (n,), labels of the train records
    groups: NDArray[np.int64]  # (n,), number of the person of each train record
    folds: NDArray[np.int64]  # (n,), fold of each train record; all records of a person are in one fold
    parent_folds: tuple[frozenset[int], ...]  # (m,), folds that contain parents of each latent; empty without parents
    reconstruction_rows: NDArray[np.int64]  # (r,), row of the train record of each reconstruction
    reconstruction_texts: tuple[str, ...]
    reconstruction_vectors: Float32  # (r, d), vectors of the reconstructed texts
    max_new_tokens: int  # largest number of tokens that the decoder writes for a record
    seeds: SeedTree

    def row(self, candidate: Candidate) -> int:
        """Return the row of a candidate's latent."""
        return self.latent_row[candidate.latent_id]


@dataclass(frozen=True, slots=True, eq=False)
class FittedFilter:
    """A filter whose limits are known."""

    name: str
    bounds: Mapping[str, float]  # name -> learned or configured limit, or a related figure; shown in the run's report
    judge: Callable[[Sequence[Candidate]], list[FilterOutcome]]  # returns one outcome per candidate, in order


class Filter(Protocol):
    """A filter before its limits are learned from train texts and reconstructions."""

    name: ClassVar[str]

    def fit(self, context: FilterContext) -> FittedFilter:
        """Learn the limits from the context; raise DataError if this is not possible."""


def outcome(name: str, *, passed: bool, score: float, reason: str = "") -> FilterOutcome:
    """Return the outcome of a filter for one candidate; the default reason for a rejection is the filter's name."""
    return FilterOutcome(name=name, passed=bool(passed), score=float(score), reason="" if passed else reason or name)


def scored(  # noqa: PLR0913 - one argument for each property of a filter
    name: str,
    bounds: Mapping[str, float],
    score: Callable[[Sequence[Candidate]], Iterable[float]],
    *,
    low: float = -math.inf,
    high: float = math.inf,
    reasons: tuple[str, str] = ("", ""),
    unknown: float = 0,
) -> FittedFilter:
    """Return a filter that accepts the candidates with a score from `low` to `high`.

    The reasons for a rejection are `reasons[0]` below `low` and `reasons[1]` above `high`; an empty reason stands for
    the filter's name. The score is NaN if the filter learned from no record of the candidate's class. Such a
    candidate is rejected as "class_not_learned", and `unknown` is reported as its score.
    """

    def judge(candidates: Sequence[Candidate]) -> list[FilterOutcome]:
        return [
            outcome(name, passed=False, score=unknown, reason="class_not_learned")
            if math.isnan(s)
            else outcome(name, passed=low <= s <= high, score=s, reason=reasons[1 if s > high else 0])
            for s in score(candidates)
        ]

    return FittedFilter(name, bounds, judge)


def make_context(  # noqa: PLR0913 - one argument for each source of data that the filters may read
    latents: Latents,
    vectors: Float32,
    *,
    train: Embedded,
    corpus: Corpus,
    reconstructions: Reconstructions,
    max_new_tokens: int,
    seeds: SeedTree,
) -> FilterContext:
    """Return the data that the filters read; raise DataError if a vector has length zero.

    `vectors` (c, d) are the embedded texts of the candidates. `train` are the vectors of the records of `corpus`, in
    the order of the records. The persons of train are divided into folds; see `person_folds`.
    """
    if train.ids != tuple(r.id for r in corpus.records):
        raise InternalError("the train vectors do not have the same ids in the same order as the train records")
    order = sorted(range(len(train.ids)), key=lambda i: train.ids[i])
    labels = [train.labels[i] for i in order]
    groups = [train.groups[i] for i in order]
    n_folds = folds_for(max(map(len, latents.parent_ids), default=0))
    fold_of = person_folds(labels, groups, n_folds, seeds.child("folds"))
    fold_of_record = {train.ids[i]: fold_of[train.groups[i]] for i in order}
    number = {group: i for i, group in enumerate(sorted(set(groups)))}
    row_of = {train.ids[i]: row for row, i in enumerate(order)}
    if not set(reconstructions.record_ids) <= set(row_of):
        raise InternalError("a reconstruction belongs to no train record")
    return FilterContext(
        latents=latents,
        latent_row={id_: row for row, id_ in enumerate(latents.ids)},
        vectors=unit_rows(vectors),
        targets=unit_rows(latents.vectors),
        train=unit_rows(train.vectors[order]),
        texts=tuple(corpus.records[i].text for i in order),
        labels=np.array(labels, dtype=np.str_),
        groups=np.array([number[group] for group in groups], dtype=np.int64),
        folds=np.array([fold_of[group] for group in groups], dtype=np.int64),
        parent_folds=tuple(frozenset(fold_of_record[p] for p in parents) for parents in latents.parent_ids),
        reconstruction_rows=np.array([row_of[id_] for id_ in reconstructions.record_ids], dtype=np.int64),
        reconstruction_texts=reconstructions.texts,
        reconstruction_vectors=unit_rows(reconstructions.vectors),
        max_new_tokens=max_new_tokens,
        seeds=seeds,
    )


def folds_for(parents: int) -> int:
    """Return how many folds to make, so that `FREE_FOLDS` folds contain none of the `parents` parents of a latent."""
    return max(MIN_FOLDS, FREE_FOLDS + parents)


def person_folds(labels: Sequence[str], groups: Sequence[str], n_folds: int, seeds: SeedTree) -> dict[str, int]:
    """Return the fold of each person, 0 to n_folds − 1.

    `labels` and `groups` have one entry per record; a group is the id of a person. The persons of each class are put
    in random order and assigned to the folds in turn, so every fold has a similar share of every class. A person with
    records of several classes belongs to the class whose label sorts first.
    """
    class_of: dict[str, str] = {}  # person -> class
    for label, group in zip(labels, groups, strict=True):
        class_of[group] = min(label, class_of.get(group, label))
    folds: dict[str, int] = {}
    for label in set(labels):
        start = int.from_bytes(seeds.child("class", label).key()[:8], "big")
        persons = [group for group in class_of if class_of[group] == label]
        drawn = sorted(persons, key=lambda group: seeds.child("person", group).key())
        folds |= {group: (start + i) % n_folds for i, group in enumerate(drawn)}
    return folds
