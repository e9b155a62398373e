"""Sign data as a DSSE envelope: one JSON file with the data (the payload) and its signatures."""

from collections.abc import Sequence
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from audits.core.strictjson import canonical
from audits.verify.dsse import b64, pae
from audits.verify.publickeys import keyid, plain_signature


class ExternalKey(Protocol):
    """A private key in hardware or in a key service, which gives its public part and signs messages."""

    @property
    def public(self) -> bytes:
        """The public part: 32 bytes for Ed25519, or a compressed point for P-256."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the signature of the message, 64 bytes.

        For P-256, this is ECDSA with SHA-256: r and then s, each as 32 big-endian bytes; s is at most half the group
        order.
        """
        ...


PrivateKey = Ed25519PrivateKey | EllipticCurvePrivateKey | ExternalKey


def public_bytes(key: PrivateKey) -> bytes:
    """Return the public part of a key: 32 bytes for Ed25519, or a compressed point for P-256."""
    if isinstance(key, Ed25519PrivateKey):
        return key.public_key().public_bytes_raw()
    if isinstance(key, EllipticCurvePrivateKey):
        return key.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    return key.public


def sign(payload_type: str, payload: bytes, keys: Sequence[PrivateKey]) -> bytes:
    """Return the bytes of an envelope with one signature per key (Ed25519 or P-256)."""
    message = pae(payload_type, payload)

    def signature(key: PrivateKey) -> bytes:
        if isinstance(key, EllipticCurvePrivateKey):
            return plain_signature(key.sign(message, ECDSA(SHA256())))
        return key.sign(message)

    signatures = [{"keyid": keyid(public_bytes(key)), "sig": b64(signature(key))} for key in keys]
    return canonical({"payload": b64(payload), "payloadType": payload_type, "signatures": signatures})
