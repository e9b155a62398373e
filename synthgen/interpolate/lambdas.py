"""Where λ is drawn: how far along its segment or arc a new point lies; and the weights of a mixture."""

import numpy as np

from synthgen.interpolate.base import Float64

Shape = tuple[float, float]


def draw_lambdas(generator: np.random.Generator, m: int, beta: Shape | None = None) -> Float64:
    """Return λ ~ U(0, 1), or λ ~ Beta(s, t), float64 (m).

    Args:
        generator: one draw a point.
        m: how many points.
        beta: (s, t); None draws uniformly.
    """
    return generator.random(m) if beta is None else generator.beta(*beta, size=m)


def pair_weights(lam: Float64) -> Float64:
    """Return the weights (1 − λ, λ) of the two ends, float64 (m, 2)."""
    return np.stack([1 - lam, lam], axis=1)


def draw_dirichlet_weights(generator: np.random.Generator, m: int, parents: int, alpha: float) -> Float64:
    """Return w ~ Dirichlet(α, …, α), float64 (m, p), each row summing to 1."""
    return generator.dirichlet(np.full(parents, alpha), size=m)
