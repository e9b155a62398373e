"""Draw new vectors from a variational autoencoder (VAE) that is trained on the vectors of a class."""

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from synthgen.core.seeds import SeedTree
from synthgen.core.types import Float32, Float64, Int64
from synthgen.interpolate.base import Interpolator, Points, TrainRows, Unfit

if TYPE_CHECKING:
    from synthgen.interpolate.vae_network import Network

HELD_OUT = 0.2  # share of the persons who are held out for early stopping


class Vae(Interpolator):
    """A variational autoencoder per class, or one conditional autoencoder for all classes.

        minimise  E_q(z|x)[−log p(x|z)] + β · Σ_l max(λ, KL_l),   KL_l = KL(q(z_l|x) ‖ N(0, 1))
        q(z|x) = N(μ(x), diag s²(x)),   p(x|z) = N(x̂(z), diag σ²)
        draw      x̃ = c + r · (x̂(z) + σ · ε),   z ~ N(0, I), ε ~ N(0, I)

    x is a standardised training vector: the mean vector c is subtracted, and the result is divided by the scale r,
    the root of the mean variance. The encoder network computes μ(x) and s(x), the decoder network x̂(z). σ is
    learned, one number per dimension. β is `beta`, and λ is `free_bits`. KL_l, for dimension l of z, is averaged over
    the batch. The noise σ · ε is added to a drawn point because x̂(z) alone varies too little. On sentence vectors,
    x̂(z) has 5 to 14 % of the variance of a class, and x̂(z) + σ · ε has 97 to 104 %.

    Training uses four fifths of the persons, and keeps the weights with the best objective on the remaining fifth.
    With fewer than about 50 persons, the initial weights are usually the best, and the points follow an isotropic
    Gaussian distribution around the class mean. With `conditional`, the one-hot label is an input of both networks.

    Privacy: points have no parents (single records from which they are made); they depend on all records of the
        class, or of all classes if `conditional`. The method gives no privacy guarantee, because the model can
        memorize a small class. The model is not stored.
    Reference: Kingma & Welling, "Auto-Encoding Variational Bayes", ICLR 2014, section 2.3 and appendix B; Higgins et
        al., "β-VAE", ICLR 2017, equation 4; Kingma et al., "Improved Variational Inference with Inverse
        Autoregressive Flow", NeurIPS 2016, appendix (free bits); Sohn, Lee & Yan, NeurIPS 2015 (conditional). Unlike
        in these papers, β also multiplies the free bits, and each new point contains the decoder's noise σ · ε.
    """

    name: ClassVar[str] = "vae"

    latent_dim: int = Field(16, ge=1, le=1024, description="Number of dimensions of the latent vector z.")
    beta: Annotated[float, Field(gt=0, le=100)] = Field(
        1.0,
        description="Weight β of the Kullback-Leibler term. 1 gives the evidence lower bound; higher values make z "
        "less informative.",
    )
    free_bits: Annotated[float, Field(ge=0, le=10)] = Field(
        0.05, description="Information per dimension of z, in nats, that the Kullback-Leibler term does not penalize."
    )
    conditional: bool = Field(
        False,
        description="Whether to train one model for all classes instead of one per class. Use it if classes "
        "are small.",
    )

    @property
    def min_groups(self) -> int:
        """Eight: six persons to train on, and two held out, so that no single person decides when training stops."""
        return 8

    @property
    def max_parents(self) -> int:
        """Points have no parents."""
        return 0

    def fit_rows(self, rows: TrainRows) -> "FittedVae":
        """Return the autoencoder with its train rows; each model is trained when its first points are drawn."""
        return FittedVae(rows, self)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainedVae:
    """A trained network and the standardisation of its training vectors."""

    network: "Network"
    centre: Float64  # (d,), the mean vector c
    scale: float  # r, the same for all dimensions
    classes: tuple[int, ...]  # numbers of the classes of a conditional network, ascending; empty otherwise
    learned: frozenset[int]  # numbers of the classes with at least one person who was not held out


