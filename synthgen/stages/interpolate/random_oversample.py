"""Random oversampling: the vectors of real records again, the baseline interpolation is compared with."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from synthgen.core.seeds import SeedTree
from synthgen.core.types import Embedded
from synthgen.stages.interpolate.base import Float64, Int64, Points, Rows, Sampler
from synthgen.stages.interpolate.blend import blended


@dataclass(frozen=True, slots=True)
class RandomOversample:
    """Repeat vectors of real records of a class, drawn uniformly with replacement.

        x̃ = x_i

    Privacy: the decoder sees the very vector of one record, so only its information loss stands between a record and
        its paraphrase. A baseline, not a protection.

    Source: the resampling baseline of Chawla et al., JAIR 16 (2002), section 3.
    """

    name: ClassVar[str] = "random-oversample"
    max_parents: ClassVar[int] = 1  # the record itself

    @property
    def min_groups(self) -> int:
        """Any record can be repeated."""
        return 1

    def learn(self, rows: Rows) -> "Repeated":
        """Return the rows; there is nothing to learn."""
        return Repeated(rows)

    def fit(self, x: Embedded) -> Sampler:
        """Return the sampler of these vectors."""
        return Sampler.of(self, x)


@dataclass(frozen=True, slots=True, eq=False)
class Repeated:
    """The rows; made by `RandomOversample.learn`."""

    rows: Rows

    def points(self, code: int, m: int, rng: SeedTree) -> Points:
        """Return m rows of the class; point i is its one parent's vector."""
        return blended(self.rows, *self.draw(code, m, rng))

    def draw(self, code: int, m: int, rng: SeedTree) -> tuple[Int64, Float64]:
        """Return their parents and weights; the one weight is 1.

        Random: the child "parent" of `rng`, one draw a point.
        """
        of = self.rows.of(code)
        i = of[rng.child("parent").generator().integers(0, len(of), size=m)]
        return i[:, None], np.ones((m, 1))
