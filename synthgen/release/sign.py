"""Where signatures are made: an envelope in the closed profile that `audits.verify.dsse` reads."""

from collections.abc import Sequence
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from audits.core.strictjson import canonical
from audits.verify.dsse import b64, pae
from audits.verify.publickeys import keyid, plain_signature


class KeptKey(Protocol):
    """A private key that somebody else keeps."""

    @property
    def public(self) -> bytes:
        """Its public part."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of its signature."""
        ...


PrivateKey = Ed25519PrivateKey | EllipticCurvePrivateKey | KeptKey


def public_bytes(key: PrivateKey) -> bytes:
    """Return the public part of a key as a trust root names it."""
    if isinstance(key, Ed25519PrivateKey):
        return key.public_key().public_bytes_raw()
    if isinstance(key, EllipticCurvePrivateKey):
        return key.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    return key.public


def sign(payload_type: str, payload: bytes, keys: Sequence[PrivateKey]) -> bytes:
    """Return the envelope bytes of a payload signed with each key, Ed25519 or P-256."""
    message = pae(payload_type, payload)
    signatures = [{"keyid": keyid(public_bytes(key)), "sig": b64(_signature(key, message))} for key in keys]
    return canonical({"payload": b64(payload), "payloadType": payload_type, "signatures": signatures})


def _signature(key: PrivateKey, message: bytes) -> bytes:
    if isinstance(key, EllipticCurvePrivateKey):
        return plain_signature(key.sign(message, ECDSA(SHA256())))
    return key.sign(message)
