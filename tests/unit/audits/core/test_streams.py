import numpy as np

from audits.core.streams import stream


def test_streams_are_reproducible_and_depend_on_the_name():
    first, second = (stream(3, "memorization").integers(0, 1000, 3).tolist() for _ in range(2))
    assert first == second
    assert isinstance(stream(3, "a").bit_generator, np.random.Philox)
    assert stream(3, "a").integers(0, 2**62) != stream(3, "b").integers(0, 2**62)
