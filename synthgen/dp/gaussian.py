"""The method dp-gaussian: draw vectors of each class from a Gaussian distribution that DP queries estimate."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audits.core.files import write_whole
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Float32, Float64, Latents, latent_ids
from synthgen.dp.basis import PublicBasis
from synthgen.dp.class_queries import class_scores, query_means, query_spread
from synthgen.dp.method import PublicContext, QuerySpec
from synthgen.dp.noised_sums import Query, QueryMechanism
from synthgen.dp.person_rows import PersonRows

NAME = "dp-gaussian"
FILE = "classes.safetensors"
MEANS, SPREAD = "class-means", "spread"  # names of the two DP queries
# the default shares of the privacy budget; `dp.shares` can set other shares
QUERIES = {MEANS: QuerySpec(share=0.56), SPREAD: QuerySpec(share=0.14)}
DRAWN = 4  # number of points drawn per new vector; the point with the highest probability of the class is used


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClassModel:
    """A Gaussian model of each class, computed from noised query results.

    To sample a vector of class c, the model draws `DRAWN` points x = μ_c + L · z with z ~ N(0, I). It uses the point
    with the largest class probability p(c | x); see `class_scores`. Points are coordinates in `basis`.
    """

    labels: tuple[str, ...]  # the declared labels, sorted
    basis: PublicBasis
    points: Float64  # (C, d), the means μ of the C classes
    spread: Float64  # (d, d), a square root L of the covariance that all classes share

    def sample(self, counts: Mapping[str, int], rng: SeedTree) -> Latents:
        """Return exactly `counts[label]` new vectors of each label.

        The vectors have no parents (train records from which a vector is made). If a count is increased, the earlier
        vectors stay the same, and new ones are appended.
        """
        drawn = {label: self._draw(label, counts[label], rng.child(label)) for label in sorted(counts)}
        labels = [(label, name) for label, rows in drawn.items() for name in latent_ids(label, len(rows))]
        empty: tuple[tuple[()], ...] = ((),) * len(labels)
        return Latents(
            vectors=np.concatenate(list(drawn.values())),
            ids=tuple(name for _, name in labels),
            labels=tuple(label for label, _ in labels),
            parent_ids=empty,
            weights=empty,
            method=NAME,
            seed_path=str(rng),
        )

    def _draw(self, label: str, m: int, rng: SeedTree) -> Float32:
        code, d = self.labels.index(label), self.points.shape[1]
        points = self.points[code] + rng.generator().standard_normal((m, DRAWN, d)) @ self.spread.T
        scores = class_scores(points.reshape(m * DRAWN, d), self.points, self.spread)
        best = scores[:, code].reshape(m, DRAWN).argmax(axis=1)
        return self.basis.vectors_at(points[np.arange(m), best])

    def directions(self) -> Float64:
        """Return for each class the vector from the mean of all classes to the mean of the class, float64 (C, d)."""
        return np.asarray((self.points - self.points.mean(axis=0)) @ self.basis.axes)

    def save(self, folder: Path) -> None:
        """Write the model into a folder; the basis and the labels are public and are not written."""
        from safetensors.numpy import save

        arrays = {"points": self.points, "spread": self.spread}
        write_whole(folder / FILE, save({name: np.ascontiguousarray(array) for name, array in arrays.items()}))


def learn(
    people: PersonRows, context: PublicContext, queries: Mapping[str, Query], mechanism: QueryMechanism
) -> ClassModel:
    """Run the two DP queries of `QUERIES` on `people`, and return the Gaussian model of each class."""
    basis = context.basis
    means = query_means(people, basis.variances, queries[MEANS], mechanism)
    spread = query_spread(people, means, basis.variances, queries[SPREAD], mechanism)
    return ClassModel(labels=context.labels, basis=basis, points=means.points, spread=spread)


def read(folder: Path, context: PublicContext) -> ClassModel:
    """Return the model that `ClassModel.save` wrote."""
    from safetensors.numpy import load_file

    return ClassModel(labels=context.labels, basis=context.basis, **load_file(folder / FILE))
