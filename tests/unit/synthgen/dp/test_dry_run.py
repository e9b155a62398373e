import numpy as np
import pytest

from audits.attacks.accounting.mechanism_log import DryRunLog
from synthgen.core.seeds import SeedTree
from synthgen.dp import noised_sums as sums
from synthgen.dp.dry_run import DryRun
from synthgen.dp.noise import StreamNoise
from synthgen.dp.noised_sums import PrivateMechanism, Query

ROWS = [np.random.default_rng(0).normal(size=(30, 12)) * 5]
QUERY = Query(name="asked", noise_multiplier=2.0, clip=0.5)


def test_dry_run_answers_like_the_run_and_logs_the_noise():
    dry_run = DryRun(n_persons=30, noise=StreamNoise(SeedTree(3)))
    answers = [dry_run(ROWS, QUERY) for _ in range(2)]
    assert np.array_equal(answers[0], PrivateMechanism(StreamNoise(SeedTree(3)))(ROWS, QUERY))
    log = DryRunLog.model_validate({**dry_run.log("asked"), "noise": tuple(dry_run.log("asked")["noise"])})
    assert (log.n_persons, log.dimension, len(log.noise)) == (30, 12, 2)
    assert log.max_norm == pytest.approx(0.5, abs=1e-6)
    quiet = Query(name="asked", noise_multiplier=1e-9, clip=0.5)
    clean = PrivateMechanism(StreamNoise(SeedTree(3)))(ROWS, quiet)
    assert log.noise[0] == pytest.approx(float((((answers[0] - clean) / 1.0) ** 2).sum()), rel=1e-4)


def test_dry_run_logs_too_little_noise(monkeypatch):
    monkeypatch.setattr(sums, "MARGIN", -0.5)  # halves the noise of the run and of the dry run
    dry_run = DryRun(n_persons=30, noise=StreamNoise(SeedTree(3)))
    for _ in range(20):
        dry_run(ROWS, QUERY)
    assert sum(dry_run.log("asked")["noise"]) / (20 * 12) < 0.5
