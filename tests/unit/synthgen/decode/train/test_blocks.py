from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.func import functional_call

from synthgen.core.errors import ModelError
from synthgen.core.seeds import SeedTree
from synthgen.decode.bridge import load_bridge
from synthgen.decode.likelihood import Likelihood
from synthgen.decode.loading import Loaded
from synthgen.decode.style_adapter import StyleAdapter, StyleCard, block_of, blocks_of, in_blocks
from synthgen.decode.train.adapters import adapter_tensors, attach
from synthgen.decode.train.blocks import BlockGradients
from synthgen.decode.train.trained import new_style

RANK, DIM, MOST = 3, 7, 20
TEXTS = ("A doctor sees a patient.", "River.", "", "The garden fixes the rocket engine in orbit.", "Fever the fever.")
PROMPTS = ("ant", "bee hive", "ant", "", "bee hive")
VECTORS = np.random.default_rng(5).normal(size=(len(TEXTS), DIM)).astype(np.float32)


@pytest.fixture(scope="module")
def bridge(tiny, tmp_path_factory):
    described = tiny.info(adapter_rank=2, adapter_targets=("q_proj", "down_proj"))
    layers = attach(tiny.language_model("llama"), 2, described.adapter_targets, torch.Generator().manual_seed(4))
    generator = torch.Generator().manual_seed(5)
    own = {n: 0.1 * torch.randn(t.shape, generator=generator) for n, t in adapter_tensors(layers).items()}
    folder = tmp_path_factory.mktemp("bridge")
    return load_bridge(str(tiny.write_bridge(folder, described, tiny.bridge_tensors(described) | own)))


@pytest.fixture(scope="module")
def styles(tiny, bridge):
    """Two styles of random numbers."""

    def make(seed):
        tensors = new_style(bridge, RANK, tiny.language_model("llama"), SeedTree(seed)).tensors
        generator = torch.Generator().manual_seed(seed)
        random = {n: torch.randn(t.shape, generator=generator) * 0.2 for n, t in tensors.items()}
        card = StyleCard(
            name=f"m{seed}", bridge=bridge.digest, rank=RANK, steps=1, sources=(), heldout_before=1, heldout_after=1
        )
        return StyleAdapter(card, random, f"digest-{seed}", np.zeros(0, dtype=np.uint64))

    return make(1), make(2)


def loaded(tiny):
    return Loaded(tiny.tokenizer(), tiny.language_model("llama"), torch.device("cpu"), on_one_device=True)


@pytest.fixture
def reader(tiny, bridge, styles):
    return lambda batch: BlockGradients(loaded(tiny), bridge, styles, batch=batch)


def slowly(tiny, bridge, styles, shares, row):
    """Return one text's gradient by the library's own loss, with every weight W + Σ θ B A written out."""
    read, blocks = Likelihood(loaded(tiny), bridge), blocks_of(styles)
    theta = torch.tensor(shares, dtype=torch.float32, requires_grad=True)
    moved = {"projector": dict(read.projector.named_parameters()), "model": dict(read.model.named_parameters())}
    for m, style in enumerate(styles):
        for name in (n for n in style.tensors if n.endswith(".up")):
            path = name.removeprefix("adapter.").removesuffix(".up")
            of = moved["projector" if block_of(name) == "projector" else "model"]
            added = style.tensors[name] @ style.tensors[f"adapter.{path}.down"]
            share = theta[m * len(blocks) + blocks.index(block_of(name))]
            of[f"{path}.weight"] = of[f"{path}.weight"] + share * added
    text = read.tokenizer(TEXTS[row], add_special_tokens=False).input_ids[:MOST]
    frame = read.template.tokens(read.tokenizer, PROMPTS[row])
    ids = torch.tensor(frame + text)
    soft = functional_call(read.projector, moved["projector"], (torch.from_numpy(VECTORS[[row]]),))
    embeddings = read.model.get_input_embeddings()(ids).clone()
    embeddings[ids == read.template.placeholder_id] = soft[0]
    labels = torch.where(torch.arange(len(ids)) < len(frame), -100, ids)
    given = {"inputs_embeds": embeddings[None], "labels": labels[None]}
    loss = functional_call(read.model, moved["model"], kwargs=given).loss
    return torch.autograd.grad(loss, theta)[0].numpy()


@pytest.mark.parametrize("batch", [1, 3])
def test_each_text_has_the_gradient_it_has_by_itself(tiny, bridge, styles, reader, batch):
    shares = np.random.default_rng(0).normal(size=8) * 0.5
    found = reader(batch).gradients(shares, TEXTS, VECTORS, PROMPTS)
    assert found.shape == (5, 8)
    assert found.dtype == np.float64
    for row, text in enumerate(TEXTS):
        wanted = np.zeros(8) if not text else slowly(tiny, bridge, styles, shares, row)
        assert np.allclose(found[row], wanted, rtol=1e-3, atol=1e-5), row
    assert np.linalg.norm(found, axis=1)[[0, 1, 3, 4]].min() > 0.01


def test_read_one_by_one_a_gradient_hangs_on_no_other_text(reader):
    read, shares = reader(1), np.full(8, 0.3)
    together = read.gradients(shares, TEXTS, VECTORS, PROMPTS)
    for row in range(len(TEXTS)):
        alone = read.gradients(shares, TEXTS[row : row + 1], VECTORS[row : row + 1], PROMPTS[row : row + 1])
        assert np.array_equal(alone[0], together[row])


def test_it_is_the_slope_of_what_the_written_bridge_reads(tiny, bridge, styles, reader):
    rng = np.random.default_rng(3)
    shares, along = rng.normal(size=8) * 0.3, rng.normal(size=8)

    def nats(values):
        told = Likelihood(loaded(tiny), in_blocks(bridge, styles, values.reshape(2, 4)))
        return told.nats(TEXTS[:2], most_tokens=MOST, vectors=VECTORS[:2], prompts=PROMPTS[:2]).each

    slope = (nats(shares + 1e-2 * along) - nats(shares - 1e-2 * along)) / 2e-2
    found = reader(2).gradients(shares, TEXTS[:2], VECTORS[:2], PROMPTS[:2])
    assert np.allclose(found @ along, slope, rtol=0.02, atol=2e-3)


def test_the_bridge_is_left_as_it_is(tiny, bridge, styles, reader):
    before = {name: tensor.clone() for name, tensor in bridge.projector.state_dict().items()}
    reader(2).gradients(np.ones(8), TEXTS, VECTORS, PROMPTS)
    after = bridge.projector.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


@pytest.mark.parametrize("change", [{"adapter.model.layers.9.mlp.down_proj": 0}, {"adapter.model.norm": 0}])
def test_a_style_of_layers_that_are_not_there_is_refused(tiny, bridge, styles, change):
    (path,) = change
    down, up = torch.zeros(RANK, 40), torch.zeros(40, RANK)
    other = replace(styles[0], tensors={**styles[0].tensors, f"{path}.down": down, f"{path}.up": up})
    with pytest.raises(ModelError, match="do not fit"):
        BlockGradients(loaded(tiny), bridge, (other,))
