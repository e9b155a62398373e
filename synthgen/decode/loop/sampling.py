"""Choose the next token: top-k first, then temperature and top-p, then the inverse of the cumulative sum."""

import torch
from torch import Tensor
from torch.nn import functional

BLOCK = 64  # tokens of a block, of which only the maximum is compared first


def sample(logits: Tensor, uniform: Tensor, *, top_k: int, top_p: float, temperature: float) -> Tensor:
    """Return one token id per row, drawn with a uniform number in [0, 1) per row.

    Let p be the softmax of the k largest logits over the temperature, in descending order, and p' its shortest prefix
    with a mass of at least top_p, renormalised. The token is the first whose cumulative p' exceeds u. Taking the k
    largest logits first makes the work depend on k, not on the size of the vocabulary.

    Args:
        logits: (n, vocabulary), any float dtype.
        uniform: float32 (n), in [0, 1).
        top_k: number of tokens considered.
        top_p: probability mass kept among them.
        temperature: above 0.

    Reference: Fan et al. 2018 (top-k), Holtzman et al. 2020, arXiv 1904.09751v2, section 3.1 (nucleus).
    """
    values, ids = _largest(logits, min(top_k, logits.shape[-1]))
    p = torch.softmax(values / temperature, dim=-1)
    before = p.cumsum(dim=-1) - p
    p = p * (before < top_p)
    cumulative = p.cumsum(dim=-1)
    drawn = (cumulative <= uniform.unsqueeze(1) * cumulative[:, -1:]).sum(dim=-1)
    kept = (p > 0).sum(dim=-1)
    return ids.gather(1, torch.minimum(drawn, kept - 1).unsqueeze(1)).squeeze(1)


def _largest(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Return the k largest logits of each row, float32, descending, equal ones by token id; and their ids.

    The k largest logits lie in the k blocks with the largest maxima, so the other blocks are never sorted. If the
    k-th logit equals an excluded one, the choice between them is fixed but follows no rule.
    """
    n = len(logits)
    if missing := -logits.shape[-1] % BLOCK:
        logits = functional.pad(logits, (0, missing), value=float("-inf"))
    blocks = logits.view(n, BLOCK, -1)
    best = torch.topk(blocks.amax(dim=1), min(k, blocks.shape[-1]), dim=-1).indices
    values = blocks.gather(2, best.unsqueeze(1).expand(-1, BLOCK, -1)).float().view(n, -1) + 0.0  # -0 becomes 0
    ids = (torch.arange(BLOCK, device=logits.device)[:, None] * blocks.shape[-1] + best.unsqueeze(1)).view(n, -1)
    bits = values.view(torch.int32)
    ordered = bits ^ ((bits >> 31) & 0x7FFFFFFF)  # whole numbers in the order of the floats
    at = torch.topk((ordered.long() << 32) - ids, k, dim=-1, sorted=True).indices
    return values.gather(1, at), ids.gather(1, at)
