"""What a training moves: a bridge from the ground up, or a style beside a bridge that stays as it is."""

from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from synthgen.core.seeds import SeedTree
from synthgen.decode.bridge import Bridge
from synthgen.decode.projector import Projector
from synthgen.decode.train.adapters import adapter_tensors, attach, merge
from synthgen.decode.train.config import BridgePart

PROJECTOR_LAYERS = ("0", "2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """The projector as it stands in the training, and the tensors that move, by the names they are stored under."""

    projector: nn.Module
    tensors: dict[str, Tensor]


def new_bridge(part: BridgePart, model: nn.Module, dim: int, seeds: SeedTree) -> Trained:
    """Return a projector and adapters of the configured shape, all of which move.

    Random: seeds/init.
    """
    generator = _generator(seeds)
    table = model.get_input_embeddings().weight.detach()  # type: ignore[operator]
    with torch.random.fork_rng():
        torch.manual_seed(generator.initial_seed())
        projector = Projector(dim, part.hidden, part.soft_tokens, int(table.shape[1]))
    scale_to(projector, float(table.float().std()))
    adapters = attach(model, part.adapter_rank, part.adapter_targets, generator) if part.adapter_rank else {}
    moving = {f"projector.{k}": v for k, v in projector.named_parameters()} | adapter_tensors(adapters)
    return Trained(projector=projector, tensors=moving)


def new_style(bridge: Bridge, rank: int, model: nn.Module, seeds: SeedTree) -> Trained:
    """Return adapters beside a bridge's projector and beside the layers it adapts; the bridge itself does not move.

    Random: seeds/init.
    """
    generator = _generator(seeds)
    merge(model, bridge.adapters)
    projector = deepcopy(bridge.projector).requires_grad_(requires_grad=False)
    adapters = attach(model, rank, bridge.info.adapter_targets, generator)
    inner = attach(projector, rank, PROJECTOR_LAYERS, generator)
    return Trained(projector=projector, tensors=adapter_tensors(adapters) | adapter_tensors(inner))


def scale_to(projector: Projector, spread: float) -> None:
    """Scale the last layer so that soft tokens start with the spread of the model's own embeddings."""
    with torch.no_grad():
        probe = torch.randn(64, projector.dim, generator=torch.Generator().manual_seed(0))
        factor = spread / float(projector(probe).std())
        last = projector.projector[2]
        last.weight.mul_(factor)  # type: ignore[operator]
        last.bias.mul_(factor)  # type: ignore[operator]


def _generator(seeds: SeedTree) -> torch.Generator:
    return torch.Generator().manual_seed(int.from_bytes(seeds.child("init").key()[:7], "big"))
