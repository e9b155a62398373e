import copy

import pytest
import torch
from torch import nn

from synthgen.core.errors import ModelError
from synthgen.decode.train.adapters import LowRank, adapter_tensors, attach, merge

TARGETS = ("q_proj", "down_proj")


def adapted(tiny, *, rank=3, seed=4):
    """Return a plain model and a copy of it with adapters."""
    plain = tiny.language_model("llama")
    moved = copy.deepcopy(plain)
    return plain, moved, attach(moved, rank, TARGETS, torch.Generator().manual_seed(seed))


def moved_at_random(adapters, seed=9):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for adapter in adapters.values():
            adapter.up.copy_(torch.randn(adapter.up.shape, generator=generator) * 0.2)


def logits(model):
    with torch.no_grad():
        return model(torch.arange(2, 13).view(1, -1)).logits


def test_attach_adapts_every_target_and_equals_merge(tiny):
    plain, moved, adapters = adapted(tiny)
    parts = ("self_attn.q_proj", "mlp.down_proj")
    assert sorted(adapters) == sorted(f"model.layers.{i}.{part}" for i in range(3) for part in parts)
    before = logits(plain)
    assert torch.equal(logits(moved), before)  # `up` starts at zero
    moved_at_random(adapters)
    assert merge(plain, adapter_tensors(adapters)) == 6
    torch.testing.assert_close(logits(moved), logits(plain), atol=1e-5, rtol=1e-5)
    assert (logits(plain) - before).abs().max() > 1e-2


def test_the_equation():
    torch.manual_seed(0)
    layer = LowRank(nn.Linear(5, 4), 2, torch.Generator().manual_seed(1))
    nn.init.normal_(layer.up)
    x = torch.randn(3, 5)
    wanted = x @ layer.base.weight.T + layer.base.bias + (x @ layer.down.T) @ layer.up.T
    torch.testing.assert_close(layer(x), wanted)


def test_only_adapters_are_trained_and_the_generator_determines_them(tiny):
    (_, _, a), (_, _, b), (_, _, c) = adapted(tiny), adapted(tiny), adapted(tiny, seed=5)
    name = "model.layers.1.mlp.down_proj"
    assert torch.equal(a[name].down, b[name].down)
    assert not torch.equal(a[name].down, c[name].down)
    plain = tiny.language_model("llama").requires_grad_(requires_grad=False)
    adapters = attach(plain, 2, TARGETS, torch.Generator().manual_seed(0))
    learning = {id(p) for p in plain.parameters() if p.requires_grad}
    assert learning == {id(t) for t in adapter_tensors(adapters).values()}


def test_a_target_the_model_lacks_is_rejected(tiny):
    with pytest.raises(ModelError, match="lacks linear layers") as refused:
        attach(tiny.language_model("gpt2"), 2, ("q_proj", "v_proj"), torch.Generator())
    assert refused.value.problems == (
        "q_proj: no linear layer has this name",
        "v_proj: no linear layer has this name",
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda t: {f"adapter.model.layers.7.mlp.up_proj.{part}": t[part] for part in t},
        lambda t: {"adapter.model.norm.up": t["up"], "adapter.model.norm.down": t["down"]},
        lambda t: {"adapter.lm_head.up": t["up"][:-1], "adapter.lm_head.down": t["down"]},
        lambda t: {"adapter.lm_head.up": t["up"], "adapter.lm_head.down": t["down"][:, :-1]},
        lambda t: {"adapter.lm_head.up": t["up"], "adapter.lm_head.down": t["down"][:-1]},
        lambda t: {"adapter.lm_head.up": t["up"]},
        lambda t: {"adapter.lm_head.down": t["down"]},
    ],
)
def test_merge_refuses_what_does_not_fit(tiny, change):
    tensors = {"up": torch.ones(tiny.SIZE, 2), "down": torch.ones(2, 40)}
    assert merge(tiny.language_model("llama"), {f"adapter.lm_head.{k}": v for k, v in tensors.items()}) == 1
    with pytest.raises(ModelError, match="do not fit"):
        merge(tiny.language_model("llama"), change(tensors))


def test_merge_leaves_the_projector_alone(tiny):
    model = tiny.language_model("llama")
    before = logits(model)
    assert merge(model, tiny.bridge_tensors(tiny.info())) == 0
    assert torch.equal(logits(model), before)
