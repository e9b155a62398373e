"""The same verbs as the Llama stepper for any other causal language model of transformers; slower on a CPU.

Its cache grows with the longest row, so no row is replaced before all are done: a batch is read whole and stepped to
its end.
"""

import inspect
from typing import Any

import torch
from torch import Tensor


class GenericStepper:
    """Reads a batch of prompts and steps it, through a model's own forward pass and its growing cache.

    Args:
        model: a transformers causal LM that takes input embeddings, adapters merged.
        batch: prompts read and rows stepped at once.
    """

    continuous = False

    def __init__(self, model: Any, batch: int) -> None:
        self.model, self.batch, self.group = model, batch, batch
        self.sizes: tuple[int, ...] = (batch,)
        self.table = model.get_input_embeddings()
        # what transformers 5.24 calls "cache" was "past_key_values" before, and is in models that follow it later
        self.past = "cache" if "cache" in inspect.signature(type(model).forward).parameters else "past_key_values"
        self.cache: Any = None
        self.shared = 0
        self.head: Tensor | None = None
        self.mask = torch.zeros(0, 0, dtype=torch.long)

    def embed(self, ids: Tensor) -> Tensor:
        """Return the input embeddings (..., width) of token ids."""
        return self.table(ids)  # type: ignore[no-any-return]

    def begin(self, embeddings: Tensor) -> None:
        """Take what all prompts begin with (p, width); it is read again with each."""
        self.shared, self.head = len(embeddings), embeddings

    def read(self, embeddings: Tensor, lengths: Tensor) -> Tensor:
        """Read prompts (batch, t, width), padded on the right; return the logits after the last token of each."""
        if self.head is not None:
            embeddings = torch.cat((self.head.expand(len(embeddings), -1, -1), embeddings), dim=1)
            lengths = lengths + self.shared
        at = torch.arange(embeddings.shape[1], device=embeddings.device)
        start = embeddings.shape[1] - lengths  # padded on the left instead, so that new tokens follow the old ones
        self.mask = (at[None, :] >= start[:, None]).long()
        self.cache = None
        source = (at[None, :] - start[:, None]) % embeddings.shape[1]
        return self._forward(inputs_embeds=embeddings.gather(1, source.unsqueeze(-1).expand_as(embeddings)))

    def seat(self, rows: Tensor, prompts: Tensor) -> None:
        """Let rows go on from the prompts of the same numbers, which they do already."""

    def move(self, rows: Tensor, to: Tensor) -> None:
        """Never asked for: the batch has one size."""

    def step(self, ids: Tensor, positions: Tensor) -> Tensor:  # noqa: ARG002 - the mask says where each row is
        """Append one token per row and return the next logits (batch, vocabulary)."""
        self.mask = torch.nn.functional.pad(self.mask, (0, 1), value=1)
        return self._forward(input_ids=ids.unsqueeze(1))

    def _forward(self, **inputs: Tensor) -> Tensor:
        new = next(iter(inputs.values())).shape[1]
        places = (self.mask.cumsum(dim=1) - 1).clamp(min=0)[:, -new:]
        asked = {**inputs, "attention_mask": self.mask, "position_ids": places, self.past: self.cache}
        done = self.model(**asked, use_cache=True)
        self.cache = done[self.past]
        return done.logits[:, -1]  # type: ignore[no-any-return]
