"""SMOTE: new vectors on the segments between neighbours of a class."""

from typing import ClassVar

import numpy as np

from synthgen.core.seeds import SeedTree
from synthgen.interpolate.base import Float64, Int64, NeighbourInterpolator, TrainRows
from synthgen.interpolate.lambdas import draw_lambdas, pair_weights
from synthgen.interpolate.linear import FittedLinear
from synthgen.interpolate.neighbourhoods import neighbours_in_class


class Smote(NeighbourInterpolator):
    """Synthetic minority oversampling in the encoder's space, within each class and across persons.

    A vector between two real ones keeps the class's region and belongs to no single record.

        x̃ = x_i + λ (x_nn − x_i),   λ ~ U(0, 1)

    x_i is uniform over the class's records, x_nn uniform over its k nearest (Euclidean) of the same class that belong
    to *other persons*. The result is not brought back to unit length: the bridge normalises its input itself, and
    the segment is what the exposure audit checks.

    Privacy: reads train vectors and labels. A point lies exactly on a line between two real records, so vectors must
        never be released (known attacks recover the parents from them); parents and weights stay in the workspace.
        Choosing neighbours among other persons means no point is a mixture of one person's records.

    Source: Chawla, Bowyer, Hall & Kegelmeyer, "SMOTE: Synthetic Minority Over-sampling Technique", JAIR 16 (2002),
        section 4.2. We depart in excluding rows of the same person and in keeping the parents.
    """

    name: ClassVar[str] = "smote"
    weighted_sums: ClassVar[bool] = True

    def fit_rows(self, rows: TrainRows) -> "FittedSmote":
        """Return the method fitted to these rows."""
        return FittedSmote(self, rows)


class FittedSmote(FittedLinear[Smote, Int64]):
    """The k nearest rows of other persons within each class, int64 (n_c, k), numbered within it."""

    __slots__ = ()

    def fit_class(self, code: int) -> Int64:
        """Search the class's neighbours."""
        return neighbours_in_class(self.rows, code, self.method.k_neighbors)[0]

    def draw(self, code: int, m: int, rng: SeedTree) -> tuple[Int64, Float64]:
        """Return the parents and weights (1 − λ, λ) of m points.

        Random: the children "parent", "neighbour" and "lambda" of `rng`, one draw a point each.
        """
        of, near = self.rows.of(code), self.of_class(code)
        i = rng.child("parent").generator().integers(0, len(of), size=m)
        which = rng.child("neighbour").generator().integers(0, self.method.k_neighbors, size=m)
        lam = draw_lambdas(rng.child("lambda").generator(), m)
        return np.stack([of[i], of[near[i, which]]], axis=1), pair_weights(lam)
