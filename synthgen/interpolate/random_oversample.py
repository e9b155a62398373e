"""Random oversampling: the vectors of real records again, the baseline interpolation is compared with."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from synthgen.interpolate.base import ClassRows, latent_ids, rows_by_class
from synthgen.interpolate.counts import check_classes
from synthgen.seeds import SeedTree
from synthgen.types import Embedded, Latents


@dataclass(frozen=True, slots=True)
class RandomOversample:
    """Repeat vectors of real records of a class, drawn uniformly with replacement.

        x̃ = x_i

    Privacy: the decoder sees the very vector of one record, so only its information loss stands between a record and
        its paraphrase. A baseline, not a protection.

    Source: the resampling baseline of Chawla et al., JAIR 16 (2002), section 3.
    """

    @property
    def name(self) -> str:
        """As in the configuration."""
        return "random-oversample"

    @property
    def min_groups(self) -> int:
        """Any record can be repeated."""
        return 1

    @property
    def max_parents(self) -> int:
        """The record itself."""
        return 1

    def fit(self, x: Embedded) -> "RandomOversampler":
        """Return the sampler of these vectors."""
        return RandomOversampler(labels=x.labels, groups=x.groups, dim=x.vectors.shape[1], rows=rows_by_class(x))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RandomOversampler:
    """The rows of each class; made by `RandomOversample.fit`."""

    labels: tuple[str, ...]
    groups: tuple[str, ...]
    dim: int
    rows: Mapping[str, ClassRows]

    def sample(self, counts: Mapping[str, int], rng: SeedTree) -> Latents:
        """Return exactly `counts[label]` vectors of each label, sorted by label; row i is its one parent's vector.

        Raises:
            DataError: naming every class asked for that is absent.

        Random: of `rng.child(label)`, the child "parent", one draw a row.
        """
        check_classes(self.labels, self.groups, counts, 1)
        vectors = [np.empty((0, self.dim), dtype=np.float32)]
        ids: list[str] = []
        parents: list[tuple[str, ...]] = []
        for label, m in sorted(counts.items()):
            of = self.rows[label]
            i = rng.child(label, "parent").generator().integers(0, len(of.ids), size=m)
            vectors.append(of.vectors[i])
            ids += latent_ids(label, m)
            parents += [(of.ids[a],) for a in i]
        return Latents(
            vectors=np.concatenate(vectors),
            ids=tuple(ids),
            labels=tuple(label for label, m in sorted(counts.items()) for _ in range(m)),
            parent_ids=tuple(parents),
            weights=((1.0,),) * len(ids),
            method="random-oversample",
            seed_path=str(rng),
        )
