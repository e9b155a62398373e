import pytest

from audits.verify.bundle import verify_bundle
from audits.verify.publickeys import ED25519, P256, kind_of


@pytest.mark.parametrize(("length", "kind"), [(32, ED25519), (33, P256), (31, ED25519)])
def test_the_length_says_the_kind(length, kind):
    assert kind_of(b"x" * length) == kind


def test_a_bundle_signed_with_either_kind_of_key_verifies(releases, tmp_path):
    key = releases.signing_key("E. Curve", kind=P256)
    path = releases.bundle(tmp_path, key=key)
    held = {"releaser": {"keyids": (key.keyid,), "threshold": 1}}
    root = releases.root(keys={key.keyid: key.public}, roles=held)
    assert verify_bundle(path, root, now=releases.LATER).ok
    assert verify_bundle(path, releases.root(), now=releases.LATER).failure.startswith("E_SIG")
    other = releases.signing_key("E. Curve", 2, kind=P256)
    forged = releases.root(
        keys={other.keyid: other.public}, roles={"releaser": {"keyids": (other.keyid,), "threshold": 1}}
    )
    assert verify_bundle(path, forged, now=releases.LATER).failure.startswith("E_SIG")
