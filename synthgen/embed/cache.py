"""Vectors on disk, so that a text is encoded once.

A store is a folder per encoder digest with files `<sha256>.npy`, each a structured array of rows
(key: 32 bytes, the sha256 of the text; vector: float32 (d)). A file is named by its own sha256 and written under a
temporary name, flushed and renamed, so it is whole or it is not there. A file whose bytes do not match its name is
deleted, counted, and its texts are encoded again.

Privacy: lies in the workspace. Vectors can be inverted to text, so the files are readable by their owner alone.
"""

import hashlib
import io
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthgen.digest import sha256_bytes
from synthgen.embed.base import Encoder, Progress
from synthgen.errors import StorageError
from synthgen.types import Float32


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheReport:
    """What a look-up found.

    Args:
        found: texts whose vector lay on disk.
        encoded: different texts that were encoded now.
        damaged: files whose bytes did not match their name.
    """

    found: int
    encoded: int
    damaged: int


def encode_cached(
    encoder: Encoder, texts: Sequence[str], store: Path, progress: Progress | None = None
) -> tuple[Float32, CacheReport]:
    """Return the vectors of the texts, encoding only those not stored yet, and storing them.

    Args:
        encoder: makes the missing vectors; its digest names the folder.
        texts: not empty strings.
        store: the folder of all stores; made where missing.
        progress: called with the number of texts encoded since the last call.

    Returns:
        float32 (n, d), row i of texts[i]; and what was found.

    Raises:
        StorageError: if the folder cannot be read or written.
    """
    folder = store / encoder.digest[:32]
    keys = [hashlib.sha256(text.encode()).digest() for text in texts]
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        known, damaged = _read(folder, encoder.dim)
    except OSError as error:
        raise StorageError(f"{folder}: stored vectors cannot be read ({error.strerror})") from error
    missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
    if missing:
        new = encoder.encode(list(missing.values()), progress)
        try:
            _write(folder, list(missing), new)
        except OSError as error:
            raise StorageError(f"{folder}: vectors cannot be stored ({error.strerror})") from error
        known |= dict(zip(missing, new, strict=True))
    vectors = np.empty((len(texts), encoder.dim), dtype=np.float32)
    for i, key in enumerate(keys):
        vectors[i] = known[key]
    found = sum(key not in missing for key in keys)
    return vectors, CacheReport(found=found, encoded=len(missing), damaged=damaged)


def _row(dim: int) -> np.dtype[np.void]:
    return np.dtype([("key", "u1", (32,)), ("vector", "<f4", (dim,))])


def _read(folder: Path, dim: int) -> tuple[dict[bytes, NDArray[np.float32]], int]:
    """Return every stored vector by its text's key, and the number of damaged files removed."""
    known: dict[bytes, NDArray[np.float32]] = {}
    damaged = 0
    for path in sorted(folder.glob("*.npy")):
        data = path.read_bytes()
        if sha256_bytes(data) != path.stem:
            damaged += 1
            path.unlink()
            continue
        rows = np.load(io.BytesIO(data), allow_pickle=False)
        if rows.dtype != _row(dim) or not np.isfinite(rows["vector"]).all():
            damaged += 1
            path.unlink()
            continue
        known |= {row["key"].tobytes(): row["vector"] for row in rows}
    return known, damaged


def _write(folder: Path, keys: list[bytes], vectors: Float32) -> None:
    rows = np.empty(len(keys), dtype=_row(vectors.shape[1]))
    rows["key"] = np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(-1, 32)
    rows["vector"] = vectors
    buffer = io.BytesIO()
    np.save(buffer, rows, allow_pickle=False)
    data = buffer.getvalue()
    handle, temporary = tempfile.mkstemp(dir=folder, suffix=".part")  # readable by the owner alone
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(folder / f"{sha256_bytes(data)}.npy")
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
