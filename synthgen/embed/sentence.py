"""Sentence-transformers encoders from a local folder."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from synthgen.core.digest import sha256_json
from synthgen.core.errors import ModelError
from synthgen.core.types import Float32
from synthgen.core.workers import usable_cores
from synthgen.embed.base import Device, Progress, encode_batches, folder_digest

# Which texts share a batch decides the last bits of their vectors, how many threads compute it does not. Smaller
# batches or bfloat16 would be a quarter to a half faster and give other vectors, and so other records.
BATCH_TEXTS = 64


class SentenceEncoder:
    """An encoder saved by sentence-transformers (a folder with `modules.json`), unit-length float32 vectors.

    Nothing is fetched and no code of the folder is run.

    Args:
        folder: the model's folder.
        name: what to call it in messages and manifests.
        device: "auto" takes a GPU where there is one.
        alone: whether each text goes through the model by itself, so that its vector is a function of it alone, to
            the last bit; otherwise `BATCH_TEXTS` share a pass, and company decides the last bits.

    Raises:
        ModelError: if the folder cannot be read as such an encoder.

    Cost: one batch on each core at a time.
    Privacy: deterministic per text; vectors of private text can be inverted to it, so they stay in the workspace.
    """

    normalized = True

    def __init__(self, folder: Path, name: str, device: Device = "auto", *, alone: bool = False) -> None:
        from sentence_transformers import SentenceTransformer

        if not (folder / "modules.json").is_file():
            raise ModelError(f"{folder}: not a sentence-transformers model (modules.json is missing)")
        self.name, self._alone = name, alone
        self.digest = sha256_json(
            {"kind": "sentence", "files": folder_digest(folder), **({"batch": 1} if alone else {})}
        )
        try:
            self._model = SentenceTransformer(
                str(folder),
                device=None if device == "auto" else device,
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs={"use_safetensors": True},
            )
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(f"{folder}: cannot be loaded as an encoder ({type(error).__name__})") from error
        dim, max_tokens = self._model.get_embedding_dimension(), self._model.max_seq_length
        if dim is None or max_tokens is None:
            raise ModelError(f"{folder}: the encoder does not say its dimension or its longest text")
        self.dim = int(dim)
        self.max_tokens = int(max_tokens)

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> Float32:
        """Return float32 (n, d) of unit length, row i of texts[i]; see `Encoder.encode`.

        Raises:
            ModelError: if a vector is not finite.
        """
        # every thread of torch beside a busy process waits for the slowest; one batch on each core by itself does not
        n_workers = 1 if self._model.device.type == "cuda" else usable_cores()
        if n_workers > 1:
            self._forward(["."])  # its tokenizer keeps how it pads, and may not be told by two at once
        size = 1 if self._alone else BATCH_TEXTS
        return encode_batches(self, texts, self._forward, size, progress, n_workers=n_workers)

    def _forward(self, batch: list[str]) -> Float32:
        made: Float32 = self._model.encode(
            batch, batch_size=BATCH_TEXTS, convert_to_numpy=True, normalize_embeddings=True, show_progress_bar=False
        ).astype(np.float32)
        return made
