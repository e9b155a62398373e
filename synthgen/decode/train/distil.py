"""Self-distillation: given a vector, the model learns to predict what it predicts where it was given the text."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from synthgen.decode.train.head import ROWS, MadeForward


class _FrozenHeadDivergence(MadeForward):
    """Sum of KL(softmax(t Wᵀ) ‖ softmax(h Wᵀ)) for a frozen W; the gradient for h is made on the way forward."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, teacher: Tensor) -> Tensor:
        grad = torch.empty_like(hidden)
        total = hidden.new_zeros((), dtype=torch.float32)
        for start in range(0, hidden.shape[0], ROWS):
            rows = slice(start, start + ROWS)
            log_q = functional.linear(teacher[rows], weight).float().log_softmax(dim=1)
            log_p = functional.linear(hidden[rows], weight).float().log_softmax(dim=1)
            q = log_q.exp()
            total += (q * (log_q - log_p)).sum()
            grad[rows] = log_p.exp_().sub_(q).to(weight.dtype) @ weight
        ctx.save_for_backward(grad)
        return total


def frozen_head_divergence(hidden: Tensor, weight: Tensor, teacher: Tensor) -> Tensor:
    """Return the summed divergence of the student's next tokens from the teacher's, in nats.

        Σ_t KL(q_t ‖ p_t),   q = softmax(teacher weightᵀ),   p = softmax(hidden weightᵀ)

    Args:
        hidden: (n, width), the student's last hidden states; receives a gradient.
        weight: (vocabulary, width), frozen.
        teacher: (n, width), the teacher's at the same places; receives none.

    Cost: time of three matrix products; memory of 256 rows of logits, twice.
    Source: Cheng et al., xRAG, 2024 (arXiv 2405.13792v2), section 3.3 (self-distillation in the second stage).
    """
    return _FrozenHeadDivergence.apply(hidden, weight, teacher)  # type: ignore[no-any-return,no-untyped-call]


def with_text(ids: Tensor, is_vector: Tensor, is_text: Tensor, padding: int) -> tuple[Tensor, Tensor]:
    """Return the same frames with the text itself where the vector stood, and where the text to be predicted stands.

    Both are (n, longest). The copy that stands for the vector lacks the end of text (`padding`), which would end it.

    Args:
        ids: int64 (n, length), frames as of training: prompt, vector's places, text, padding.
        is_vector: bool (n, length).
        is_text: bool (n, length), the text's tokens; as many are marked in what is returned, in the same order.
        padding: the id that pads behind.
    """
    rows, ends = [], []
    for row, vector, text in zip(ids.cpu(), is_vector.cpu(), is_text.cpu(), strict=True):
        first, after = int(vector.nonzero()[0]), int(vector.nonzero()[-1]) + 1
        said = row[text]
        start, end = int(text.nonzero()[0]), int(text.nonzero()[-1]) + 1
        rows.append(torch.cat([row[:first], said[said != padding], row[after:start], said]))
        ends.append(end - start)
    longest = max(map(len, rows))
    full_ids = torch.full((len(rows), longest), padding, dtype=ids.dtype)
    predicted = torch.zeros(full_ids.shape, dtype=torch.bool)
    for i, (row, n) in enumerate(zip(rows, ends, strict=True)):
        full_ids[i, : len(row)] = row
        predicted[i, len(row) - n : len(row)] = True
    return full_ids.to(ids.device), predicted.to(ids.device)
