"""Cross-entropy over a large vocabulary without keeping the logits: the costly end of training on a CPU."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional

ROWS = 256


class MadeForward(Function):
    """A sum whose gradient for its first argument is made on the way forward and kept; the two others get none."""

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        """Return the kept gradient, scaled by what follows."""
        (grad,) = ctx.saved_tensors
        return grad * grads[0].to(grad.dtype), None, None


class _FrozenHeadLoss(MadeForward):
    """Sum of cross-entropies of softmax(h Wᵀ) for a frozen W; the gradient for h is made on the way forward."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
        grad = torch.empty_like(hidden)
        total = hidden.new_zeros((), dtype=torch.float32)
        for start in range(0, hidden.shape[0], ROWS):
            rows = slice(start, start + ROWS)
            wanted = targets[rows].unsqueeze(1)
            logits = functional.linear(hidden[rows], weight).float()
            log_z = torch.logsumexp(logits, dim=1, keepdim=True)
            total += (log_z - logits.gather(1, wanted)).sum()
            p = logits.sub_(log_z).exp_()  # softmax, in place
            p.scatter_add_(1, wanted, -torch.ones_like(wanted, dtype=p.dtype))
            grad[rows] = p.to(weight.dtype) @ weight
        ctx.save_for_backward(grad)
        return total


def frozen_head_loss(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """Return the summed cross-entropy of `targets` under softmax(hidden weightᵀ).

    Args:
        hidden: (n, width), float32 or bfloat16; receives a gradient.
        weight: (vocabulary, width), frozen.
        targets: int64 (n).

    Cost: time of two matrix products; memory of 256 rows of logits instead of n.
    """
    return _FrozenHeadLoss.apply(hidden, weight, targets)  # type: ignore[no-any-return,no-untyped-call]
