from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from synthgen.core.errors import ModelError, ModelMissing
from synthgen.core.seeds import SeedTree
from synthgen.decode.bridge import load_bridge
from synthgen.decode.learnt import LEARNT, write_learnt
from synthgen.decode.style_adapter import (
    CARD,
    WEIGHTS,
    StyleAdapter,
    StyleCard,
    built_in_styles,
    in_style,
    load_style,
)
from synthgen.decode.train.adapters import adapter_tensors, attach, merge
from synthgen.decode.train.trainer import new_style

RANK = 3
NOTHING = np.zeros(0, dtype=np.uint64)


@pytest.fixture(scope="module")
def bridge(tiny, tmp_path_factory):
    described, targets = tiny.info(adapter_rank=2, adapter_targets=("q_proj", "down_proj")), ("q_proj", "down_proj")
    adapters = attach(tiny.language_model("llama"), 2, targets, torch.Generator().manual_seed(4))
    shapes = {name: tensor.shape for name, tensor in adapter_tensors(adapters).items()}
    random = {n: 0.1 * torch.randn(s, generator=torch.Generator().manual_seed(5)) for n, s in shapes.items()}
    tensors = tiny.bridge_tensors(described) | random
    return load_bridge(str(tiny.write_bridge(tmp_path_factory.mktemp("bridge"), described, tensors)))


@pytest.fixture(scope="module")
def make(tiny, bridge):
    """Return a function that makes a style with random weights for the bridge."""

    def style(seed, **changes):
        _, trained = new_style(bridge, RANK, tiny.language_model("llama"), SeedTree(seed))
        generator = torch.Generator().manual_seed(seed)
        tensors = {n: torch.randn(t.shape, generator=generator) * 0.1 for n, t in trained.items()}
        losses = {"heldout_before": 1.0, "heldout_after": 1.0}
        card = StyleCard(name=f"m{seed}", bridge=bridge.digest, rank=RANK, steps=1, sources=(), **losses)
        return StyleAdapter(card.model_copy(update=changes), tensors, f"digest-{seed}", NOTHING)

    return style


def weights(tiny, bridge):
    """Return the weights of the projector, and of the model after the bridge is merged."""
    model = tiny.language_model("llama")
    merge(model, bridge.adapters)
    return {**model.state_dict(), **bridge.projector.state_dict()}


def test_shares_of_styles_add_up_layer_by_layer(tiny, bridge, make):
    one, other = make(1), make(2)
    plain, told = weights(tiny, bridge), weights(tiny, in_style(bridge, [(one, 0.25), (other, 0.5)]))
    moved = 0
    for name, weight in plain.items():
        added = torch.zeros_like(weight)
        for style, share in ((one, 0.25), (other, 0.5)):
            path = f"adapter.{name.removesuffix('.weight')}"
            if f"{path}.up" in style.tensors:
                added += share * style.tensors[f"{path}.up"] @ style.tensors[f"{path}.down"]
                moved += 1
        assert torch.allclose(told[name], weight + added, atol=1e-5), name
    assert moved == 2 * (len(one.tensors) // 2)  # all adapters were compared, also those of the projector


def test_share_of_zero_changes_nothing(tiny, bridge, make):
    before = deepcopy(bridge.projector.state_dict())
    told = in_style(bridge, [(make(1), 0.0)])
    assert all(torch.equal(tensor, before[name]) for name, tensor in bridge.projector.state_dict().items())
    for name, weight in weights(tiny, bridge).items():
        assert torch.allclose(weights(tiny, told)[name], weight, atol=1e-6), name
    assert in_style(bridge, []) is bridge
    assert told.digest != bridge.digest != in_style(bridge, [(make(1), 1.0)]).digest
    assert told.info.adapter_rank == bridge.info.adapter_rank + RANK


def test_a_style_of_another_bridge_or_shape_is_rejected(bridge, make):
    with pytest.raises(ModelError, match="these styles were not trained for the bridge of this run: m1"):
        in_style(bridge, [(make(1, bridge="0" * 64), 1.0)])
    style = make(2)
    name = next(n for n in style.tensors if n.startswith("adapter.model.") and n.endswith(".up"))
    cut = StyleAdapter(style.card, {**style.tensors, name: style.tensors[name][:-1]}, "cut", NOTHING)
    with pytest.raises(ModelError, match="does not fit"):
        in_style(bridge, [(cut, 1.0)])


def test_written_style_is_loaded_and_damaged_style_rejected(make, tmp_path):
    style = make(3)
    with pytest.raises(
        ModelMissing, match=r"does not exist or lacks files: style\.json, style\.safetensors"
    ) as caught:
        load_style("./nowhere", lambda name: tmp_path / name)
    assert "plain" in caught.value.hint
    save_file(style.tensors, tmp_path / WEIGHTS)
    (tmp_path / CARD).write_text(style.card.model_dump_json())
    with pytest.raises(ModelMissing, match=LEARNT):
        load_style(str(tmp_path), Path)
    write_learnt(["The river ran on past the garden where nobody had sat for years."], tmp_path)
    read = load_style(str(tmp_path), Path)
    assert read.card == style.card
    assert all(torch.equal(read.tensors[n], t) for n, t in style.tensors.items())
    assert len(read.learnt) == 1
    (tmp_path / CARD).write_text(style.card.model_dump_json().replace('"m3"', '"../m3"'))
    with pytest.raises(ModelError, match="the style is damaged"):
        load_style(str(tmp_path), Path)


def test_built_in_styles_fit_the_builtin_bridge():
    builtin = load_bridge("builtin")
    assert built_in_styles()[0] == "plain"
    for name in built_in_styles()[1:]:
        style = load_style(name, Path)
        assert style.card.name == name
        assert style.card.heldout_after < style.card.heldout_before
        assert len(style.card.samples) == 10
        in_style(builtin, [(style, 1.0)])
