"""Logs of mechanisms, simulated: a Poisson-sampled Gaussian mechanism with its dry run, and ways to get it wrong."""

import numpy as np

from audits.attacks.accounting.mechanism_log import READS, person_set_digest

PERSONS = tuple(f"p{i}" for i in range(90))
RATE, STEPS, DIMENSION = 0.08, 240, 31


def poisson_batches(rng, n=120, steps=STEPS, rate=RATE):
    """Return batches of persons numbered from 0, each in each step with the same chance."""
    return [np.flatnonzero(rng.random(n) < rate).tolist() for _ in range(steps)]


def shuffled_batches(rng, n=120, steps=STEPS, size=10):
    """Return batches of one size, cut from one shuffled list after the other."""
    order = np.concatenate([rng.permutation(n) for _ in range(-(-steps * size // n))])
    return [sorted(set(order[i * size : (i + 1) * size].tolist())) for i in range(steps)]


def fixed_batches(rng, n=120, steps=STEPS, size=10):
    """Return batches of one size, each drawn anew."""
    return [rng.choice(n, size=size, replace=False).tolist() for _ in range(steps)]


def gaussian_noise(rng, steps=STEPS, dimension=DIMENSION, factor=1.0):
    """Return |z|² of each step, `factor` times the noise that is claimed."""
    return ((factor * rng.normal(size=(steps, dimension))) ** 2).sum(axis=1).tolist()


def sgd(rng, *, dry_run=None, **changes):
    """Return a dp-sgd mechanism whose dry run did as it says."""
    logged = {
        "n_persons": 120,
        "batches": poisson_batches(rng),
        "noise": gaussian_noise(rng),
        "dimension": DIMENSION,
        "max_norm": 0.5,
        "normalisers": [7.2] * STEPS,
    }
    return {
        "kind": "dp-sgd",
        "unit": "group",
        "clip_norm": 0.5,
        "noise_multiplier": 2.0,
        "sampling": "poisson",
        "sampling_rate": RATE,
        "steps": 300,
        "normaliser": {"value": 7.2, "source": "constant"},
        "seed_digest": None,
        "dry_run": logged | (dry_run or {}),
    } | changes


def vote(rng, *, kind="vote", steps=11, dry_run=None, **changes):
    """Return a mechanism in which everyone takes part; `kind` may be gaussian or laplace as well."""
    z = rng.laplace(size=(steps, 40)) if kind == "laplace" else rng.normal(size=(steps, 40))
    noise = 2 * np.abs(z).sum(axis=1) if kind == "laplace" else (z**2).sum(axis=1)
    return {
        "kind": kind,
        "unit": "group",
        "clip_norm": 1.0,
        "noise_multiplier": 25.0,
        "sampling": "all",
        "sampling_rate": 1,
        "steps": steps,
        "normaliser": None,
        "seed_digest": None,
        "dry_run": {"n_persons": 70, "noise": noise.tolist(), "dimension": 40, "max_norm": 1.0} | (dry_run or {}),
    } | changes


def log(*mechanisms, persons=PERSONS, **changes):
    """Return a log of these mechanisms in which everything else is answered for; its claim is far from tight."""
    return {
        "schema_version": 1,
        "release": "2026-11",
        "n_persons": 90,
        "person_set": person_set_digest(persons),
        "claim": {"epsilon": 9.0, "delta": 1e-4},
        "spent": None,
        "mechanisms": list(mechanisms),
        "reads": [{"kind": kind, "status": "none"} for kind in READS],
        "releases": [],
    } | changes


def answered(**statuses):
    """Return reads with some answers changed; keys with _ for -, values a status or a whole cost."""
    reads = []
    for kind in READS:
        answer = statuses.get(kind.replace("-", "_"), "none")
        reads.append({"kind": kind, "status": answer} if isinstance(answer, str) else {"kind": kind, **answer})
    return reads
