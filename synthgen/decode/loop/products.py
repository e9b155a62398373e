"""Matrix products of a decode loop: a weight once laid out as the processor wants it, and what follows, in one pass.

A general product lays its weight out anew at every call; with the few rows of a decode loop that is a sixth of its
time. Gate, product and residual are applied before the result is rounded.
"""

import platform
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

ROWS = 64  # the number of rows the layout is chosen for; any number may be multiplied


class Plain:
    """y = x W^T, for any dtype and device.

    Args:
        weight: (out, in); kept, not copied.
    """

    def __init__(self, weight: Tensor) -> None:
        self.weight = weight

    def __call__(self, x: Tensor) -> Tensor:
        """Return x W^T (n, out)."""
        return functional.linear(x, self.weight)

    def silu(self, x: Tensor) -> Tensor:
        """Return x W^T, each number a of it made a / (1 + exp(-a))."""
        return functional.silu(self(x))

    def times(self, x: Tensor, other: Tensor) -> Tensor:
        """Return (x W^T) * other."""
        return self(x) * other

    def plus(self, x: Tensor, other: Tensor) -> Tensor:
        """Return (x W^T) + other."""
        return self(x) + other


class Packed:
    """The same for bfloat16 on a processor with instructions for it.

    Args:
        weight: (out, in), bfloat16; copied, so it may be let go.
    """

    def __init__(self, weight: Tensor) -> None:
        self.weight: Tensor = _ops()._reorder_linear_weight(weight.detach().contiguous(), ROWS)  # noqa: SLF001

    def __call__(self, x: Tensor) -> Tensor:
        """Return x W^T (n, out)."""
        return self._alone(x, "none")

    def silu(self, x: Tensor) -> Tensor:
        """Return x W^T, each number a of it made a / (1 + exp(-a))."""
        return self._alone(x, "swish")

    def times(self, x: Tensor, other: Tensor) -> Tensor:
        """Return (x W^T) * other."""
        return self._with(x, other, "mul")

    def plus(self, x: Tensor, other: Tensor) -> Tensor:
        """Return (x W^T) + other."""
        return self._with(x, other, "add")

    def _alone(self, x: Tensor, then: str) -> Tensor:
        made: Tensor = _ops()._linear_pointwise(x, self.weight, None, then, [], "")  # noqa: SLF001
        return made

    def _with(self, x: Tensor, other: Tensor, how: str) -> Tensor:
        made: Tensor = _ops()._linear_pointwise.binary(x, other, self.weight, None, how)  # noqa: SLF001
        return made


def has_bfloat16() -> bool:
    """Return whether this processor has instructions that multiply bfloat16; without, float32 is far faster.

    The library itself takes any AVX-512 for enough and emulates what is missing.
    """
    if platform.machine() in ("x86_64", "AMD64"):
        return bool(torch.cpu._is_avx512_bf16_supported())  # noqa: SLF001
    # a build without these operations has no attribute of the name
    return hasattr(_ops(), "_is_mkldnn_bf16_supported") and bool(_ops()._is_mkldnn_bf16_supported())  # noqa: SLF001


def packs(weight: Tensor) -> bool:
    """Return whether a weight can be packed: bfloat16, on a processor that multiplies it."""
    if weight.device.type != "cpu" or weight.dtype != torch.bfloat16:
        return False
    return hasattr(_ops(), "_linear_pointwise") and has_bfloat16()


def product(weight: Tensor) -> Plain | Packed:
    """Return the product with a weight (out, in), packed where it can be."""
    return Packed(weight) if packs(weight) else Plain(weight)


def merged(*parts: nn.Linear) -> Plain | Packed:
    """Return the product with several layers' weights, one below the other; the layers keep no copy of their own."""
    weight, begin = torch.cat([part.weight for part in parts]), 0
    for part in parts:
        end = begin + len(part.weight)
        part.weight.data, begin = weight[begin:end], end
    return product(weight)


def _ops() -> Any:
    return torch.ops.mkldnn  # what torch's own compiler calls for weights it may lay out as it likes
