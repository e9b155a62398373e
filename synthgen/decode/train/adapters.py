"""Low-rank adapters (LoRA): two small trained matrices whose product is added to a frozen weight matrix."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from synthgen.core.errors import ModelError


class LowRank(nn.Module):
    """A frozen linear layer plus a trained low-rank adapter, y = W x + B (A x).

    Reference: Hu et al., LoRA, 2021 (arXiv 2106.09685v2), section 4.1, without a scaling factor. B starts at zero.
    """

    def __init__(self, base: nn.Linear, rank: int, generator: torch.Generator) -> None:
        super().__init__()
        self.base = base
        scale = base.in_features**-0.5
        self.down = nn.Parameter(torch.randn(rank, base.in_features, generator=generator) * scale)  # A
        self.up = nn.Parameter(torch.zeros(base.out_features, rank))  # B

    def forward(self, x: Tensor) -> Tensor:
        """Return y (..., out_features) for x (..., in_features), in the dtype of x."""
        low = functional.linear(x, self.down.to(x.dtype))
        return self.base(x) + functional.linear(low, self.up.to(x.dtype))  # type: ignore[no-any-return]


def attach(model: nn.Module, rank: int, targets: tuple[str, ...], generator: torch.Generator) -> dict[str, LowRank]:
    """Add a low-rank adapter to each linear layer with a name in `targets`; return the adapters by layer path.

    Raises:
        ModelError: a target is not the name of a linear layer.
    """
    linears = [
        (f"{parent_name}.{name}", parent, name, child)
        for parent_name, parent in model.named_modules()
        for name, child in parent.named_children()
        if name in targets and isinstance(child, nn.Linear)
    ]
    if absent := sorted(set(targets) - {name for _, _, name, _ in linears}):
        problems = [f"{name}: no linear layer has this name" for name in absent]
        raise ModelError("the language model lacks linear layers that are to get an adapter", problems=problems)
    adapters = {}
    for path, parent, name, base in linears:
        adapters[path] = LowRank(base, rank, generator)
        setattr(parent, name, adapters[path])
    return adapters


def adapter_tensors(adapters: Mapping[str, LowRank]) -> dict[str, Tensor]:
    """Return the tensors of adapters by the names under which they are stored."""
    return {f"adapter.{path}.{half}": getattr(a, half) for path, a in adapters.items() for half in ("down", "up")}


@torch.no_grad()
def merge(model: nn.Module, tensors: Mapping[str, Tensor]) -> int:
    """Add stored adapters B A to the weights W of a model in place, and return the number of changed layers.

    Raises:
        ModelError: the model has no layer for an adapter, or an adapter is incomplete or has a wrong shape.
    """
    layers, prefix = dict(model.named_modules()), "adapter."
    paths = sorted({name.removeprefix(prefix).rsplit(".", 1)[0] for name in tensors if name.startswith(prefix)})
    for path in paths:
        layer, up, down = layers.get(path), tensors.get(f"adapter.{path}.up"), tensors.get(f"adapter.{path}.down")
        if up is None or down is None:
            raise _unfit(path, "one of its two tensors is missing")
        if not isinstance(layer, nn.Linear):
            raise _unfit(path, "the model has no linear layer of this name")
        if not _fits(layer, up, down):
            raise _unfit(path, "its shape differs from the shape of the layer")
        low_rank = (up.float() @ down.float()).to(layer.weight.device)
        layer.weight.copy_((layer.weight.float() + low_rank).to(layer.weight.dtype))
    return len(paths)


def _unfit(path: str, fault: str) -> ModelError:
    return ModelError("the adapters do not fit the language model", problems=[f"adapter.{path}: {fault}"])


def _fits(layer: nn.Linear, up: Tensor, down: Tensor) -> bool:
    rank = up.shape[-1]
    return up.shape == (layer.out_features, rank) and down.shape == (rank, layer.in_features)
