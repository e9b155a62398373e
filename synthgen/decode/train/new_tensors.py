"""Create the tensors to train: the tensors of a new bridge, or of a new style adapter for a bridge.

With a bridge, a language model writes a text from a vector. A bridge contains a projector, which maps the vector to
soft tokens (input embeddings of the model), and low-rank adapters of the model's weights.
"""

from copy import deepcopy

import torch
from torch import Tensor, nn

from synthgen.core.seeds import SeedTree
from synthgen.decode.bridge import Bridge
from synthgen.decode.projector import Projector
from synthgen.decode.train.adapters import adapter_tensors, attach, merge
from synthgen.decode.train.families import BridgeShape

PROJECTOR_LAYERS = ("0", "2")  # names of the projector's linear layers


# the projector during the training, and the tensors to train by their names in the stored file
Trained = tuple[nn.Module, dict[str, Tensor]]


def new_bridge(shape: BridgeShape, model: nn.Module, dim: int, seeds: SeedTree) -> Trained:
    """Return a new projector and new adapters of the configured shape, drawn from the stream seeds/init."""
    generator = _generator(seeds)
    table = model.get_input_embeddings().weight.detach()  # type: ignore[operator]
    with torch.random.fork_rng():
        torch.manual_seed(generator.initial_seed())
        projector = Projector(dim, shape.hidden, shape.soft_tokens, int(table.shape[1]))
    _scale_to(projector, float(table.float().std()))
    adapters = attach(model, shape.adapter_rank, shape.adapter_targets, generator) if shape.adapter_rank else {}
    return projector, {f"projector.{k}": v for k, v in projector.named_parameters()} | adapter_tensors(adapters)


def new_style(bridge: Bridge, rank: int, model: nn.Module, seeds: SeedTree) -> Trained:
    """Return a copy of a bridge's projector, and new adapters, drawn from the stream seeds/init.

    The projector, and each layer of the language model `model` that the bridge adapts, get a new adapter of rank
    `rank`. The existing adapters of the bridge are added to the weights of `model`, in place.
    """
    generator = _generator(seeds)
    merge(model, bridge.adapters)
    projector = deepcopy(bridge.projector).requires_grad_(requires_grad=False)
    adapters = attach(model, rank, bridge.info.adapter_targets, generator)
    of_projector = attach(projector, rank, PROJECTOR_LAYERS, generator)
    return projector, adapter_tensors(adapters) | adapter_tensors(of_projector)


def _scale_to(projector: Projector, spread: float) -> None:
    # scales the last layer so that soft tokens have the standard deviation `spread` before the training
    with torch.no_grad():
        probe = torch.randn(64, projector.dim, generator=torch.Generator().manual_seed(0))
        factor = spread / float(projector(probe).std())
        last = projector.projector[2]
        last.weight.mul_(factor)  # type: ignore[operator]
        last.bias.mul_(factor)  # type: ignore[operator]


def _generator(seeds: SeedTree) -> torch.Generator:
    return torch.Generator().manual_seed(int.from_bytes(seeds.child("init").key()[:7], "big"))


def recompute_activations(model: nn.Module) -> None:
    """Make the blocks of a model compute activations twice instead of storing them, which saves memory."""
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})  # type: ignore[operator]
    for module in model.modules():
        if getattr(module, "gradient_checkpointing", False):
            module.training = True  # `train()` would also turn on dropout inside the block
