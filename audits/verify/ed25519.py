"""Public keys we are willing to trust, and the one rule that names them."""

import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audits.core.errors import VerifyError

KEY_BYTES = 32
SIGNATURE_BYTES = 64
KEYID_HEX = 16
_FIELD = 2**255 - 19
# The y coordinates of the eight points whose order divides 8. Under such a key one constant signature fits
# very many messages, and the library's verify does not look.
_SMALL_ORDER_Y = frozenset(
    {
        0,
        1,
        _FIELD - 1,
        2707385501144840649318225287225658788936804267575313519463743609750303402022,
        55188659117513257062467267217118295137698188065244968500265048394206261417927,
    }
)


def keyid(public: bytes) -> str:
    """Return the id of a key: the first 16 hex digits of the sha256 of its 32 raw bytes."""
    return hashlib.sha256(public).hexdigest()[:KEYID_HEX]


def check_public(public: bytes) -> None:
    """Refuse a public key that is not 32 bytes, not in its one canonical form, or of small order.

    Raises:
        VerifyError: E_TRUST.
    """
    if len(public) != KEY_BYTES:
        raise VerifyError("E_TRUST", f"a key has {len(public)} bytes, expected {KEY_BYTES}")
    y = int.from_bytes(public, "little") & (2**255 - 1)  # the top bit is the sign of x
    if y >= _FIELD:
        raise VerifyError("E_TRUST", "a key is not in canonical form")
    if y in _SMALL_ORDER_Y:
        raise VerifyError("E_TRUST", "a key is of small order: it would accept forged signatures")


def is_signed(public: bytes, signature: bytes, message: bytes) -> bool:
    """Return whether `signature` is the Ed25519 signature (RFC 8032) of `message` under a checked key."""
    check_public(public)
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True
