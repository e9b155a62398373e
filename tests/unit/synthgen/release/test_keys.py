import io
import json
import stat

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption as Encryption
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from synthgen.core.errors import DataError, StorageError, UsageError
from synthgen.release.keys import load_key, load_public, new_key, passphrase_for, public_path, read_private, write_new

SECRET = b"correct horse"


@pytest.fixture
def key(tmp_path, releases):
    path = tmp_path / "keys" / "releaser.pem"
    new_key(path, SECRET, person="R. Releaser", org="Clinic", now=releases.NOW)
    return path


def test_key_is_encrypted_private_and_read_back(key, releases):
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert b"ENCRYPTED" in key.read_bytes()
    loaded = load_key(key, SECRET)
    assert json.loads(public_path(key).read_text())["keyid"] == loaded.keyid
    assert (load_public(public_path(key)), loaded.public.valid_until) == (loaded.public, "2028-11-19T07:00:00Z")
    assert repr(loaded) == f"SigningKey({loaded.keyid})"
    curve = key.with_name("curve.pem")
    new_key(curve, SECRET, person="a", org="b", now=releases.NOW, alg="ecdsa-p256")
    opened = load_key(curve, SECRET)
    assert (opened.public.alg, len(opened.public.public)) == ("ecdsa-p256", 66)


def test_keys_are_never_overwritten_and_unsuitable_paths_are_refused(key, releases):
    before = key.read_bytes()
    for path in (key, key.with_suffix(".der")):  # both have the same public path
        with pytest.raises(StorageError, match="exists"):
            new_key(path, SECRET, person="a", org="b", now=releases.NOW)
    assert key.read_bytes() == before
    assert not key.with_suffix(".der").exists()
    with pytest.raises(StorageError):
        read_private(key.parent)
    with pytest.raises(StorageError, match="cannot be written"):
        write_new(key / "below", b"x", 0o600)


def test_no_private_key_stays_without_its_public_part(tmp_path, releases):
    path = tmp_path / "key.pem"
    public_path(path).symlink_to("nowhere")  # passes the first check, but no file can be created at this path
    with pytest.raises(StorageError, match="exists"):
        new_key(path, SECRET, person="a", org="b", now=releases.NOW)
    assert not path.exists()


def test_short_passphrase_and_empty_person_are_refused(tmp_path, releases):
    for secret, person, message in ((b"1234567", "a", "too short"), (SECRET, "", "person")):
        with pytest.raises(UsageError, match=message):
            new_key(tmp_path / "k.pem", secret, person=person, org="b", now=releases.NOW)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_key_readable_by_others_is_refused(key, mode):
    key.chmod(mode)
    with pytest.raises(StorageError, match=f"other users can read it \\(mode {mode:04o}\\)"):
        load_key(key, SECRET)


def public_private(key):
    """Return a copy of the public part with the mode of a private key."""
    path = key.with_suffix(".json")
    path.write_bytes(public_path(key).read_bytes())
    path.chmod(0o600)
    return path


def test_unusable_keys_are_refused(key, tmp_path):
    with pytest.raises(DataError, match="cannot be opened"):
        load_key(key, b"wrong horse")
    (tmp_path / "link.pem").symlink_to(key)
    for name in ("nowhere.pem", "link.pem"):
        with pytest.raises(StorageError, match="cannot be read"):
            load_key(tmp_path / name, SECRET)
    with pytest.raises(DataError, match="is the public part of a key") as caught:
        load_key(public_private(key), SECRET)
    assert "NAME.pem" in caught.value.hint
    other = generate_private_key(SECP384R1())
    unsuitable = (Encryption(SECRET), "neither an Ed25519 nor a P-256")
    for encryption, message in (unsuitable, (NoEncryption(), "is not encrypted with a passphrase")):
        key.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
        with pytest.raises(DataError, match=message):
            load_key(key, SECRET)


def test_wrong_or_malformed_public_part_is_refused(key, tmp_path, releases):
    other = new_key(tmp_path / "other.pem", SECRET, person="a", org="b", now=releases.NOW)
    public_path(key).write_bytes(other.read_bytes())
    with pytest.raises(DataError, match="is not the public part of the key"):
        load_key(key, SECRET)
    value = json.loads(other.read_text())
    for broken in ({**value, "keyid": "0" * 16}, {**value, "x": 1}, [1]):
        other.write_text(json.dumps(broken))
        with pytest.raises(DataError):
            load_public(other)
    other.write_text('{"keyid": 1, "keyid": 1}')
    with pytest.raises(DataError, match="duplicate key"):
        load_public(other)
    with pytest.raises(StorageError):
        load_public(tmp_path / "nowhere.pub.json")


def test_passphrase_sources_and_their_order(key, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    monkeypatch.delenv("SYNTHGEN_KEY_PASSPHRASE", raising=False)
    with pytest.raises(UsageError, match="no passphrase"):
        passphrase_for(key)
    file = key.with_suffix(".passphrase")
    write_new(file, b"beside\r\n", 0o600)
    assert passphrase_for(key) == b"beside"
    file.chmod(0o644)
    with pytest.raises(StorageError, match="other users can read"):
        passphrase_for(key)
    monkeypatch.setenv("SYNTHGEN_KEY_PASSPHRASE", "from env")
    assert passphrase_for(key) == b"from env"
