import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.core.seeds import SeedTree

names = st.text(max_size=6)
paths = st.lists(names, max_size=4).map(tuple)
SECRET = bytes(range(32))
secrets_ = st.just(b"") | st.binary(min_size=32, max_size=32)


def draws(tree, n=4):
    return tree.generator().random(n).tolist()


@given(st.integers(0, 2**64), paths, st.integers(0, 2**64), paths)
def test_equal_paths_have_equal_streams_and_different_paths_different_keys(root, path, other_root, other_path):
    one, other = SeedTree(root).child(*path), SeedTree(root, path)
    assert (one.key(), draws(one)) == (other.key(), draws(other))
    same = (root, path) == (other_root, other_path)
    assert (SeedTree(root, path).key() == SeedTree(other_root, other_path).key()) == same


def test_keys_depend_on_the_boundaries_between_names():
    root = SeedTree(7)
    keys = [("a", "b"), ("ab",), ("a", "", "b"), ("a/b",), ("b", "a"), ("", "ab"), ("ab", ""), ()]
    assert len({root.child(*path).key() for path in keys}) == len(keys)
    assert SeedTree(1, ("2",)).key() != SeedTree(12, ()).key()
    assert root.child("a").child("b") == root.child("a", "b")
    assert draws(root.child("a")) != draws(root.child("a", "b"))
    assert (str(root.child("a", "b")), str(root)) == ("a/b", "root")


@given(names, st.lists(names, max_size=5))
def test_streams_do_not_depend_on_siblings(name, siblings):
    root = SeedTree(3)
    before = draws(root.child(name))
    for sibling in siblings:
        root.child(sibling).generator().random(9)
    assert draws(root.child(name)) == before

    root = SeedTree(5)
    assert root.child("a").child("b") == root.child("a", "b")
    assert draws(root.child("a")) != draws(root.child("a", "b"))
    assert (str(root.child("a", "b")), str(root)) == ("a/b", "root")


def test_streams_are_uncorrelated_and_stay_the_same_across_versions():
    n = 20_000
    one, other = (SeedTree(11).child(name).generator().random(n) for name in "ab")
    covariance = ((one - one.mean()) * (other - other.mean())).mean()
    assert abs(covariance * 12) < 5 / n**0.5  # 1/12 is the variance of a uniform number; five standard errors
    drawn = SeedTree(20261120, ("interpolate", "a")).generator().integers(0, 1000, 5)
    assert drawn.tolist() == [522, 664, 673, 840, 355]


def test_keys_are_computed_as_documented():
    message = b"\x0042" + b"\0" * 7 + b"\x05embed" + b"\0" * 7 + b"\x02\xc3\xa9"
    assert SeedTree(42, ("embed", "é")).key() == hashlib.sha256(b"synthgen/seed/v1" + message).digest()
    tree = SeedTree(42, ("embed", "é"), SECRET)
    assert tree.key() == hmac.new(SECRET, b"synthgen/seed/v2" + message, hashlib.sha256).digest()
    assert tree.integer() == int.from_bytes(tree.key(), "big")


@given(secrets_, secrets_, paths)
def test_nodes_inherit_the_secret_and_do_not_print_it_and_another_secret_gives_another_key(secret, other, path):
    assert (SeedTree(7, path, secret).key() == SeedTree(7, path, other).key()) == (secret == other)
    root = SeedTree(7, secret=secret)
    node = root.child(*path).child("a")
    assert node.secret == node.parent.secret == secret
    assert node.parent == root.child(*path)
    assert secret == b"" or repr(secret) not in repr(node) + str(node)


@pytest.mark.parametrize("secret", [b"x", SECRET[:31], SECRET + b"x"])
def test_secrets_of_another_length_are_rejected(secret):
    with pytest.raises(ValueError, match="32 bytes"):
        SeedTree(7, secret=secret)
