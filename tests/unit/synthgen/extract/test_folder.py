import os
import socket
from dataclasses import replace

import pytest

from synthgen.core.errors import DataError
from synthgen.extract import folder
from synthgen.extract.documents.plain import OTHER_CHARSET
from synthgen.extract.file_fields import NO_DATE
from synthgen.extract.folder import read_folder
from synthgen.extract.note import Dropped, Fields, Note, Remark


def write(root, files):
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)


def read(root, encoding="utf-8", **fields):
    return list(read_folder(root, Fields(**fields), encoding))


def dropped(items):
    return {item.place: item.reason for item in items if isinstance(item, Dropped)}


def test_each_file_of_a_known_type_is_a_note(tmp_path, pdf_of):
    files = {
        "letter/b.TXT": b"text",
        "letter/a.text": b"text",
        "letter/c/d.md": b"text",
        "letter.txt": b"text",
        "report/a.html": b"<p>text",
        "report/a.HTM": b"<p>text",
        "report/a.xhtml": b"<p>text</p>",
        "report/a.rtf": rb"{\rtf1 text}",
        "report/a.pdf": pdf_of([b"text"]),
    }
    write(tmp_path, files)
    items = read(tmp_path)
    names = ["letter/a.text", "letter/b.TXT", "letter/c/d.md", "letter.txt"]
    names += [f"report/a.{suffix}" for suffix in ("HTM", "html", "pdf", "rtf", "xhtml")]
    assert items == [
        Note(place=name, document=name, text="text", person="", label=name.split("/")[0] if "/" in name else "")
        for name in names
    ]


def test_fields_are_parts_of_the_path(tmp_path):
    write(tmp_path, {"p1/2024-01-31/e7_letter_mueller.txt": b"a", "p1/none/x.txt": b"a", "20240230/2024/x.txt": b"a"})
    fields = {"person": "folder 1", "encounter": "name 1", "date": "folder 2", "label": "name 2", "author": "name 3"}
    notes = {item.place: item for item in read(tmp_path, **fields) if isinstance(item, Note)}
    note = notes["p1/2024-01-31/e7_letter_mueller.txt"]
    assert (note.person, note.encounter, note.date, note.label, note.author) == (
        "p1",
        "e7",
        "2024-01-31",
        "letter",
        "mueller",
    )
    assert (notes["p1/none/x.txt"].label, notes["p1/none/x.txt"].date) == ("", "")
    remarks = [item for item in read(tmp_path, date="folder 1") if isinstance(item, Remark)]
    assert remarks == [Remark(NO_DATE, place) for place in sorted(notes)]
    write(tmp_path, {"20240131/x.txt": b"a"})
    assert {item.date for item in read(tmp_path, date="folder 1") if isinstance(item, Note)} == {"2024-01-31", ""}


def test_the_date_may_be_that_of_the_last_change(tmp_path):
    write(tmp_path, {"x/a.txt": b"a", "x/b.txt": b"a"})
    os.utime(tmp_path / "x/a.txt", (0, 86_399))
    os.utime(tmp_path / "x/b.txt", (0, 86_400))
    assert [note.date for note in read(tmp_path, date="modified")] == ["1970-01-01", "1970-01-02"]


def test_files_that_are_not_read_are_dropped_with_a_reason(tmp_path, pdf_of):
    outside = tmp_path / "outside"
    root = tmp_path / "root"
    write(outside, {"secret.txt": b"secret"})
    write(root, dict.fromkeys(("x/ok.txt", "x/a.doc", "x/a.DOCX", "x/a.jpg", "x/none"), b"x"))
    write(root, {"x/empty.txt": b"", "x/blank.rtf": b" \r\n", "x/nul.txt": b"a\0", "x/scan.pdf": pdf_of([b""])})
    write(root, {"x/.hidden.txt": b"x", ".git/a.txt": b"x", "__MACOSX/a.txt": b"x"})
    write(root, {"x/~$a.rtf": b"x", "x/Thumbs.db": b"x", "x/desktop.ini": b"x"})
    (root / "x/link.txt").symlink_to(outside / "secret.txt")
    (root / "x/folder").symlink_to(outside)
    (root / "x/inner").symlink_to(root / "x")
    (root / "x/loop.txt").symlink_to("loop.txt")
    (root / "x/again.txt").symlink_to("ok.txt")
    os.mkfifo(root / "x/pipe.txt")
    items = read(root)
    assert [item.document for item in items if isinstance(item, Note)] == ["x/again.txt", "x/ok.txt"]
    assert dropped(items) == {
        ".git": folder.HIDDEN,
        "__MACOSX": folder.HIDDEN,
        "x/.hidden.txt": folder.HIDDEN,
        "x/~$a.rtf": folder.HIDDEN,
        "x/Thumbs.db": folder.HIDDEN,
        "x/desktop.ini": folder.HIDDEN,
        "x/a.doc": folder.WORD,
        "x/a.DOCX": folder.WORD,
        "x/a.jpg": folder.NOT_READ,
        "x/none": folder.NOT_READ,
        "x/empty.txt": folder.EMPTY,
        "x/blank.rtf": folder.EMPTY,
        "x/nul.txt": "NUL characters in the text",
        "x/scan.pdf": "no text in the PDF",
        "x/link.txt": folder.OUTSIDE,
        "x/folder": folder.OUTSIDE,
        "x/inner": folder.LINKED_FOLDER,
        "x/loop.txt": folder.OUTSIDE,
        "x/pipe.txt": folder.NOT_REGULAR,
    }


