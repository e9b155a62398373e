"""Public keys of both kinds: their bytes say which, 32 of Ed25519 and 33 of P-256."""

from audits.verify import ed25519, p256

ED25519, P256 = "ed25519", "ecdsa-p256"


def kind_of(public: bytes) -> str:
    """Return the kind that a key of this length is."""
    return P256 if len(public) == p256.POINT_BYTES else ED25519


def check_public(public: bytes) -> None:
    """Refuse a weak or malformed public key.

    Raises:
        VerifyError: E_TRUST.
    """
    (p256.check_point if kind_of(public) == P256 else ed25519.check_public)(public)


def is_signed(public: bytes, signature: bytes, message: bytes) -> bool:
    """Return whether 64 bytes sign a message under a checked key."""
    return (p256.is_signed if kind_of(public) == P256 else ed25519.is_signed)(public, signature, message)
