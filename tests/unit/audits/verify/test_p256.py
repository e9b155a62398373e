import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from audits.core.errors import VerifyError
from audits.verify.p256 import ORDER, check_point, is_signed, plain_signature


@pytest.fixture(scope="module")
def pair():
    private = ec.derive_private_key(4711, ec.SECP256R1())
    public = private.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    return public, plain_signature(private.sign(b"message", ec.ECDSA(SHA256())))


def test_a_signature_fits_its_message_and_key_alone(pair):
    public, signature = pair
    other = ec.derive_private_key(4712, ec.SECP256R1()).public_key()
    assert is_signed(public, signature, b"message")
    assert not is_signed(public, signature, b"massage")
    assert not is_signed(other.public_bytes(Encoding.X962, PublicFormat.CompressedPoint), signature, b"message")
    for place in range(64):
        changed = bytearray(signature)
        changed[place] ^= 1
        assert not is_signed(public, bytes(changed), b"message")


def test_the_second_signature_that_fits_is_refused(pair):
    public, signature = pair
    s = ORDER - int.from_bytes(signature[32:], "big")
    assert not is_signed(public, signature[:32] + s.to_bytes(32, "big"), b"message")
    for r, low in ((0, 1), (1, 0), (ORDER, 1), (2**256 - 1, 1)):
        assert not is_signed(public, r.to_bytes(32, "big") + low.to_bytes(32, "big"), b"message")


@pytest.mark.parametrize(
    "public",
    [
        b"",
        b"\x02" * 32,
        b"\x04" + b"\x01" * 32,
        b"\x00" * 33,
        b"\x02" + b"\xff" * 32,
        b"\x02" + b"\x00" * 31 + b"\x01",
    ],
)
def test_only_compressed_points_of_the_curve_are_keys(public):
    with pytest.raises(VerifyError, match="E_TRUST"):
        check_point(public)


def test_a_point_is_compressed():
    for first in (0, 1, 4, 5, 6, 7):
        with pytest.raises(VerifyError, match="E_TRUST a P-256 key is not a compressed point"):
            check_point(bytes([first]) + bytes(32))
