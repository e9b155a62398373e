"""Random oversampling: the vectors of real records again, the baseline interpolation is compared with."""

from typing import ClassVar

import numpy as np

from synthgen.core.seeds import SeedTree
from synthgen.interpolate.base import Float64, Int64, Interpolator, TrainRows
from synthgen.interpolate.linear import FittedLinear


class RandomOversample(Interpolator):
    """Repeat vectors of real records of a class, drawn uniformly with replacement.

        x̃ = x_i

    Privacy: the decoder sees the very vector of one record, so only its information loss stands between a record and
        its paraphrase. A baseline, not a protection.

    Source: the resampling baseline of Chawla et al., JAIR 16 (2002), section 3.
    """

    name: ClassVar[str] = "random-oversample"
    weighted_sums: ClassVar[bool] = True

    @property
    def min_groups(self) -> int:
        """Any record can be repeated."""
        return 1

    @property
    def max_parents(self) -> int:
        """The record itself."""
        return 1

    def fit_rows(self, rows: TrainRows) -> "FittedRandomOversample":
        """Return the method with these rows."""
        return FittedRandomOversample(self, rows)


class FittedRandomOversample(FittedLinear[RandomOversample, Int64]):
    """The numbers of each class's rows, int64 (n_c)."""

    __slots__ = ()

    def fit_class(self, code: int) -> Int64:
        """Return the numbers of the class's rows; there is nothing to learn."""
        return self.rows.of(code)

    def draw(self, code: int, m: int, rng: SeedTree) -> tuple[Int64, Float64]:
        """Return the parent of each of m points; its one weight is 1.

        Random: the child "parent" of `rng`, one draw a point.
        """
        of = self.of_class(code)
        i = of[rng.child("parent").generator().integers(0, len(of), size=m)]
        return i[:, None], np.ones((m, 1))
