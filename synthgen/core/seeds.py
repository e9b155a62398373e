"""Derive independent random streams from a secret, a seed and a path of names."""

import hashlib
import hmac
from dataclasses import dataclass, field, replace

import numpy as np

SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class SeedTree:
    r"""A node of the tree of random streams.

    Draws from one stream do not change the draws from other streams. The key of a node is

        HMAC-SHA256(secret, "synthgen/seed/v2\0" || m), or without a secret SHA256("synthgen/seed/v1\0" || m)

    m is the seed, followed by the names on the path, each preceded by its length.

    Privacy: all seeds below 2^32 can be tried in an hour. Without a secret, treat all draws as public.
    """

    root: int  # the seed of the configuration
    path: tuple[str, ...] = ()  # the names from the root to this node
    secret: bytes = field(default=b"", repr=False)  # 32 random bytes; empty if the streams are public

    def __post_init__(self) -> None:
        if len(self.secret) not in {0, SECRET_BYTES}:
            raise ValueError(f"the secret must have {SECRET_BYTES} bytes or be empty")

    @property
    def parent(self) -> "SeedTree":
        """The node above this one."""
        return replace(self, path=self.path[:-1])

    def child(self, *names: str) -> "SeedTree":
        """Return the node whose path is the path of this node followed by `names`."""
        return replace(self, path=self.path + names)

    def key(self) -> bytes:
        """Return the 32 bytes that identify this node."""
        encoded = [name.encode() for name in self.path]
        message = b"".join([str(self.root).encode(), *(len(e).to_bytes(8, "big") + e for e in encoded)])
        if self.secret == b"":
            return hashlib.sha256(b"synthgen/seed/v1\0" + message).digest()
        return hmac.digest(self.secret, b"synthgen/seed/v2\0" + message, "sha256")

    def integer(self) -> int:
        """Return the key as an integer of 256 bits, for code that takes a seed."""
        return int.from_bytes(self.key(), "big")

    def generator(self) -> np.random.Generator:
        """Return a fresh counter-based generator (Philox) at the start of this node's stream."""
        return np.random.Generator(np.random.Philox(key=int.from_bytes(self.key()[:16], "big")))

    def __str__(self) -> str:
        return "/".join(self.path) or "root"
