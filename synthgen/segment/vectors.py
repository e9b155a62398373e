"""The vector of a record that is a sequence of segments."""

import numpy as np
from numpy.typing import NDArray

from synthgen.core.errors import ModelError
from synthgen.core.types import Float32, Segments

Float64 = NDArray[np.float64]


def record_vectors(segments: Segments) -> tuple[tuple[str, ...], Float32]:
    """Return the records in their order, and float32 (n, d), the vector of each.

        v = Σ_j s_j / ‖s_j‖,   scaled to unit length, over the record's segments s_j

    Every segment weighs the same, whatever its length and, for a new record, however far apart its parents lie.

    Raises:
        ModelError: if a segment's vector, or the sum, has length zero.
    """
    wide = segments.vectors.astype(np.float64)
    unit = wide / _length(wide)
    starts = segments.starts()
    sums = np.add.reduceat(unit, starts, axis=0) if len(starts) else unit
    owners = tuple(segments.owners[start] for start in starts.tolist())
    return owners, (sums / _length(sums)).astype(np.float32)


def _length(x: Float64) -> Float64:
    length: Float64 = np.linalg.norm(x, axis=1, keepdims=True)
    if not bool((length > 0).all()):
        raise ModelError("a segment's vector, or the sum of a record's, has length zero")
    return length
