"""Matrix products of the decode loop: `Plain` for any processor, and two faster products for certain processors.

`Packed` is for processors with bfloat16 instructions, and `Quantized` for processors with int8 instructions. These
instructions require a special memory layout of the weight matrix (packed). `Plain` packs the weight at every call.
`Packed` and `Quantized` pack it only once. They also apply the next operation (SiLU, multiplication or addition)
before they round the result, so the last bits differ from those of `Plain`.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from synthgen.core.workers import has_bfloat16

ROWS = 64  # number of rows of x for which the packed layouts are fastest; any other number works too
LEVELS = 127  # largest int8 number; a weight becomes a whole number from -LEVELS to LEVELS, times a scale
FINER = 2 * LEVELS  # an activation is the sum of two scaled int8 numbers; this is the ratio of their scales


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
        y = self._linear(x)
        return (functional.silu(y) if function == "swish" else y).to(x.dtype)

    def _binary(self, x: Tensor, other: Tensor, operation: str) -> Tensor:
        y = self._linear(x)
        return (y * other if operation == "mul" else y + other).to(x.dtype)

    def _linear(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight, self.bias)


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


class Quantized(Plain):
    """The same product with int8 weights, on a CPU.

    Each row of `weight` is rounded to int8 numbers times a scale. Each row of x is rounded to the sum of two rows of
    int8 numbers, each times a scale; the error is at most 1 / 64,516 of the row's largest absolute value. Sums of
    int8 products are exact, so y does not depend on the number of rows, or on the order of the additions.

    Reference: Dettmers et al. 2022, arXiv 2208.07339 (one scale per row of x and of the weight). One int8 number per
    activation would be too coarse, because a few columns of x are much larger than the others.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        wide = weight.detach().float()
        self.scale = _scale(wide).squeeze(1)
        self.zero = torch.zeros(len(wide), dtype=torch.int64)
        numbers = (wide / self.scale[:, None]).round_().to(torch.int8)
        packed = torch.ops.onednn.qlinear_prepack(numbers, [2 * ROWS, wide.shape[1]])
        super().__init__(packed, None if bias is None else bias.detach().float())

    # many rows are divided into parts whose numbers fit into the cache of the processor
    def _unary(self, x: Tensor, function: str) -> Tensor:
        return torch.cat([super(Quantized, self)._unary(part, function) for part in torch.split(x, ROWS)])

    def _binary(self, x: Tensor, other: Tensor, operation: str) -> Tensor:
        parts = zip(torch.split(x, ROWS), torch.split(other, ROWS), strict=True)
        return torch.cat([super(Quantized, self)._binary(*pair, operation) for pair in parts])

    def _linear(self, x: Tensor) -> Tensor:
        """Return y in float32."""
        wide, n = x.float(), len(x)
        scale = _scale(wide)
        rest = wide / scale
        coarse = rest.round()
        fine = rest.sub_(coarse).mul_(FINER).round_()
        # the fast product of oneDNN takes numbers from 0 to 255, and subtracts 128 from them
        numbers = torch.cat((coarse, fine)).add_(128).to(torch.int32).to(torch.uint8)
        multiply, to = torch.ops.onednn.qlinear_pointwise, torch.float32
        y = multiply(numbers, 1.0, 128, self.weight, self.scale, self.zero, None, 1.0, 0, to, "none", [], "")
        y = torch.add(y[:n], y[n:], alpha=1 / FINER).mul_(scale)
        return y if self.bias is None else y.add_(self.bias)


def _scale(rows: Tensor) -> Tensor:
    # returns the scale (n, 1) of the int8 numbers of each row of a float32 matrix; positive also for a row of zeros
    return (rows.abs().amax(dim=1, keepdim=True) / LEVELS).clamp_(min=torch.finfo(torch.float32).tiny)


def can_pack(weight: Tensor) -> bool:
    """Return whether a weight can be packed: bfloat16, on a processor with bfloat16 instructions."""
    if weight.device.type != "cpu" or weight.dtype != torch.bfloat16:
        return False
    return hasattr(_ops(), "_linear_pointwise") and has_bfloat16()


def product(weight: Tensor, bias: Tensor | None = None, *, in_int8: bool = False) -> Plain:
    """Return the product with a weight (out, in) and a bias (out), of the fastest kind.

    With `in_int8`, the kind is `Quantized`; the weight must then be on a CPU for which `has_int8` is true. Otherwise,
    it is `Packed` if `can_pack` is true, or else `Plain`.
    """
    kind = Quantized if in_int8 else Packed if can_pack(weight) else Plain
    return kind(weight, bias)


def merged(*parts: nn.Linear, in_int8: bool = False) -> Plain:
    """Return one product (see `product`) for layers that share an input; all of them have a bias, or none.

    The weights of the layers are concatenated, and become views of the concatenated weight.
    """
    weight, begin = torch.cat([part.weight for part in parts]), 0
    for part in parts:
        end = begin + len(part.weight)
        part.weight.data, begin = weight[begin:end], end
    biases: list[Tensor] = [part.bias for part in parts if part.bias is not None]
    return product(weight, torch.cat(biases) if biases else None, in_int8=in_int8)


def _ops() -> Any:
    return torch.ops.mkldnn  # the operations that the compiler of torch uses for packed weights
