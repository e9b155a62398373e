"""Define the encoder interface and batch encoding."""

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
    """A frozen text encoder."""

    @property
    def name(self) -> str:
        """Name in the configuration."""

    @property
    def digest(self) -> str:
        """SHA-256 of weights, tokenizer and settings."""

    @property
    def dim(self) -> int:
        """Number of columns, d."""

    @property
    def max_tokens(self) -> int:
        """Number of tokens after which text is ignored."""

    @property
    def normalized(self) -> bool:
        """Whether every vector has unit length."""

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> Float32:
        """Return float32 (n, d), row i of texts[i], finite.

        The result does not depend on the order of the texts, and equal texts get equal vectors. The other texts of a
        batch change a vector only by rounding.

        Args:
            texts: non-empty strings.
            progress: called with the number of texts encoded since the last call.
        """


def folder_digest(folder: Path) -> str:
    """Return one sha256 over the weights, tokenizer and settings of a model folder.

    Raises:
        ModelError: if the folder contains no safetensors weights.
    """
    files = sorted({path for pattern in _WEIGHTS_AND_SETTINGS for path in folder.rglob(pattern) if path.is_file()})
    if not any(path.suffix == ".safetensors" for path in files):
        raise ModelError(
            f"{folder}: contains no safetensors weights",
            hint="Save the model as safetensors; other formats can run code and are not supported.",
        )
    return sha256_json({path.relative_to(folder).as_posix(): sha256_file(path) for path in files})


def in_batches(texts: Sequence[str], size: int) -> list[list[str]]:
    """Return batches of the distinct texts, longest first, whatever the order of the texts.

    Texts of similar length share a batch, so little is padded. The longest batch comes first, so a lack of memory
    shows immediately.
    """
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
    """Return the vectors of texts, float32 (n, d), encoded in batches of at most `size` texts.

    Args:
        encoder: gives the dimension and the name for messages.
        texts: non-empty strings.
        forward: returns the vectors of a batch; several threads call it if `n_workers` is above 1.
        size: batch size; changes the last bits of the vectors, unlike the number of workers.
        progress: called with the number of texts encoded since the last call.
        n_workers: number of single-core threads; 1 keeps torch's own threads.

    Raises:
        ModelError: if a vector is not finite or has length zero.
    """
    if not texts:
        return np.empty((0, encoder.dim), dtype=np.float32)
    batches = in_batches(texts, size)
    vectors: dict[int, Float32] = {}
    advance = progress or (lambda _: None)

    def run(i: int, report: Progress) -> Float32:
        made = forward(batches[i])
        report(len(batches[i]))
        return made

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
            hint="The weights are damaged or overflow in this precision; try another device or precision.",
        )
    return stacked[[row[text] for text in texts]]
