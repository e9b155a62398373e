"""ECDSA over P-256 in one spelling: compressed points, signatures as r and s of 32 bytes each, s in its lower half.

Hardware and cloud keys often know this curve alone. Of the two signatures that fit, (r, s) and (r, n - s), one is
taken, so that nobody makes a second one out of it.
"""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from audits.core.errors import VerifyError

POINT_BYTES = 33
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def check_point(public: bytes) -> None:
    """Refuse a public key that is not a compressed point of the curve.

    Raises:
        VerifyError: E_TRUST.
    """
    if len(public) != POINT_BYTES or public[0] not in {2, 3}:
        raise VerifyError("E_TRUST", "a P-256 key is not a compressed point of 33 bytes")
    try:
        EllipticCurvePublicKey.from_encoded_point(SECP256R1(), public)
    except ValueError:
        raise VerifyError("E_TRUST", "a P-256 key is no point of the curve") from None


def is_signed(public: bytes, signature: bytes, message: bytes) -> bool:
    """Return whether 64 bytes are the ECDSA signature with SHA-256 (FIPS 186-5) of `message` under a point."""
    check_point(public)
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if s > ORDER // 2:
        return False
    try:
        key = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), public)
        key.verify(encode_dss_signature(r, s), message, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def plain_signature(der: bytes) -> bytes:
    """Return the one spelling of a DER signature, as libraries and hardware give it.

    Raises:
        ValueError: it is no DER signature.
    """
    r, s = decode_dss_signature(der)
    return r.to_bytes(32, "big") + min(s, ORDER - s).to_bytes(32, "big")
