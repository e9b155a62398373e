"""Encode texts with a sentence-transformers model from a local folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from synthgen.core.digest import sha256_json
from synthgen.core.errors import ModelError
from synthgen.core.types import Float32
from synthgen.core.workers import has_bfloat16, usable_cores
from synthgen.embed.base import Device, Progress, encode_batches, folder_digest

# texts per batch; another number would change the rounding of vectors, and therefore the synthetic records
BATCH_TEXTS = 64


class SentenceEncoder:
    """Encoder saved by sentence-transformers (a folder with `modules.json`), with unit-length float32 vectors.

    The class downloads nothing and runs no code from the folder. With `one_by_one`, each text is encoded separately,
    so the vector of a text does not depend on other texts. Otherwise, the other texts of a batch change the rounding
    of a vector. Raise ModelError if the folder does not contain a sentence-transformers encoder.

    On a processor with bfloat16 instructions, matrix products are computed in bfloat16, which is about three times as
    fast as float32. The cosine between such a vector and the vector computed in float32 is about 0.9999.

    Privacy: the text can be reconstructed from its vector, so vectors of private text stay in the workspace.
    """

    normalized = True

    def __init__(self, folder: Path, name: str, device: Device = "auto", *, one_by_one: bool = False) -> None:
        import torch
        from sentence_transformers import SentenceTransformer

        if not (folder / "modules.json").is_file():
            raise ModelError(f"{folder}: not a sentence-transformers model (modules.json is missing)")
        self.name, self._one_by_one = name, one_by_one
        settings = {"batch": 1} if one_by_one else {}
        self.digest = sha256_json({"kind": "sentence", "files": folder_digest(folder), **settings})
        local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        on_cpu = device == "cpu" or (device == "auto" and not torch.cuda.is_available())
        # `autocast` needs float32 weights in the layers that are not linear
        precision = {"dtype": torch.float32} if on_cpu else {}
        local |= {
            "model_kwargs": {"use_safetensors": True, **precision},
            "device": None if device == "auto" else device,
        }
        try:
            self._model = SentenceTransformer(str(folder), **local)
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(f"{folder}: cannot be loaded as an encoder ({type(error).__name__})") from error
        dim, max_tokens = self._model.get_embedding_dimension(), self._model.max_seq_length
        if dim is None or max_tokens is None:
            fact = "the dimension of its vectors" if dim is None else "the largest number of tokens of a text"
            raise ModelError(f"{folder}: the encoder does not declare {fact}")
        self.dim, self.max_tokens = int(dim), int(max_tokens)
        self._in_bfloat16 = on_cpu and has_bfloat16()
        if self._in_bfloat16:
            for part in self._model.modules():
                if isinstance(part, torch.nn.Linear):
                    part.to(torch.bfloat16)  # once, because `autocast` would convert the weights for each batch

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> Float32:
        """Return the unit vectors of the texts, float32 (n, d); see `encode_batches`."""
        # one batch per core is faster than multi-threaded batches, which wait for the slowest thread
        n_workers = 1 if self._model.device.type == "cuda" else usable_cores()
        if n_workers > 1:
            self._forward(["."])  # sets the tokenizer's padding before the threads start: the step is not thread-safe
        size = 1 if self._one_by_one else BATCH_TEXTS
        return encode_batches(self, texts, self._forward, size, progress, n_workers=n_workers)

    def _forward(self, batch: list[str]) -> Float32:
        import torch

        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self._in_bfloat16):
            found = self._model.encode(batch, batch_size=len(batch), show_progress_bar=False)
        vectors: Float32 = np.asarray(found, dtype=np.float32)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors /= np.where(lengths > 0, lengths, 1)  # `encode_batches` reports vectors of length zero
        return vectors
