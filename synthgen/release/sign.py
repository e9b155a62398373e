"""Where signatures are made: an envelope in the closed profile that `audits.verify.dsse` reads."""

from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audits.core.strictjson import canonical
from audits.verify.dsse import b64, pae
from audits.verify.ed25519 import keyid


def sign(payload_type: str, payload: bytes, keys: Sequence[Ed25519PrivateKey]) -> bytes:
    """Return the envelope bytes of a payload signed with each key."""
    message = pae(payload_type, payload)
    signatures = [
        {"keyid": keyid(key.public_key().public_bytes_raw()), "sig": b64(key.sign(message))} for key in keys
    ]
    return canonical({"payload": b64(payload), "payloadType": payload_type, "signatures": signatures})
