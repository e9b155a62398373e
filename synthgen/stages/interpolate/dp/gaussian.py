"""dp-gaussian: classes as Gaussians in a public basis, and a classifier that says which points are whose."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from synthgen.core.seeds import SeedTree
from synthgen.core.types import Embedded, Float32, Latents
from synthgen.privacy.sums import Float64, Query
from synthgen.stages.interpolate.base import latent_ids
from synthgen.stages.interpolate.dp.basis import PublicBasis
from synthgen.stages.interpolate.dp.people import PersonRows
from synthgen.stages.interpolate.dp.queries import (
    BOUNDARY,
    GRADIENT_CLIP,
    MEANS,
    SPREAD,
    SPREAD_CLIP,
    STEPS,
    Ask,
    ask_boundary,
    ask_means,
    ask_spread,
    class_scores,
)
from synthgen.stages.interpolate.dp.words import ClassWords

NAME = "dp-gaussian"
FILE = "classes.safetensors"
SHARES = {MEANS: 0.25, SPREAD: 0.1, BOUNDARY: 0.35}  # of the budget, before all shares are brought to a sum of 1
TIMES = {MEANS: 1, SPREAD: 1, BOUNDARY: STEPS}  # how often each is asked
CLIPS = {MEANS: 1.0, SPREAD: SPREAD_CLIP, BOUNDARY: GRADIENT_CLIP}
DRAWN = 4  # points of which the one most of its class is taken
STOOD_IN = 200  # points of each class that stand in for train records where filters learn


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClassModel:
    """What was learned of the classes: noised, so whatever is computed from it costs nothing more.

        x = μ_c + L z,  z ~ N(0, I);   of `DRAWN` such points the one with the largest log p(c | x)

    Args:
        labels: sorted.
        basis: public.
        points: float64 (C, d), μ.
        spread: float64 (d, d), L.
        weights: float64 (d + 1, C), of the classifier p.
        encoder: whose vectors these are.
        words: what the classes say, where persons were asked.
        told: how many of them each vector is given.
    """

    labels: tuple[str, ...]
    basis: PublicBasis
    points: Float64
    spread: Float64
    weights: Float64
    encoder: str
    words: ClassWords | None = None
    told: int = 0

    def sample(self, counts: Mapping[str, int], rng: SeedTree) -> Latents:
        """Return exactly `counts[label]` new vectors of each label; asking for more keeps the first ones.

        They have no parents: no record of anybody is in any of them by more than the noise allows.
        """
        drawn = [self._draw(label, m, rng.child(label)) for label, m in sorted(counts.items())]
        told: tuple[tuple[str, ...], ...] = ()
        if self.words is not None:
            told = tuple(
                words
                for (label, _), vectors in zip(sorted(counts.items()), drawn, strict=True)
                for words in self._tell(label, vectors, self.words, rng.child(label, "words"))
            )
        empty: tuple[tuple[()], ...] = ((),) * sum(counts.values())
        return Latents(
            vectors=np.concatenate([np.empty((0, self.points.shape[1]), dtype=np.float32), *drawn]),
            ids=tuple(name for label, m in sorted(counts.items()) for name in latent_ids(label, m)),
            labels=tuple(label for label, m in sorted(counts.items()) for _ in range(m)),
            parent_ids=empty, weights=empty, method=NAME, seed_path=str(rng), told=told,
        )  # fmt: skip

    def stand_ins(self, rng: SeedTree) -> Embedded:
        """Return points that stand in for train records wherever something is fitted after this."""
        drawn = self.sample(dict.fromkeys(self.labels, STOOD_IN), rng)
        return Embedded(
            vectors=drawn.vectors, ids=drawn.ids, labels=drawn.labels, groups=drawn.ids, encoder=self.encoder,
            normalized=True,
        )  # fmt: skip

    def _draw(self, label: str, m: int, rng: SeedTree) -> Float32:
        code = self.labels.index(label)
        z = rng.generator().standard_normal((m, DRAWN, self.points.shape[1]))
        points = self.points[code] + z @ self.spread.T
        scores = class_scores(points.reshape(m * DRAWN, -1), self.weights, scales_of(self.basis))[:, code]
        best = scores.reshape(m, DRAWN).argmax(axis=1)
        return self.basis.outward(points[np.arange(m), best])

    def _tell(self, label: str, vectors: Float32, words: ClassWords, rng: SeedTree) -> tuple[tuple[str, ...], ...]:
        return words.draw(self.labels.index(label), vectors, self.told, rng.generator())

    def save(self, folder: Path) -> None:
        """Write it into a folder; the basis and the names are public and are not in it."""
        arrays = {"points": self.points, "spread": self.spread, "weights": self.weights}
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, folder / FILE)


def read_classes(folder: Path, labels: Sequence[str], basis: PublicBasis, encoder: str) -> ClassModel:
    """Return the model that `ClassModel.save` wrote."""
    held = load_file(folder / FILE)
    return ClassModel(labels=tuple(sorted(labels)), basis=basis, encoder=encoder, **held)


def learn_classes(
    people: PersonRows, labels: Sequence[str], basis: PublicBasis, encoder: str, noise: Mapping[str, float], ask: Ask
) -> ClassModel:
    """Return what the persons' noised answers say of their classes.

    Args:
        people: of train, or made up.
        labels: as declared.
        basis: of the encoder.
        encoder: its name.
        noise: the multiplier of each query of `SHARES`.
        ask: answers a query with noise.

    Privacy: `TIMES` Gaussian queries of each name, clipped to `CLIPS` for each person over all classes together.
    """
    queries = {name: Query(name=name, noise_multiplier=noise[name], clip=CLIPS[name]) for name in SHARES}
    means = ask_means(people, basis.variances, queries[MEANS], ask)
    spread = ask_spread(people, means, basis.variances, queries[SPREAD], ask)
    weights = ask_boundary(people, means, scales_of(basis), queries[BOUNDARY], ask)
    return ClassModel(
        labels=tuple(sorted(labels)),
        basis=basis,
        points=means.points,
        spread=spread,
        weights=weights,
        encoder=encoder,
    )


def scales_of(basis: PublicBasis) -> Float64:
    """Return what axes are scaled by before they are classified: half the way to equal public variance; (d,)."""
    return np.asarray(1 / np.sqrt(basis.variances + basis.variances[min(64, len(basis.variances) - 1)]))