@dataclass(frozen=True, slots=True, eq=False)
class FittedVae:
    """The models of the classes, each trained when it is first used; made by `Vae.fit_rows`."""

    rows: TrainRows
    vae: Vae
    # (class number, random stream of the class) -> model of the class; the key of a conditional model, which all
    # classes share, is (None, parent of these streams)
    trained: dict[tuple[int | None, SeedTree], TrainedVae] = field(default_factory=dict)

    def points(self, code: int, m: int, rng: SeedTree) -> Points:
        """Return m points of class number `code`, drawn from the model of the class or of all classes.

        Raises:
            Unfit: all vectors are the same, the training diverges, all persons of the class are held out, or the
                model draws vectors that are not finite.

        Randomness: the children "fit" (training) and "draw" (points) of `rng`. A conditional model is trained with
            the child "fit" of `rng.parent`, because all classes share the model.
        Cost: training takes about 0.1 s for 64 rows of 384 dimensions and 0.5 s for 1,000 rows; a point takes 10 µs.
        """
        model = self._model(code, rng)
        if code not in model.learned:
            raise Unfit("all persons of the class are held out, so the model was not trained on the class")
        import torch

        label = torch.from_numpy(one_hot(np.array([code]), model.classes))
        drawn = model.network.draw(m, label, rng.child("draw"))
        with np.errstate(over="ignore", invalid="ignore"):  # rejected below
            drawn *= model.scale
            drawn += model.centre.astype(np.float32)
        if not np.isfinite(drawn).all():
            raise Unfit("the model draws vectors that are not finite")
        return Points(vectors=drawn, parents=np.empty((m, 0), dtype=np.int64), weights=np.empty((m, 0)))

    def _model(self, code: int, rng: SeedTree) -> TrainedVae:
        key = (None, rng.parent) if self.vae.conditional else (code, rng)
        if key not in self.trained:
            chosen_rows = np.arange(len(self.rows.classes)) if self.vae.conditional else self.rows.of(code)
            self.trained[key] = self._train(chosen_rows, key[1].child("fit"))
        return self.trained[key]

    def _train(self, chosen_rows: Int64, rng: SeedTree) -> TrainedVae:
        import torch

        from synthgen.interpolate.vae_network import Objective, Part, train_vae

        vectors, classes = self.rows.vectors[chosen_rows].astype(np.float64), self.rows.classes[chosen_rows]
        centre = vectors.mean(axis=0)
        scale = float(np.sqrt(vectors.var(axis=0).mean()))
        if scale == 0:
            raise Unfit("all vectors that the model is trained on are equal")
        label_numbers = tuple(np.unique(classes).tolist()) if self.vae.conditional else ()
        x, labels = (vectors - centre) / scale, one_hot(classes, label_numbers)
        is_held_out = held_out(self.rows.groups[chosen_rows], rng.child("split"))
        fit, held = (
            Part(x=torch.from_numpy(x[rows].astype(np.float32)), labels=torch.from_numpy(labels[rows]))
            for rows in (~is_held_out, is_held_out)
        )
        objective = Objective(latent_dim=self.vae.latent_dim, beta=self.vae.beta, free_bits=self.vae.free_bits)
        network = train_vae(fit, held, objective, rng)
        learned = frozenset(classes[~is_held_out].tolist())
        return TrainedVae(network=network, centre=centre, scale=scale, classes=label_numbers, learned=learned)


def held_out(groups: Int64, rng: SeedTree) -> NDArray[np.bool_]:
    """Draw the share `HELD_OUT` of the persons, rounded up; return the mask of the drawn persons' rows."""
    persons = np.unique(groups)
    drawn = rng.generator().permutation(persons)[: math.ceil(HELD_OUT * len(persons))]
    return np.isin(groups, drawn)


def one_hot(classes: Int64, label_numbers: tuple[int, ...]) -> Float32:
    """Return the one-hot classes of rows, float32 (n, c); column j stands for class `label_numbers[j]`."""
    same: NDArray[np.bool_] = np.equal.outer(classes, np.array(label_numbers, dtype=np.int64))
    return same.astype(np.float32)
