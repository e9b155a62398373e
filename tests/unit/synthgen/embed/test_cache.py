import hashlib

import numpy as np
import pytest

from synthgen.embed.cache import CacheReport, encode_cached
from synthgen.errors import ModelMissing, StorageError


class Counting:
    """An encoder made of a text's sha256 that remembers what it was asked."""

    name, digest, dim, max_tokens, normalized = "counting", "d1" * 32, 5, 99, False

    def __init__(self):
        self.asked = []

    def encode(self, texts, progress=None):
        self.asked.append(list(texts))
        if progress is not None:
            progress(len(texts))
        rows = [list(hashlib.sha256(t.encode()).digest()[:5]) for t in texts]
        return np.array(rows, dtype=np.float32).reshape(-1, 5)


def test_a_text_is_encoded_once(tmp_path):
    encoder, done = Counting(), []
    first, report = encode_cached(encoder, ["a", "b", "a"], tmp_path, done.append)
    assert report == CacheReport(found=0, encoded=2, damaged=0)
    second, again = encode_cached(encoder, ["c", "b", "a"], tmp_path, done.append)
    assert again == CacheReport(found=2, encoded=1, damaged=0)
    assert encoder.asked == [["a", "b"], ["c"]]
    assert done == [2, 1]
    assert np.array_equal(first, Counting().encode(["a", "b", "a"]))
    assert np.array_equal(second, Counting().encode(["c", "b", "a"]))
    assert second.dtype == np.float32


def test_another_encoder_shares_nothing(tmp_path):
    encode_cached(Counting(), ["a"], tmp_path)
    other = Counting()
    other.digest = "d2" * 32
    assert encode_cached(other, ["a"], tmp_path)[1].encoded == 1


@pytest.mark.parametrize("damage", [lambda d: d[:-3], lambda d: d[:200] + b"\x01" + d[201:], lambda d: b""])
def test_a_damaged_file_is_encoded_again_and_counted(tmp_path, damage):
    encode_cached(Counting(), ["a", "b"], tmp_path)
    encode_cached(Counting(), ["c"], tmp_path)
    folder = tmp_path / Counting.digest[:32]
    path = max(folder.glob("*.npy"), key=lambda p: p.stat().st_size)
    path.write_bytes(damage(path.read_bytes()))
    encoder = Counting()
    vectors, report = encode_cached(encoder, ["a", "b", "c"], tmp_path)
    assert report == CacheReport(found=1, encoded=2, damaged=1)
    assert np.array_equal(vectors, Counting().encode(["a", "b", "c"]))
    assert encode_cached(Counting(), ["a", "b", "c"], tmp_path)[1] == CacheReport(found=3, encoded=0, damaged=0)


def test_a_whole_file_of_another_shape_is_not_used(tmp_path):
    folder = tmp_path / Counting.digest[:32]
    folder.mkdir()
    path = folder / "x.npy"
    np.save(path, np.zeros((3, 2)))
    path.rename(folder / f"{hashlib.sha256(path.read_bytes()).hexdigest()}.npy")
    assert encode_cached(Counting(), ["a"], tmp_path)[1].damaged == 1


def test_only_the_owner_can_read(tmp_path):
    encode_cached(Counting(), ["a"], tmp_path / "store")
    (path,) = (tmp_path / "store" / Counting.digest[:32]).iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o077 == 0


def test_a_store_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "store").write_text("")
    with pytest.raises(StorageError, match="cannot be read"):
        encode_cached(Counting(), ["a"], tmp_path / "store")


def test_an_error_of_the_encoder_is_its_own(tmp_path):
    class Missing(Counting):
        def encode(self, texts, progress=None):
            raise ModelMissing("gone")

    with pytest.raises(ModelMissing, match="gone"):
        encode_cached(Missing(), ["a"], tmp_path)
    assert not list((tmp_path / Counting.digest[:32]).iterdir())


def test_no_texts(tmp_path):
    vectors, report = encode_cached(Counting(), [], tmp_path)
    assert vectors.shape == (0, 5)
    assert report.encoded == 0
