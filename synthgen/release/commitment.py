r"""Commit to private records: publish a digest that depends on all records, but reveals none of them.

The data owner can later prove that a text is one of the committed records. The published digest is the root of a
Merkle tree with one leaf per record. Every leaf depends on a key K that only the data owner has, so nobody else can
check a guess of a record's text. The root is computed as follows:

    k_i    = HKDF-SHA256(K, info = "rec" || role || 0x00 || i)
    leaf_i = HMAC-SHA256(k_i, "synthgen/rec/v1\0" || NFC(text_i))
    root   = Merkle root of the leaves in an order derived from K, padded to a power of two

`||` joins bytes. The role is "train" or "control". NFC is a normal form of Unicode text. The index i of a record is
an unsigned big-endian integer of 8 bytes. The padding leaves are derived from K.

Reference: RFC 5869 (HKDF), RFC 6962 section 2.1 (the byte 0x00 is hashed before a leaf, and 0x01 before two child
    nodes).
"""

import hashlib
import hmac
import unicodedata
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from audits.gate.disclosure import bucket
from synthgen.core.errors import DataError

SCHEME = "hmac-sha256-merkle/v1"
_CONTEXT = b"synthgen/rec/v1\0"


@dataclass(frozen=True, slots=True)
class Opening:
    """Proof that one record is a leaf under a root; it reveals nothing about the remaining records."""

    key: bytes  # k_i, 32 bytes
    position: int  # position of the leaf in the tree, from 0
    path: tuple[bytes, ...]  # sibling hashes, from the leaf to the root

    def __repr__(self) -> str:
        return f"Opening(position={self.position})"


def commit_records(role: str, texts: Sequence[str], key: bytes) -> dict[str, Any]:
    """Return the commitment to private texts, as an entry of `inputs` in the release statement.

    `key` is the key K. The position of a text in `texts` is its index i, which `open_record` needs.
    Raise DataError if there are no texts.

    Privacy: reads every text; publishes the root and a range that contains the number of texts, such as "1k-2k".
    """
    root = _levels(_leaves(role, texts, key))[-1][0]
    # the reference identifies K without revealing it
    reference = uuid.UUID(bytes=_derive(key, b"ref" + role.encode())[:16], version=4)
    commitment = {"scheme": SCHEME, "keyRef": str(reference), "root": root.hex()}
    return {"role": role, "commitment": commitment, "countBucket": bucket(len(texts))}


def open_record(role: str, texts: Sequence[str], key: bytes, index: int) -> Opening:
    """Return the proof that `texts[index]` is one of the committed texts.

    `texts` must have the same order as in the call of `commit_records`. Raise ValueError if there is no such index.
    """
    order = _order(role, len(texts), key)
    position = order.index(index)
    levels = _levels(_leaves(role, texts, key))
    path = tuple(level[(position >> depth) ^ 1] for depth, level in enumerate(levels[:-1]))
    return Opening(_record_key(role, key, index), position, path)


def is_committed(root: str, text: str, opening: Opening) -> bool:
    """Return whether an opening proves that `text` is a committed text; `root` is 64 lower-case hex digits."""
    if not 0 <= opening.position < 1 << len(opening.path):
        return False
    node = _leaf_hash(_leaf(opening.key, text))
    for depth, sibling in enumerate(opening.path):
        left, right = (sibling, node) if opening.position >> depth & 1 else (node, sibling)
        node = _node_hash(left, right)
    return hmac.compare_digest(node.hex(), root)


def _derive(key: bytes, info: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=info).derive(key)


def _record_key(role: str, key: bytes, index: int) -> bytes:
    return _derive(key, b"rec" + role.encode() + b"\0" + index.to_bytes(8, "big"))


def _leaf(record_key: bytes, text: str) -> bytes:
    """Return leaf_i; `record_key` is k_i."""
    return hmac.digest(record_key, _CONTEXT + unicodedata.normalize("NFC", text).encode(), "sha256")


def _order(role: str, count: int, key: bytes) -> list[int]:
    """Return the index of the record at each position of the tree; without K, the order seems random."""
    order_key = _derive(key, b"order" + role.encode())
    return sorted(range(count), key=lambda i: hmac.digest(order_key, i.to_bytes(8, "big"), "sha256"))


def _leaves(role: str, texts: Sequence[str], key: bytes) -> list[bytes]:
    """Return the hashes of the leaves in tree order; without K, padding looks like the leaf of a record."""
    if len(texts) == 0:
        raise DataError(f"there are no {role} records, so the release statement cannot contain a commitment to them")
    leaves = [_leaf(_record_key(role, key, i), texts[i]) for i in _order(role, len(texts), key)]
    width = 1 << (len(leaves) - 1).bit_length()
    leaves += [_derive(key, b"pad" + role.encode() + b"\0" + j.to_bytes(8, "big")) for j in range(len(leaves), width)]
    return [_leaf_hash(leaf) for leaf in leaves]


def _levels(leaves: list[bytes]) -> list[list[bytes]]:
    """Return the levels of the Merkle tree, from the hashes of the leaves to the root."""
    levels = [leaves]
    while len(below := levels[-1]) > 1:
        levels.append([_node_hash(below[i], below[i + 1]) for i in range(0, len(below), 2)])
    return levels


def _leaf_hash(leaf: bytes) -> bytes:
    """Return the node of a leaf at the lowest level of the tree: the hash of the byte 0x00 and the leaf."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def _node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
