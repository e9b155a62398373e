"""dp-gaussian: classes as Gaussians in a public basis, and a classifier that says which points are whose."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from synthgen.core.seeds import SeedTree
from synthgen.core.types import Float32, Latents, latent_ids
from synthgen.dp.basis import PublicBasis
from synthgen.dp.class_queries import ask_boundary, ask_means, ask_spread, class_scores
from synthgen.dp.method import Asked, PublicContext
from synthgen.dp.noised_sums import Ask, Float64, Query
from synthgen.dp.person_rows import PersonRows

NAME = "dp-gaussian"
FILE = "classes.safetensors"
MEANS, SPREAD, BOUNDARY = "class-means", "spread", "boundary"
ASKED = {
    MEANS: Asked(share=0.25),
    SPREAD: Asked(share=0.1, clip=0.7),
    BOUNDARY: Asked(share=0.35, clip=0.5, steps=30),
}
DRAWN = 4  # points of which the one most of its class is taken


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClassModel:
    """What was learned of the classes.

        x = μ_c + L z,  z ~ N(0, I);   of `DRAWN` such points the one with the largest log p(c | x)

    Args:
        labels: sorted.
        basis: public.
        points: float64 (C, d), μ.
        spread: float64 (d, d), L.
        weights: float64 (d + 1, C), of the classifier p.
    """

    labels: tuple[str, ...]
    basis: PublicBasis
    points: Float64
    spread: Float64
    weights: Float64

    def sample(self, counts: Mapping[str, int], rng: SeedTree) -> Latents:
        """Return exactly `counts[label]` new vectors of each label; asking for more keeps the first ones.

        The vectors have no parents: they are computed from noised answers alone.
        """
        return latents_of({label: self._draw(label, m, rng.child(label)) for label, m in counts.items()}, NAME, rng)

    def _draw(self, label: str, m: int, rng: SeedTree) -> Float32:
        z = rng.generator().standard_normal((m, DRAWN, self.points.shape[1]))
        return self.most_of_class(label, self.points[self.labels.index(label)] + z @ self.spread.T)

    def most_of_class(self, label: str, points: Float64) -> Float32:
        """Return of each row of points, float64 (m, k, d), the one most of the class, as float32 (m, d)."""
        m, k, d = points.shape
        scores = class_scores(points.reshape(m * k, d), self.weights, scales_of(self.basis))
        best = scores[:, self.labels.index(label)].reshape(m, k).argmax(axis=1)
        return self.basis.outward(points[np.arange(m), best])

    def save(self, folder: Path) -> None:
        """Write it into a folder; the basis and the names are public and are not in it."""
        arrays = {"points": self.points, "spread": self.spread, "weights": self.weights}
        from safetensors.numpy import save_file

        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, folder / FILE)


def learn(people: PersonRows, context: PublicContext, queries: Mapping[str, Query], ask: Ask) -> ClassModel:
    """Return what the persons' noised answers say of their classes.

    Privacy: the Gaussian queries of `ASKED`, clipped for each person over all classes together.
    """
    basis = context.basis
    means = ask_means(people, basis.variances, queries[MEANS], ask)
    spread = ask_spread(people, means, basis.variances, queries[SPREAD], ask)
    weights = ask_boundary(people, means, scales_of(basis), queries[BOUNDARY], ask)
    return ClassModel(labels=context.labels, basis=basis, points=means.points, spread=spread, weights=weights)


def read(folder: Path, context: PublicContext) -> ClassModel:
    """Return the model that `ClassModel.save` wrote."""
    from safetensors.numpy import load_file

    return ClassModel(labels=context.labels, basis=context.basis, **load_file(folder / FILE))


def latents_of(drawn: Mapping[str, Float32], method: str, rng: SeedTree) -> Latents:
    """Return the vectors of each label as latents of nobody."""
    labels = [(label, name) for label, rows in sorted(drawn.items()) for name in latent_ids(label, len(rows))]
    empty: tuple[tuple[()], ...] = ((),) * len(labels)
    return Latents(
        vectors=np.concatenate([drawn[label] for label in sorted(drawn)]),
        ids=tuple(name for _, name in labels),
        labels=tuple(label for label, _ in labels),
        parent_ids=empty,
        weights=empty,
        method=method,
        seed_path=str(rng),
    )


def scales_of(basis: PublicBasis) -> Float64:
    """Return what axes are scaled by before they are classified: half the way to equal public variance; (d,)."""
    return np.asarray(1 / np.sqrt(basis.variances + basis.variances[min(64, len(basis.variances) - 1)]))
