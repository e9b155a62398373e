import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from synthgen.core.errors import InternalError
from synthgen.core.seeds import SeedTree
from synthgen.dp.noise import StreamNoise
from synthgen.dp.noised_sums import MARGIN, UNIT, PrivateMechanism, Query, exact_sum

ROWS = arrays(np.float64, (7, 5), elements=st.floats(-1e9, 1e9))


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


def test_noise_has_the_accounted_scale():
    query = Query(name="any", noise_multiplier=3.0, clip=0.5)
    answer = PrivateMechanism(StreamNoise(SeedTree(1)))([np.zeros((1, 20_000))], query)
    assert np.std(answer) == pytest.approx(1.5, rel=0.03)


def test_slightly_more_noise_is_drawn_than_accounted_for():
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
