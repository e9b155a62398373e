"""Simulated logs: a Poisson-sampled Gaussian mechanism with its dry run, and incorrect variants."""

import numpy as np

from audits.attacks.accounting.mechanism_log import READS, person_set_digest

PERSONS = tuple(f"p{i}" for i in range(90))
RATE, STEPS, DIMENSION = 0.08, 240, 31


def poisson_batches(rng, n=120, steps=STEPS, rate=RATE):
    """Return Poisson samples of persons numbered from 0."""
    return [np.flatnonzero(rng.random(n) < rate).tolist() for _ in range(steps)]


def shuffled_batches(rng, n=120, steps=STEPS, size=10):
    """Return consecutive parts, of equal size, of shuffled lists."""
    order = np.concatenate([rng.permutation(n) for _ in range(-(-steps * size // n))])
    return [sorted(set(order[i * size : (i + 1) * size].tolist())) for i in range(steps)]


def fixed_batches(rng, n=120, steps=STEPS, size=10):
    """Return independent batches of equal size."""
    return [rng.choice(n, size=size, replace=False).tolist() for _ in range(steps)]


def gaussian_noise(rng, steps=STEPS, dimension=DIMENSION, factor=1.0):
    """Return |z|² of each step for `factor` times the claimed noise."""
    return ((factor * rng.normal(size=(steps, dimension))) ** 2).sum(axis=1).tolist()


def leading(rng, steps):
    """Return the first eight coordinates of the noise of each step."""
    return rng.normal(size=(steps, 8)).tolist()


def sgd(rng, *, dry_run=None, **changes):
    """Return a dp-sgd mechanism with a correct dry run."""
    logged = {"n_persons": 120, "batches": poisson_batches(rng), "noise": gaussian_noise(rng), "dimension": DIMENSION}
    logged |= {"max_norm": 0.5, "largest_row": 3.1, "normalisers": [7.2] * STEPS, "leading": leading(rng, STEPS)}
    cost = {"kind": "dp-sgd", "noise_multiplier": 2.0, "sampling_rate": RATE, "steps": 300}
    how = {"unit": "group", "clip_norm": 0.5, "sampling": "poisson", "seed_digest": None}
    divisor = {"value": 7.2, "source": "constant"}
    return cost | how | {"normaliser": divisor, "dry_run": logged | (dry_run or {})} | changes


def vote(rng, *, kind="vote", steps=11, dry_run=None, **changes):
    """Return a mechanism without sampling; `kind` may also be gaussian or laplace."""
    z = rng.laplace(size=(steps, 40)) if kind == "laplace" else rng.normal(size=(steps, 40))
    noise = 2 * np.abs(z).sum(axis=1) if kind == "laplace" else (z**2).sum(axis=1)
    logged = {"n_persons": 70, "noise": noise.tolist(), "dimension": 40, "leading": z[:, :8].tolist()}
    logged |= {"max_norm": 1.0, "largest_row": 7.0}
    cost = {"kind": kind, "noise_multiplier": 25.0, "sampling_rate": 1, "steps": steps}
    how = {"unit": "group", "clip_norm": 1.0, "sampling": "all", "normaliser": None, "seed_digest": None}
    return cost | how | {"dry_run": logged | (dry_run or {})} | changes


def log(*mechanisms, persons=PERSONS, **changes):
    """Return a log of these mechanisms without other reads; it claims far more epsilon than they cost."""
    return {
        "schema_version": 2,
        "release": "2026-11",
        "n_persons": 90,
        "person_set": person_set_digest(persons),
        "claim": {"epsilon": 9.0, "delta": 1e-4},
        "spent": None,
        "mechanisms": list(mechanisms),
        "replay": {"sums": "holds", "results": "holds", "scores": "holds"},
        "reads": [{"kind": kind, "status": "none"} for kind in READS],
        "releases": [],
    } | changes


def answered(**statuses):
    """Return the reads with other statuses: a keyword is a kind with _ for -; a value is a status or a dict."""
    reads = []
    for kind in READS:
        answer = statuses.get(kind.replace("-", "_"), "none")
        reads.append({"kind": kind, "status": answer} if isinstance(answer, str) else {"kind": kind, **answer})
    return reads
