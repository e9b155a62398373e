import errno
import hashlib
import os
import shutil

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
        with pytest.raises(VerifyError, match="larger than 6 bytes, the limit for this file"):
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
    refused("E_UNSAFE .*/root: a file or a symbolic link, not a plain folder", folder / "root")
    (folder / "root").unlink()
    (folder / "/".join("abcdefghi")).mkdir(parents=True)
    refused("not a plain relative name; a name has at most 8 parts")
    monkeypatch.setattr(module, "MAX_DEPTH", 20)
    monkeypatch.setattr(module, "MAX_FILES", 3)
    refused("more than 3 files and folders")


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        *((name, "no part of the") for name in ("", "/a", "a//b", "../a", "a/..", "./a", "a/", " a", "a ", "a.")),
        *((name, "a name must contain no") for name in ("a\\b", "a:b", "a\nb", "a\u200bb", "a\u2028b", "\ud800")),
        ("cafe\u0301", "a name must be in the Unicode form NFC"),
        ("é" * 121, "a name has at most 240 bytes"),
    ],
)
def test_misleading_names_are_refused(name, rule):
    with pytest.raises(VerifyError, match=f"(?s)E_UNSAFE .*: not a plain relative name; {rule}"):
        check_name(name)


def test_plain_names_are_accepted():
    for name in ("data/train-00000-of-00001.parquet", "café/ß.md", ".gitattributes", "é" * 120):
        check_name(name)


def test_a_folder_that_cannot_be_listed_is_refused(folder, monkeypatch):
    def denied(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(module.os, "scandir", denied)
    with pytest.raises(VerifyError, match="E_UNSAFE the files of the bundle cannot be listed"), open_tree(folder):
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


def test_attributes_are_not_looked_for_where_the_system_has_none(folder, monkeypatch):
    monkeypatch.delattr(module.os, "listxattr", raising=False)
    with open_tree(folder) as tree:
        assert tree.digest("a/b/c.txt") == hashlib.sha256(b"x" * 7).hexdigest()


def test_attributes_that_cannot_be_read_are_refused(folder, monkeypatch):
    def failing(_descriptor):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(module.os, "listxattr", failing, raising=False)
    with pytest.raises(VerifyError, match="E_UNSAFE the files of the bundle cannot be listed"), open_tree(folder):
        pass


ENVELOPE = "attestation/release.dsse.json"
DATA = "data/train-00000-of-00001.parquet"


def flip(path, offset, bit=1):
    data = bytearray(path.read_bytes())
    data[offset] ^= bit
    path.write_bytes(bytes(data))


def test_a_flipped_bit_at_many_places_of_every_file_is_refused_with_its_code(copy, judge):
    for file in sorted(file for file in copy.rglob("*") if file.is_file()):
        name = file.relative_to(copy).as_posix()
        before = file.read_bytes()
        wanted = 11 if name == ENVELOPE else 10
        for place in sorted({0, len(before) // 3, len(before) // 2, len(before) - 1}):
            flip(file, place, 1 << (place % 8))
            found = judge(copy)
            assert (found.ok, found.code) == (False, wanted), (name, place, found.failure)
            assert name == ENVELOPE or name in found.failure
            file.write_bytes(before)


def test_every_changed_byte_of_the_envelope_is_refused(copy, judge):
    file = copy / ENVELOPE
    before = file.read_bytes()
    for place in range(0, len(before), 1 + len(before) // 150):
        flip(file, place)
        assert judge(copy).code == 11, place
        file.write_bytes(before)


def swap(copy, one, other):
    for old, new in ((one, "swap"), (other, one), ("swap", other)):
        (copy / old).rename(copy / new)


def link(copy):
    (copy / "README.md").unlink()
    (copy / "README.md").symlink_to("/etc/hostname")


def link_folder(copy):
    (copy / "provenance").rename(copy.parent / "elsewhere")
    (copy / "provenance").symlink_to(copy.parent / "elsewhere")


# by number in the tamper matrix: a change of the files, and the expected error code
FILES = {
    "03-extra-file": (lambda c: (c / "notes.txt").write_text("x"), "E_EXTRA"),
    "04-extra-dot-folder": (lambda c: (c / ".git").mkdir(), "E_EXTRA"),
    "04-extra-dot-folder-file": (lambda c: ((c / ".git").mkdir(), (c / ".git/x").write_text("x")), "E_EXTRA"),
    "05-extra-in-attestation": (lambda c: (c / "attestation/x.json").write_text("{}"), "E_EXTRA"),
    "05-extra-folder-in-attestation": (lambda c: (c / "attestation/more").mkdir(), "E_EXTRA"),
    "06-data-deleted": (lambda c: (c / DATA).unlink(), "E_MISSING"),
    "07-envelope-deleted": (lambda c: (c / ENVELOPE).unlink(), "E_MISSING"),
    "07-attestation-deleted": (lambda c: shutil.rmtree(c / "attestation"), "E_MISSING"),
    "08-two-files-swapped": (lambda c: swap(c, "evidence/memorization.json", "evidence/membership.json"), "E_DIGEST"),
    "09-symlink": (link, "E_UNSAFE"),
    "09-symlinked-folder": (link_folder, "E_UNSAFE"),
    "10-hard-link": (lambda c: os.link(c / "README.md", c.parent / "second"), "E_UNSAFE"),
    "11-fifo": (lambda c: os.mkfifo(c / "data/pipe"), "E_UNSAFE"),
    "13-case-collision": (lambda c: (c / "readme.md").write_text("x"), "E_UNSAFE"),
    "14-bidi-name": (lambda c: (c / "a\u202etxt.md").write_text("x"), "E_UNSAFE"),
    "14-control-name": (lambda c: (c / "a\x1b]0;x").write_text("x"), "E_UNSAFE"),
    "14-decomposed-name": (lambda c: (c / "cafe\u0301.md").write_text("x"), "E_UNSAFE"),
    "53-long-name": (lambda c: (c / ("a" * 241)).write_text("x"), "E_UNSAFE"),
}


@pytest.mark.parametrize("case", sorted(FILES))
def test_tampered_files_are_refused(case, copy, judge):
    change, code = FILES[case]
    change(copy)
    found = judge(copy)
    assert not found.ok
    assert found.failure.startswith(code), found.failure
    assert found.failure.isprintable()


@pytest.mark.parametrize("name", ["README.md", "SHA256SUMS", DATA])
def test_missing_signed_file_is_reported_before_files_are_read(copy, judge, name):
    (copy / name).unlink()
    found = judge(copy)
    assert (found.checks[-1].id, found.failure.split(":")[0]) == ("files", f"E_MISSING {name}")
