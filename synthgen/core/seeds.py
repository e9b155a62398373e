"""Named, independent random streams: one seed, and a path of names for each place that draws."""

import hashlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class SeedTree:
    """A node of the tree of random streams.

    A child is named, never numbered by call order, so adding a draw in one place changes no other place.
    The key of a node is sha256 over the root seed and the names on its path.

    Args:
        root: the seed of the configuration.
        path: the names from the root to this node.
    """

    root: int
    path: tuple[str, ...] = ()

    def child(self, *names: str) -> "SeedTree":
        """Return the node below this one with the given names."""
        return SeedTree(self.root, self.path + names)

    def key(self) -> bytes:
        """Return the 32 bytes that identify this node."""
        digest = hashlib.sha256(b"synthgen/seed/v1\0" + str(self.root).encode())
        for name in self.path:
            encoded = name.encode()
            digest.update(len(encoded).to_bytes(8, "big") + encoded)
        return digest.digest()

    def generator(self) -> np.random.Generator:
        """Return a fresh counter-based generator (Philox) at the start of this node's stream."""
        return np.random.Generator(np.random.Philox(key=int.from_bytes(self.key()[:16], "big")))

    def __str__(self) -> str:
        return "/".join(self.path) or "root"
