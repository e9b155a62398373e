"""dp-vae: the label-conditional variational autoencoder, trained by DP-SGD along the widest public axes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from synthgen.core.seeds import SeedTree
from synthgen.core.types import Float32, Latents
from synthgen.dp.basis import PublicBasis
from synthgen.dp.descent import descend
from synthgen.dp.gaussian import latents_of
from synthgen.dp.method import Asked, PublicContext
from synthgen.dp.noise import Int64
from synthgen.dp.noised_sums import Ask, Float64, Query
from synthgen.dp.person_rows import PersonRows

if TYPE_CHECKING:
    from synthgen.interpolate.vae_network import Network

NAME = "dp-vae"
FILE = "vae.safetensors"
DESCENT = "vae"
ASKED = {DESCENT: Asked(share=0.7, clip=1.0, steps=200, batch=256, kind="dp-sgd")}
WIDE = 48  # axes that are learned; along the others points have the public variance
LATENT = 8  # dimensions of z
RATE = 2e-3
BLOCK = 64  # persons whose gradients are in memory at once


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PrivateVae:
    """What was learned: a decoder of (z, class) along the `WIDE` widest public axes.

        x_j = √λ_j (x̂_j(z, c) + σ_j ε_j)  on these axes,  √λ_j ε_j on the others;   z, ε ~ N(0, I), λ public variances

    Args:
        labels: sorted.
        basis: public.
        network: its weights are noised.
    """

    labels: tuple[str, ...]
    basis: PublicBasis
    network: "Network"

    def sample(self, counts: Mapping[str, int], rng: SeedTree) -> Latents:
        """Return new vectors; see `Learned`."""
        return latents_of({label: self._draw(label, m, rng.child(label)) for label, m in counts.items()}, NAME, rng)

    def _draw(self, label: str, m: int, rng: SeedTree) -> Float32:
        import torch

        own = torch.eye(len(self.labels))[[self.labels.index(label)]]
        points = rng.child("narrow").generator().standard_normal((m, len(self.basis.variances)))
        wide = min(WIDE, points.shape[1])
        points[:, :wide] = self.network.draw(m, own, rng)
        return self.basis.outward(points * np.sqrt(self.basis.variances))

    def save(self, folder: Path) -> None:
        """Write it into a folder; the basis and the names are public and are not in it."""
        from safetensors.numpy import save_file

        save_file({"weights": _flat(self.network)}, folder / FILE)


def learn(people: PersonRows, context: PublicContext, queries: Mapping[str, Query], ask: Ask) -> PrivateVae:
    """Return the autoencoder that the persons' noised gradients lead to; every class is learned by one network.

    A person's gradient is the mean over the person's records of

        ∇ ( −log p(x | z, c) + KL(q(z | x, c) ‖ N(0, I)) ),   x in public standard deviations, z by one draw

    Privacy: the Poisson-sampled query of `ASKED`, over all weights; where training starts is public.
    Random: setting.seeds/vae/draws/step/person, beside the noise: a person's draws hang on nobody else.
    Source: see `synthgen.interpolate.vae`, and `descend`.
    """
    from synthgen.interpolate.vae_network import one_thread

    network, draws = _untrained(context), context.seeds.child("vae", "draws")
    wide = network.log_variance.shape[0]
    x = (people.points / np.sqrt(context.basis.variances))[:, :wide].astype(np.float32)

    def of_persons(step: int, weights: Float64, drawn: Int64) -> Iterator[Float64]:
        for start in range(0, len(drawn), BLOCK):
            persons = drawn[start : start + BLOCK]
            rows, starts = people.rows_of(persons)
            own = zip(persons, np.diff(np.append(starts, len(rows))), strict=True)
            epsilon = np.concatenate([_drawn_for(draws.child(str(step), people.names[p]), n) for p, n in own])
            each = _gradients(network, weights, (x[rows], people.classes[rows], epsilon))
            yield np.add.reduceat(each, starts, axis=0) / np.diff(np.append(starts, len(rows)))[:, None]

    with one_thread():
        weights = descend(_flat(network), of_persons, len(people.starts), queries[DESCENT], ask, rate=RATE)
    return PrivateVae(labels=context.labels, basis=context.basis, network=_shaped(network, weights))


def _drawn_for(person: SeedTree, n_records: int) -> Float32:
    return person.generator().standard_normal((n_records, LATENT), dtype=np.float32)


def read(folder: Path, context: PublicContext) -> PrivateVae:
    """Return the model that `PrivateVae.save` wrote."""
    from safetensors.numpy import load_file

    weights = load_file(folder / FILE)["weights"]
    return PrivateVae(labels=context.labels, basis=context.basis, network=_shaped(_untrained(context), weights))


def _untrained(context: PublicContext) -> "Network":
    """Return the network that training starts from: of a public stream, the same in every run."""
    import torch

    from synthgen.interpolate.vae_network import Network

    wide = min(WIDE, len(context.basis.variances))
    return Network(wide, len(context.labels), LATENT, torch.Generator(device="cpu").manual_seed(0))


def _gradients(network: "Network", weights: Float64, rows: tuple[Float32, Int64, Float32]) -> Float64:
    """Return the gradient of each record, float64 (n, P), at weights (P,): rows are vectors, classes and draws."""
    import torch

    from synthgen.interpolate.vae_network import Objective, Part

    objective = Objective(latent_dim=LATENT, beta=1.0, free_bits=0.0)
    n_classes = network.encoder_in[0].shape[0] - rows[0].shape[1]

    def loss(flat: torch.Tensor, x: torch.Tensor, label: torch.Tensor, epsilon: torch.Tensor) -> torch.Tensor:
        return network.with_weights(flat).loss(Part(x=x[None], labels=label[None]), epsilon[None], objective)

    x, epsilon = torch.from_numpy(rows[0]), torch.from_numpy(rows[2])
    labels = torch.eye(n_classes)[torch.from_numpy(rows[1])]
    flat = torch.from_numpy(weights.astype(np.float32))
    each = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0, 0))(flat, x, labels, epsilon)
    return np.asarray(each.numpy(), dtype=np.float64)


def _flat(network: "Network") -> Float64:
    parts = [tensor.detach().numpy().ravel() for tensor in network.matrices() + network.offsets()]
    return np.concatenate(parts).astype(np.float64)


def _shaped(network: "Network", weights: Float64) -> "Network":
    import torch

    return network.with_weights(torch.from_numpy(weights.astype(np.float32)))
