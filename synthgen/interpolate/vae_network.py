"""Define the network of the variational autoencoder (see `synthgen.interpolate.vae`), its objective and training.

A row x is a standardised training vector, and z the latent vector of x. n is a number of rows, d the number of
dimensions of x, k the number of dimensions of z, and c the number of classes.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from synthgen.core.seeds import SeedTree
from synthgen.core.types import Float32
from synthgen.interpolate.base import Unfit

# the values below gave the best objective on 200 test records (AG News and SST-2, MiniLM, 8 to 450 records per class)
HIDDEN = 128  # width of the hidden layers
RATE = 1e-3  # learning rate
DECAY = 0.1  # weight decay
BATCH = 64  # number of rows in a batch
MAX_STEPS = 5_000  # largest number of training steps
CHECK_STEPS = 5  # number of steps between two evaluations on held-out rows; one epoch if an epoch has more steps
PATIENCE = 12  # training stops after this number of consecutive evaluations without improvement
HELD_OUT_ROWS = 64  # least number of rows in an evaluation; if fewer rows are held out, these rows are repeated
BLOCK_ROWS = 256  # number of rows decoded together; a change of this number changes the last bits of the results
LOG_2PI = math.log(2 * math.pi)


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """Parameters of the training objective."""

    latent_dim: int  # k
    beta: float  # weight of the Kullback-Leibler term
    free_bits: float  # information per dimension of z that is not penalized, in nats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """Rows with their classes: the training rows or the held-out rows."""

    x: Tensor  # float32 (n, d)
    labels: Tensor  # one-hot class of each row, float32 (n, c), for a conditional model, else (n, 0)

    def rows(self, which: Tensor) -> "Part":
        """Return the rows with the numbers `which`, in this order."""
        return Part(x=self.x[which], labels=self.labels[which])


class Network:
    """An encoder and a decoder with one hidden layer (SiLU), and the learned variance of each dimension of x.

    Before training, z is almost independent of x, and the distribution of a drawn x is almost N(0, I).
    """

    def __init__(self, dim: int, labels: int, latent_dim: int, generator: torch.Generator) -> None:
        self.latent_dim = latent_dim
        self.encoder_in = _layer(dim + labels, HIDDEN, generator)
        self.encoder_out = _layer(HIDDEN, 2 * latent_dim, generator, gain=0.1)
        self.decoder_in = _layer(latent_dim + labels, HIDDEN, generator)
        self.decoder_out = _layer(HIDDEN, dim, generator, gain=0.1)
        self.layers = (self.encoder_in, self.encoder_out, self.decoder_in, self.decoder_out)
        self.log_variance = torch.zeros(dim, dtype=torch.float32, device="cpu")

    def matrices(self) -> list[Tensor]:
        """Return the matrix of each layer; weight decay applies to the matrices."""
        return [matrix for matrix, _ in self.layers]

    def offsets(self) -> list[Tensor]:
        """Return the offsets of each layer and the log-variance of x; weight decay does not apply to them."""
        return [*(offset for _, offset in self.layers), self.log_variance]

    def encode(self, part: Part) -> tuple[Tensor, Tensor]:
        """Return the mean and the logarithm of the variance of z given x, both (n, k)."""
        hidden = torch.nn.functional.silu(_apply(self.encoder_in, torch.cat([part.x, part.labels], dim=1)))
        both = _apply(self.encoder_out, hidden)
        return both[:, : self.latent_dim], both[:, self.latent_dim :]

    def decode(self, z: Tensor, labels: Tensor) -> Tensor:
        """Return the mean of x given z, (n, d)."""
        hidden = torch.nn.functional.silu(_apply(self.decoder_in, torch.cat([z, labels], dim=1)))
        return _apply(self.decoder_out, hidden)

    def loss(self, part: Part, epsilon: Tensor, objective: Objective) -> Tensor:
        """Return the objective of these rows for drawn ε ~ N(0, I), (n, k); z = mean + standard deviation · ε."""
        mean, log_variance = self.encode(part)
        decoded = self.decode(mean + torch.exp(log_variance / 2) * epsilon, part.labels)
        kl = kl_divergence(mean, log_variance)
        cost = distortion(part.x, decoded, self.log_variance)
        return cost + objective.beta * with_free_bits(kl, objective.free_bits)

    def draw(self, m: int, labels: Tensor, rng: SeedTree) -> Float32:
        """Return m rows x = decode(z) + σ ε, z ~ N(0, I), ε ~ N(0, I), float32 (m, d); `labels` (1, c) is the class.

        Randomness: the children "latent" and "noise" of `rng`, both read in row order.
        """
        z = torch.from_numpy(rng.child("latent").generator().standard_normal((m, self.latent_dim), np.float32))
        drawn = rng.child("noise").generator().standard_normal((m, len(self.log_variance)), np.float32)
        drawn *= torch.exp(self.log_variance / 2).numpy()
        labels = labels.expand(BLOCK_ROWS, -1)
        with one_thread(), torch.no_grad():
            for start in range(0, m, BLOCK_ROWS):
                block = torch.zeros(BLOCK_ROWS, self.latent_dim, dtype=torch.float32, device="cpu")
                rows = min(BLOCK_ROWS, m - start)
                block[:rows] = z[start : start + rows]
                drawn[start : start + rows] += self.decode(block, labels)[:rows].numpy()
        return drawn


def distortion(x: Tensor, decoded: Tensor, log_variance: Tensor) -> Tensor:
    """Return the mean over rows of −log N(x | decoded, diag σ²), in nats."""
    squares = (x - decoded).square() * torch.exp(-log_variance)
    return 0.5 * (squares + log_variance + LOG_2PI).sum(dim=1).mean()


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return KL(N(μ, s²) ‖ N(0, 1)) of each dimension of z, averaged over the rows, (k), in nats."""
    return 0.5 * (mean.square() + torch.exp(log_variance) - 1 - log_variance).mean(dim=0)


