"""Compute SHA-256 digests of bytes, files, JSON values, arrays and texts."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import rfc8785
from numpy.typing import NDArray


def sha256_bytes(data: bytes) -> str:
    """Return the SHA-256 of bytes as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file without loading the whole file into memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_json(value: Mapping[str, Any] | list[Any]) -> str:
    """Return the SHA-256 of the canonical JSON (RFC 8785) of a value."""
    return sha256_bytes(rfc8785.dumps(value))


def sha256_array(array: NDArray[Any]) -> str:
    """Return the SHA-256 of the shape, dtype and values of an array."""
    return sha256_bytes(f"{array.dtype.str}{array.shape}".encode() + array.tobytes())


def sha256_texts(parts: Iterable[str]) -> str:
    """Return one SHA-256 of all texts with their lengths, so that ["ab"] and ["a", "b"] differ."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return digest.hexdigest()
