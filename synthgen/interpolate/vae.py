"""VAE: new vectors drawn from a variational autoencoder of a class."""

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from synthgen.core.seeds import SeedTree
from synthgen.core.types import Float32
from synthgen.interpolate.base import Float64, Int64, Interpolator, Points, TrainRows, Unfit

if TYPE_CHECKING:
    from synthgen.interpolate.vae_network import Network

HELD_OUT = 0.2  # of the persons decide when training stops


class Vae(Interpolator):
    """A variational autoencoder of each class, or one of all classes that is label_numbers the class.

    The strong alternative to interpolation: it learns where a class lies instead of drawing lines in it.

        minimise  E_q(z|x)[−log p(x|z)] + β Σ_l max(λ, KL_l),   KL_l = KL(q(z_l|x) ‖ N(0, 1))
        q(z|x) = N(μ(x), diag s²(x)),   p(x|z) = N(x̂(z), diag σ²)
        draw      x̃ = c + r (x̂(z) + σ ε),   z ~ N(0, I), ε ~ N(0, I)

    The KL of a dimension is its mean over the batch. Rows are standardised by c, the mean vector, and r, one scale
    for all dimensions (the root of the mean variance), so distances keep their proportions. σ is learned, one number
    a dimension: on sentence vectors x̂(z) alone has 5 to 14 % of a class's variance, with σ ε 97 to 104 %.
    Training stops by the objective of a fifth of the persons, none of whom is learned, and it is the start that is
    kept if nothing after it helps with them. With 384 dimensions and fewer than some 50 persons that is the rule:
    points are then a round Gaussian about the class's mean, which is all that so few can tell of others.

    With `conditional`, the label goes one-hot into encoder and decoder, and a class's points depend on the other
    classes' rows; otherwise they do not.

    Privacy: reads train vectors and labels. Every record of the class (of all classes, if conditional) shaped the
        model, so points have no parents: the exposure of a record cannot be read from them, and this is no privacy
        by itself. A small class can be learned by heart and be given out again; only the audits tell. The weights
        stay in the process.

    Reference: Kingma & Welling, "Auto-Encoding Variational Bayes", ICLR 2014, section 2.3 and appendix B; Higgins et
        al., "β-VAE", ICLR 2017, equation 4; Kingma et al., "Improved Variational Inference with Inverse
        Autoregressive Flow", NeurIPS 2016, appendix (free bits); Sohn, Lee & Yan, NeurIPS 2015 (conditional). We
        depart in multiplying the free bits by β too, and in drawing ε, where papers on images show x̂(z).
    """

    name: ClassVar[str] = "vae"

    latent_dim: int = Field(16, ge=1, le=1024, description="Dimensions of z.")
    beta: float = Field(1.0, gt=0, le=100, description="β; above 1 z says less of x, 1 is the ELBO.")
    free_bits: float = Field(0.05, ge=0, le=10, description="λ: nats that each dimension of z may say at no cost.")
    conditional: bool = Field(False, description="One model for all classes instead of one for each.")

    @property
    def min_groups(self) -> int:
        """Two persons to stop by, so that no single one decides, and six to learn."""
        return 8

    @property
    def max_parents(self) -> int:
        """None: a point comes from a model of the whole class."""
        return 0

    def fit_rows(self, rows: TrainRows) -> "FittedVae":
        """Return the method with these rows; each class's model is trained when its points are first asked for."""
        return FittedVae(rows, self)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainedVae:
    """A trained network and the standardisation of its rows.

    Args:
        network: of standardised rows.
        centre: float64 (d).
        scale: one number.
        classes: the codes the network is label_numbers, ascending; none if it is of one class.
        learned: the codes of the rows it has learned.
    """

    network: "Network"
    centre: Float64
    scale: float
    classes: tuple[int, ...]
    learned: frozenset[int]


@dataclass(frozen=True, slots=True, eq=False)
class FittedVae:
    """The model of each class, trained when its points are first asked for; made by `Vae.fit_rows`."""

    rows: TrainRows
    vae: Vae
    trained: dict[tuple[int | None, SeedTree], TrainedVae] = field(default_factory=dict)

    def points(self, code: int, m: int, rng: SeedTree) -> Points:
        """Return m points of the class, drawn from its model.

        Randomness: the children "fit" (the model) and "draw" (its points) of `rng`; a conditional model, which all
        classes share, is trained on the child "fit" of the node above `rng`.
        Cost: training about .1 s for 64 rows of 384 dimensions and .5 s for 1,000, then 10 µs a point; kept for
        each class and `rng`.

        Raises:
            Unfit: if all vectors are the same, the training diverges, or no person of the class is learned.
        """
        model = self._model(code, rng)
        if code not in model.learned:
            raise Unfit("all its persons fell to the part that only says when to stop")
        import torch

        label = torch.from_numpy(one_hot(np.array([code]), model.classes))
        drawn = model.network.draw(m, label, rng.child("draw"))
        with np.errstate(over="ignore", invalid="ignore"):  # refused below
            drawn *= model.scale
            drawn += model.centre.astype(np.float32)
        if not np.isfinite(drawn).all():
            raise Unfit("its model draws vectors that are not finite")
        return Points(vectors=drawn, parents=np.empty((m, 0), dtype=np.int64), weights=np.empty((m, 0)))

    def _model(self, code: int, rng: SeedTree) -> TrainedVae:
        key = (None, rng.parent) if self.vae.conditional else (code, rng)
        if key not in self.trained:
            of = np.arange(len(self.rows.classes)) if self.vae.conditional else self.rows.of(code)
            self.trained[key] = self._train(of, key[1].child("fit"))
        return self.trained[key]

    def _train(self, of: Int64, rng: SeedTree) -> TrainedVae:
        """Return the model of some rows. The split only says when to stop: all rows give centre and scale."""
        from synthgen.interpolate.vae_network import Objective, standardised, train_vae

        vectors, classes = self.rows.vectors[of].astype(np.float64), self.rows.classes[of]
        centre = vectors.mean(axis=0)
        scale = float(np.sqrt(vectors.var(axis=0).mean()))
        if scale == 0:
            raise Unfit("all its vectors are the same")
        label_numbers = tuple(np.unique(classes).tolist()) if self.vae.conditional else ()
        x, labels = (vectors - centre) / scale, one_hot(classes, label_numbers)
        out = held_out(self.rows.groups[of], rng.child("split"))
        network = train_vae(
            standardised(x[~out], labels[~out]),
            standardised(x[out], labels[out]),
            Objective(latent_dim=self.vae.latent_dim, beta=self.vae.beta, free_bits=self.vae.free_bits),
            rng,
        )
        learned = frozenset(classes[~out].tolist())
        return TrainedVae(network=network, centre=centre, scale=scale, classes=label_numbers, learned=learned)


def held_out(groups: Int64, rng: SeedTree) -> NDArray[np.bool_]:
    """Return which rows are of the persons held out: a fifth of the persons, rounded up, with all their rows."""
    persons = np.unique(groups)
    out = rng.generator().permutation(persons)[: math.ceil(HELD_OUT * len(persons))]
    return np.isin(groups, out)


def one_hot(classes: Int64, label_numbers: tuple[int, ...]) -> Float32:
    """Return float32 (n, c), 1 where a row's class is the label_numbers one of the column."""
    same: NDArray[np.bool_] = np.equal.outer(classes, np.array(label_numbers, dtype=np.int64))
    return same.astype(np.float32)
