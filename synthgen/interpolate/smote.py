"""SMOTE: new vectors on the segments between neighbours of a class."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthgen.interpolate.base import ClassRows, latent_ids, rows_by_class
from synthgen.interpolate.counts import check_classes
from synthgen.neighbours import nearest
from synthgen.seeds import SeedTree
from synthgen.types import Embedded, Latents


@dataclass(frozen=True, slots=True)
class Smote:
    """Synthetic minority oversampling in the encoder's space, within each class and across persons.

    A vector between two real ones keeps the class's region and belongs to no single record.

        x̃ = x_i + λ (x_nn − x_i),   λ ~ U(0, 1)

    x_i is uniform over the class's records, x_nn uniform over its k nearest (Euclidean) of the same class that belong
    to *other persons*. The result is not brought back to unit length: the bridge normalises its input itself, and
    the segment is what the exposure audit checks.

    Args:
        k_neighbors: k; a class needs k + 1 different persons.

    Privacy: reads train vectors and labels. A point lies exactly on a line between two real records, so vectors must
        never be released (known attacks recover the parents from them); parents and weights stay in the workspace.
        Choosing neighbours among other persons means no point is a mixture of one person's records.

    Source: Chawla, Bowyer, Hall & Kegelmeyer, "SMOTE: Synthetic Minority Over-sampling Technique", JAIR 16 (2002),
        section 4.2. We depart in excluding rows of the same person and in keeping the parents.
    """

    k_neighbors: int = 5

    @property
    def name(self) -> str:
        """As in the configuration."""
        return "smote"

    @property
    def min_groups(self) -> int:
        """One person and the k neighbours, who could all be different."""
        return self.k_neighbors + 1

    @property
    def max_parents(self) -> int:
        """The two ends of a segment."""
        return 2

    def fit(self, x: Embedded) -> "SmoteSampler":
        """Return the sampler: the k nearest neighbours of every row of every class that is large enough."""
        rows = rows_by_class(x)
        neighbours = {
            label: nearest(of.vectors, of.groups, self.k_neighbors)[0]
            for label, of in rows.items()
            if of.n_groups >= self.min_groups
        }
        return SmoteSampler(
            labels=x.labels, groups=x.groups, dim=x.vectors.shape[1], rows=rows, neighbours=neighbours, method=self
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SmoteSampler:
    """The neighbours of each class; made by `Smote.fit`."""

    labels: tuple[str, ...]
    groups: tuple[str, ...]
    dim: int
    rows: Mapping[str, ClassRows]
    neighbours: Mapping[str, NDArray[np.int64]]
    method: Smote

    def sample(self, counts: Mapping[str, int], rng: SeedTree) -> Latents:
        """Return exactly `counts[label]` points of each label, sorted by label.

        Row i lies on the segment of its two parents, with weights (1 − λ, λ).

        Raises:
            DataError: naming every class asked for that is absent or too small, with the number needed.

        Random: of `rng.child(label)`, the children "parent", "neighbour" and "lambda", one draw a row each.
        """
        check_classes(self.labels, self.groups, counts, self.method.min_groups)
        vectors = [np.empty((0, self.dim), dtype=np.float32)]
        ids: list[str] = []
        parents: list[tuple[str, ...]] = []
        weights: list[tuple[float, ...]] = []
        for label, m in sorted(counts.items()):
            of, stream = self.rows[label], rng.child(label)
            i = stream.child("parent").generator().integers(0, len(of.ids), size=m)
            which = stream.child("neighbour").generator().integers(0, self.method.k_neighbors, size=m)
            lam = stream.child("lambda").generator().random(m)
            nn = self.neighbours[label][i, which]
            x_i, x_nn = of.vectors[i].astype(np.float64), of.vectors[nn].astype(np.float64)  # (m, d)
            vectors.append((x_i + lam[:, None] * (x_nn - x_i)).astype(np.float32))
            ids += latent_ids(label, m)
            parents += [(of.ids[a], of.ids[b]) for a, b in zip(i, nn, strict=True)]
            weights += [(float(1 - t), float(t)) for t in lam]
        return Latents(
            vectors=np.concatenate(vectors),
            ids=tuple(ids),
            labels=tuple(label for label, m in sorted(counts.items()) for _ in range(m)),
            parent_ids=tuple(parents),
            weights=tuple(weights),
            method=self.method.name,
            seed_path=str(rng),
        )
