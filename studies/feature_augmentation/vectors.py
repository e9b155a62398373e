"""Embed texts, and keep their vectors in files."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from audits.core.files import write_whole
from synthgen.core.digest import sha256_texts
from synthgen.core.errors import StorageError
from synthgen.core.progress import Progress
from synthgen.core.types import Float32
from synthgen.embed import Encoder


def kept_vectors(name: str, texts: Sequence[str], encoder: Encoder, folder: Path, progress: Progress) -> Float32:
    """Return the vectors of the texts, float32 (n, d), read from the folder if this encoder has embedded them before.

    Otherwise, the encoder embeds the texts, and the vectors are written to the folder for the next call.

    Raises:
        StorageError: if the cached vectors cannot be read.
    """
    path = folder / f"{name}-{sha256_texts([encoder.digest, *texts])[:16]}.npy"
    if path.is_file():
        try:
            kept: Float32 = np.load(path, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise StorageError(
                f"{path}: cannot be read", hint="Delete the file; the texts are embedded again."
            ) from error
        return kept
    with progress.stage(f"embed {name}", total=len(set(texts)), unit="texts") as advance:
        vectors = encoder.encode(texts, advance)
    buffer = io.BytesIO()
    np.save(buffer, vectors, allow_pickle=False)
    write_whole(path, buffer.getvalue())
    return vectors
