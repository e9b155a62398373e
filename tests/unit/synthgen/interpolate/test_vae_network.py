import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.core.seeds import SeedTree
from synthgen.interpolate import vae_network
from synthgen.interpolate.base import Unfit
from synthgen.interpolate.vae_network import (
    BLOCK_ROWS,
    Network,
    Objective,
    Part,
    kl_divergence,
    train_vae,
    with_free_bits,
)

SEEDS = SeedTree(20261120).child("vae")


def part(n: int, d: int, seed: int = 1) -> Part:
    """Return n rows near a line in d dimensions; each dimension has variance 1, half of it along the line."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 1)) * np.sign(np.random.default_rng(0).normal(size=d)) + rng.normal(size=(n, d))
    return Part(x=torch.tensor(x / np.sqrt(2), dtype=torch.float32), labels=torch.zeros(n, 0))


def objective(beta: float = 1.0, free_bits: float = 0.0) -> Objective:
    return Objective(latent_dim=3, beta=beta, free_bits=free_bits)


def test_objective_worked_example():
    x, decoded = torch.tensor([[1.0, 2.0], [0.0, -1.0]]), torch.tensor([[0.0, 2.0], [0.0, 1.0]])
    log_variance = torch.tensor([0.0, math.log(4.0)])
    # row 0: (1/1 + 0/4)/2, row 1: (0/1 + 4/4)/2, both with (log 1 + log 4)/2 + log 2π
    wanted = 0.5 + math.log(2) + math.log(2 * math.pi)
    assert float(vae_network.distortion(x, decoded, log_variance)) == pytest.approx(wanted)
    mean = torch.tensor([[0.0, 1.0, 0.0], [0.0, 3.0, 0.0]])
    log_variance = torch.tensor([[0.0, 0.0, math.log(0.25)], [0.0, 0.0, 0.0]])
    # dimension 1: ½(1)/2 + ½(9)/2; dimension 2: ½(¼ − 1 − log ¼)/2 = log 2 / 2 − 3/16
    kl = kl_divergence(mean, log_variance)
    assert kl.tolist() == pytest.approx([0.0, 2.5, math.log(2) / 2 - 3 / 16])
    assert float(with_free_bits(kl, 0.3)) == pytest.approx(0.3 + 2.5 + 0.3)


def test_loss_equals_a_direct_computation_of_its_formula():
    generator = torch.Generator().manual_seed(4)
    network = Network(5, 2, 3, generator)
    network.log_variance = torch.randn(5, generator=generator)
    x, labels = torch.randn(4, 5, generator=generator), torch.eye(2)[[0, 1, 1, 0]]
    epsilon = torch.randn(4, 3, generator=generator)
    names = ("encoder_in", "encoder_out", "decoder_in", "decoder_out")
    layers = [[t.double().numpy() for t in getattr(network, name)] for name in names]
    silu = lambda a: a / (1 + np.exp(-a))  # noqa: E731 - a formula
    wanted, kl = 0.0, np.zeros(3)
    for row, label, e in zip(x.double().numpy(), labels.numpy(), epsilon.double().numpy(), strict=True):
        out = silu(np.append(row, label) @ layers[0][0] + layers[0][1]) @ layers[1][0] + layers[1][1]
        mu, s = out[:3], np.exp(out[3:] / 2)
        hidden = silu(np.append(mu + s * e, label) @ layers[2][0] + layers[2][1])
        decoded = hidden @ layers[3][0] + layers[3][1]
        sigma = np.exp(network.log_variance.double().numpy() / 2)
        wanted -= np.log(np.exp(-(((row - decoded) / sigma) ** 2) / 2) / np.sqrt(2 * np.pi) / sigma).sum() / 4
        kl += (mu**2 + s**2 - 1 - np.log(s**2)) / 2 / 4
    free = float(np.median(kl))  # so that one of the three dimensions is below this limit
    got = network.loss(Part(x=x, labels=labels), epsilon, objective(beta=2.5, free_bits=free))
    assert float(got) == pytest.approx(wanted + 2.5 * np.maximum(kl, free).sum(), rel=1e-5)


def test_kl_divergence_agrees_with_sampling():
    mean, deviation = 0.7, 0.4
    z = np.random.default_rng(2).normal(mean, deviation, size=200_000)
    log_q = -(((z - mean) / deviation) ** 2) / 2 - math.log(deviation)
    drawn = log_q + z**2 / 2
    closed = kl_divergence(torch.tensor([[mean]]), torch.tensor([[2 * math.log(deviation)]]))
    assert float(closed[0]) == pytest.approx(drawn.mean(), abs=5 * drawn.std() / math.sqrt(len(z)))


@given(st.lists(st.floats(0, 9, width=32), min_size=1, max_size=7), st.floats(0, 9, width=32))
def test_free_bits_have_no_gradient_and_never_lower_the_cost(rate, free):
    rate = torch.tensor(rate, requires_grad=True)
    cost = with_free_bits(rate, free)
    cost.backward()
    assert float(cost.detach()) == pytest.approx(sum(max(free, r) for r in rate.tolist()), rel=1e-5)
    assert all(g == 0 for r, g in zip(rate.tolist(), rate.grad.tolist(), strict=True) if r < free)
    assert with_free_bits(rate, free + 1) >= cost


def test_large_beta_removes_information_from_z_and_free_bits_keep_it():
    fit, out = part(90, 11), part(40, 11, seed=2)
    options = {"elbo": (1.0, 0.0), "half": (0.5, 0.0), "large": (100.0, 0.0), "free": (100.0, 0.5)}
    networks = {key: train_vae(fit, out, objective(*given), SEEDS) for key, given in options.items()}
    kl = {key: kl_divergence(*network.encode(out)) for key, network in networks.items()}
    total = {key: float(rate.sum()) for key, rate in kl.items()}
    assert total["half"] > total["elbo"] > 0.5  # z contains the position on the line
    assert total["large"] < 0.01
    assert 0.3 < total["free"] < total["elbo"]
    assert float(kl["free"].max()) < 0.6


def test_training_keeps_the_best_evaluated_weights(monkeypatch):
    seen, evaluate = [], vae_network._EarlyStopping.evaluate

    def spy(self, network, tensors):
        done = evaluate(self, network, tensors)
        with torch.no_grad():
            seen.append((float(network.loss(self.part, self.epsilon, self.objective)), self, done))
        return done

    monkeypatch.setattr(vae_network._EarlyStopping, "evaluate", spy)
    network = train_vae(part(30, 11), part(9, 11, seed=2), objective(), SEEDS)
    values, last = [value for value, _, _ in seen], seen[-1][1]
    assert seen[-1][2]
    assert len(values) == 1 + values.index(min(values)) + vae_network.PATIENCE
    assert values.index(min(values)) > 1  # training improved the objective
    assert len(last.part.x) >= vae_network.HELD_OUT_ROWS
    assert float(network.loss(last.part, last.epsilon, objective())) == min(values)


def test_training_keeps_the_initial_weights_if_nothing_helps_held_out_persons():
    noise = torch.Generator().manual_seed(3)
    fit, out = (Part(x=torch.randn(n, 90, generator=noise), labels=torch.zeros(n, 0)) for n in (7, 40))
    network = train_vae(fit, out, objective(), SEEDS)
    assert torch.equal(network.log_variance, torch.zeros(90))
    drawn = network.draw(3000, torch.zeros(1, 0), SEEDS)
    assert drawn.var(axis=0).mean() == pytest.approx(1, abs=0.02)


def test_diverging_training_is_rejected(monkeypatch):
    monkeypatch.setattr(vae_network, "RATE", 1e30)
    with pytest.raises(Unfit, match="diverged"):
        train_vae(part(30, 11), part(9, 11, seed=2), objective(), SEEDS)


def test_training_restores_the_state_of_torch():
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        train_vae(part(13, 5), part(4, 5, seed=2), objective(), SEEDS)
        assert torch.get_num_threads() == 2
        with pytest.raises(KeyError, match=r"^1$"), vae_network.one_thread():
            {}[torch.get_num_threads()]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(torch.get_rng_state(), state)


@settings(max_examples=12, deadline=None)
@given(st.sampled_from((1, 3, 255, 256, 257, 600)), st.integers(0, 400))
def test_draw_of_more_rows_keeps_the_first_exactly(few, more):
    network = Network(37, 0, 5, torch.Generator().manual_seed(1))
    a, b = (network.draw(m, torch.zeros(1, 0), SEEDS) for m in (few, few + more))
    assert np.array_equal(a, b[:few])


def test_draw_returns_decoded_z_plus_noise():
    network = Network(6, 2, 4, torch.Generator().manual_seed(1))
    network.log_variance = torch.linspace(-2, 1, 6)
    m, label = BLOCK_ROWS + 3, torch.tensor([[0.0, 1.0]])
    z = SEEDS.child("latent").generator().standard_normal((m, 4), np.float32)
    noise = SEEDS.child("noise").generator().standard_normal((m, 6), np.float32)
    mean = network.decode(torch.from_numpy(z), label.expand(m, 2)).numpy()
    wanted = mean + np.exp(network.log_variance.numpy() / 2) * noise
    np.testing.assert_allclose(network.draw(m, label, SEEDS), wanted, atol=1e-5)


def test_batches_contain_every_row_once_per_epoch():
    batches = vae_network._batches(150, torch.Generator().manual_seed(6))
    epochs = [torch.cat([next(batches) for _ in range(3)]) for _ in range(2)]
    assert [sorted(e.tolist()) for e in epochs] == [list(range(150))] * 2
    assert not torch.equal(*epochs)
