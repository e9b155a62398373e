"""Named random streams that are independent of each other."""

import hashlib

import numpy as np


def stream(seed: int, name: str) -> np.random.Generator:
    """Return the random stream of a name: Philox with the first 16 bytes of sha256(seed, name) as its key."""
    digest = hashlib.sha256(b"audits/seed/v1\0" + str(seed).encode() + b"\0" + name.encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "big")))
