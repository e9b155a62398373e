import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.core.errors import DataError, ModelError
from synthgen.decode.bridge import load_bridge
from synthgen.decode.likelihood import Likelihood, Nats
from synthgen.decode.loading import Loaded

MOST = 12
DIM = 7


def reader(tiny, words, folder=None, *, family="llama", batch=3):
    loaded = Loaded(words, tiny.language_model(family), torch.device("cpu"), on_one_device=True)
    return Likelihood(loaded, None if folder is None else load_bridge(str(folder)), batch=batch)


@pytest.fixture(scope="session")
def readers(tiny, words, bridge_folder):
    return {family: reader(tiny, words, bridge_folder, family=family) for family in ("llama", "mistral", "gpt2")}


def vectors(n, seed=5):
    return np.random.default_rng(seed).normal(size=(n, DIM)).astype(np.float32)


@torch.inference_mode()
def of_the_library(read, frame, text, vector=None):
    """Return the nats of one text from the loss of transformers, in which only the tokens of the text count."""
    ids = torch.tensor(frame + text)
    embeddings = read.model.get_input_embeddings()(ids).clone()
    if vector is not None:
        at = ids == read.template.placeholder_id
        embeddings[at] = read.projector(torch.from_numpy(vector[None]))[0]
    labels = torch.where(torch.arange(len(ids)) < len(frame), -100, ids)
    return float(read.model(inputs_embeds=embeddings[None], labels=labels[None]).loss) * len(text)


def tokens(words, text):
    return words(text, add_special_tokens=False).input_ids[:MOST]


@settings(max_examples=20)
@given(
    family=st.sampled_from(["llama", "mistral", "gpt2"]),
    n=st.integers(1, 8),
    seed=st.integers(0, 2**31),
    with_x=st.booleans(),
)
def test_nats_equal_the_library(*, tiny, words, readers, family, n, seed, with_x):
    read, draw = readers[family], np.random.default_rng(seed)
    texts = [tiny.sentences(1, seed=int(draw.integers(99)), words=int(draw.integers(1, 6)))[0] for _ in range(n)]
    prompts = [str(draw.choice(["", "fever", "a garden"])) for _ in range(n)]
    x = vectors(n, seed)
    found = read.nats(texts, max_tokens=MOST, vectors=x if with_x else None, prompts=prompts)
    for i in range(n):
        frame = read.template.tokens(words, prompts[i])
        if not with_x:
            frame = [t for t in frame if t != read.template.placeholder_id]
        text = tokens(words, texts[i])
        assert found.tokens[i] == len(text)
        assert found.total[i] == pytest.approx(of_the_library(read, frame, text, x[i] if with_x else None), rel=1e-4)


def test_likelihood_without_bridge_starts_with_begin_of_text(tiny, words):
    read, texts = reader(tiny, words), tiny.sentences(5, words=3)
    found = read.nats(texts, max_tokens=MOST)
    wanted = [of_the_library(read, [tiny.BOS], tokens(words, text)) for text in texts]
    assert found.total == pytest.approx(wanted, rel=1e-4)


def test_adapters_are_merged(tiny, words, tmp_path):
    described = tiny.info(adapter_rank=2, adapter_targets=("q_proj",))
    name = "adapter.model.layers.1.self_attn.q_proj"
    low_rank = {f"{name}.down": torch.ones(2, 40), f"{name}.up": torch.ones(48, 2)}
    folder = tiny.write_bridge(tmp_path, described, tiny.bridge_tensors(described) | low_rank)
    plain = tiny.write_bridge(tmp_path / "plain", tiny.info(), tiny.bridge_tensors(tiny.info()))
    texts = tiny.sentences(2)
    moved, same = (reader(tiny, words, f).nats(texts, max_tokens=MOST).per_token for f in (folder, plain))
    assert abs(moved - same) > 1e-3


def test_nats_do_not_depend_on_order_or_other_texts(tiny, words, bridge_folder, readers):
    texts, x = [*tiny.sentences(4, words=5), *tiny.sentences(3, seed=8, words=2)], vectors(7)
    found = readers["llama"].nats(texts, max_tokens=MOST, vectors=x)
    turned = readers["llama"].nats(texts[::-1], max_tokens=MOST, vectors=x[::-1])
    assert turned.total[::-1] == pytest.approx(found.total, rel=1e-5)
    alone = reader(tiny, words, bridge_folder, batch=1).nats(texts, max_tokens=MOST, vectors=x)
    assert alone.total == pytest.approx(found.total, rel=1e-5)


def test_longer_texts_have_more_nats(tiny, readers):
    text = tiny.sentences(1, words=9)
    by_length = [readers["llama"].nats(text, max_tokens=k).total[0] for k in range(1, 6)]
    assert all(a < b for a, b in pairwise(by_length))


def test_means_of_nats(llama_folder, bridge_folder, tiny):
    read = Likelihood.load(llama_folder, load_bridge(str(bridge_folder)))
    assert read.nats(tiny.sentences(2), max_tokens=MOST, vectors=vectors(2)).per_token > 0
    nats = Nats(np.array([2.0, 9.0]), np.array([1, 3]))
    assert nats.each.tolist() == [2.0, 3.0]
    assert nats.per_token == 11 / 4


def test_invalid_texts_and_models_are_rejected(tiny, words, readers):
    with pytest.raises(DataError, match="1 of 2 texts have no tokens"):
        readers["llama"].nats(["a fever", ""], max_tokens=MOST)
    with pytest.raises(DataError, match="can only be given with a bridge"):
        reader(tiny, words).nats(["a"], max_tokens=MOST, vectors=vectors(1))
    with pytest.raises(DataError, match="can only be given with a bridge"):
        reader(tiny, words).nats(["a"], max_tokens=MOST, prompts=["b"])
    with pytest.raises(ModelError, match="split over several devices"):
        Likelihood(Loaded(words, tiny.language_model("llama"), torch.device("cpu"), on_one_device=False))
    broken = reader(tiny, words)
    with torch.no_grad():
        broken.model.lm_head.weight[3] = math.nan
    with pytest.raises(ModelError, match="not finite"):
        broken.nats(["a fever"], max_tokens=MOST)


def test_batches_of_one_give_the_same_bits(tiny, words, bridge_folder, monkeypatch):
    read, texts, x, found = reader(tiny, words, bridge_folder, batch=1), tiny.sentences(7, seed=5), vectors(7), []
    for cores in (1, 3):
        monkeypatch.setattr("synthgen.decode.likelihood.usable_cores", lambda cores=cores: cores)
        found.append(read.nats(texts, max_tokens=MOST, vectors=x).total)
        found.append(read.nats(texts[::-1], max_tokens=MOST, vectors=x[::-1]).total[::-1])
        alone = [read.nats([text], max_tokens=MOST, vectors=x[[i]]).total for i, text in enumerate(texts)]
        found.append(np.concatenate(alone))
    assert all(np.array_equal(one, found[0]) for one in found)
