"""DP-SGD over persons: each step sums the clipped gradients of those whose coins say so."""

from collections.abc import Callable, Iterator

import numpy as np

from synthgen.dp.noise import Int64
from synthgen.dp.noised_sums import Ask, Float64, Query

_FIRST, _SECOND, _TINY = 0.9, 0.999, 1e-8  # of Adam

# Yields blocks of persons' gradients, float64 (p, d), in a step, at weights (d,), for the numbered persons; what
# is drawn for one of them hangs on nobody else.
Gradients = Callable[[int, Float64, Int64], Iterator[Float64]]


def descend(start: Float64, gradients: Gradients, persons: int, query: Query, ask: Ask, *, rate: float) -> Float64:
    r"""Return weights that persons' noised gradients lead to, the mean over the last half of the steps; float64 (d,).

        g_t = ( Σ_{p in B_t} clip(∇_p, C) + z_t ) / (q N),   B_t: each person with chance q,   w_t by Adam from g_t

    A batch of nobody is a step like any other, and what the sum is divided by is a constant of the configuration.

    Args:
        start: public weights.
        gradients: of each person, of all the person's records together.
        persons: how many there are; it decides nothing but how many coins are tossed.
        query: T steps, q and C.
        ask: draws the batches and adds the noise.
        rate: of learning, constant.

    Privacy: T Poisson-sampled Gaussian queries; the weights are computed from their answers.
    Source: Abadi et al., CCS 2016, algorithm 1, by persons; Kingma and Ba, ICLR 2015; Polyak averaging.
    """
    weights, mean = start.copy(), np.zeros_like(start)
    first, second = np.zeros_like(start), np.zeros_like(start)
    last = (query.steps + 1) // 2
    for step in range(1, query.steps + 1):
        drawn = ask.batch(persons, query)
        gradient = ask(_of(gradients, step, weights, drawn), query)
        first = _FIRST * first + (1 - _FIRST) * gradient
        second = _SECOND * second + (1 - _SECOND) * gradient**2
        scale = np.sqrt(second / (1 - _SECOND**step)) + _TINY
        weights = weights - rate * (first / (1 - _FIRST**step)) / scale
        if step > query.steps - last:
            mean += weights / last
    return mean


def _of(gradients: Gradients, step: int, weights: Float64, drawn: Int64) -> Iterator[Float64]:
    """Yield the gradients of the persons of a batch, which may be nobody."""
    yield np.zeros((0, len(weights)))
    if len(drawn) > 0:
        yield from gradients(step, weights, drawn)
