import zipfile

import pytest

from studies.smotext.rekey import rekey
from synthgen.core.errors import DataError

WANTED = ("set-real-0-aaaa", "set-real-1-bbbb", "set-label-only-0-cccc", "set-lambdas--1-dddd")


def archive(path, *names):
    with zipfile.ZipFile(path, "w") as made:
        for name in names:
            made.writestr(f"trials/{name}", f"what {name.rpartition('-')[0]} found")
    return path


def test_names_change_and_contents_do_not(tmp_path):
    old = archive(tmp_path / "old.zip", "set-real-1-0123", "set-lambdas--1-0456", "set-real-0-0789")
    lines = rekey(old, tmp_path / "new.zip", WANTED)
    with zipfile.ZipFile(old) as before, zipfile.ZipFile(tmp_path / "new.zip") as after:
        assert [name for _, name, _ in lines] == after.namelist() == sorted(after.namelist())
        assert {before.read(was): after.read(name) for was, name, _ in lines} == {
            content: content for content in map(before.read, before.namelist())
        }
        assert after.read("trials/set-lambdas--1-dddd") == b"what set-lambdas--1 found"
    rekey(old, tmp_path / "again.zip", WANTED)
    assert (tmp_path / "again.zip").read_bytes() == (tmp_path / "new.zip").read_bytes()


def test_an_unknown_trial_or_one_that_occurs_twice_is_refused(tmp_path):
    old = archive(tmp_path / "old.zip", "set-real-0-0123", "set-real-0-0456", "set-real-9-0789")
    with pytest.raises(DataError, match="the trials cannot be renamed") as caught:
        rekey(old, tmp_path / "new.zip", WANTED)
    assert caught.value.problems == ("set-real-9: not a trial of this study", "set-real-0: occurs twice")
    assert not (tmp_path / "new.zip").exists()


def test_an_archive_is_never_written_over(tmp_path):
    old = archive(tmp_path / "old.zip", "set-real-0-0123")
    with pytest.raises(DataError, match="exists already"):
        rekey(old, old, WANTED)
    assert zipfile.ZipFile(old).namelist() == ["trials/set-real-0-0123"]
