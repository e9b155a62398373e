"""Encode texts with a Mistral model. The vector of a text is the hidden state at its last token."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from synthgen.core.digest import sha256_json
from synthgen.core.errors import ModelError
from synthgen.core.types import Float32
from synthgen.embed.base import Device, Progress, encode_batches, folder_digest, in_batches

if TYPE_CHECKING:
    import torch

Dtype = Literal["bfloat16", "float32"]
BATCH_TEXTS = 8  # texts per batch; with 7 billion weights, the states of 8 texts of 4,096 tokens fit into 24 GB


def last_token_pool(hidden: "torch.Tensor", mask: "torch.Tensor") -> "torch.Tensor":
    """Return the state of the last token of n texts, (n, d), from the states `hidden` (n, t, d) of all tokens.

    `mask` (n, t) is 1 for tokens and 0 for padding; padding can be on either side.
    """
    import torch

    last = mask.shape[1] - 1 - mask.flip(dims=[1]).long().argmax(dim=1)  # (n,)
    return hidden[torch.arange(len(hidden), device=hidden.device), last]


class LastTokenEncoder:
    """Encoder that uses a causal language model, such as Salesforce/SFR-Embedding-Mistral.

        e(x) = h / |h|,   h = last-layer state at the end-of-text token after the text x

    Texts are encoded without the instruction that such models expect before a search query, and are cut to
    `max_tokens` including the end-of-text token. The forward pass uses `dtype`; the result is always float32. The
    device "auto" uses a GPU if there is one. Raise ModelError if the folder does not contain a usable model.

    Privacy: the text can be reconstructed from its vector, so vectors of private text stay in the workspace.
    Reference: Wang et al., "Improving Text Embeddings with Large Language Models" (arXiv 2401.00368), section 3.2.
    """

    normalized = True

    def __init__(
        self, folder: Path, name: str, *, device: Device = "auto", dtype: Dtype = "bfloat16", max_tokens: int = 4096
    ) -> None:
        import torch
        from transformers import AutoModel, AutoTokenizer

        self.name, self.max_tokens = name, max_tokens
        settings = {"kind": "last-token", "instruction": "", "dtype": dtype, "max_tokens": max_tokens}
        self.digest = sha256_json({**settings, "files": folder_digest(folder)})
        local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(folder, **local)
            model = AutoModel.from_pretrained(folder, dtype=getattr(torch, dtype), use_safetensors=True, **local)
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(f"{folder}: cannot be loaded as an encoder ({type(error).__name__})") from error
        if self._tokenizer.eos_token_id is None:
            raise ModelError(f"{folder}: the tokenizer has no end-of-text token, which this type of encoder requires")
        chosen = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
        self._model = model.to(chosen).eval()
        self.dim = int(model.config.hidden_size)

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> Float32:
        """Return the unit vectors of the texts, float32 (n, d); see `encode_batches`."""
        return encode_batches(self, texts, self._forward, BATCH_TEXTS, progress)

    def raw_norm(self, texts: Sequence[str]) -> float:
        """Return the mean norm of the texts' vectors before normalization; raise ModelError if it is not positive."""
        norms = [float(x) for batch in in_batches(texts, BATCH_TEXTS) for x in self._states(batch).norm(dim=1)]
        mean = math.fsum(norms) / len(norms) if norms else math.nan
        if not math.isfinite(mean) or mean <= 0:
            raise ModelError(f"encoder {self.name!r}: the mean norm of its vectors is not positive ({mean})")
        return mean

    def _token_ids(self, text: str) -> list[int]:
        end = self._tokenizer.eos_token_id
        ids: list[int] = self._tokenizer(text, verbose=False)["input_ids"]
        if ids and ids[-1] == end:
            ids = ids[:-1]
        return [*ids[: self.max_tokens - 1], end]

    def _forward(self, batch: list[str]) -> Float32:
        import torch

        unit: Float32 = torch.nn.functional.normalize(self._states(batch), dim=1).cpu().numpy()
        return unit

    def _states(self, batch: list[str]) -> "torch.Tensor":
        # returns the last-layer state at the end-of-text token of each text, float32 (n, d), before normalization
        import torch

        rows = [self._token_ids(text) for text in batch]
        tokens = torch.zeros((len(rows), max(map(len, rows))), dtype=torch.long)  # (n, t); padding has the id 0
        mask = torch.zeros_like(tokens)
        for i, ids in enumerate(rows):
            tokens[i, : len(ids)] = torch.tensor(ids)
            mask[i, : len(ids)] = 1
        device = self._model.device
        with torch.inference_mode():
            hidden = self._model(input_ids=tokens.to(device), attention_mask=mask.to(device)).last_hidden_state
            return last_token_pool(hidden, mask.to(device)).float()
