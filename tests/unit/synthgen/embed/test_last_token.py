import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import synthgen.embed.last_token as module
from synthgen.core.errors import ModelError
from synthgen.embed.last_token import LastTokenEncoder, last_token_pool

TEXTS = [
    "the cough",
    "a",
    "doctor and rocket with fever of the left engine",
    "goal team",
    "x1 x2 y z in",
    "a",
    "goal",
]


def slow_encode(folder, texts, prefix="", max_tokens=4096):
    """Return the vectors one text at a time, without padding or mask."""
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder, dtype=torch.float32)
    rows = []
    for text in texts:
        ids = tokenizer(prefix + text)["input_ids"]
        assert ids[-1] == tokenizer.eos_token_id
        ids = [*ids[:-1][: max_tokens - 1], tokenizer.eos_token_id]
        with torch.inference_mode():
            state = model(torch.tensor([ids])).last_hidden_state[0, -1]
        rows.append((state / state.norm()).numpy())
    return np.array(rows)


@pytest.mark.parametrize("batch", [1, 3, 8])
def test_equals_one_text_at_a_time(mistral_folder, monkeypatch, batch):
    monkeypatch.setattr(module, "BATCH_TEXTS", batch)
    encoder = LastTokenEncoder(mistral_folder, "tiny", device="cpu", dtype="float32")
    vectors = encoder.encode(TEXTS)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(TEXTS), encoder.dim) == (7, 24)
    np.testing.assert_allclose(vectors, slow_encode(mistral_folder, TEXTS), atol=2e-6)


def test_half_precision_stays_near_and_comes_back_as_float32(mistral_folder):
    vectors = LastTokenEncoder(mistral_folder, "tiny", device="cpu").encode(TEXTS)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    cosine = (vectors * slow_encode(mistral_folder, TEXTS)).sum(axis=1)
    assert cosine.min() > 0.999


def test_an_instruction_is_put_before_the_text(mistral_folder):
    encoder = LastTokenEncoder(mistral_folder, "tiny", instruction="the team", device="cpu", dtype="float32")
    expected = slow_encode(mistral_folder, TEXTS, prefix="Instruct: the team\nQuery: ")
    np.testing.assert_allclose(encoder.encode(TEXTS), expected, atol=2e-6)
    assert encoder.digest != LastTokenEncoder(mistral_folder, "tiny", device="cpu", dtype="float32").digest


def test_a_long_text_is_cut_and_still_closed(mistral_folder):
    encoder = LastTokenEncoder(mistral_folder, "tiny", device="cpu", dtype="float32", max_tokens=5)
    expected = slow_encode(mistral_folder, TEXTS, max_tokens=5)
    np.testing.assert_allclose(encoder.encode(TEXTS), expected, atol=2e-6)


def test_a_tokenizer_that_does_not_close_texts_is_closed_for_it(mistral_folder, tmp_path):
    import json
    import shutil

    folder = tmp_path / "open"
    shutil.copytree(mistral_folder, folder)
    path = folder / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    tokenizer["post_processor"]["single"] = tokenizer["post_processor"]["single"][:2]
    path.write_text(json.dumps(tokenizer))
    encoder = LastTokenEncoder(folder, "tiny", device="cpu", dtype="float32")
    np.testing.assert_allclose(encoder.encode(TEXTS), slow_encode(mistral_folder, TEXTS), atol=2e-6)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 6), min_size=1, max_size=5), st.sampled_from(["left", "right"]))
def test_pooling_finds_the_last_token_on_either_side(lengths, side):
    hidden = torch.arange(len(lengths) * 6 * 2, dtype=torch.float32).reshape(len(lengths), 6, 2)
    mask = torch.zeros(len(lengths), 6, dtype=torch.long)
    for i, n in enumerate(lengths):
        mask[i, slice(0, n) if side == "right" else slice(6 - n, 6)] = 1
    pooled = last_token_pool(hidden, mask)
    for i, n in enumerate(lengths):
        assert torch.equal(pooled[i], hidden[i, n - 1 if side == "right" else 5])


def test_the_raw_length_is_that_before_scaling(mistral_folder):
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(mistral_folder), AutoModel.from_pretrained(mistral_folder)
    lengths = []
    for text in ("the cough", "goal team left"):
        with torch.inference_mode():
            ids = torch.tensor([tokenizer(text)["input_ids"]])
            lengths.append(float(model(ids).last_hidden_state[0, -1].norm()))
    encoder = LastTokenEncoder(mistral_folder, "tiny", device="cpu", dtype="float32")
    assert encoder.raw_length(["the cough", "goal team left"]) == pytest.approx(sum(lengths) / 2, rel=1e-5)
    with pytest.raises(ModelError, match="not positive"):
        encoder.raw_length([])


def test_no_texts_give_no_rows(mistral_folder):
    assert LastTokenEncoder(mistral_folder, "tiny", device="cpu").encode([]).shape == (0, 24)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(ModelError, match="no safetensors weights"):
        LastTokenEncoder(tmp_path, "none")
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(ModelError, match="cannot be loaded"):
        LastTokenEncoder(tmp_path, "none")
