"""Check public keys and signatures of two kinds: Ed25519, and ECDSA on the curve P-256.

Hardware and cloud keys often support only P-256. An ECDSA signature is a pair of numbers (r, s). If (r, s) is valid
for a message, (r, n - s) is valid too, where n is the order of the curve. Only the pair with the smaller second
number is accepted, so that nobody can make a second signature from a valid one.
"""

import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from audits.core.errors import VerifyError

ED25519, P256 = "ed25519", "ecdsa-p256"
KEY_BYTES, POINT_BYTES = 32, 33  # length in bytes of an Ed25519 key, and of a P-256 key (a compressed point)
SIGNATURE_BYTES = 64
KEYID_HEX = 16  # number of hex digits of a key id
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # n, the order of the group of P-256
_FIELD = 2**255 - 19  # the prime of the field of Ed25519
# y coordinates of the eight Ed25519 points whose order divides 8. If the public key is such a point, one signature is
# valid for very many messages. `cryptography` accepts such keys.
_SMALL_ORDER_Y = {0, 1, _FIELD - 1} | {
    2707385501144840649318225287225658788936804267575313519463743609750303402022,
    55188659117513257062467267217118295137698188065244968500265048394206261417927,
}


def keyid(public: bytes) -> str:
    """Return the id of a key: the first 16 hex digits of the sha256 of its raw bytes."""
    return hashlib.sha256(public).hexdigest()[:KEYID_HEX]


def kind_of(public: bytes) -> str:
    """Return `P256` for a key of 33 bytes, otherwise `ED25519`; `check_public` later refuses an invalid length."""
    return P256 if len(public) == POINT_BYTES else ED25519


def without_sign(public: bytes) -> bytes:
    """Return a key without its sign, which is the first byte of a P-256 key, or the top bit of an Ed25519 key.

    If two keys differ only in the sign, one private key is the negative of the other, so one person holds both.
    """
    return public[1:] if kind_of(public) == P256 else public[:-1] + bytes([public[-1] & 127])


def check_public(public: bytes) -> None:
    """Raise VerifyError (E_TRUST) if a key is malformed or not canonical, or its signatures are easy to forge."""
    if kind_of(public) == P256:
        if public[0] not in {2, 3}:
            raise VerifyError(
                "E_TRUST", "a key of 33 bytes (P-256) does not begin with the byte 02 or 03 of a compressed point"
            )
        try:
            EllipticCurvePublicKey.from_encoded_point(SECP256R1(), public)
        except ValueError:
            raise VerifyError("E_TRUST", "a P-256 key is not a point of the curve") from None
        return
    if len(public) != KEY_BYTES:
        raise VerifyError(
            "E_TRUST", f"a key has {len(public)} bytes, expected {KEY_BYTES} (Ed25519) or {POINT_BYTES} (P-256)"
        )
    y = int.from_bytes(public, "little") & (2**255 - 1)  # the top bit is the sign of x
    if y >= _FIELD:
        raise VerifyError("E_TRUST", "an Ed25519 key is not in canonical form (RFC 8032)")
    if y in _SMALL_ORDER_Y:
        raise VerifyError("E_TRUST", "an Ed25519 key is of small order, so forged signatures would be valid")


def is_signed(public: bytes, signature: bytes, message: bytes) -> bool:
    """Return whether `signature` (64 bytes) is valid: Ed25519 (RFC 8032), or ECDSA with SHA-256 (FIPS 186-5).

    Raise VerifyError (E_TRUST) if the key is not allowed (`check_public`).
    """
    check_public(public)
    try:
        if kind_of(public) == P256:
            r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
            if s > ORDER // 2:
                return False
            point = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), public)
            point.verify(encode_dss_signature(r, s), message, ECDSA(SHA256()))
        else:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def plain_signature(der: bytes) -> bytes:
    """Convert an ECDSA signature from DER to the 64 bytes that `is_signed` accepts: r, then min(s, n - s).

    Here n is the order of the curve. Raise ValueError if `der` is no signature of this curve in DER.
    """
    r, s = decode_dss_signature(der)
    if not (0 < r < ORDER and 0 < s < ORDER):
        raise ValueError("r or s is not between 0 and the order of the curve")
    return r.to_bytes(32, "big") + min(s, ORDER - s).to_bytes(32, "big")
