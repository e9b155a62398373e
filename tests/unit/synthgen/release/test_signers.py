import json
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


class StandIn:
    """What a module of hardware is to the library: it asks for its PIN, signs, and keeps its key."""

    keys, asked = {}, []

    def __init__(self, public_key, private):
        self.public_key, self._private = public_key, private

    @classmethod
    def from_priv_key_uri(cls, uri, public_key, secrets_handler=None):
        cls.asked.append(secrets_handler("pin"))
        return cls(public_key, cls.keys[uri])

    def sign(self, payload):
        is_curve = hasattr(self._private, "curve")
        made = self._private.sign(payload, ECDSA(SHA256())) if is_curve else self._private.sign(payload)
        return Signature(self.public_key.keyid, made.hex())


@pytest.fixture(params=["ed25519", "ecdsa-p256"])
def officer(request, releases, tmp_path, monkeypatch):
    """Return an officer whose key is in hardware, the URI, and its public part."""
    key = releases.signing_key("P. Officer", "hardware", kind=request.param)
    StandIn.keys, StandIn.asked = {"hsm:2?label=officer": key.private}, []
    monkeypatch.setitem(SIGNER_FOR_URI_SCHEME, "hsm", StandIn)
    monkeypatch.setattr("synthgen.release.signers.getpass", lambda name: f"secret of {name}")
    public = tmp_path / "officer.pub.json"
    public.write_text(json.dumps({"keyid": key.keyid, **key.public.model_dump()}))
    return key, "hsm:2?label=officer", public


def root_of(releases, officer):
    held = {"releaser": releases.RELEASER, "privacy_officer": officer, "data_owner": releases.OWNER}
    return releases.root(
        keys={key.keyid: key.public for key in held.values()},
        roles={role: {"keyids": (key.keyid,), "threshold": 1} for role, key in held.items()},
    )


def test_a_key_in_hardware_approves_and_the_bundle_verifies(officer, releases, tmp_path):
    key, uri, public = officer
    root, path = root_of(releases, key), releases.bundle(tmp_path, releases.APPROVED_POLICY)
    opened = open_key(uri, public)
    assert StandIn.asked == ["secret of pin"]
    assert "label" not in repr(opened) + repr(opened.private)
    made = approve(path, role="privacy_officer", key=opened, trust=root, now=releases.LATER)
    assert made.name == f"privacy_officer.{key.keyid}.dsse.json"
    approve(path, role="data_owner", key=releases.OWNER, trust=root, now=releases.LATER)
    assert verify_bundle(path, root, now=releases.LATER).ok


def test_hardware_that_signs_with_another_key_is_found_out(officer, releases):
    key, uri, public = officer
    StandIn.keys[uri] = releases.signing_key("S. Somebody", kind=key.public.alg).private
    with pytest.raises(DataError, match="of another key"):
        open_key(uri, public)


@pytest.mark.parametrize("error", [OSError, RuntimeError, ValueError])
def test_hardware_that_fails_is_told_and_signs_nothing(officer, releases, monkeypatch, tmp_path, error):
    key, uri, public = officer
    opened, path = open_key(uri, public), releases.bundle(tmp_path, releases.APPROVED_POLICY)

    def gone(*_):
        raise error("serial 4711")

    monkeypatch.setattr(StandIn, "sign", gone)
    with pytest.raises(StorageError, match="cannot sign") as caught:
        approve(path, role="privacy_officer", key=opened, trust=root_of(releases, key), now=releases.LATER)
    assert "4711" not in str(caught.value)
    assert not list(path.glob("attestation/approvals/*"))


def test_a_public_part_goes_with_a_uri_and_with_nothing_else(officer, tmp_path):
    _, uri, public = officer
    with pytest.raises(UsageError, match="needs its public part"):
        open_key(uri)
    with pytest.raises(UsageError, match="keys with a URI alone"):
        open_key(str(tmp_path / "k.pem"), public)
    with pytest.raises(StorageError, match="there is no key"):
        open_key(str(tmp_path / "k.pem"))


def test_the_command_approves_with_a_uri(kept, releases, tmp_path):
    """On the clock of today, which `synthgen approve` reads."""
    key, uri, public = kept
    now, day = datetime.now(UTC), timedelta(days=1)
    held = {
        "releaser": releases.signing_key("R. Releaser", start=now - day, end=now + day),
        "privacy_officer": releases.signing_key("K. Keeper", start=now - day, end=now + day, kind=key.public.alg),
    }
    public.write_text(json.dumps({"keyid": key.keyid, **held["privacy_officer"].public.model_dump()}))
    root = releases.root(
        expires=stamp(now + day),
        keys={one.keyid: one.public for one in held.values()},
        roles={role: {"keyids": (one.keyid,), "threshold": 1} for role, one in held.items()},
    )
    (tmp_path / "trust.json").write_bytes(root.to_bytes())
    path = releases.bundle(tmp_path, releases.APPROVED_POLICY, key=held["releaser"], now=now)
    options = ["--role", "privacy_officer", "--key", uri, "--public", public, "--trust", tmp_path / "trust.json"]
    done = CliRunner().invoke(app, ["approve", *map(str, [path, *options])], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert [p.name for p in path.glob("attestation/approvals/*")] == [f"privacy_officer.{key.keyid}.dsse.json"]
    assert "data_owner: 0 of 1" in verify_bundle(path, root, now=now + day / 2).failure
