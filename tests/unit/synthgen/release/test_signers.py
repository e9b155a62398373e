import json
import sys
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from typer.testing import CliRunner

from audits.core.instants import stamp
from audits.verify.bundle import verify_bundle
from synthgen.cli.main import app
from synthgen.core.errors import DataError, StorageError, UsageError
from synthgen.release.approve import approve
from synthgen.release.signers import load_signer, open_key

library = pytest.importorskip("securesystemslib.signer")
SIGNER_FOR_URI_SCHEME, Signature = library.SIGNER_FOR_URI_SCHEME, library.Signature


def write_public(path, key):
    path.write_text(json.dumps({"keyid": key.keyid, **key.public.model_dump()}))
    return path


def root_of(releases, keys, **changes):
    """Return a trust root with one key per role."""
    roles = {role: {"keyids": (key.keyid,), "threshold": 1} for role, key in keys.items()}
    return releases.root(keys={key.keyid: key.public for key in keys.values()}, roles=roles, **changes)


@pytest.fixture(params=["ed25519", "ecdsa-p256"])
def external(request, releases, tmp_path):
    """Return a key, its URI, and its public part."""
    key = releases.signing_key("K. Keeper", kind=request.param)
    pem = key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "key.pem").write_bytes(pem)
    return key, f"file2:{tmp_path / 'key.pem'}", write_public(tmp_path / "key.pub.json", key)


def test_key_of_a_uri_signs_a_release_and_an_unusable_uri_or_public_part_is_refused(
    external, releases, tmp_path, monkeypatch
):
    key, uri, public = external
    opened = load_signer(uri, public)
    assert opened.keyid == key.keyid
    path = releases.bundle(tmp_path / "out", key=opened)
    assert verify_bundle(path, root_of(releases, {"releaser": key}), now=releases.LATER).ok
    with pytest.raises(StorageError, match=r"file2:\.\.\. cannot be opened") as caught:
        load_signer(f"file2:{tmp_path / 'nowhere.pem'}", public)
    assert "nowhere" not in str(caught.value)
    with pytest.raises(StorageError, match="cannot be opened"):
        load_signer("nothing:2", public)
    write_public(public, releases.signing_key("O. Other", kind=key.public.alg))
    with pytest.raises((DataError, StorageError)):
        load_signer(uri, public)
    monkeypatch.setitem(sys.modules, "securesystemslib.signer", None)
    with pytest.raises(UsageError, match="extra kms"):
        load_signer(uri, public)


class HardwareModule:
    """A stand-in for the hardware modules of `securesystemslib`: it asks for its PIN and signs with its key."""

    keys, prompts = {}, []

    def __init__(self, public_key, private):
        self.public_key, self._private = public_key, private

    @classmethod
    def from_priv_key_uri(cls, uri, public_key, secrets_handler=None):
        cls.prompts.append(secrets_handler("pin"))
        return cls(public_key, cls.keys[uri])

    def sign(self, payload):
        is_curve = hasattr(self._private, "curve")
        made = self._private.sign(payload, ECDSA(SHA256())) if is_curve else self._private.sign(payload)
        return Signature(self.public_key.keyid, made.hex())


@pytest.fixture(params=["ed25519", "ecdsa-p256"])
def officer(request, releases, tmp_path, monkeypatch):
    """Return the key of an officer that is held by `HardwareModule`, its URI, and its public part."""
    key = releases.signing_key("P. Officer", "hardware", kind=request.param)
    HardwareModule.keys, HardwareModule.prompts = {"hsm:2?label=officer": key.private}, []
    monkeypatch.setitem(SIGNER_FOR_URI_SCHEME, "hsm", HardwareModule)
    monkeypatch.setattr("synthgen.release.signers.getpass", lambda name: f"secret of {name}")
    return key, "hsm:2?label=officer", write_public(tmp_path / "officer.pub.json", key)


def approvers(releases, officer):
    return {"releaser": releases.RELEASER, "privacy_officer": officer, "data_owner": releases.OWNER}


def test_key_in_hardware_approves_and_the_bundle_verifies(officer, releases, tmp_path):
    key, uri, public = officer
    root, path = root_of(releases, approvers(releases, key)), releases.bundle(tmp_path, releases.APPROVED_POLICY)
    opened = open_key(uri, public)
    assert HardwareModule.prompts == ["secret of pin"]
    assert "label" not in repr(opened) + repr(opened.private)
    made = approve(path, role="privacy_officer", key=opened, trust=root, now=releases.LATER, no_review=True)
    assert made.name.startswith(f"privacy_officer.{key.keyid}.")
    approve(path, role="data_owner", key=releases.OWNER, trust=root, now=releases.LATER, no_review=True)
    assert verify_bundle(path, root, now=releases.LATER).ok


@pytest.mark.parametrize("error", [OSError, RuntimeError, ValueError])
def test_hardware_error_leaves_no_approval(officer, releases, monkeypatch, tmp_path, error):
    key, uri, public = officer
    opened, path = open_key(uri, public), releases.bundle(tmp_path, releases.APPROVED_POLICY)

    def gone(*_):
        raise error("serial 4711")

    monkeypatch.setattr(HardwareModule, "sign", gone)
    root = root_of(releases, approvers(releases, key))
    with pytest.raises(StorageError, match="hardware or key service did not sign") as caught:
        approve(path, role="privacy_officer", key=opened, trust=root, now=releases.LATER, no_review=True)
    assert "4711" not in str(caught.value)
    assert not list(path.glob("attestation/approvals/*"))


def test_uri_needs_its_own_public_part_and_a_file_has_none(officer, releases, tmp_path):
    key, uri, public = officer
    HardwareModule.keys[uri] = releases.signing_key("S. Somebody", kind=key.public.alg).private
    with pytest.raises(DataError, match="is not the public part of the key"):
        open_key(uri, public)
    with pytest.raises(UsageError, match="needs its public part"):
        open_key(uri)
    with pytest.raises(UsageError, match="only for a key named by a URI"):
        open_key(str(tmp_path / "k.pem"), public)
    with pytest.raises(StorageError, match="there is no key file at this path"):
        open_key(str(tmp_path / "k.pem"))


def test_command_approves_with_a_uri(external, releases, tmp_path):
    """Use the current time, as `synthgen approve` does."""
    key, uri, public = external
    now, day = datetime.now(UTC), timedelta(days=1)
    valid = {"start": now - day, "end": now + day}
    officer = releases.signing_key("K. Keeper", kind=key.public.alg, **valid)
    signing_keys = {"releaser": releases.signing_key("R. Releaser", **valid), "privacy_officer": officer}
    write_public(public, officer)
    root = root_of(releases, signing_keys, expires=stamp(now + day))
    (tmp_path / "trust.json").write_bytes(root.to_bytes())
    path = releases.bundle(tmp_path, releases.APPROVED_POLICY, key=signing_keys["releaser"], now=now)
    options = ["--role", "privacy_officer", "--key", uri, "--public", public, "--trust", tmp_path / "trust.json"]
    done = CliRunner().invoke(
        app, ["approve", "--yes", "--no-review", *map(str, [path, *options])], catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    (made,) = path.glob("attestation/approvals/*")
    assert made.name.startswith(f"privacy_officer.{key.keyid}.")
    assert "data_owner: 0 of 1" in verify_bundle(path, root, now=now + day / 2).failure
