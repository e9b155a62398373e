"""Compute training losses over a large vocabulary, with the logits of at most `ROWS` tokens in memory at a time."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional

ROWS = 256  # largest number of tokens whose logits are in memory at the same time
# A function of the logits and targets of some tokens, which returns the summed loss and its gradient for the logits.
# The targets are token ids, or the hidden states of the teacher (see `frozen_head_divergence`).
LogitsLoss = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


class _FrozenHeadSum(Function):
    """The summed loss of the logits h Wᵀ for hidden states h and a frozen head (output matrix) W of the model.

    The forward pass also computes the gradient for h.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, loss: LogitsLoss) -> Tensor:
        grad = torch.empty_like(hidden)
        total = hidden.new_zeros((), dtype=torch.float32)
        for start in range(0, hidden.shape[0], ROWS):
            rows = slice(start, start + ROWS)
            value, slope = loss(functional.linear(hidden[rows], weight).float(), targets[rows])
            total += value
            grad[rows] = slope.to(weight.dtype) @ weight
        ctx.save_for_backward(grad)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None]:
        (grad,) = ctx.saved_tensors
        return grad * grads[0].to(grad.dtype), None, None, None


def frozen_head_loss(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """Return the cross-entropy in nats, summed over n target tokens, of the prediction softmax(hidden weightᵀ).

    `hidden` (n, width) is float32 or bfloat16 and receives a gradient; `weight` (vocabulary, width) receives none.
    `targets` (n,) has the ids of the target tokens, int64.

    Cost: the time of two matrix products, and the memory of the logits of `ROWS` tokens.
    """

    def cross_entropy(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        expected = targets.unsqueeze(1)
        log_z = torch.logsumexp(logits, dim=1, keepdim=True)
        total = (log_z - logits.gather(1, expected)).sum()
        p = logits.sub_(log_z).exp_()  # softmax, in place
        return total, p.scatter_add_(1, expected, -torch.ones_like(expected, dtype=p.dtype))

    return _FrozenHeadSum.apply(hidden, weight, targets, cross_entropy)  # type: ignore[no-any-return,no-untyped-call]


def frozen_head_divergence(hidden: Tensor, weight: Tensor, teacher: Tensor) -> Tensor:
    """Return the divergence, summed over n tokens, of the student's predictions from the teacher's, in nats.

        Σ_t KL(q_t ‖ p_t),   q = softmax(teacher weightᵀ),   p = softmax(hidden weightᵀ)

    The student reads the vector of a passage, and the teacher reads the passage itself; see `teacher_inputs`.
    `hidden` and `teacher` are the hidden states (n, width) of student and teacher for the same tokens. Only `hidden`
    receives a gradient.

    Cost: the time of three matrix products, and several times the memory of the float32 logits of `ROWS` tokens.
    Reference: Cheng et al., xRAG, 2024 (arXiv 2405.13792v2), section 3.3 (self-distillation in the second stage).
    """

    def divergence(logits: Tensor, teacher: Tensor) -> tuple[Tensor, Tensor]:
        log_q = functional.linear(teacher, weight).float().log_softmax(dim=1)
        log_p, q = logits.log_softmax(dim=1), log_q.exp()
        return (q * (log_q - log_p)).sum(), log_p.exp_().sub_(q)

    return _FrozenHeadSum.apply(hidden, weight, teacher, divergence)  # type: ignore[no-any-return,no-untyped-call]


def teacher_inputs(ids: Tensor, is_vector: Tensor, is_text: Tensor, padding: int) -> tuple[Tensor, Tensor]:
    """Return the teacher's input ids (n, longest), with the text in place of the vector, and a mask.

    `ids` (n, length) are the student's input: a prompt with the placeholders of the vector, then the text, then the
    token `padding`, which is also the end-of-text token. `is_vector` marks the placeholders, and `is_text` the text.
    The teacher's input contains the text twice. The first copy takes the place of the placeholders, and has no
    end-of-text token. The second copy follows the prompt and is complete. The teacher predicts the second copy, which
    the returned mask marks.
    """
    rows, lengths = [], []
    for row, vector, text in zip(ids.cpu(), is_vector.cpu(), is_text.cpu(), strict=True):
        first, after = int(vector.nonzero()[0]), int(vector.nonzero()[-1]) + 1
        start, end = int(text.nonzero()[0]), int(text.nonzero()[-1]) + 1
        tokens = row[text]
        rows.append(torch.cat([row[:first], tokens[tokens != padding], row[after:start], tokens]))
        lengths.append(end - start)
    full_ids = torch.full((len(rows), max(map(len, rows))), padding, dtype=ids.dtype)
    predicted = torch.zeros(full_ids.shape, dtype=torch.bool)
    for i, (row, n) in enumerate(zip(rows, lengths, strict=True)):
        full_ids[i, : len(row)] = row
        predicted[i, len(row) - n : len(row)] = True
    return full_ids.to(ids.device), predicted.to(ids.device)
