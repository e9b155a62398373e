import numpy as np

from audits.core.streams import stream


def test_stream_is_stable():
    assert (
        stream(3, "memorization").integers(0, 1000, 3).tolist()
        == stream(3, "memorization").integers(0, 1000, 3).tolist()
    )
    assert isinstance(stream(3, "a").bit_generator, np.random.Philox)
    assert stream(3, "a").integers(0, 2**62) != stream(3, "b").integers(0, 2**62)
