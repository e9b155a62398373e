import numpy as np

from synthgen.core.seeds import SeedTree
from synthgen.dp.descent import descend
from synthgen.dp.noise import StreamNoise
from synthgen.dp.noised_sums import PrivateAsk, Query, exact_sum

RNG = np.random.default_rng(6)
N, D = 600, 5
X = RNG.normal(size=(N, D))
TRUE = np.array([1.0, -2.0, 0.5, 0.0, 1.5])
Y = X @ TRUE + 0.1 * RNG.normal(size=N)


def steps(sigma, rate=0.2, n=200):
    return Query(
        name="steps",
        noise_multiplier=sigma,
        clip=2.0,
        steps=n,
        sampling_rate=rate,
        normaliser=rate * N,
        kind="dp-sgd",
    )


def gradients(_step, weights, drawn):
    yield (X[drawn] @ weights - Y[drawn])[:, None] * X[drawn]


def distance(sigma):
    ask = PrivateAsk(StreamNoise(SeedTree(2)))
    return np.linalg.norm(descend(np.zeros(D), gradients, N, steps(sigma), ask, rate=0.05) - TRUE)


def test_it_finds_what_is_to_be_found_and_noise_hides_it():
    assert distance(1e-6) < 0.1
    assert distance(1.0) < 0.5
    assert distance(1000.0) > 1.5


def test_every_step_clips_each_person_asks_once_and_divides_by_a_constant():
    class Watching(PrivateAsk):
        def __init__(self):
            super().__init__(StreamNoise(SeedTree(3)))
            self.sizes, self.sums = [], []

        def batch(self, persons, query):
            drawn = super().batch(persons, query)
            self.sizes.append(len(drawn))
            return drawn

        def __call__(self, people, query):
            blocks = list(people)
            self.sums.append(exact_sum(blocks, query.clip)[1])
            return super().__call__(blocks, query)

    ask = Watching()
    descend(np.zeros(D), gradients, N, steps(1.0, n=50), ask, rate=0.05)
    assert len(ask.sizes) == len(ask.sums) == 50
    assert len(set(ask.sizes)) > 5
    assert max(ask.sums) <= 1


def test_a_batch_of_nobody_is_a_step_with_noise():
    def of_somebody(_weights, drawn):
        assert len(drawn) > 0
        yield np.ones((len(drawn), D))

    ask = PrivateAsk(StreamNoise(SeedTree(3)))
    asked = Query(name="s", noise_multiplier=1.0, steps=30, sampling_rate=1e-9, normaliser=1.0, kind="dp-sgd")
    found = descend(np.zeros(D), of_somebody, N, asked, ask, rate=0.05)
    assert (found != 0).all()
