import numpy as np
import pytest
from scipy import stats

from synthgen.core.seeds import SeedTree
from synthgen.dp.noise import SecureNoise, StreamNoise


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
