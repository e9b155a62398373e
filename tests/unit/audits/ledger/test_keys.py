import os
import stat

import pytest

from audits.core.errors import InputError
from audits.ledger.keys import read_key

KEY = bytes(range(32))


def test_key_is_created_once_for_its_owner_only(tmp_path, monkeypatch):
    path = tmp_path / "key"
    key = read_key(path, "secret")
    assert (len(key), stat.S_IMODE(path.stat().st_mode)) == (32, 0o600)
    assert read_key(tmp_path / "other", "secret") != key
    monkeypatch.setattr("audits.ledger.keys.secrets.token_bytes", None)
    assert read_key(path, "secret") == key


@pytest.mark.parametrize(
    ("data", "mode", "message"),
    [
        (KEY[:31], 0o600, "32 bytes"),
        (KEY * 2, 0o600, "32 bytes"),
        (KEY, 0o640, "other users may read or change the file"),
        (b"", 0o604, "both"),
    ],
)
def test_invalid_key_file_is_refused(tmp_path, data, mode, message):
    path = tmp_path / "key"
    path.write_bytes(data)
    path.chmod(mode)
    with pytest.raises(InputError, match="cannot be used") as caught:
        read_key(path, "secret")
    if message == "both":
        assert len(caught.value.problems) == 2
    else:
        assert message in caught.value.problems[0]


@pytest.mark.parametrize("name", ["", "nowhere/key", "link", "dangling"])
def test_folder_missing_folder_or_link_is_refused(tmp_path, name):
    read_key(tmp_path / "key", "secret")
    (tmp_path / "link").symlink_to("key")
    (tmp_path / "dangling").symlink_to("nothing")
    with pytest.raises(InputError, match="neither be read nor created"):
        read_key(tmp_path / name, "secret")


def test_concurrent_creation_leaves_one_key(tmp_path, monkeypatch):
    path, link = tmp_path / "key", os.link

    def late(*args, **kwargs):
        path.write_bytes(KEY)
        path.chmod(0o600)
        link(*args, **kwargs)

    monkeypatch.setattr("audits.ledger.keys.os.link", late)
    assert read_key(path, "secret") == KEY
    assert [p.name for p in tmp_path.iterdir()] == ["key"]
