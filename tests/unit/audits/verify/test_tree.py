import hashlib
import os

import pytest

from audits.core.errors import VerifyError
from audits.verify import tree as module
from audits.verify.tree import check_name, open_tree


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c.txt").write_bytes(b"x" * 7)
    return tmp_path


def test_files_are_listed_hashed_and_read(folder):
    with open_tree(folder) as tree:
        assert (tree.files, tree.folders) == (("a/b/c.txt",), ("a", "a/b"))
        assert tree.digest("a/b/c.txt") == hashlib.sha256(b"x" * 7).hexdigest()
        assert tree.read("a/b/c.txt", 7) == b"x" * 7
        with pytest.raises(VerifyError, match="larger than 6 bytes"):
            tree.read("a/b/c.txt", 6)
        (folder / "late.txt").write_text("x")  # a file added after listing is not read
        for name in ("nowhere", "late.txt"):
            with pytest.raises(VerifyError, match="E_MISSING"):
                tree.read(name)


@pytest.mark.parametrize("kind", ["link", "fifo", "folder-link", "gone"])
def test_file_swapped_after_listing_is_refused(folder, kind):
    file = folder / "a" / "b" / "c.txt"
    with open_tree(folder) as tree:
        file.unlink()
        if kind == "link":
            file.symlink_to("/etc/hostname")
        elif kind == "fifo":
            os.mkfifo(file)
        elif kind == "folder-link":
            (folder / "a" / "b").rmdir()
            (folder / "a" / "b").symlink_to("/etc")
        with pytest.raises(VerifyError, match="E_MISSING" if kind == "gone" else "E_UNSAFE"):
            tree.digest("a/b/c.txt")


def test_links_as_root_and_too_many_or_too_deep_are_refused(folder, monkeypatch):
    def refused(message, path=folder):
        with pytest.raises(VerifyError, match=message), open_tree(path):
            pass

    (folder / "root").symlink_to(folder / "a")
    refused("E_UNSAFE", folder / "root")
    (folder / "root").unlink()
    (folder / "/".join("abcdefghi")).mkdir(parents=True)
    refused("not a plain relative name")
    monkeypatch.setattr(module, "MAX_DEPTH", 20)
    monkeypatch.setattr(module, "MAX_FILES", 3)
    refused("more than 3 files and folders")


@pytest.mark.parametrize(
    "name",
    [
        *("", "/a", "a//b", "../a", "a/..", "./a", "a/", "a\\b", "a:b", " a", "a ", "a."),
        *("a\nb", "a\u200bb", "a\u2028b", "\ud800", "cafe\u0301", "é" * 121),
    ],
)
def test_misleading_names_are_refused(name):
    with pytest.raises(VerifyError, match="E_UNSAFE"):
        check_name(name)


def test_plain_names_are_accepted():
    for name in ("data/train-00000-of-00001.parquet", "café/ß.md", ".gitattributes", "é" * 120):
        check_name(name)


def test_a_folder_that_cannot_be_listed_is_refused(folder, monkeypatch):
    def denied(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(module.os, "scandir", denied)
    with pytest.raises(VerifyError, match="E_UNSAFE the bundle cannot be listed safely"), open_tree(folder):
        pass


@pytest.mark.parametrize("where", ["a/b/c.txt", "a", ""])
def test_extended_attributes_are_refused(folder, where):
    try:
        os.setxattr(folder / where, "user.note", b"Marguerite Abernathy")
    except (OSError, AttributeError):
        pytest.skip("no extended attributes here")
    with pytest.raises(VerifyError, match=r"E_UNSAFE .*extended attributes") as caught, open_tree(folder) as tree:
        tree.digest("a/b/c.txt")
    assert "Abernathy" not in str(caught.value)
