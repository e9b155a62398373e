"""Named random streams: what one draws changes no other."""

import hashlib

import numpy as np


def stream(seed: int, name: str) -> np.random.Generator:
    """Return the random stream of that name: Philox keyed by sha256 over the seed and the name."""
    digest = hashlib.sha256(b"audits/seed/v1\0" + str(seed).encode() + b"\0" + name.encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "big")))
