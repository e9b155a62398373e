import json

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from audits.verify.bundle import verify_bundle
from synthgen.core.errors import DataError, StorageError, UsageError
from synthgen.release.signers import is_uri, load_signer

pytest.importorskip("securesystemslib")


@pytest.fixture(params=["ed25519", "ecdsa-p256"])
def kept(request, releases, tmp_path):
    """Return a key, its URI, and its public part."""
    key = releases.signing_key("K. Keeper", kind=request.param)
    pem = key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "kept.pem").write_bytes(pem)
    public = tmp_path / "kept.pub.json"
    public.write_text(json.dumps({"keyid": key.keyid, **key.public.model_dump()}))
    return key, f"file2:{tmp_path / 'kept.pem'}", public


def test_a_key_behind_a_uri_signs_a_release_that_verifies(kept, releases, tmp_path):
    key, uri, public = kept
    opened = load_signer(uri, public)
    assert opened.keyid == key.keyid
    path = releases.bundle(tmp_path / "out", key=opened)
    root = releases.root(keys={key.keyid: key.public}, roles={"releaser": {"keyids": (key.keyid,), "threshold": 1}})
    assert verify_bundle(path, root, now=releases.LATER).ok


def test_the_public_part_must_be_the_keys_own(kept, releases, tmp_path):
    _, uri, public = kept
    other = releases.signing_key("O. Other", kind=kept[0].public.alg)
    public.write_text(json.dumps({"keyid": other.keyid, **other.public.model_dump()}))
    with pytest.raises((DataError, StorageError)):
        load_signer(uri, public)


def test_a_key_that_cannot_be_reached_is_told_without_its_address(kept, tmp_path):
    with pytest.raises(StorageError, match=r"file2:\.\.\. cannot be opened") as caught:
        load_signer(f"file2:{tmp_path / 'nowhere.pem'}", kept[2])
    assert "nowhere" not in str(caught.value)
    with pytest.raises(StorageError, match="cannot be opened"):
        load_signer("nothing:2", kept[2])


def test_without_the_library_the_extra_is_named(kept, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "securesystemslib.signer", None)
    with pytest.raises(UsageError, match="extra kms"):
        load_signer(kept[1], kept[2])


@pytest.mark.parametrize(
    ("key", "said"),
    [("keys/releaser.pem", False), ("hsm:2?label=PO", True), ("awskms:alias/x", True), ("c:/key.pem", False)],
)
def test_a_uri_is_told_from_a_path(key, said):
    assert is_uri(key) is said
