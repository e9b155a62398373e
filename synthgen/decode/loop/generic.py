"""Compute the forward pass of the decode loop with the library transformers, for any causal language model.

A `GenericStepper` has the methods of a `LlamaStepper` (for the families in llama.py), but is slower. Its key/value
cache has the same length for all rows, so the next prompts wait until all texts of the batch are finished.
"""

import inspect
from typing import Any

import torch
from torch import Tensor


class GenericStepper:
    """Reads a batch of prompts, and appends one token to each text per step."""

    continuous = False  # a finished row of the batch is replaced only after all rows are finished

    def __init__(self, model: Any, batch: int) -> None:
        # number of rows of the batch, and number of prompts that `read` takes
        self.model, self.batch, self.group = model, batch, batch
        self.sizes: tuple[int, ...] = (batch,)  # numbers of rows that a step can compute
        self.table = model.get_input_embeddings()
        # name of the model's argument for the key/value cache; transformers 5.24 renamed it, but not for all models
        self.past = "cache" if "cache" in inspect.signature(type(model).forward).parameters else "past_key_values"
        self.cache: Any = None  # keys and values of the tokens read so far; None until `read` is called
        self.prefix_length = 0
        self.prefix: Tensor | None = None  # embeddings of the common prefix of all prompts; None if there is none
        # int64 (batch, tokens read so far), 1 for a token and 0 for padding; empty until `read` is called
        self.mask = torch.zeros(0, 0, dtype=torch.long)

    def embed(self, ids: Tensor) -> Tensor:
        """Return the input embeddings (..., width) of token ids."""
        return self.table(ids)  # type: ignore[no-any-return]

    def read_prefix(self, embeddings: Tensor) -> None:
        """Store the embeddings (p, width) of the common prefix; `read` puts them before each prompt."""
        self.prefix_length, self.prefix = len(embeddings), embeddings

    def read(self, embeddings: Tensor, lengths: Tensor) -> Tensor:
        """Read embeddings (batch, t, width) of prompts of the given lengths; return the logits after each prompt.

        The prompts are padded on the right. The result has shape (batch, vocabulary).
        """
        if self.prefix is not None:
            embeddings = torch.cat((self.prefix.expand(len(embeddings), -1, -1), embeddings), dim=1)
            lengths = lengths + self.prefix_length
        at = torch.arange(embeddings.shape[1], device=embeddings.device)
        start = embeddings.shape[1] - lengths  # the padding moves to the left, so that new tokens follow the prompt
        self.mask = (at[None, :] >= start[:, None]).long()
        self.cache = None
        source = (at[None, :] - start[:, None]) % embeddings.shape[1]
        return self._forward(inputs_embeds=embeddings.gather(1, source.unsqueeze(-1).expand_as(embeddings)))

    def assign(self, rows: Tensor, prompts: Tensor) -> None:
        """Do nothing, because row i of the batch continues prompt i."""

    def move(self, rows: Tensor, to: Tensor) -> None:
        """Do nothing, because this stepper has only one batch size."""

    def step(self, ids: Tensor, positions: Tensor) -> Tensor:  # noqa: ARG002 - the mask gives the positions
        """Append one token per row, and return the logits (batch, vocabulary) of the next token."""
        self.mask = torch.nn.functional.pad(self.mask, (0, 1), value=1)
        return self._forward(input_ids=ids.unsqueeze(1))

    def _forward(self, **inputs: Tensor) -> Tensor:
        new = next(iter(inputs.values())).shape[1]
        places = (self.mask.cumsum(dim=1) - 1).clamp(min=0)[:, -new:]
        arguments = {**inputs, "attention_mask": self.mask, "position_ids": places, self.past: self.cache}
        output = self.model(**arguments, use_cache=True)
        self.cache = output[self.past]
        return output.logits[:, -1]  # type: ignore[no-any-return]
