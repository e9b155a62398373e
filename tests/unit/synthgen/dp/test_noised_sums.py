import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from audits.attacks.accounting.mechanism_log import DryRunLog
from synthgen.core.errors import InternalError
from synthgen.core.seeds import SeedTree
from synthgen.dp import noised_sums as sums
from synthgen.dp.noised_sums import MARGIN, UNIT, DryRun, PrivateMechanism, Query, SecureNoise, StreamNoise, exact_sum

ROWS = arrays(np.float64, (7, 5), elements=st.floats(-1e9, 1e9))
MADE_UP = [np.random.default_rng(0).normal(size=(30, 12)) * 5]
QUERY = Query(name="query", noise_multiplier=2.0, clip=0.5)


@settings(max_examples=60, deadline=None)
@given(ROWS, st.floats(1e-3, 1e3))
def test_no_person_contributes_more_than_the_clip_norm(rows, clip):
    whole, largest = exact_sum([rows], clip)
    assert largest <= 1
    for i in range(len(rows)):
        without, _ = exact_sum([np.delete(rows, i, axis=0)], clip)
        assert float(((whole - without).astype(float) ** 2).sum()) ** 0.5 <= UNIT * (1 + 1e-12)


def test_sum_is_that_of_the_clipped_rows_for_any_blocks():
    rows = np.random.default_rng(0).normal(size=(50, 4))
    clipped = rows * np.minimum(1, 0.5 / np.linalg.norm(rows, axis=1))[:, None]
    for blocks in ([rows], [rows[:20], rows[20:]]):
        total, _ = exact_sum(blocks, 0.5)
        assert np.allclose(total * 0.5 / UNIT, clipped.sum(axis=0), atol=1e-5)


def test_noise_has_slightly_more_than_the_accounted_scale():
    query = Query(name="any", noise_multiplier=3.0, clip=0.5)
    answer = PrivateMechanism(StreamNoise(SeedTree(1)))([np.zeros((1, 20_000))], query)
    assert np.std(answer) == pytest.approx(1.5, rel=0.03)
    scales = []

    class Recorded:
        def integers(self, n, scale):
            scales.append(scale)
            return np.zeros(n, dtype=np.int64)

    PrivateMechanism(Recorded())([np.zeros((1, 3))], Query(name="any", noise_multiplier=2.0))
    assert scales == [pytest.approx(2.0 * UNIT * (1 + MARGIN), rel=1e-12)]
    assert MARGIN >= 1e-4


@pytest.mark.parametrize(("rows", "message"), [([np.array([[np.nan]])], "not finite"), ([], "no persons")])
def test_invalid_rows_are_rejected(rows, message):
    with pytest.raises(InternalError, match=message):
        PrivateMechanism(StreamNoise(SeedTree(1)))(rows, Query(name="any", noise_multiplier=1.0))


@pytest.mark.parametrize("noise", [SecureNoise(), StreamNoise(SeedTree(1).child("noise"))])
def test_noise_is_gaussian_in_whole_numbers(noise):
    drawn = noise.integers(4000, 1e6)
    assert drawn.dtype == np.int64
    assert stats.kstest(drawn / 1e6, "norm").pvalue > 1e-6


def test_secure_noise_is_not_reproducible_and_a_stream_continues():
    assert not np.array_equal(SecureNoise().integers(50, 1e6), SecureNoise().integers(50, 1e6))
    stream, again = StreamNoise(SeedTree(1)), StreamNoise(SeedTree(1))
    first = stream.integers(50, 1e6)
    assert np.array_equal(first, again.integers(50, 1e6))
    assert not np.array_equal(first, stream.integers(50, 1e6))


def test_dry_run_answers_like_the_run_and_logs_the_noise():
    dry_run = DryRun(n_persons=30, noise=StreamNoise(SeedTree(3)))
    answers = [dry_run(MADE_UP, QUERY) for _ in range(2)]
    assert np.array_equal(answers[0], PrivateMechanism(StreamNoise(SeedTree(3)))(MADE_UP, QUERY))
    log = DryRunLog.model_validate({**dry_run.log("query"), "noise": tuple(dry_run.log("query")["noise"])})
    assert (log.n_persons, log.dimension, len(log.noise)) == (30, 12, 2)
    assert log.max_norm == pytest.approx(0.5, abs=1e-6)
    quiet = Query(name="query", noise_multiplier=1e-9, clip=0.5)
    clean = PrivateMechanism(StreamNoise(SeedTree(3)))(MADE_UP, quiet)
    assert log.noise[0] == pytest.approx(float((((answers[0] - clean) / 1.0) ** 2).sum()), rel=1e-4)


def test_dry_run_logs_too_little_noise(monkeypatch):
    monkeypatch.setattr(sums, "MARGIN", -0.5)  # halves the noise of the run and of the dry run
    dry_run = DryRun(n_persons=30, noise=StreamNoise(SeedTree(3)))
    for _ in range(20):
        dry_run(MADE_UP, QUERY)
    assert sum(dry_run.log("query")["noise"]) / (20 * 12) < 0.5
