from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.core.errors import ModelError
from synthgen.embed.base import encode_batches, folder_digest, in_batches


@given(st.lists(st.text(min_size=1, max_size=9), min_size=1, max_size=30), st.integers(1, 7), st.randoms())
def test_in_batches_contains_each_text_once_in_any_order(texts, size, random):
    batches = in_batches(texts, size)
    assert sorted(t for b in batches for t in b) == sorted(set(texts))
    assert max(map(len, batches)) <= size
    lengths = [len(t) for b in batches for t in b]
    assert lengths == sorted(lengths, reverse=True)
    shuffled = list(texts)
    random.shuffle(shuffled)
    assert in_batches(shuffled, size) == batches


ENCODER = SimpleNamespace(name="e", dim=2)


def test_encode_batches_restores_the_order_and_reports_progress():
    done, texts = [], ["b", "ccc", "b", "aa"]
    found = encode_batches(
        ENCODER, texts, lambda batch: np.array([[ord(t[0]), len(t)] for t in batch]), 2, done.append
    )
    assert (found.tolist(), done) == ([[98, 1], [99, 3], [98, 1], [97, 2]], [2, 1])
    assert encode_batches(ENCODER, [], lambda batch: 1 / 0, 2).shape == (0, 2)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0])
def test_encode_batches_rejects_invalid_vectors(bad):
    with pytest.raises(ModelError, match="1 of 2 vectors"):
        encode_batches(ENCODER, ["a", "b"], lambda _: np.array([[1, 0], [bad, 0]], dtype=np.float32), 2)


def test_folder_digest_ignores_the_readme(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"w")
    (tmp_path / "config.json").write_text("{}")
    before = folder_digest(tmp_path)
    (tmp_path / "README.md").write_text("hello")
    assert folder_digest(tmp_path) == before
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text("{}")
    assert folder_digest(tmp_path) != before
