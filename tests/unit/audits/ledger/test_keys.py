import os
import stat

import pytest

from audits.core.errors import InputError
from audits.ledger.keys import read_key

KEY = bytes(range(32))


def test_a_key_is_made_once_for_its_owner_alone(tmp_path):
    path = tmp_path / "key"
    key = read_key(path, "secret")
    assert (len(key), stat.S_IMODE(path.stat().st_mode)) == (32, 0o600)
    assert read_key(path, "secret") == key
    assert read_key(tmp_path / "other", "secret") != key


@pytest.mark.parametrize(
    ("data", "mode", "message"),
    [(KEY[:31], 0o600, "32 bytes"), (KEY * 2, 0o600, "32 bytes"), (KEY, 0o640, "owner alone"), (b"", 0o604, "both")],
)
def test_a_bad_key_file_is_refused(tmp_path, data, mode, message):
    path = tmp_path / "key"
    path.write_bytes(data)
    path.chmod(mode)
    with pytest.raises(InputError, match="cannot be used") as caught:
        read_key(path, "secret")
    if message == "both":
        assert len(caught.value.problems) == 2
    else:
        assert message in caught.value.problems[0]


def test_a_key_that_is_no_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="neither be read nor made"):
        read_key(tmp_path, "secret")
    with pytest.raises(InputError, match="neither be read nor made"):
        read_key(tmp_path / "nowhere" / "key", "secret")


def test_a_link_is_no_key_wherever_it_leads(tmp_path):
    read_key(tmp_path / "key", "secret")
    (tmp_path / "link").symlink_to("key")
    (tmp_path / "dangling").symlink_to("nothing")
    for name in ("link", "dangling"):
        with pytest.raises(InputError, match="neither be read nor made"):
            read_key(tmp_path / name, "secret")


def test_where_a_key_is_there_nothing_is_written(tmp_path, monkeypatch):
    key = read_key(tmp_path / "key", "secret")
    monkeypatch.setattr("audits.ledger.keys.secrets.token_bytes", None)
    assert read_key(tmp_path / "key", "secret") == key


def test_of_two_that_make_it_one_wins_and_nothing_else_is_left(tmp_path, monkeypatch):
    path, link = tmp_path / "key", os.link

    def late(*args, **kwargs):
        path.write_bytes(KEY)
        path.chmod(0o600)
        link(*args, **kwargs)

    monkeypatch.setattr("audits.ledger.keys.os.link", late)
    assert read_key(path, "secret") == KEY
    assert [p.name for p in tmp_path.iterdir()] == ["key"]
