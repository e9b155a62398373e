from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.core.errors import ModelError
from synthgen.embed.base import encode_batches, folder_digest, in_batches, restore_order


@given(st.lists(st.text(min_size=1, max_size=9), min_size=1, max_size=30), st.integers(1, 7), st.randoms())
def test_batches_hold_each_text_once_and_ignore_the_order(texts, size, random):
    batches = in_batches(texts, size)
    assert sorted(t for b in batches for t in b) == sorted(set(texts))
    assert max(map(len, batches)) <= size
    lengths = [len(t) for b in batches for t in b]
    assert lengths == sorted(lengths, reverse=True)
    shuffled = list(texts)
    random.shuffle(shuffled)
    assert in_batches(shuffled, size) == batches


def test_rows_come_back_in_the_order_of_the_texts():
    texts = ["b", "ccc", "b", "aa"]
    batches = in_batches(texts, 2)
    vectors = [np.array([[ord(t[0]), len(t)] for t in b], dtype=np.float32) for b in batches]
    assert restore_order(texts, batches, vectors, "e").tolist() == [[98, 1], [99, 3], [98, 1], [97, 2]]


def test_batches_are_encoded_in_turn_and_reported():
    encoder, done = SimpleNamespace(name="e", dim=1), []
    texts = ["b", "ccc", "b", "aa"]
    found = encode_batches(encoder, texts, lambda batch: np.array([[len(t)] for t in batch]), 2, done.append)
    assert (found.tolist(), done) == ([[1], [3], [1], [2]], [2, 1])
    assert encode_batches(encoder, [], lambda batch: 1 / 0, 2).shape == (0, 1)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0])
def test_a_vector_that_is_none_is_refused(bad):
    with pytest.raises(ModelError, match="1 of 2 vectors"):
        restore_order(["a", "b"], [["a", "b"]], [np.array([[1, 0], [bad, 0]], dtype=np.float32)], "e")


def test_the_digest_follows_weights_and_settings_not_the_readme(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"w")
    (tmp_path / "config.json").write_text("{}")
    before = folder_digest(tmp_path)
    (tmp_path / "README.md").write_text("hello")
    assert folder_digest(tmp_path) == before
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text("{}")
    assert folder_digest(tmp_path) != before
