"""What makes new vectors: two types, so that "not fitted" cannot happen."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from synthgen.seeds import SeedTree
from synthgen.types import Embedded, Float32, Latents


class Sampler(Protocol):
    """A fitted method."""

    def sample(self, counts: Mapping[str, int], rng: SeedTree) -> Latents:
        """Return exactly `counts[label]` new vectors of each label, sorted by label.

        Every class draws from `rng.child(label)` alone, and its rows from the start of that stream: adding a class
        changes no point of another class, and asking for more rows keeps the first ones.

        Raises:
            DataError: naming every class asked for that is absent or too small, with the number needed.
        """
        ...


class Interpolator(Protocol):
    """A method before it has seen data.

    Attributes:
        name: as in the configuration.
        min_groups: how many different persons a class must have; the plan asks before any work.
        max_parents: how many train records one new vector is made from at most.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - documented above

    @property
    def min_groups(self) -> int: ...  # noqa: D102 - documented above

    @property
    def max_parents(self) -> int: ...  # noqa: D102 - documented above

    def fit(self, x: Embedded) -> Sampler:
        """Return the sampler of these train vectors; the order of their rows does not matter."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClassRows:
    """The train rows of one class, sorted by record id so that the order of the table does not matter.

    Args:
        vectors: float32 (n, d).
        ids: the record of each row.
        groups: int64 (n), the person of each row as a number.
    """

    vectors: Float32
    ids: tuple[str, ...]
    groups: NDArray[np.int64]

    @property
    def n_groups(self) -> int:
        """The number of different persons."""
        return len(np.unique(self.groups))


def rows_by_class(x: Embedded) -> dict[str, ClassRows]:
    """Return the rows of each class, sorted by label and within it by record id."""
    order = sorted(range(len(x.ids)), key=lambda i: (x.labels[i], x.ids[i]))
    number = {group: i for i, group in enumerate(sorted(set(x.groups)))}
    rows: dict[str, list[int]] = {}
    for i in order:
        rows.setdefault(x.labels[i], []).append(i)
    return {
        label: ClassRows(
            vectors=x.vectors[index],
            ids=tuple(x.ids[i] for i in index),
            groups=np.array([number[x.groups[i]] for i in index], dtype=np.int64),
        )
        for label, index in rows.items()
    }


def latent_ids(label: str, n: int) -> list[str]:
    """Return the stable names of a class's new rows; they depend on the label and the row's number alone."""
    stem = hashlib.sha256(b"synthgen/latent/v1\0" + label.encode()).hexdigest()[:12]
    return [f"{stem}-{i:07d}" for i in range(n)]