def test_names_and_files_that_cannot_be_opened_are_dropped(tmp_path, monkeypatch):
    write(tmp_path, {"x/ok.txt": b"a", "x/big.txt": b"too big"})
    (tmp_path / os.fsdecode(b"x/caf\xe9.txt")).write_bytes(b"a")
    with socket.socket(socket.AF_UNIX) as server:
        monkeypatch.chdir(tmp_path)
        server.bind("x/socket.txt")
    monkeypatch.setattr(folder, "MAX_FILE_BYTES", 3)
    assert dropped(read(tmp_path)) == {
        "x/big.txt": folder.UNOPENED,
        "x/caf\\udce9.txt": folder.NOT_UTF8,
        "x/socket.txt": folder.NOT_REGULAR,
    }


def test_the_encoding_is_the_declared_charset_of_text_files(tmp_path):
    write(tmp_path, {"x/a.txt": b"caf\xe9", "x/b.html": b"<p>caf\xc3\xa9"})
    assert [item.text for item in read(tmp_path, "cp1252")] == ["café", "café"]
    items = read(tmp_path, "utf-8")
    assert [item for item in items if isinstance(item, Remark)] == [Remark(OTHER_CHARSET, "x/a.txt")]
    assert [item.text for item in items if isinstance(item, Note)] == ["café", "café"]


def test_a_link_to_the_folder_itself_is_followed(tmp_path):
    write(tmp_path, {"real/x/a.txt": b"a"})
    (tmp_path / "link").symlink_to("real")
    assert [item.document for item in read(tmp_path / "link")] == ["x/a.txt"]


def test_a_folder_without_a_readable_document_is_refused(tmp_path):
    with pytest.raises(DataError, match="no readable document") as caught:
        read(tmp_path)
    assert caught.value.problems == ("the folder is empty or has only hidden files",)
    write(tmp_path, {"x/a.doc": b"a", "x/b.doc": b"a", "x/c.txt": b"", "x/Mueller.Peter": b"a", "x/.y.txt": b"a"})
    with pytest.raises(DataError, match="no readable document") as caught:
        read(tmp_path)
    assert sorted(caught.value.problems) == [".doc: 2 files", ".peter: 1 files", ".txt: 1 files"]
    assert "Convert Word" in caught.value.hint


def test_a_file_instead_of_a_folder_and_wrong_fields_are_refused(tmp_path):
    write(tmp_path, {"a.txt": b"a"})
    with pytest.raises(DataError, match="is not a folder"):
        read(tmp_path / "a.txt")
    with pytest.raises(DataError) as caught:
        read(tmp_path, person="modified", date="modified", label="column 3")
    assert len(caught.value.problems) == 2


def test_damaged_files_end_in_items(tmp_path, pdf_of, damaged):
    samples = {
        "a.txt": "é“x”".encode(),
        "b.html": b"<p>a<table><td>b",
        "c.rtf": rb"{\rtf1 {\v x}a}",
        "d.pdf": pdf_of([b"x"]),
    }
    write(tmp_path, {"x/ok.txt": b"a"})
    for i, copies in enumerate(zip(*(damaged(data, 50) for data in samples.values()), strict=True)):
        write(tmp_path, {f"x/{i}{name}": data for name, data in zip(samples, copies, strict=True)})
    items = read(tmp_path)
    n_files = sum(isinstance(item, Note | Dropped) for item in items)
    assert n_files == 201
    assert len({replace(item) for item in items}) == len(items)
