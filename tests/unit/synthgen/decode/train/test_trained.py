import pytest
import torch

from synthgen.core.seeds import SeedTree
from synthgen.decode.bridge import load_bridge
from synthgen.decode.train.config import BridgePart
from synthgen.decode.train.trained import new_bridge, new_style

RANK = 3
PART = {
    "soft_tokens": 2,
    "hidden": 11,
    "adapter_rank": 2,
    "adapter_targets": ("q_proj",),
    "template": "{prompt}{vector}",
}


@pytest.fixture(scope="module")
def bridge(bridge_folder):
    return load_bridge(str(bridge_folder))


def test_adapters_that_have_learnt_nothing_change_nothing(tiny, bridge):
    model = tiny.language_model("llama")
    trained = new_style(bridge, RANK, model, SeedTree(0))
    ups = [tensor for name, tensor in trained.tensors.items() if name.endswith(".up")]
    assert ups
    assert not any(bool(up.any()) for up in ups)
    assert not any(p.requires_grad for n, p in trained.projector.named_parameters() if ".base." in n)


def test_a_new_bridge_moves_whole_and_from_the_same_stream_it_is_the_same(tiny):
    one, again = (new_bridge(BridgePart(**PART), tiny.language_model("llama"), 7, SeedTree(1)) for _ in range(2))
    assert {name.split(".")[0] for name in one.tensors} == {"projector", "adapter"}
    assert all((one.tensors[name] == again.tensors[name]).all() for name in one.tensors)
    spread = float(one.projector(torch.randn(64, 7, generator=torch.Generator().manual_seed(2))).detach().std())
    table = float(tiny.language_model("llama").get_input_embeddings().weight.detach().std())
    assert 0.3 < spread / table < 3
