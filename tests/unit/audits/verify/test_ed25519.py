import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audits.core.errors import VerifyError
from audits.verify.ed25519 import _SMALL_ORDER_Y, check_public, is_signed, keyid

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P


def add(one, other):
    """The complete addition law of the curve: slow, and from its definition."""
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


def test_the_listed_points_are_those_whose_order_divides_eight():
    points = set()
    for y in _SMALL_ORDER_Y:
        for x in (x_of(y), -x_of(y) % P):
            point = (x, y)
            for _ in range(3):
                point = add(point, point)
            assert point == (0, 1)
            points.add((x, y))
    assert len(points) == 8


@pytest.mark.parametrize("y", sorted(_SMALL_ORDER_Y))
@pytest.mark.parametrize("sign", [0, 1])
def test_keys_of_small_order_are_refused(y, sign):
    with pytest.raises(VerifyError, match="E_TRUST a key is of small order"):
        check_public((y | sign << 255).to_bytes(32, "little"))


@pytest.mark.parametrize(
    ("public", "message"), [(b"x" * 31, "31 bytes"), ((P + 1).to_bytes(32, "little"), "canonical")]
)
def test_malformed_keys_are_refused(public, message):
    with pytest.raises(VerifyError, match=message):
        check_public(public)


def test_the_library_alone_would_accept_forgeries_under_the_identity():
    identity = (1).to_bytes(32, "little")
    with pytest.raises(VerifyError):
        is_signed(identity, identity + bytes(32), b"anything")


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
