"""The tests on logged batches and noise: their size on honest logs, and what each of them sees."""

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
    count_participation,
    noise_tests,
    poisson_tests,
    smallest_shortfall,
)

RNG = np.random.default_rng


@pytest.fixture(scope="module")
def logs(module_at):
    return module_at("tests/unit/audits/attacks/accounting/mechanism_logs.py")


def counted(chosen):
    return Participation(chosen.sum(axis=1), chosen.sum(axis=0), (chosen[1:] & chosen[:-1]).sum(axis=1))


def test_batches_are_counted_three_ways():
    draws = count_participation([[0, 2], [], [2, 1, 0], [1, 2]], 5)
    assert draws.sizes.tolist() == [2, 0, 3, 2]
    assert draws.participations.tolist() == [2, 2, 3, 0, 0]
    assert draws.overlaps.tolist() == [0, 0, 2]


@given(st.integers(0, 2**32 - 1))
def test_counting_agrees_with_a_table_of_ones(seed):
    chosen = RNG(seed).random((7, 11)) < 0.4
    draws = count_participation([np.flatnonzero(row).tolist() for row in chosen], 11)
    for ours, theirs in zip(draws, counted(chosen), strict=True):
        assert ours.tolist() == theirs.tolist()


@pytest.mark.parametrize("rate", [0.01, 0.2, 0.9])
def test_honest_draws_are_rarely_suspected(rate):
    n, repeats = MIN_PERSONS, 400
    p = np.array(
        [
            list(poisson_tests(counted(RNG(i).random((MIN_STEPS, n)) < rate), rate=rate).values())
            for i in range(repeats)
        ]
    )
    for column in p.T:
        for level in (0.05, 0.01):
            assert stats.binom.sf((column < level).sum() - 1, repeats, level) > 1e-4
    assert p.min() > ALPHA


def test_the_moments_are_those_of_simulated_draws():
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


def seen(batches, n, rate):
    return {test for test, p in poisson_tests(count_participation(batches, n), rate=rate).items() if p < ALPHA}


def test_shuffled_batches_are_seen_by_every_spread(logs):
    assert seen(logs.shuffled_batches(RNG(1)), 120, 10 / 120) >= {"sizes", "participations", "overlaps"}


def test_batches_of_fixed_size_drawn_anew_are_seen_by_their_size_alone(logs):
    assert seen(logs.fixed_batches(RNG(1)), 120, 10 / 120) == {"sizes"}


def test_another_rate_is_seen_as_such(logs):
    assert "rate" in seen(logs.poisson_batches(RNG(1), rate=0.12), 120, 0.08)


def test_persons_weighted_unequally_are_seen_by_how_often_they_take_part():
    chance = np.where(np.arange(120) < 30, 0.02, 0.1)
    batches = [np.flatnonzero(RNG(i).random(120) < chance).tolist() for i in range(240)]
    assert seen(batches, 120, 0.08) == {"participations"}


def test_batches_that_follow_one_another_are_seen_by_their_overlap():
    chosen = np.repeat(RNG(0).random((150, 120)) < 0.08, 2, axis=0)  # each batch twice
    assert "overlaps" in seen([np.flatnonzero(row).tolist() for row in chosen], 120, 0.08)


def test_honest_noise_is_rarely_suspected():
    p = np.array([list(noise_tests(RNG(i).chisquare(17, size=220), degrees=17).values())[:2] for i in range(300)])
    for column in p.T:
        assert stats.binom.sf((column < 0.05).sum() - 1, 300, 0.05) > 1e-4
    assert p.min() > ALPHA


def noise_seen(noise, degrees):
    return {test for test, p in noise_tests(noise, degrees=degrees).items() if p < ALPHA}


@pytest.mark.parametrize("factor", [0.5, 0.9, 2.0])
def test_noise_of_another_size_is_seen(logs, factor):
    assert "scale" in noise_seen(logs.gaussian_noise(RNG(2), factor=factor), logs.DIMENSION)


def test_noise_that_is_the_same_in_every_step_is_seen_though_its_size_is_right():
    assert noise_seen([31.0] * 240, 31) == {"shape", "repeats"}


def test_noise_drawn_again_each_epoch_is_seen():
    noise = RNG(0).chisquare(31, size=120).tolist()
    assert noise_seen(noise + noise, 31) == {"repeats"}


def test_laplace_noise_has_two_degrees_for_each_coordinate():
    z = RNG(4).laplace(size=(260, 23))
    assert noise_seen(2 * np.abs(z).sum(axis=1), 46) == set()
    assert "scale" in noise_seen(np.abs(z).sum(axis=1), 46)


def test_the_smallest_shortfall_is_seen_with_the_power_it_states():
    degrees, steps = 50, 200
    short = smallest_shortfall(degrees * steps)
    found = [
        noise_tests((1 - short) ** 2 * RNG(i).chisquare(degrees, size=steps), degrees=degrees)["scale"] < ALPHA
        for i in range(400)
    ]
    assert np.mean(found) == pytest.approx(0.8, abs=0.07)
    assert 0 < smallest_shortfall(10**6) < short < 1 == smallest_shortfall(10)
