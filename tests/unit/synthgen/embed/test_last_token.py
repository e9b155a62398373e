import json
import shutil

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import synthgen.embed.last_token as module
from synthgen.core.errors import ModelError
from synthgen.embed.last_token import LastTokenEncoder, last_token_pool

LONG = "doctor and rocket with fever of the left engine"
TEXTS = ["the cough", "a", LONG, "goal team", "x1 x2 y z in", "a", "goal"]


def states(folder, texts, max_tokens=4096):
    """Return the state h of each text, computed one text at a time, without padding or mask."""
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder, dtype=torch.float32)
    rows = []
    for text in texts:
        ids = tokenizer(text)["input_ids"]
        assert ids[-1] == tokenizer.eos_token_id
        ids = [*ids[:-1][: max_tokens - 1], tokenizer.eos_token_id]
        with torch.inference_mode():
            rows.append(model(torch.tensor([ids])).last_hidden_state[0, -1].numpy())
    return np.array(rows)


def slow_encode(folder, texts, **changes):
    rows = states(folder, texts, **changes)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def encoder_of(folder, **changes):
    return LastTokenEncoder(folder, "tiny", **{"device": "cpu", "dtype": "float32", **changes})


@pytest.mark.parametrize("batch", [1, 3, 8])
def test_encode_equals_one_text_at_a_time(mistral_folder, monkeypatch, batch):
    monkeypatch.setattr(module, "BATCH_TEXTS", batch)
    encoder = encoder_of(mistral_folder)
    vectors = encoder.encode(TEXTS)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(TEXTS), encoder.dim) == (7, 24)
    np.testing.assert_allclose(vectors, slow_encode(mistral_folder, TEXTS), atol=2e-6)


def test_bfloat16_encode_is_close_and_returns_float32(mistral_folder):
    vectors = encoder_of(mistral_folder, dtype="bfloat16").encode(TEXTS)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    cosine = (vectors * slow_encode(mistral_folder, TEXTS)).sum(axis=1)
    assert cosine.min() > 0.999


def test_long_texts_are_cut_and_closed(mistral_folder):
    encoder = encoder_of(mistral_folder, max_tokens=5)
    expected = slow_encode(mistral_folder, TEXTS, max_tokens=5)
    np.testing.assert_allclose(encoder.encode(TEXTS), expected, atol=2e-6)


def test_texts_are_closed_if_the_tokenizer_does_not(mistral_folder, tmp_path):
    folder = shutil.copytree(mistral_folder, tmp_path / "open")
    path = folder / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    tokenizer["post_processor"]["single"] = tokenizer["post_processor"]["single"][:2]
    path.write_text(json.dumps(tokenizer))
    encoder = encoder_of(folder)
    np.testing.assert_allclose(encoder.encode(TEXTS), slow_encode(mistral_folder, TEXTS), atol=2e-6)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 6), min_size=1, max_size=5), st.sampled_from(["left", "right"]))
def test_pooling_uses_the_last_token_for_either_padding(lengths, side):
    hidden = torch.arange(len(lengths) * 6 * 2, dtype=torch.float32).reshape(len(lengths), 6, 2)
    mask = torch.zeros(len(lengths), 6, dtype=torch.long)
    for i, n in enumerate(lengths):
        mask[i, slice(0, n) if side == "right" else slice(6 - n, 6)] = 1
    pooled = last_token_pool(hidden, mask)
    for i, n in enumerate(lengths):
        assert torch.equal(pooled[i], hidden[i, n - 1 if side == "right" else 5])


def test_raw_norm_is_the_mean_before_normalization(mistral_folder):
    texts = ["the cough", "goal team left"]
    expected = np.linalg.norm(states(mistral_folder, texts), axis=1).mean()
    assert encoder_of(mistral_folder).raw_norm(texts) == pytest.approx(expected, rel=1e-5)
    with pytest.raises(ModelError, match="not positive"):
        encoder_of(mistral_folder).raw_norm([])


def test_encode_without_texts(mistral_folder):
    assert encoder_of(mistral_folder, dtype="bfloat16").encode([]).shape == (0, 24)


def test_folder_without_model_is_rejected(tmp_path):
    with pytest.raises(ModelError, match="no safetensors weights"):
        LastTokenEncoder(tmp_path, "none")
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(ModelError, match="cannot be loaded"):
        LastTokenEncoder(tmp_path, "none")
