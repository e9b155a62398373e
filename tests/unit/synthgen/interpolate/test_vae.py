import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from synthgen.core.errors import ConfigError, DataError
from synthgen.core.seeds import SeedTree
from synthgen.interpolate import vae_network
from synthgen.interpolate.base import TrainRows, Unfit
from synthgen.interpolate.vae import Vae, held_out

SEEDS = SeedTree(20261120).child("interpolate")


def gaussian(n: int, d: int, seed: int = 5) -> np.ndarray:
    """Return n draws of a Gaussian with mean 3, two strong directions and dimensions of different variance."""
    rng, strong = np.random.default_rng(seed), np.random.default_rng(0).normal(size=(2, d))
    draws = 3 + rng.normal(size=(n, 2)) @ strong + rng.normal(size=(n, d)) * np.linspace(0.2, 0.9, d)
    return draws.astype(np.float32)


def rows(*classes: np.ndarray) -> TrainRows:
    codes = np.repeat(np.arange(len(classes)), [len(x) for x in classes])
    return TrainRows(vectors=np.concatenate(classes), classes=codes, groups=np.arange(len(codes)))


def test_vae_points_have_the_mean_and_covariance_of_the_class():
    x = gaussian(200, 11)
    points = Vae(latent_dim=4).fit_rows(rows(x)).points(0, 4000, SEEDS)
    assert points.vectors.dtype == np.float32
    assert points.parents.shape == points.weights.shape == (4000, 0)
    np.testing.assert_allclose(points.vectors.mean(axis=0), x.mean(axis=0), atol=0.25)
    assert 0.85 < points.vectors.var(axis=0).sum() / x.var(axis=0).sum() < 1.15
    real, new = (np.linalg.eigh(np.cov(a.T)) for a in (x, points.vectors))
    assert new[0][-2:].sum() / real[0][-2:].sum() > 0.7  # variance of the two strong directions
    assert np.linalg.norm(real[1][:, -2:].T @ new[1][:, -2:]) ** 2 > 1.8  # they span the same plane; 2 if equal


def test_vae_is_reproducible_with_any_number_of_threads():
    x, threads = rows(gaussian(24, 90)), torch.get_num_threads()

    def drawn(rng: SeedTree) -> bytes:
        return Vae().fit_rows(x).points(0, 9, rng).vectors.tobytes()

    once = drawn(SEEDS)
    assert drawn(SEEDS.child("again")) != once
    try:
        torch.set_num_threads(2)
        assert drawn(SEEDS) == once
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("conditional", [False, True])
def test_vae_trains_each_model_once_on_first_use(conditional):
    fitted = Vae(latent_dim=2, conditional=conditional).fit_rows(rows(gaussian(9, 5), gaussian(13, 5) + 1))
    assert fitted.trained == {}  # training starts on first use
    few, many = fitted.points(1, 3, SEEDS.child("b")), fitted.points(1, 17, SEEDS.child("b"))
    assert np.array_equal(few.vectors, many.vectors[:3])
    assert len(fitted.trained) == 1
    fitted.points(0, 3, SEEDS.child("a"))
    assert len(fitted.trained) == (1 if conditional else 2)
    other = fitted.points(1, 3, SeedTree(7).child("b"))
    assert len(fitted.trained) == (2 if conditional else 3)  # another seed trains another model
    assert not np.array_equal(other.vectors, few.vectors)


@pytest.mark.slow
def test_conditional_vae_separates_classes():
    x = rows(gaussian(60, 7), gaussian(50, 7, seed=6) + 3, gaussian(40, 7, seed=7) - 3)
    fitted = Vae(latent_dim=2, conditional=True).fit_rows(x)
    for code in range(3):
        new, real = fitted.points(code, 500, SEEDS.child(str(code))).vectors, x.vectors[x.of(code)]
        assert abs(new.mean() - real.mean()) < 1
        assert 0.5 < new.var(axis=0).sum() / real.var(axis=0).sum() < 2
    assert len(fitted.trained) == 1


