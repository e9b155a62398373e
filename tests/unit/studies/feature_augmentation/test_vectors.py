import numpy as np
import pytest

from studies.feature_augmentation.vectors import kept_vectors
from synthgen.core.errors import StorageError
from synthgen.core.progress import silent


class Counting:
    """An encoder that counts the texts it encodes."""

    digest = "d" * 64

    def __init__(self):
        self.encoded = 0

    def encode(self, texts, progress):
        self.encoded += len(texts)
        progress(len(texts))
        return np.arange(3 * len(texts), dtype=np.float32).reshape(-1, 3)


def test_vectors_are_kept_by_texts_and_encoder(tmp_path):
    texts, encoder = [f"t{i}" for i in range(5)], Counting()
    first = kept_vectors("set", texts, encoder, tmp_path, silent)
    assert (kept_vectors("set", texts, encoder, tmp_path, silent) == first).all()
    assert encoder.encoded == 5
    assert kept_vectors("set", texts[:4], encoder, tmp_path, silent).shape == (4, 3)
    encoder.digest = "e" * 64
    kept_vectors("set", texts, encoder, tmp_path, silent)
    assert encoder.encoded == 5 + 4 + 5
    for path in tmp_path.glob("*.npy"):
        path.write_bytes(b"\x93NUMPY cut")
    with pytest.raises(StorageError, match="cannot be read"):
        kept_vectors("set", texts, encoder, tmp_path, silent)
