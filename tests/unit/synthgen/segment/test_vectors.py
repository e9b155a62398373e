import numpy as np
import pytest

from synthgen.core.errors import ModelError
from synthgen.core.types import Segments
from synthgen.segment.vectors import record_vectors


def segments(vectors, owners):
    k = len(owners)
    return Segments(
        vectors=np.array(vectors, dtype=np.float32), owners=tuple(owners), headings=("",) * k, sections=(0,) * k
    )


def test_every_segment_weighs_the_same_whatever_its_length():
    owners, vectors = record_vectors(segments([[3, 0, 0], [0, 0.5, 0], [0, 0, 7]], "bba"))
    assert owners == ("b", "a")
    np.testing.assert_allclose(vectors, [[0.5**0.5, 0.5**0.5, 0], [0, 0, 1]], atol=1e-7)
    assert vectors.dtype == np.float32


def test_a_record_of_one_segment_has_its_direction():
    _, vectors = record_vectors(segments([[3, 4]], "a"))
    np.testing.assert_allclose(vectors, [[0.6, 0.8]], atol=1e-7)


def test_no_records_have_no_vectors():
    owners, vectors = record_vectors(segments(np.empty((0, 3)), ""))
    assert owners == ()
    assert vectors.shape == (0, 3)


@pytest.mark.parametrize("vectors", [[[0, 0], [1, 0]], [[1, 0], [-1, 0]]])
def test_a_vector_of_length_zero_is_refused(vectors):
    with pytest.raises(ModelError, match="length zero"):
        record_vectors(segments(vectors, "aa"))
