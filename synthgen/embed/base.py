"""What turns text into vectors."""

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
    """A frozen text encoder.

    Attributes:
        name: as the user calls it.
        digest: sha256 over everything that decides its vectors: weights, tokenizer, settings.
        dim: the number of columns, d.
        max_tokens: what comes after so many tokens of a text is not read.
        normalized: whether every vector has unit length.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - documented above

    @property
    def digest(self) -> str: ...  # noqa: D102 - documented above

    @property
    def dim(self) -> int: ...  # noqa: D102 - documented above

    @property
    def max_tokens(self) -> int: ...  # noqa: D102 - documented above

    @property
    def normalized(self) -> bool: ...  # noqa: D102 - documented above

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> Float32:
        """Return float32 (n, d), row i of texts[i], finite.

        The order of the texts changes nothing, equal texts get equal vectors, and company changes a vector by no more
        than rounding noise. A stage that must repeat to the byte keeps its whole result.

        Args:
            texts: not empty strings.
            progress: called with the number of texts done since the last call.
        """
        ...


def folder_digest(folder: Path) -> str:
    """Return one sha256 over the weights, tokenizer and settings of a model folder.

    Raises:
        ModelError: if the folder holds no weights as safetensors.
    """
    files = sorted({path for pattern in _WEIGHTS_AND_SETTINGS for path in folder.rglob(pattern) if path.is_file()})
    if not any(path.suffix == ".safetensors" for path in files):
        raise ModelError(
            f"{folder}: holds no weights as safetensors",
            hint="Give the folder of a model saved as safetensors; other formats can run code and are not read.",
        )
    return sha256_json({path.relative_to(folder).as_posix(): sha256_file(path) for path in files})


def in_batches(texts: Sequence[str], size: int) -> list[list[str]]:
    """Return the different texts, longest first and cut into batches.

    Texts of like length share a batch, so little is padded; the longest come first, so memory runs out at once or
    never. The batches depend on the set of texts alone, not on their order.
    """
    different = sorted(set(texts), key=lambda text: (-len(text), text))
    return [different[start : start + size] for start in range(0, len(different), size)]


def encode_batches(
    encoder: Encoder,
    texts: Sequence[str],
    forward: Callable[[list[str]], Float32],
    size: int,
    progress: Progress | None = None,
    *,
    n_workers: int = 1,
) -> Float32:
    """Return float32 (n, d), row i of texts[i], what `forward` makes of batches of at most `size` texts.

    Args:
        encoder: whose vectors they are.
        texts: not empty strings.
        forward: from the texts of a batch to their vectors; in several threads at once where there are workers.
        size: of a batch; it decides the last bits, the number of workers does not.
        progress: called with the number of texts done since the last call.
        n_workers: threads of one core each; one computes as torch is set.

    Raises:
        ModelError: if a vector is not finite or has length zero.
    """
    if not texts:
        return np.empty((0, encoder.dim), dtype=np.float32)
    batches = in_batches(texts, size)
    vectors: dict[int, Float32] = {}
    advance = progress or (lambda _: None)

    def run(i: int, tell: Progress) -> Float32:
        made = forward(batches[i])
        tell(len(batches[i]))
        return made

    if n_workers == 1 or len(batches) == 1:
        vectors = {i: run(i, advance) for i in range(len(batches))}
    else:
        in_threads(range(len(batches)), run, vectors.__setitem__, advance, n_workers=min(n_workers, len(batches)))
    return restore_order(texts, batches, [vectors[i] for i in range(len(batches))], encoder.name)


def restore_order(texts: Sequence[str], batches: list[list[str]], vectors: list[Float32], name: str) -> Float32:
    """Return the vectors of the batches in the order of the texts.

    Raises:
        ModelError: if a vector is not finite or has length zero.
    """
    row = {text: i for i, text in enumerate(text for batch in batches for text in batch)}
    stacked = np.concatenate(vectors)
    lengths = np.linalg.norm(stacked, axis=1)
    bad = int(np.count_nonzero(~np.isfinite(lengths) | (lengths <= 0)))
    if bad:
        raise ModelError(
            f"encoder {name!r}: {bad} of {len(stacked)} vectors are not finite or have length zero",
            hint="The weights are damaged or overflow in this precision; try another device or precision.",
        )
    return stacked[[row[text] for text in texts]]
