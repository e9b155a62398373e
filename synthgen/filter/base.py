"""What judges candidates: every filter sees every candidate, so the order of the chain changes no verdict.

Privacy: no filter drops a candidate for lying close to train records, save the copy rule (copies.py). A filter that
did would leave a hole around each train person, and whoever saw the release could tell train persons by the absence
of text near them. Bounds are learned from train text and its reconstructions as quantiles and aggregates; control is
never
seen.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from synthgen.core.errors import InternalError
from synthgen.core.neighbours import unit_rows
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Candidate, Corpus, Embedded, FilterOutcome, Float32, Latents

MIN_FOLDS = 5
FREE_FOLDS = 3  # that hold no parent of a latent, at least


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reconstructions:
    """Train records sent through the decoder and back: what its text looks like when the vector is a real one's.

    A decoder writes in its own style, so its text lies further from a vector, and from a class, than real text does.
    Bounds learned from reconstructions ask whether a candidate came out as well as a real record does, under any
    encoder,
    decoder and domain.

    Args:
        record_ids: the train record of each reconstruction.
        texts: what was written from the record's vector.
        vectors: float32 (r, d), the re-embedded texts.
    """

    record_ids: tuple[str, ...]
    texts: tuple[str, ...]
    vectors: Float32

    def __post_init__(self) -> None:
        if not len(self.record_ids) == len(self.texts) == len(self.vectors):
            raise InternalError("reconstructions do not match their records")

    def __repr__(self) -> str:
        return f"Reconstructions({len(self.texts)} records)"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FilterContext:
    """What filters may look at; made by `make_context`, train rows sorted by record id.

    Args:
        latents: what the candidates were decoded from.
        latent_row: the row of each latent id.
        vectors: float32 (c, d), unit length, the re-embedded text of candidate i in row i.
        targets: float32 (m, d), unit length, the direction of each latent.
        train: float32 (n, d), unit length, the train vectors.
        texts: the train texts.
        labels: the class of each train row.
        groups: int64 (n), the person of each train row as a number.
        folds: int64 (n), the fold of each train row; a person is in one fold.
        parent_folds: for each latent the folds of its parents' persons; empty for a latent without parents.
        reconstruction_rows: int64 (r), the train row of each reconstruction.
        reconstruction_texts: the text of each reconstruction.
        reconstruction_vectors: float32 (r, d), unit length, the re-embedded reconstructions.
        max_new_tokens: how many tokens the decoder may write.
        seeds: the random stream of the stage.
    """

    latents: Latents
    latent_row: Mapping[str, int]
    vectors: Float32
    targets: Float32
    train: Float32
    texts: tuple[str, ...]
    labels: NDArray[np.str_]
    groups: NDArray[np.int64]
    folds: NDArray[np.int64]
    parent_folds: tuple[frozenset[int], ...]
    reconstruction_rows: NDArray[np.int64]
    reconstruction_texts: tuple[str, ...]
    reconstruction_vectors: Float32
    max_new_tokens: int
    seeds: SeedTree

    def row(self, candidate: Candidate) -> int:
        """Return the row of the latent a candidate was decoded from."""
        return self.latent_row[candidate.latent_id]


@dataclass(frozen=True, slots=True, eq=False)
class FittedFilter:
    """A filter that has its bounds.

    Args:
        name: how its outcomes are called.
        bounds: what candidates are compared with, learned or configured; reported with the run.
        judge: returns the outcome of each candidate, in order.
    """

    name: str
    bounds: Mapping[str, float]
    judge: Callable[[Sequence[Candidate]], list[FilterOutcome]]


class Filter(Protocol):
    """A filter whose limits are learned from train text and reconstructions; a filter of texts alone needs no fit.

    Attributes:
        name: how its outcomes are called.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - documented above

    def fit(self, context: FilterContext) -> FittedFilter:
        """Return the filter with its bounds; it judges the candidates of the same context.

        Raises:
            DataError: if the train records cannot carry it, saying what would.
        """
        ...


def outcome(name: str, *, passed: bool, score: float, reason: str = "") -> FilterOutcome:
    """Return what a filter says of a candidate; only a failure has a reason, by default the filter's name."""
    return FilterOutcome(name=name, passed=bool(passed), score=float(score), reason="" if passed else reason or name)


def make_context(  # noqa: PLR0913 - what the filters may see, and nothing else
    latents: Latents,
    vectors: Float32,
    *,
    train: Embedded,
    corpus: Corpus,
    reconstructions: Reconstructions,
    max_new_tokens: int,
    seeds: SeedTree,
) -> FilterContext:
    """Return what the filters look at.

    Folds: the persons of a class, in an order drawn from the seed, go round the folds, so every fold has a like share
    of every class. There are at least five, and always three more than a latent has parents, so that the models that
    have not seen the parents of a candidate have seen most of the rest.

    Args:
        latents: what the candidates were decoded from.
        vectors: float32 (c, d), the re-embedded text of each candidate.
        train: the vectors the latents were made from.
        corpus: their records, in the same order.
        reconstructions: some train records, decoded from their own vectors and embedded again.
        max_new_tokens: how many tokens the decoder may write.
        seeds: the random stream of the stage.

    Raises:
        DataError: if a vector has length zero.
    """
    if train.ids != tuple(r.id for r in corpus.records):
        raise InternalError("train vectors and train records differ")
    order = sorted(range(len(train.ids)), key=lambda i: train.ids[i])
    labels = [train.labels[i] for i in order]
    groups = [train.groups[i] for i in order]
    n_folds = folds_for(max((len(p) for p in latents.parent_ids), default=0))
    fold_of = person_folds(labels, groups, n_folds, seeds.child("folds"))
    fold_of_record = {train.ids[i]: fold_of[train.groups[i]] for i in order}
    number = {group: i for i, group in enumerate(sorted(set(groups)))}
    row_of = {train.ids[i]: row for row, i in enumerate(order)}
    if not set(reconstructions.record_ids) <= set(row_of):
        raise InternalError("an reconstruction is not of train")
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
    """Return how many folds persons are dealt into where a latent has up to so many parents."""
    return max(MIN_FOLDS, FREE_FOLDS + parents)


def person_folds(labels: Sequence[str], groups: Sequence[str], n_folds: int, seeds: SeedTree) -> dict[str, int]:
    """Return the fold of each person, 0 to n_folds − 1, balanced within each class.

    A person with records of several classes counts under the one that sorts first. Adding a class changes no fold of
    a person of another class.
    """
    first: dict[str, str] = {}
    for label, group in zip(labels, groups, strict=True):
        first[group] = min(label, first.get(group, label))
    members: dict[str, list[str]] = {}
    for group, label in first.items():
        members.setdefault(label, []).append(group)
    folds: dict[str, int] = {}
    for label, persons in members.items():
        start = int.from_bytes(seeds.child("class", label).key()[:8], "big")
        drawn = sorted(persons, key=lambda group: seeds.child("person", group).key())
        folds |= {group: (start + i) % n_folds for i, group in enumerate(drawn)}
    return folds
