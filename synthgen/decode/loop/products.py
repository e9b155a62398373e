"""Matrix products of the decode loop: `Plain` for any processor, `Packed` for processors with bfloat16 instructions.

These instructions require a special memory layout of the weight matrix (packed). `Plain` packs the weight at every
call, and `Packed` only once. `Packed` also applies the next operation (SiLU, multiplication or addition) before it
rounds the result, so the last bits differ from those of `Plain`.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from synthgen.core.workers import has_bfloat16

ROWS = 64  # number of rows of x for which the packed layout is fastest; any other number works too


class Plain:
    """The product y = x Wᵀ + b, of shape (n, out), for any dtype and device.

    `weight` (out, in) is not copied. `bias` (out) is b; None means 0.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        self.weight, self.bias = weight, bias

    def __call__(self, x: Tensor) -> Tensor:
        """Return y."""
        return self._unary(x, "none")

    def silu(self, x: Tensor) -> Tensor:
        """Return y / (1 + exp(-y))."""
        return self._unary(x, "swish")

    def times(self, x: Tensor, other: Tensor) -> Tensor:
        """Return y * other."""
        return self._binary(x, other, "mul")

    def plus(self, x: Tensor, other: Tensor) -> Tensor:
        """Return y + other."""
        return self._binary(x, other, "add")

    # `function` and `operation` have the names that mkldnn requires; "swish" is SiLU
    def _unary(self, x: Tensor, function: str) -> Tensor:
        y = functional.linear(x, self.weight, self.bias)
        return functional.silu(y) if function == "swish" else y

    def _binary(self, x: Tensor, other: Tensor, operation: str) -> Tensor:
        y = functional.linear(x, self.weight, self.bias)
        return y * other if operation == "mul" else y + other


class Packed(Plain):
    """The same product with a packed copy of `weight`, which is a bfloat16 matrix of shape (out, in)."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        super().__init__(_ops()._reorder_linear_weight(weight.detach().contiguous(), ROWS), bias)  # noqa: SLF001

    def _unary(self, x: Tensor, function: str) -> Tensor:
        y: Tensor = _ops()._linear_pointwise(x, self.weight, self.bias, function, [], "")  # noqa: SLF001
        return y

    def _binary(self, x: Tensor, other: Tensor, operation: str) -> Tensor:
        y: Tensor = _ops()._linear_pointwise.binary(x, other, self.weight, self.bias, operation)  # noqa: SLF001
        return y


def can_pack(weight: Tensor) -> bool:
    """Return whether a weight can be packed: bfloat16, on a processor with bfloat16 instructions."""
    if weight.device.type != "cpu" or weight.dtype != torch.bfloat16:
        return False
    return hasattr(_ops(), "_linear_pointwise") and has_bfloat16()


def product(weight: Tensor, bias: Tensor | None = None) -> Plain:
    """Return the product with a weight (out, in) and a bias (out), packed if possible."""
    return Packed(weight, bias) if can_pack(weight) else Plain(weight, bias)


def merged(*parts: nn.Linear) -> Plain:
    """Return one product for layers that share an input; all of them have a bias, or none.

    The weights of the layers are concatenated, and become views of the concatenated weight.
    """
    weight, begin = torch.cat([part.weight for part in parts]), 0
    for part in parts:
        end = begin + len(part.weight)
        part.weight.data, begin = weight[begin:end], end
    biases = [part.bias for part in parts if part.bias is not None]
    return product(weight, torch.cat(biases) if biases else None)


def _ops() -> Any:
    return torch.ops.mkldnn  # the operations that the compiler of torch uses for packed weights
