"""SMOTE: new vectors on the segments between neighbours of a class."""

from dataclasses import dataclass, field
from typing import ClassVar

from synthgen.core.neighbours import nearest
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Embedded
from synthgen.stages.interpolate.base import Float64, Int64, Points, Rows, Sampler
from synthgen.stages.interpolate.blend import blended, ends


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

    name: ClassVar[str] = "smote"
    max_parents: ClassVar[int] = 2  # the two ends of a segment

    k_neighbors: int = 5

    @property
    def min_groups(self) -> int:
        """One person and the k neighbours, who could all be different."""
        return self.k_neighbors + 1

    def learn(self, rows: Rows) -> "Neighbourhoods":
        """Return the neighbourhoods of these rows."""
        return Neighbourhoods(rows, self.k_neighbors)

    def fit(self, x: Embedded) -> Sampler:
        """Return the sampler of these vectors."""
        return Sampler.of(self, x)


@dataclass(frozen=True, slots=True, eq=False)
class Neighbourhoods:
    """The k nearest rows of other persons within each class, searched when a class is first asked for."""

    rows: Rows
    k: int
    found: dict[int, Int64] = field(default_factory=dict)

    def points(self, code: int, m: int, rng: SeedTree) -> Points:
        """Return m points of the class, point i on the segment of its two parents."""
        return blended(self.rows, *self.draw(code, m, rng))

    def draw(self, code: int, m: int, rng: SeedTree) -> tuple[Int64, Float64]:
        """Return their parents and weights (1 − λ, λ).

        Random: the children "parent", "neighbour" and "lambda" of `rng`, one draw a point each.
        """
        of = self.rows.of(code)
        if code not in self.found:
            self.found[code] = nearest(self.rows.vectors[of], self.rows.groups[of], self.k)[0]
        i = rng.child("parent").generator().integers(0, len(of), size=m)
        which = rng.child("neighbour").generator().integers(0, self.k, size=m)
        lam = rng.child("lambda").generator().random(m)
        return ends(of[i], of[self.found[code][i, which]], lam)
