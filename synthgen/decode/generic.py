"""The same two verbs as the Llama stepper for any other causal language model of transformers; slower on a CPU."""

from typing import Any

import torch
from torch import Tensor

from synthgen.errors import InternalError


class GenericStepper:
    """Prefill and one-token steps through a model's own forward pass and its growing cache.

    Args:
        model: a transformers causal LM that takes input embeddings, adapters merged.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.table = model.get_input_embeddings()
        self.cache: Any = None
        self.mask = torch.zeros(0, 0, dtype=torch.long)

    def embed(self, ids: Tensor) -> Tensor:
        """Return the input embeddings (..., width) of token ids."""
        return self.table(ids)  # type: ignore[no-any-return]

    def prefill(self, embeddings: Tensor, start: Tensor) -> Tensor:
        """Read the prompts (batch, t, width), padded on the left; return the logits after their last token."""
        at = torch.arange(embeddings.shape[1], device=embeddings.device)
        self.mask = (at[None, :] >= start[:, None]).long()
        self.cache = None
        return self._forward(inputs_embeds=embeddings)

    def step(self, ids: Tensor, position: int) -> Tensor:
        """Append one token per row and return the next logits (batch, vocabulary)."""
        self.mask = torch.nn.functional.pad(self.mask, (0, 1), value=1)
        if self.mask.shape[1] != position + 1:
            raise InternalError("steps must follow one another")
        return self._forward(input_ids=ids.unsqueeze(1))

    def _forward(self, **inputs: Tensor) -> Tensor:
        new = next(iter(inputs.values())).shape[1]
        places = (self.mask.cumsum(dim=1) - 1).clamp(min=0)[:, -new:]
        done = self.model(
            **inputs, attention_mask=self.mask, position_ids=places, past_key_values=self.cache, use_cache=True
        )
        self.cache = done.past_key_values
        return done.logits[:, -1]  # type: ignore[no-any-return]