def with_free_bits(kl: Tensor, free_bits: float) -> Tensor:
    """Return Σ_l max(λ, KL_l) in nats; λ is `free_bits`, and `kl` are the KL_l."""
    return kl.clamp(min=free_bits).sum()


def train_vae(fit: Part, held_out: Part, objective: Objective, rng: SeedTree) -> Network:
    """Return the network with the weights that have the best objective on held-out rows (can be the initial weights).

    Training uses AdamW with shuffled batches, and stops after `PATIENCE` consecutive evaluations without improvement.
    It runs on one thread, so that the same seed gives the same bytes. Raise Unfit if the objective is not finite.

    Randomness: the children "weights" (initial weights and the ε of training), "batches" and "held-out" (the ε of
        evaluations) of `rng`.
    """
    with one_thread(), torch.enable_grad():
        # `normals` draws the initial weights and ε
        normals, batches = _generator(rng.child("weights")), _batches(len(fit.x), _generator(rng.child("batches")))
        network = Network(fit.x.shape[1], fit.labels.shape[1], objective.latent_dim, normals)
        tensors = network.matrices() + network.offsets()
        for tensor in tensors:
            tensor.requires_grad_(True)
        decays = {"params": network.matrices(), "weight_decay": DECAY}
        optimizer = torch.optim.AdamW([decays, {"params": network.offsets(), "weight_decay": 0.0}], lr=RATE)
        stopping = _EarlyStopping(held_out, objective, rng.child("held-out"))
        every = max(CHECK_STEPS, math.ceil(len(fit.x) / BATCH))
        stopping.evaluate(network, tensors)  # stores the initial weights as the best so far
        for step in range(1, MAX_STEPS + 1):
            which = next(batches)
            epsilon = torch.randn(len(which), objective.latent_dim, generator=normals)
            optimizer.zero_grad()
            loss = network.loss(fit.rows(which), epsilon, objective)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            if step % every == 0 and stopping.evaluate(network, tensors):
                break
        for tensor, best in zip(tensors, stopping.best, strict=True):
            tensor.requires_grad_(False).copy_(best)
    return network


class _EarlyStopping:
    # Evaluates a network on the held-out rows and keeps the best weights. Every evaluation uses the same rows and ε.

    def __init__(self, held_out: Part, objective: Objective, rng: SeedTree) -> None:
        times = math.ceil(HELD_OUT_ROWS / len(held_out.x))
        self.part = held_out.rows(torch.arange(len(held_out.x)).repeat(times))
        self.epsilon = torch.randn(len(self.part.x), objective.latent_dim, generator=_generator(rng))
        self.objective, self.lowest, self.n_not_better = objective, math.inf, 0
        self.best: list[Tensor] = []  # weights with the lowest objective; empty before the first evaluation

    def evaluate(self, network: Network, tensors: list[Tensor]) -> bool:
        """Evaluate the network, store its weights if they are the best so far, and return whether to stop."""
        with torch.no_grad():
            value = float(network.loss(self.part, self.epsilon, self.objective))
        if not math.isfinite(value):
            raise Unfit("training diverged: the objective of the held-out persons is not finite")
        if value < self.lowest:
            self.lowest, self.n_not_better = value, 0
            self.best = [tensor.detach().clone() for tensor in tensors]
        else:
            self.n_not_better += 1
        return self.n_not_better >= PATIENCE


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch on one thread, because the number of threads changes the last bits of sums."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _batches(n: int, generator: torch.Generator) -> Iterator[Tensor]:
    while True:
        yield from torch.split(torch.randperm(n, generator=generator), BATCH)


def _generator(rng: SeedTree) -> torch.Generator:
    return torch.Generator(device="cpu").manual_seed(int.from_bytes(rng.key()[:7], "big"))


def _layer(n_in: int, n_out: int, generator: torch.Generator, gain: float = 1.0) -> tuple[Tensor, Tensor]:
    weights = torch.randn(n_in, n_out, generator=generator, dtype=torch.float32, device="cpu")
    return weights * (gain / math.sqrt(n_in)), torch.zeros(n_out, dtype=torch.float32, device="cpu")


def _apply(layer: tuple[Tensor, Tensor], x: Tensor) -> Tensor:
    return torch.addmm(layer[1], x, layer[0])
