"""Choose the next token: top-k first, then temperature and top-p, then the inverse of the cumulative sum."""

import torch
from torch import Tensor


def sample(logits: Tensor, uniform: Tensor, *, top_k: int, top_p: float, temperature: float) -> Tensor:
    """Return one token id per row, drawn by a uniform number that was drawn elsewhere.

    With p the softmax of the k largest logits over the temperature, in falling order, and p' its shortest prefix
    that holds at least top_p, renormalised, the token is the first whose cumulative p' exceeds u. Taking the k
    largest before anything else keeps the work at k, not at the size of the vocabulary.

    Args:
        logits: (n, vocabulary), any float dtype.
        uniform: float32 (n), in [0, 1).
        top_k: tokens considered.
        top_p: probability mass kept among them.
        temperature: above 0.

    Random: none of its own.
    Source: Fan et al. 2018 (top-k), Holtzman et al. 2020, arXiv 1904.09751v2, section 3.1 (nucleus).
    """
    values, ids = torch.topk(logits.float(), min(top_k, logits.shape[-1]), dim=-1)
    # rows of equal logits come in no promised order, so ties are broken by token id
    order = torch.argsort(ids, dim=-1)
    values, ids = values.gather(1, order), ids.gather(1, order)
    values, order = torch.sort(values, dim=-1, descending=True, stable=True)
    ids = ids.gather(1, order)
    p = torch.softmax(values / temperature, dim=-1)
    before = p.cumsum(dim=-1) - p
    p = p * (before < top_p)
    cumulative = p.cumsum(dim=-1)
    drawn = (cumulative <= uniform.unsqueeze(1) * cumulative[:, -1:]).sum(dim=-1)
    kept = (p > 0).sum(dim=-1)
    return ids.gather(1, torch.minimum(drawn, kept - 1).unsqueeze(1)).squeeze(1)
