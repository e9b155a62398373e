from dataclasses import replace

import numpy as np
import pytest
import torch

from synthgen.core.seeds import SeedTree
from synthgen.dp import vae
from synthgen.dp.basis import fit_basis
from synthgen.dp.dry_run import DryRun
from synthgen.dp.method import PublicContext
from synthgen.dp.noise import StreamNoise
from synthgen.dp.noised_sums import UNIT, PrivateAsk, exact_sum
from synthgen.dp.person_rows import PersonRows, made_up_people
from synthgen.interpolate.vae_network import Objective, Part

RNG = np.random.default_rng(3)
D, C, N = 12, 2, 300


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


BASIS = fit_basis(unit(RNG.normal(size=(500, D))))
MIDDLES = unit(RNG.normal(size=(C, D)))
CLASSES = RNG.integers(0, C, N)
POINTS = BASIS.inward(unit(MIDDLES[CLASSES] + 0.3 * RNG.normal(size=(N, D))))
PEOPLE = PersonRows(
    points=POINTS, classes=CLASSES, starts=np.arange(0, N, 2), n_classes=C, names=tuple(map(str, range(N // 2)))
)
CONTEXT = PublicContext(labels=("a", "b"), basis=BASIS, persons=N // 2, write=lambda v, *_: v, seeds=SeedTree(5))


def queries(sigma, steps=60):
    return {name: replace(asked.query(name, sigma, N // 2), steps=steps) for name, asked in vae.ASKED.items()}


@pytest.fixture(scope="module")
def model():
    return vae.learn(PEOPLE, CONTEXT, queries(0.01), PrivateAsk(StreamNoise(SeedTree(1))))


def test_points_lie_in_their_class_and_are_of_nobody(model):
    drawn = model.sample({"a": 60, "b": 60}, SeedTree(7))
    assert set(drawn.parent_ids) == {()}
    assert np.allclose(np.linalg.norm(drawn.vectors, axis=1), 1, atol=1e-5)
    own = (drawn.vectors @ MIDDLES.T).argmax(axis=1) == np.repeat([0, 1], 60)
    assert own.mean() > 0.9
    untrained = vae.learn(PEOPLE, CONTEXT, queries(1e6), PrivateAsk(StreamNoise(SeedTree(1))))
    lost = (untrained.sample({"a": 60, "b": 60}, SeedTree(7)).vectors @ MIDDLES.T).argmax(axis=1)
    assert (lost == np.repeat([0, 1], 60)).mean() < own.mean()


def test_what_is_saved_comes_back_and_more_points_keep_the_first(model, tmp_path):
    model.save(tmp_path)
    again = vae.read(tmp_path, CONTEXT)
    few, many = again.sample({"b": 4}, SeedTree(1)), model.sample({"b": 300}, SeedTree(1))
    assert np.allclose(few.vectors, many.vectors[:4], atol=1e-6)


def test_each_records_gradient_is_that_of_its_own_loss():
    network = vae._untrained(CONTEXT)
    weights = vae._flat(network) + 0.01
    x = RNG.normal(size=(3, D)).astype(np.float32)
    epsilon = RNG.normal(size=(3, vae.LATENT)).astype(np.float32)
    each = vae._gradients(network, weights, (x, np.array([0, 1, 1]), epsilon))
    for i, code in enumerate((0, 1, 1)):  # the slow reference: one backward pass a record
        flat = torch.from_numpy(weights.astype(np.float32)).requires_grad_(True)
        part = Part(x=torch.from_numpy(x[[i]]), labels=torch.eye(C)[[code]])
        objective = Objective(latent_dim=vae.LATENT, beta=1.0, free_bits=0.0)
        network.with_weights(flat).loss(part, torch.from_numpy(epsilon[[i]]), objective).backward()
        assert np.allclose(each[i], flat.grad.numpy(), atol=1e-4)


def test_what_is_drawn_for_a_person_hangs_on_nobody_else():
    sizes = np.array([3, 60, 2, 1])  # one of many records would shift the draws of all that follow
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    names = ("a", "b", "c", "d")
    everybody = PersonRows(
        points=POINTS[: sizes.sum()], classes=CLASSES[: sizes.sum()], starts=starts, names=names, n_classes=C
    )
    kept = np.delete(np.arange(sizes.sum()), np.s_[3:63])
    without = PersonRows(
        points=POINTS[kept], classes=CLASSES[kept], starts=np.array([0, 3, 5]), names=("a", "c", "d"), n_classes=C
    )
    found = {n: _sums(people) for n, people in (("with", everybody), ("without", without))}
    assert all(norm <= 1 + 1e-3 for norm in np.linalg.norm(found["with"] - found["without"], axis=1))


class _Sums:
    """Asks everybody in every step, and answers with the clipped sum that nobody else may see."""

    def __init__(self):
        self.seen = []

    def batch(self, persons, _query):
        return np.arange(persons)

    def __call__(self, rows, query):
        total, _ = exact_sum(list(rows), query.clip)
        self.seen.append(total / UNIT)
        return np.zeros(len(total))


def _sums(people):
    ask = _Sums()
    vae.learn(people, CONTEXT, queries(1.0, steps=3), ask)
    return np.array(ask.seen)


def test_the_dry_run_logs_batches_noise_and_what_was_divided_by():
    n = 100
    dry_run = DryRun(n_persons=n, noise=StreamNoise(SeedTree(2)))
    asked = {name: replace(one.query(name, 1.0, 2000), steps=9) for name, one in vae.ASKED.items()}
    vae.learn(made_up_people(n, C, BASIS, RNG), CONTEXT, asked, dry_run)
    log = dry_run.log(vae.DESCENT)
    assert len(log["batches"]) == len(log["noise"]) == len(log["normalisers"]) == 9
    assert log["max_norm"] <= 1.0 + 1e-9
    assert set(log["normalisers"]) == {256.0}
