import torch

from synthgen.core.seeds import SeedTree
from synthgen.decode.bridge import load_bridge
from synthgen.decode.train.families import BridgeShape
from synthgen.decode.train.new_tensors import new_bridge, new_style, recompute_activations


def test_untrained_style_changes_nothing(tiny, bridge_folder):
    projector, tensors = new_style(load_bridge(str(bridge_folder)), 3, tiny.language_model("llama"), SeedTree(0))
    ups = [tensor for name, tensor in tensors.items() if name.endswith(".up")]
    assert ups
    assert not any(bool(up.any()) for up in ups)
    assert not any(p.requires_grad for n, p in projector.named_parameters() if ".base." in n)


def test_new_bridge_is_reproducible_and_scaled(tiny):
    (projector, one), (_, again) = (
        new_bridge(
            BridgeShape(
                soft_tokens=2,
                hidden=11,
                adapter_rank=2,
                adapter_targets=("q_proj",),
                template="{prompt}{vector}",
                placeholder_id=3,
            ),
            tiny.language_model("llama"),
            7,
            SeedTree(1),
        )
        for _ in range(2)
    )
    assert {name.split(".")[0] for name in one} == {"projector", "adapter"}
    assert all((one[name] == again[name]).all() for name in one)
    spread = float(projector(torch.randn(64, 7, generator=torch.Generator().manual_seed(2))).detach().std())
    table = float(tiny.language_model("llama").get_input_embeddings().weight.detach().std())
    assert 0.3 < spread / table < 3


def test_only_blocks_compute_their_activations_again(tiny):
    model = tiny.language_model("llama")
    recompute_activations(model)
    training = [type(module).__name__ for module in model.modules() if module.training]
    assert sorted(set(training)) == ["LlamaDecoderLayer", "LlamaModel"]
    assert training.count("LlamaDecoderLayer") == 3