@settings(max_examples=5, deadline=None)
@given(st.permutations(range(26)))
def test_conditional_vae_does_not_depend_on_the_order_of_rows(embed, order):
    whole = embed(gaussian(26, 5), "a" * 12 + "b" * 14)
    mixed = embed(whole.vectors[order], *([getattr(whole, k)[i] for i in order] for k in ("labels", "groups", "ids")))
    vae = Vae(latent_dim=2, conditional=True)
    a, b = (vae.fit(y).sample({"a": 3, "b": 4}, SEEDS).vectors for y in (whole, mixed))
    assert np.array_equal(a, b)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=60), st.integers(0, 99))
@example([*range(Vae().min_groups)] * 3, 1)  # the smallest class: two of its eight persons are held out
def test_held_out_separates_persons(groups, seed):
    groups = np.array(groups)
    out = held_out(groups, SeedTree(seed))
    persons, kept = set(groups[out].tolist()), set(groups[~out].tolist())
    assert not persons & kept
    assert len(persons) == -(-len(persons | kept) // 5)


def test_vae_does_not_train_on_held_out_persons(monkeypatch):
    seen, train = [], vae_network.train_vae

    def spy(fit, out, objective, rng):
        seen.append((fit.x.numpy(), out.x.numpy()))
        return train(fit, out, objective, rng)

    monkeypatch.setattr(vae_network, "train_vae", spy)
    x, groups = gaussian(30, 5), np.arange(30) // 2
    one_class = TrainRows(vectors=x, classes=np.zeros(30, dtype=np.int64), groups=groups)
    Vae(latent_dim=2).fit_rows(one_class).points(0, 1, SEEDS)
    ((fit, out),) = seen
    scale, centre = np.sqrt(x.astype(float).var(axis=0).mean()), x.astype(float).mean(axis=0)
    back = [part * scale + centre for part in (fit, out)]
    of = [{int(groups[np.abs(x - row).sum(axis=1).argmin()]) for row in part} for part in back]
    assert (len(fit), len(out), len(of[1])) == (24, 6, 3)
    assert not of[0] & of[1]
    np.testing.assert_allclose(np.sort(np.concatenate(back), axis=0), np.sort(x, axis=0), atol=1e-4)


def test_vae_names_classes_that_cannot_be_trained(embed):
    x = gaussian(24, 5)
    x[8:16] = x[8]
    labels = ["fine"] * 8 + ["same"] * 8 + ["wide"] * 8
    x[16:] = np.float32(3.3e38) * np.sign(x[16:] - 3)
    sampler = Vae(latent_dim=2).fit(embed(x, labels))
    with pytest.raises(DataError) as refused:
        sampler.sample({"fine": 1, "same": 2, "wide": 400}, SEEDS)
    problems = (
        "'same': all vectors that the model is trained on are equal",
        "'wide': the model draws vectors that are not finite",
    )
    assert refused.value.problems == problems


def test_conditional_vae_rejects_class_without_training_person():
    out = held_out(np.arange(20), SEEDS.child("fit", "split"))  # class 1 has exactly the held-out persons
    x = TrainRows(vectors=gaussian(20, 5), classes=out.astype(np.int64), groups=np.arange(20))
    fitted = Vae(latent_dim=2, conditional=True).fit_rows(x)
    with pytest.raises(Unfit, match="all persons of the class are held out"):
        fitted.points(1, 3, SEEDS.child("b"))
    assert len(fitted.points(0, 3, SEEDS.child("a")).vectors) == 3


def test_vae_reports_all_invalid_arguments():
    with pytest.raises(ConfigError) as refused:
        Vae(latent_dim=0, beta=float("nan"), free_bits=-1)
    assert [p.partition(":")[0] for p in refused.value.problems] == ["latent_dim", "beta", "free_bits"]
