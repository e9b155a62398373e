"""What makes new vectors: a method, and what it has learned of train rows, so that "not fitted" cannot happen."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from synthgen.core.neighbours import Neighbours
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Embedded, Float32, Latents
from synthgen.stages.interpolate.counts import check_classes, refuse_classes

Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]
Floats = NDArray[np.float32] | NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """The train rows a method learns from.

    Args:
        vectors: float32 (n, d).
        classes: int64 (n), the class of each row, from 0.
        groups: int64 (n), the person of each row; rows of one person have one number.
        normalized: whether every row has unit length.
    """

    vectors: Float32
    classes: Int64
    groups: Int64
    normalized: bool = False

    @cached_property
    def neighbours(self) -> Neighbours:
        """The search among all rows, whatever their class; its preparation serves every class."""
        return Neighbours(self.vectors, self.groups)

    def of(self, code: int) -> Int64:
        """Return the numbers of the rows of a class, ascending."""
        return np.flatnonzero(self.classes == code)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Points:
    """New vectors of one class, with the rows each was made from.

    Args:
        vectors: float32 (m, d).
        parents: int64 (m, p), numbers of rows; p is 0 for a method that draws from a model of the whole class.
        weights: float64 (m, p), each row summing to 1.
    """

    vectors: Float32
    parents: Int64
    weights: Float64


class Unfit(Exception):  # noqa: N818 - a finding about a class, turned into a DataError that lists them all
    """A method cannot make points of a class; the message says why, without the class's name."""


class Learned(Protocol):
    """What a method has learned of its rows."""

    def points(self, code: int, m: int, rng: SeedTree) -> Points:
        """Return m new points of the class; their draws come from `rng` alone, row after row from its start.

        Raises:
            Unfit: if the class cannot be interpolated by this method.
        """
        ...


class Interpolator(Protocol):
    """A method before it has seen data.

    Attributes:
        name: as in the configuration.
        min_groups: how many different persons a class must have; the plan asks before any work.
        max_parents: how many train records one new vector is made from at most; 0 where it is drawn from a model of
            the whole class.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - documented above

    @property
    def min_groups(self) -> int: ...  # noqa: D102 - documented above

    @property
    def max_parents(self) -> int: ...  # noqa: D102 - documented above

    def learn(self, rows: Rows) -> Learned:
        """Return what the method knows of these rows; the work of a class is done when its points are first asked."""
        ...

    def fit(self, x: Embedded) -> "Sampler":
        """Return the sampler of these train vectors; the order of their rows does not matter."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sampler:
    """A fitted method; made by its `fit`.

    Args:
        method: the method.
        learned: what it knows of the rows.
        x: the train vectors, sorted by label and within it by record id.
        names: the classes, by their code.
    """

    method: Interpolator
    learned: Learned
    x: Embedded
    names: tuple[str, ...]

    @classmethod
    def of(cls, method: Interpolator, x: Embedded) -> "Sampler":
        """Return the sampler of a method and train vectors."""
        order = sorted(range(len(x.ids)), key=lambda i: (x.labels[i], x.ids[i]))
        names = tuple(sorted(set(x.labels)))
        code = {name: i for i, name in enumerate(names)}
        number = {group: i for i, group in enumerate(sorted(set(x.groups)))}
        x = Embedded(
            vectors=x.vectors[order],
            ids=tuple(x.ids[i] for i in order),
            labels=tuple(x.labels[i] for i in order),
            groups=tuple(x.groups[i] for i in order),
            encoder=x.encoder,
            normalized=x.normalized,
        )
        rows = Rows(
            vectors=x.vectors,
            classes=np.array([code[label] for label in x.labels], dtype=np.int64),
            groups=np.array([number[group] for group in x.groups], dtype=np.int64),
            normalized=x.normalized,
        )
        return cls(method=method, learned=method.learn(rows), x=x, names=names)

    def sample(self, counts: Mapping[str, int], rng: SeedTree) -> Latents:
        """Return exactly `counts[label]` new vectors of each label, sorted by label.

        Every class draws from `rng.child(label)` alone, and its rows from the start of that stream: asking for more
        rows keeps the first ones, and no draw of a class depends on which other classes are asked for.

        Raises:
            DataError: naming every class asked for that is absent, too small or otherwise unfit for the method.
        """
        check_classes(self.x.labels, self.x.groups, counts, self.method.min_groups)
        made: dict[str, Points] = {}
        unfit: dict[str, str] = {}
        for label, m in sorted(counts.items()):
            try:
                made[label] = self.learned.points(self.names.index(label), m, rng.child(label))
            except Unfit as reason:
                unfit[label] = str(reason)
        if unfit:
            refuse_classes([f"{label!r}: {reason}" for label, reason in unfit.items()], self.method.name)
        ids = np.array(self.x.ids, dtype=object)
        vectors = [np.empty((0, self.x.vectors.shape[1]), dtype=np.float32)]
        return Latents(
            vectors=np.concatenate(vectors + [p.vectors for p in made.values()]),
            ids=tuple(name for label, m in sorted(counts.items()) for name in latent_ids(label, m)),
            labels=tuple(label for label, m in sorted(counts.items()) for _ in range(m)),
            parent_ids=tuple(tuple(row) for p in made.values() for row in ids[p.parents].tolist()),
            weights=tuple(tuple(row) for p in made.values() for row in p.weights.tolist()),
            method=self.method.name,
            seed_path=str(rng),
        )


def latent_ids(label: str, n: int) -> list[str]:
    """Return the stable names of a class's new rows; they depend on the label and the row's number alone."""
    stem = hashlib.sha256(b"synthgen/latent/v1\0" + label.encode()).hexdigest()[:12]
    return [f"{stem}-{i:07d}" for i in range(n)]
