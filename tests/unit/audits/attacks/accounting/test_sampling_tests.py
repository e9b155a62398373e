"""The statistical tests rarely reject correct logs, and each test detects its kind of error."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from audits.attacks.accounting.sampling_tests import (
    ALPHA,
    MIN_PERSONS,
    MIN_STEPS,
    Participation,
    _dispersion_moments,
    _overlap_moments,
    coordinate_tests,
    count_participation,
    noise_tests,
    poisson_tests,
    smallest_shortfall,
)

RNG = np.random.default_rng


def counted(chosen):
    return Participation(chosen.sum(axis=1), chosen.sum(axis=0), (chosen[1:] & chosen[:-1]).sum(axis=1))


def test_counts_of_batches():
    draws = count_participation([[0, 2], [], [2, 1, 0], [1, 2]], 5)
    assert draws.sizes.tolist() == [2, 0, 3, 2]
    assert draws.participations.tolist() == [2, 2, 3, 0, 0]
    assert draws.overlaps.tolist() == [0, 0, 2]


@given(st.integers(0, 2**32 - 1))
def test_counts_equal_those_of_an_indicator_matrix(seed):
    chosen = RNG(seed).random((7, 11)) < 0.4
    draws = count_participation([np.flatnonzero(row).tolist() for row in chosen], 11)
    for ours, theirs in zip(draws, counted(chosen), strict=True):
        assert ours.tolist() == theirs.tolist()


@pytest.mark.parametrize("rate", [0.01, 0.2, 0.9])
def test_correct_draws_are_rarely_rejected(rate):
    n, repeats = MIN_PERSONS, 400
    draws = (counted(RNG(i).random((MIN_STEPS, n)) < rate) for i in range(repeats))
    p = np.array([list(poisson_tests(draw, rate=rate).values()) for draw in draws])
    for column in p.T:
        for level in (0.05, 0.01):
            assert stats.binom.sf((column < level).sum() - 1, repeats, level) > 1e-4
    assert p.min() > ALPHA


def test_moments_equal_those_of_simulated_draws():
    n, steps, q = 40, 6, 0.3
    chosen = RNG(0).random((30_000, steps, n)) < q
    overlaps = (chosen[:, 1:] & chosen[:, :-1]).sum(axis=(1, 2))
    mean, variance = _overlap_moments(n, steps, q)
    assert overlaps.mean() == pytest.approx(mean, rel=0.01)
    assert overlaps.var() == pytest.approx(variance, rel=0.03)
    few = RNG(1).binomial(7, 0.1, size=(60_000, 5))
    spread = ((few - 0.7) ** 2).sum(axis=1) / (0.7 * 0.9)
    mean, variance = _dispersion_moments(5, 7, 0.1)
    assert spread.mean() == pytest.approx(mean, rel=0.01)
    assert spread.var() == pytest.approx(variance, rel=0.04)


def detected(batches, n, rate):
    return {test for test, p in poisson_tests(count_participation(batches, n), rate=rate).items() if p < ALPHA}


def test_incorrect_batches_are_detected(logs):
    assert detected(logs.shuffled_batches(RNG(1)), 120, 10 / 120) >= {"sizes", "participations", "overlaps"}
    assert detected(logs.fixed_batches(RNG(1)), 120, 10 / 120) == {"sizes"}
    assert "rate" in detected(logs.poisson_batches(RNG(1), rate=0.12), 120, 0.08)
    chance = np.where(np.arange(120) < 30, 0.02, 0.1)
    batches = [np.flatnonzero(RNG(i).random(120) < chance).tolist() for i in range(240)]
    assert detected(batches, 120, 0.08) == {"participations"}
    chosen = np.repeat(RNG(0).random((150, 120)) < 0.08, 2, axis=0)  # each batch twice
    assert "overlaps" in detected([np.flatnonzero(row).tolist() for row in chosen], 120, 0.08)


def test_correct_noise_is_rarely_rejected():
    p = np.array([list(noise_tests(RNG(i).chisquare(17, size=220), degrees=17).values())[:2] for i in range(300)])
    for column in p.T:
        assert stats.binom.sf((column < 0.05).sum() - 1, 300, 0.05) > 1e-4
    assert p.min() > ALPHA


def detected_noise(noise, degrees):
    return {test for test, p in noise_tests(noise, degrees=degrees).items() if p < ALPHA}


def test_incorrect_noise_is_detected(logs):
    for factor in (0.5, 0.9, 2.0):
        assert "scale" in detected_noise(logs.gaussian_noise(RNG(2), factor=factor), logs.DIMENSION)
    assert detected_noise([31.0] * 240, 31) == {"shape", "repeats"}  # the same in every step
    noise = RNG(0).chisquare(31, size=120).tolist()
    assert detected_noise(noise + noise, 31) == {"repeats"}  # reused in each epoch


WRONG = {
    "half without noise": lambda z, _: np.sqrt(2) * z * (np.arange(len(z)) % 2),
    "1 % without noise": lambda z, _: z * (np.arange(len(z)) % 100 != 50),
    "two coordinates alike": lambda z, _: np.resize(z[: len(z) // 2], len(z)),
    "opposite values": lambda z, _: np.resize(z[: len(z) // 2], len(z)) * np.repeat([1, -1], len(z) // 2),
    "six classes alike": lambda z, _: np.resize(z[: len(z) // 6], len(z)),
    "multiples of a tenth": lambda z, _: np.rint(10 * z) / 10,
    "uniform": lambda z, rng: rng.uniform(-1, 1, len(z)) * np.sqrt(3),
    "absolute values": lambda z, _: np.abs(z),
    "sorted": lambda z, _: np.sort(z),
    "a moving mean": lambda z, _: (z + np.roll(z, 1)) / np.sqrt(2),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_incorrect_coordinates_are_detected(wrong):
    rng = np.random.default_rng(0)
    found = coordinate_tests(WRONG[wrong](rng.normal(size=8256), rng), is_laplace=False)
    assert min(found.values()) < ALPHA, found


@pytest.mark.parametrize("is_laplace", [True, False])
@pytest.mark.parametrize("n", [1, 8, 1000, 16_000])
def test_p_values_of_correct_coordinates_are_uniform_or_larger(n, is_laplace):
    rng = np.random.default_rng(3)
    draw = rng.laplace if is_laplace else rng.normal
    found = [coordinate_tests(draw(size=n), is_laplace=is_laplace) for _ in range(60)]
    for test in ("distribution", "order", "ties"):
        values = np.array([p[test] for p in found])
        assert stats.binomtest(int((values < 0.05).sum()), len(values), 0.05).pvalue > 1e-4, test
        assert values.min() > 1e-5


def test_laplace_noise_has_two_degrees_of_freedom_per_coordinate():
    z = RNG(4).laplace(size=(260, 23))
    assert detected_noise(2 * np.abs(z).sum(axis=1), 46) == set()
    assert "scale" in detected_noise(np.abs(z).sum(axis=1), 46)


def test_smallest_shortfall_is_detected_with_the_stated_power():
    degrees, steps = 50, 200
    short = smallest_shortfall(degrees * steps)
    found = [
        noise_tests((1 - short) ** 2 * RNG(i).chisquare(degrees, size=steps), degrees=degrees)["scale"] < ALPHA
        for i in range(400)
    ]
    assert np.mean(found) == pytest.approx(0.8, abs=0.07)
    assert 0 < smallest_shortfall(10**6) < short < 1 == smallest_shortfall(10)
