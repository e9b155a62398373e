import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from audits.core.errors import VerifyError
from audits.verify.bundle import verify_bundle
from audits.verify.publickeys import (
    _SMALL_ORDER_Y,
    ED25519,
    ORDER,
    P256,
    check_public,
    is_signed,
    keyid,
    kind_of,
    plain_signature,
    without_sign,
)

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P


def compressed(private):
    return private.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)


@pytest.fixture(scope="module")
def pair():
    private = ec.derive_private_key(4711, ec.SECP256R1())
    return compressed(private), plain_signature(private.sign(b"message", ec.ECDSA(SHA256())))


@pytest.mark.parametrize(
    "der",
    [b"no DER", *(encode_dss_signature(*pair) for pair in ((2**256, 1), (1, 2**256), (ORDER, 1), (1, 0)))],
    ids=("no-der", "large-r", "large-s", "r-is-the-order", "s-is-zero"),
)
def test_what_is_no_signature_of_the_curve_is_refused(der):
    with pytest.raises(ValueError, match=r"asn1|order of the curve"):
        plain_signature(der)


@pytest.mark.parametrize(("length", "kind"), [(32, ED25519), (33, P256), (31, ED25519)])
def test_length_determines_kind(length, kind):
    assert kind_of(b"x" * length) == kind


def test_key_of_the_negated_secret_is_recognised(pair):
    negated = compressed(ec.derive_private_key(ORDER - 4711, ec.SECP256R1()))
    assert negated != pair[0]
    assert without_sign(negated) == without_sign(pair[0])
    assert without_sign(bytes(31) + b"\x81") == without_sign(bytes(31) + b"\x01") != without_sign(bytes(32))


def test_bundle_signed_with_p256_key_verifies_only_with_that_key(releases, tmp_path):
    key, other = (releases.signing_key("E. Curve", n, kind=P256) for n in (1, 2))
    path = releases.bundle(tmp_path, key=key)
    right, forged = (
        releases.root(keys={k.keyid: k.public}, roles={"releaser": {"keyids": (k.keyid,), "threshold": 1}})
        for k in (key, other)
    )
    assert verify_bundle(path, right, now=releases.LATER).ok
    for root in (releases.root(), forged):
        assert verify_bundle(path, root, now=releases.LATER).failure.startswith("E_SIG")


def test_p256_signature_is_valid_only_for_its_message_and_key(pair):
    public, signature = pair
    assert is_signed(public, signature, b"message")
    assert not is_signed(public, signature, b"massage")
    assert not is_signed(compressed(ec.derive_private_key(4712, ec.SECP256R1())), signature, b"message")
    for place in range(64):
        changed = bytearray(signature)
        changed[place] ^= 1
        assert not is_signed(public, bytes(changed), b"message")


def test_p256_signature_with_high_s_is_refused(pair):
    public, signature = pair
    s = ORDER - int.from_bytes(signature[32:], "big")
    assert not is_signed(public, signature[:32] + s.to_bytes(32, "big"), b"message")
    for r, low in ((0, 1), (1, 0), (ORDER, 1), (2**256 - 1, 1)):
        assert not is_signed(public, r.to_bytes(32, "big") + low.to_bytes(32, "big"), b"message")


@pytest.mark.parametrize(
    ("public", "message"),
    [
        (b"", "0 bytes"),
        (b"x" * 31, "31 bytes"),
        ((P + 1).to_bytes(32, "little"), "not in canonical form"),
        *(
            (bytes([first]) + bytes(32), "does not begin with the byte 02 or 03 of a compressed point")
            for first in (0, 1, 4, 5, 6, 7)
        ),
        (b"\x04" + b"\x01" * 32, "does not begin with the byte 02 or 03 of a compressed point"),
        (b"\x02" + b"\xff" * 32, "not a point of the curve"),
        (b"\x02" + b"\x00" * 31 + b"\x01", "not a point of the curve"),
        *(((y | sign << 255).to_bytes(32, "little"), "of small order") for y in _SMALL_ORDER_Y for sign in (0, 1)),
    ],
)
def test_malformed_and_weak_keys_are_refused(public, message):
    with pytest.raises(VerifyError, match=f"E_TRUST .*{message}"):
        check_public(public)
    with pytest.raises(VerifyError):  # the library would accept a forgery under a key of small order
        is_signed(public, public + bytes(32), b"anything")


def add(one, other):
    """Return the sum of two points by the complete addition law of the curve, written from its definition."""
    (x1, y1), (x2, y2) = one, other
    k = D * x1 * x2 * y1 * y2 % P
    return (x1 * y2 + x2 * y1) * pow(1 + k, -1, P) % P, (y1 * y2 + x1 * x2) * pow(1 - k, -1, P) % P


def x_of(y):
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    assert (x * x - square) % P == 0
    return x


def test_listed_points_are_those_whose_order_divides_eight():
    points = set()
    for y in _SMALL_ORDER_Y:
        for x in (x_of(y), -x_of(y) % P):
            point = (x, y)
            for _ in range(3):
                point = add(point, point)
            assert point == (0, 1)
            points.add((x, y))
    assert len(points) == 8


def test_rfc_8032_test_1_and_its_keyid():
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    public = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    signature = bytes.fromhex(
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b"
    )
    assert Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw() == public
    assert is_signed(public, signature, b"")
    assert not is_signed(public, signature, b"x")
    assert keyid(public) == "21fe31dfa154a261"
