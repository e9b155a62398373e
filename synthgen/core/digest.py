"""Digests of records, arrays, files and configurations: what names a stage's result."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import rfc8785
from numpy.typing import NDArray

_CHUNK_BYTES = 1 << 20


def sha256_bytes(data: bytes) -> str:
    """Return the sha256 of some bytes, 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """Return the sha256 of a file, read as a stream."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def sha256_json(value: Mapping[str, Any] | list[Any]) -> str:
    """Return the sha256 of a value's canonical JSON (RFC 8785)."""
    return sha256_bytes(rfc8785.dumps(value))


def sha256_array(array: NDArray[Any]) -> str:
    """Return the sha256 of an array's shape, dtype and values."""
    header = f"{array.dtype.str}{array.shape}".encode()
    return sha256_bytes(header + array.tobytes())


def sha256_texts(parts: Iterable[str]) -> str:
    """Return the sha256 of a sequence of texts; each is prefixed by its length, so no two sequences collide."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return digest.hexdigest()
