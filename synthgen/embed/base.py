"""Define the interface of text encoders, and encode texts in batches."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from synthgen.core.digest import sha256_file, sha256_json
from synthgen.core.errors import ModelError
from synthgen.core.types import Float32
from synthgen.core.workers import in_threads

Progress = Callable[[int], None]
Device = Literal["auto", "cpu", "cuda"]
_WEIGHTS_AND_SETTINGS = ("*.safetensors", "*.json", "*.txt", "*.model")


class Encoder(Protocol):
    """A text encoder whose weights do not change."""

    name: str  # name of the model in the configuration
    digest: str  # SHA-256 of weights, tokenizer and settings
    dim: int  # number of dimensions of a vector, d
    max_tokens: int  # text after this number of tokens is ignored
    normalized: bool  # whether every vector has unit length

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> Float32:
        """Return the vectors of n non-empty texts, finite float32 (n, d); row i is the vector of texts[i].

        The order of the texts does not change the vectors. The other texts of a call can change the rounding of a
        vector. `progress` is called with the number of distinct texts encoded since its previous call.
        """


def folder_digest(folder: Path) -> str:
    """Return one sha256 over the weights, tokenizer and settings in a model folder.

    Raise ModelError if the folder contains no safetensors weights.
    """
    files = sorted({path for pattern in _WEIGHTS_AND_SETTINGS for path in folder.rglob(pattern) if path.is_file()})
    if not any(path.suffix == ".safetensors" for path in files):
        raise ModelError(
            f"{folder}: contains no safetensors weights",
            hint="Save the model as safetensors; other formats can run code and are not supported.",
        )
    return sha256_json({path.relative_to(folder).as_posix(): sha256_file(path) for path in files})


def in_batches(texts: Sequence[str], size: int) -> list[list[str]]:
    """Return the distinct texts in batches, sorted from the longest to the shortest text to reduce padding."""
    distinct = sorted(set(texts), key=lambda text: (-len(text), text))
    return [distinct[start : start + size] for start in range(0, len(distinct), size)]


def encode_batches(
    encoder: Encoder,
    texts: Sequence[str],
    forward: Callable[[list[str]], Float32],
    size: int,
    progress: Progress | None = None,
    *,
    n_workers: int = 1,
) -> Float32:
    """Return the vectors of the texts, float32 (n, d), computed by `forward` on batches of at most `size` texts.

    Equal texts are encoded only once. For `progress`, see `Encoder.encode`. Up to `n_workers` threads call
    `forward` at the same time, each on one core. The number of threads does not change the vectors; the batch size
    changes their rounding. Raise ModelError if a vector is zero or not finite.
    """
    if not texts:
        return np.empty((0, encoder.dim), dtype=np.float32)
    batches = in_batches(texts, size)
    vectors: dict[int, Float32] = {}
    advance = progress or (lambda _: None)

    def run(i: int, report: Progress) -> Float32:
        batch_vectors = forward(batches[i])
        report(len(batches[i]))
        return batch_vectors

    if n_workers == 1 or len(batches) == 1:
        vectors = {i: run(i, advance) for i in range(len(batches))}
    else:
        in_threads(range(len(batches)), run, vectors.__setitem__, advance, n_workers=min(n_workers, len(batches)))
    row = {text: i for i, text in enumerate(text for batch in batches for text in batch)}
    stacked = np.concatenate([vectors[i] for i in range(len(batches))])
    lengths = np.linalg.norm(stacked, axis=1)
    if bad := int(np.count_nonzero(~np.isfinite(lengths) | (lengths <= 0))):
        raise ModelError(
            f"encoder {encoder.name!r}: {bad} of {len(stacked)} vectors are not finite or have length zero",
            hint="Fetch the encoder again, because its weights may be damaged. If the error persists, use another "
            "device.",
        )
    return stacked[[row[text] for text in texts]]
