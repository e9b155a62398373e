import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.core.seeds import SeedTree

names = st.text(max_size=6)
paths = st.lists(names, max_size=4).map(tuple)


def draws(tree, n=4):
    return tree.generator().random(n).tolist()


@given(st.integers(0, 2**64), paths)
def test_the_same_name_gives_the_same_bytes(root, path):
    one, other = SeedTree(root).child(*path), SeedTree(root, path)
    assert one.key() == other.key()
    assert draws(one) == draws(other)


@given(st.integers(0, 2**64), paths, st.integers(0, 2**64), paths)
def test_two_places_never_share_a_key(root, path, other_root, other_path):
    same = (root, path) == (other_root, other_path)
    assert (SeedTree(root, path).key() == SeedTree(other_root, other_path).key()) == same


def test_names_do_not_run_together():
    root = SeedTree(7)
    keys = [("a", "b"), ("ab",), ("a", "", "b"), ("a/b",), ("b", "a"), ("", "ab"), ("ab", ""), ()]
    assert len({root.child(*path).key() for path in keys}) == len(keys)
    assert SeedTree(1, ("2",)).key() != SeedTree(12, ()).key()


@given(names, st.lists(names, max_size=5))
def test_siblings_change_nothing(name, siblings):
    root = SeedTree(3)
    before = draws(root.child(name))
    for sibling in siblings:
        root.child(sibling).generator().random(9)
    assert draws(root.child(name)) == before


def test_a_child_of_a_child_is_named_by_the_whole_path():
    root = SeedTree(5)
    assert root.child("a").child("b") == root.child("a", "b")
    assert draws(root.child("a")) != draws(root.child("a", "b"))
    assert str(root.child("a", "b")) == "a/b"
    assert str(root) == "root"


def test_every_call_starts_the_stream_anew():
    tree = SeedTree(5, ("decode",))
    assert draws(tree) == draws(tree)


def test_streams_of_two_names_are_uncorrelated():
    root, n = SeedTree(11), 20_000
    one, other = root.child("a").generator().random(n), root.child("b").generator().random(n)
    covariance = ((one - one.mean()) * (other - other.mean())).mean()
    assert abs(covariance * 12) < 5 / n**0.5  # 1/12 is the variance of a uniform number; five standard errors


def test_the_key_is_the_digest_written_down():
    wanted = hashlib.sha256(b"synthgen/seed/v1\x0042" + b"\0" * 7 + b"\x05embed" + b"\0" * 7 + b"\x02\xc3\xa9")
    assert SeedTree(42, ("embed", "é")).key() == wanted.digest()


def test_a_stream_stays_the_same_across_versions():
    assert SeedTree(20261120, ("interpolate", "a")).generator().integers(0, 1000, 5).tolist() == [
        522,
        664,
        673,
        840,
        355,
    ]


SECRET = bytes(range(32))
secrets_ = st.just(b"") | st.binary(min_size=32, max_size=32)


def test_the_key_under_a_secret_is_the_one_written_down():
    message = b"synthgen/seed/v2\x0042" + b"\0" * 7 + b"\x05embed" + b"\0" * 7 + b"\x02\xc3\xa9"
    tree = SeedTree(42, ("embed", "é"), SECRET)
    assert tree.key() == hmac.new(SECRET, message, hashlib.sha256).digest()
    assert tree.integer() == int.from_bytes(tree.key(), "big")


@given(secrets_, secrets_, paths)
def test_two_secrets_share_no_stream(one, other, path):
    assert (SeedTree(7, path, one).key() == SeedTree(7, path, other).key()) == (one == other)


@given(secrets_, paths)
def test_a_secret_goes_with_every_node_and_shows_in_none(secret, path):
    root = SeedTree(7, secret=secret)
    node = root.child(*path).child("a")
    assert node.secret == node.parent.secret == secret
    assert node.parent == root.child(*path)
    assert secret == b"" or repr(secret) not in repr(node) + str(node)


@pytest.mark.parametrize("secret", [b"x", SECRET[:31], SECRET + b"x"])
def test_a_secret_of_another_length_is_refused(secret):
    with pytest.raises(ValueError, match="32 bytes"):
        SeedTree(7, secret=secret)
