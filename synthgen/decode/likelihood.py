"""Measure the negative log-likelihood of texts under a language model, in nats.

With a bridge (trained tensors, see `synthgen.decode.bridge`), the model reads a prompt and a vector before the text.
A text has fewer nats per token after its own vector than after the vector of a different text. The difference
measures how much the model learns about a text from its vector.
"""

from collections.abc import Sequence
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
from synthgen.decode.prompts import token_ids
from synthgen.decode.train.adapters import merge

_HEAD_ROWS = 256  # the logits of at most this number of tokens are in memory at the same time


@dataclass(frozen=True, slots=True, eq=False)
class Nats:
    """Negative log-likelihoods of n texts."""

    total: NDArray[np.float64]  # (n), nats of each text
    tokens: NDArray[np.int64]  # (n), number of tokens of each text

    @property
    def each(self) -> NDArray[np.float64]:
        """Nats per token of each text (n)."""
        return self.total / self.tokens

    @property
    def per_token(self) -> float:
        """Nats per token of all texts together."""
        return float(self.total.sum() / self.tokens.sum())


class Likelihood:
    """A language model that measures the likelihood of texts, with `batch` texts in each forward pass.

    The adapters of the bridge are added to the weights of the given model, in place.

    Raises:
        ModelError: the model is not on one device, or the adapters of the bridge do not fit it.
    """

    def __init__(self, loaded: Loaded, bridge: Bridge | None = None, *, batch: int = 32) -> None:
        if not loaded.on_one_device:
            raise ModelError(
                "the language model is split over several devices, so it cannot measure how likely texts are",
                hint="Set decode.device to cpu, or use a GPU that holds the whole model.",
            )
        self.model, self.tokenizer, self.device, self.batch = loaded.model, loaded.tokenizer, loaded.device, batch
        self.projector, self.template = None, None  # remain None without a bridge
        if bridge is not None:
            merge(self.model, bridge.adapters)
            self.projector = bridge.projector.to(self.device).eval()
            self.template = bridge.info.parsed_template()

    @classmethod
    def load(cls, folder: Path, bridge: Bridge | None = None, *, batch: int = 32) -> "Likelihood":
        """Return a `Likelihood` with the model of a folder; for errors, see `load_model` and this class."""
        return cls(load_model(folder), bridge, batch=batch)

    def nats(
        self,
        texts: Sequence[str],
        *,
        max_tokens: int,
        vectors: Float32 | None = None,
        prompts: Sequence[str] | None = None,
    ) -> Nats:
        """Return the negative log-likelihoods of n texts, without the end-of-text token.

            nats = - sum_t log p(text_t | frame, text_<t)

        text_t is token t of the text, and the frame is the input before the text. With a bridge, the frame is the
        bridge's template, filled with a prompt (empty by default) and with the soft tokens (input embeddings) that
        the bridge computes from a vector. `vectors` is float32 (n, d); if it is None, the soft tokens are omitted.
        Without a bridge, the frame is the begin-of-text token or, if the tokenizer has none, the end-of-text token.
        Only the first `max_tokens` tokens of a text are read. The division into batches changes the results only by
        rounding.

        Raises:
            DataError: a text has no tokens, or vectors or prompts are given without a bridge.
            ModelError: the model's output is not finite.
        """
        if self.projector is None and not (vectors is None and prompts is None):
            problem = "`vectors` and `prompts` can only be given with a bridge, but the model was loaded without one"
            raise DataError(problem)
        encoded = [token_ids(self.tokenizer, text)[:max_tokens] for text in texts]
        if empty := sum(not ids for ids in encoded):
            raise DataError(
                f"{empty} of {len(encoded)} texts have no tokens, so the likelihood of these texts cannot be measured"
            )
        frames = self._frames(len(texts), prompts, with_vector=vectors is not None)
        total = np.zeros(len(texts))

        def read(rows: list[int]) -> NDArray[np.float64]:
            vectors_of_rows = None if vectors is None else vectors[rows]
            return self._read([frames[i] for i in rows], [encoded[i] for i in rows], vectors_of_rows)

        # a batch contains texts of similar length, and therefore little padding
        order = sorted(range(len(texts)), key=lambda i: (-len(frames[i]) - len(encoded[i]), i))
        batches = [order[start : start + self.batch] for start in range(0, len(order), self.batch)]
        if self.batch == 1 and self.device.type == "cpu":
            # each text is read by one core, so the number of cores does not change the result
            n = usable_cores()
            in_threads(batches, lambda rows, _: read(rows), total.__setitem__, lambda _: None, n_workers=n)
        else:
            for rows in batches:
                total[rows] = read(rows)
        if not np.isfinite(total).all():
            hint = "Fetch the model again; its weights may be damaged."
            raise ModelError("the language model computes numbers that are not finite", hint=hint)
        return Nats(total, np.array([len(ids) for ids in encoded], dtype=np.int64))

    def _frames(self, n: int, prompts: Sequence[str] | None, *, with_vector: bool) -> list[list[int]]:
        """Return the token ids of the frame of each of n texts."""
        if self.template is None:
            bos, eos = self.tokenizer.bos_token_id, self.tokenizer.eos_token_id
            return [[int(eos if bos is None else bos)]] * n
        omitted = set() if with_vector else {self.template.placeholder_id}
        filled = [self.template.tokens(self.tokenizer, prompt) for prompt in (prompts or [""] * n)]
        return [[i for i in ids if i not in omitted] for ids in filled]

    @torch.inference_mode()
    def _read(self, frames: list[list[int]], texts: list[list[int]], vectors: Float32 | None) -> NDArray[np.float64]:
        """Return the nats of each text of a batch; frames and texts are given as token ids."""
        soft = None
        if vectors is not None and self.projector is not None:
            soft = self.projector(torch.from_numpy(vectors.copy()).to(self.device))
        hidden, targets, row_of = self._predictions(frames, texts, soft)
        nats = _cross_entropies(hidden, self.model.get_output_embeddings(), targets)
        totals = np.zeros(len(texts))
        np.add.at(totals, row_of.cpu().numpy(), nats.cpu().numpy())
        return totals

    def _predictions(
        self, frames: list[list[int]], texts: list[list[int]], soft: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return, for each text token, the hidden state before the token, the token id, and the index of the text."""
        length = max(len(f) + len(s) for f, s in zip(frames, texts, strict=True))
        ids = torch.zeros(len(texts), length, dtype=torch.long)
        is_text, is_vector = torch.zeros_like(ids, dtype=torch.bool), torch.zeros_like(ids, dtype=torch.bool)
        for row, (frame, text) in enumerate(zip(frames, texts, strict=True)):
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
    parts = zip(torch.split(hidden, _HEAD_ROWS), torch.split(targets, _HEAD_ROWS), strict=True)
    nats = [functional.cross_entropy(head(h).float(), t, reduction="none").double() for h, t in parts]
    return torch.cat(nats)
