"""How likely a language model finds a text: after a bridge's frame with a vector in it, without one, or by itself.

A vector that says something of a text makes it likelier than another text's vector does, and by how much, in nats per
token, tells how much the bridge carries, whatever the luck of sampling.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from synthgen.core.errors import DataError, ModelError
from synthgen.core.types import Float32
from synthgen.core.workers import in_threads, usable_cores
from synthgen.decode.bridge import Bridge
from synthgen.decode.loading import Loaded, load_model
from synthgen.decode.projector import splice
from synthgen.decode.prompts import Template
from synthgen.decode.train.adapters import merge

_HEAD_ROWS = 256  # of logits kept at once; a vocabulary is long


@dataclass(frozen=True, slots=True, eq=False)
class Nats:
    """Negative log-likelihoods of n texts.

    Args:
        total: float64 (n), nats of each text.
        tokens: int64 (n), over so many tokens each.
    """

    total: NDArray[np.float64]
    tokens: NDArray[np.int64]

    @property
    def each(self) -> NDArray[np.float64]:
        """Nats per token of each text (n)."""
        return self.total / self.tokens

    @property
    def per_token(self) -> float:
        """Nats per token of all texts together, long ones counting more."""
        return float(self.total.sum() / self.tokens.sum())

    @property
    def perplexity(self) -> float:
        """Exp of nats per token."""
        return math.exp(self.per_token)


class Likelihood:
    """A language model that reads texts instead of writing them.

    Args:
        loaded: the model and its tokenizer; a bridge's adapters are merged into it, so nothing else may use it after.
        bridge: whose frame stands before the text; None for the model as it is.
        batch: texts read at once.

    Raises:
        ModelError: when the model does not lie on one device.

    Random: none.
    Cost: one pass over the model per text.
    """

    def __init__(self, loaded: Loaded, bridge: Bridge | None = None, *, batch: int = 32) -> None:
        if not loaded.on_one_device:
            raise ModelError("likelihoods need a language model that lies on one device")
        self.model, self.tokenizer, self.device, self.batch = loaded.model, loaded.tokenizer, loaded.device, batch
        self.projector, self.template = None, None
        if bridge is not None:
            merge(self.model, bridge.adapters)
            self.projector = bridge.projector.to(self.device).eval()
            self.template = Template(bridge.info.template, bridge.info.n_soft, bridge.info.placeholder_id)

    @classmethod
    def load(cls, folder: Path, bridge: Bridge | None = None, *, batch: int = 32) -> "Likelihood":
        """Return the reader of a model's folder; see `load_model` and the class for errors."""
        return cls(load_model(folder), bridge, batch=batch)

    def nats(
        self,
        texts: Sequence[str],
        *,
        most_tokens: int,
        vectors: Float32 | None = None,
        prompts: Sequence[str] | None = None,
    ) -> Nats:
        """Return the texts' negative log-likelihoods, teacher-forced, the end of text not among what is predicted.

            nats = - sum_t log p(text_t | frame, text_<t)

        The frame is the bridge's with the prompt and the vector's soft tokens in it; without vectors, the same frame
        with nothing where they stand; without a bridge, the tokenizer's begin of text.

        Args:
            texts: n, each at least one token.
            most_tokens: of a text; the rest is not read.
            vectors: float32 (n, d), one per text; only with a bridge.
            prompts: n, what stands before the vector; empty where not given; only with a bridge.

        Returns:
            In the order of the texts. The company of others changes a text's nats by rounding noise alone.

        Raises:
            DataError: when a text has no tokens, or vectors or prompts are given and there is no bridge.
            ModelError: when the model's output is not finite.
        """
        if self.projector is None and not (vectors is None and prompts is None):
            raise DataError("a model without a bridge reads neither vectors nor prompts")
        said = [list(self.tokenizer(text, add_special_tokens=False).input_ids)[:most_tokens] for text in texts]
        if empty := sum(not ids for ids in said):
            raise DataError(f"{empty} of {len(said)} texts have no tokens, so no likelihood")
        frames = self._frames(len(texts), prompts, with_vector=vectors is not None)
        total = np.zeros(len(texts))

        def read(rows: list[int]) -> NDArray[np.float64]:
            given = None if vectors is None else vectors[rows]
            return self._read([frames[i] for i in rows], [said[i] for i in rows], given)

        self._each_batch([len(f) + len(s) for f, s in zip(frames, said, strict=True)], read, total.__setitem__)
        if not np.isfinite(total).all():
            raise ModelError("the language model's output is not finite", hint="Its weights are damaged.")
        return Nats(total, np.array([len(ids) for ids in said], dtype=np.int64))

    def _frames(self, n: int, prompts: Sequence[str] | None, *, with_vector: bool) -> list[list[int]]:
        if self.template is None:
            tokenizer = self.tokenizer
            begin = tokenizer.eos_token_id if tokenizer.bos_token_id is None else tokenizer.bos_token_id
            return [[int(begin)]] * n
        asked = [self.template.tokens(self.tokenizer, prompt) for prompt in (prompts or [""] * n)]
        mark = self.template.placeholder_id
        return asked if with_vector else [[i for i in ids if i != mark] for ids in asked]

    def _each_batch(
        self,
        lengths: Sequence[int],
        read: Callable[[list[int]], NDArray[np.float64]],
        keep: Callable[[list[int], NDArray[np.float64]], None],
    ) -> None:
        """Read texts of these lengths in batches, in any order; `keep` is told of each in this thread."""
        batches = tuple(self._batches(lengths))
        if self.batch == 1 and self.device.type == "cpu":
            # too little for cores to share, and with one core each the last bits are those of any machine
            in_threads(batches, lambda rows, _: read(rows), keep, lambda _: None, n_workers=usable_cores())
            return
        for rows in batches:
            keep(rows, read(rows))

    def _batches(self, lengths: Sequence[int]) -> Iterator[list[int]]:
        """Yield row numbers, texts of like length together, so that little is padded."""
        order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
        for start in range(0, len(order), self.batch):
            yield order[start : start + self.batch]

    @torch.inference_mode()
    def _read(self, frames: list[list[int]], said: list[list[int]], vectors: Float32 | None) -> NDArray[np.float64]:
        """Return the nats of a batch."""
        soft = None
        if vectors is not None and self.projector is not None:
            soft = self.projector(torch.from_numpy(vectors.copy()).to(self.device))
        hidden, targets, row_of = self._predicting(frames, said, soft)
        nats = _cross_entropies(hidden, self.model.get_output_embeddings(), targets)
        found = np.zeros(len(said))
        np.add.at(found, row_of.cpu().numpy(), nats.cpu().numpy())
        return found

    def _predicting(
        self, frames: list[list[int]], said: list[list[int]], soft: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return of each token of a batch's texts the hidden state before it, the token, and which text it is of.

        Padding stands behind, where nothing that counts can see it.
        """
        length = max(len(f) + len(s) for f, s in zip(frames, said, strict=True))
        ids = torch.zeros(len(said), length, dtype=torch.long)
        is_text, is_vector = torch.zeros_like(ids, dtype=torch.bool), torch.zeros_like(ids, dtype=torch.bool)
        for row, (frame, text) in enumerate(zip(frames, said, strict=True)):
            ids[row, : len(frame) + len(text)] = torch.tensor(frame + text)
            is_text[row, len(frame) : len(frame) + len(text)] = True
            if soft is not None and self.template is not None:
                is_vector[row, : len(frame)] = ids[row, : len(frame)] == self.template.placeholder_id
        ids, is_text, is_vector = ids.to(self.device), is_text.to(self.device), is_vector.to(self.device)
        embeddings = self.model.get_input_embeddings()(ids.masked_fill(is_vector, 0))
        if soft is not None:
            embeddings = splice(embeddings, soft, is_vector)
        hidden = self.model.base_model(inputs_embeds=embeddings, use_cache=False).last_hidden_state
        predicts = is_text[:, 1:]
        return hidden[:, :-1][predicts], ids[:, 1:][predicts], predicts.nonzero()[:, 0]


def _cross_entropies(hidden: Tensor, head: torch.nn.Module, targets: Tensor) -> Tensor:
    """Return each token's nats, float64, without keeping all logits at once."""
    parts = [
        functional.cross_entropy(head(h).float(), t, reduction="none").double()
        for h, t in zip(torch.split(hidden, _HEAD_ROWS), torch.split(targets, _HEAD_ROWS), strict=True)
    ]
    return torch.cat(parts)
