"""Every way listed in the release design to change the files of a bundle is refused with its code."""

import os
import shutil

import pytest

ENVELOPE = "attestation/release.dsse.json"
DATA = "data/train-00000-of-00001.parquet"


def flip(path, offset, bit=1):
    data = bytearray(path.read_bytes())
    data[offset] ^= bit
    path.write_bytes(bytes(data))


def test_a_flipped_bit_at_many_places_of_every_file_is_refused_with_its_code(copy, judge):
    files = sorted(file for file in copy.rglob("*") if file.is_file())
    for file in files:
        name = file.relative_to(copy).as_posix()
        before = file.read_bytes()
        wanted = 11 if name == ENVELOPE else 10
        for place in sorted({0, len(before) // 3, len(before) // 2, len(before) - 1}):
            flip(file, place, 1 << (place % 8))
            found = judge(copy)
            assert (found.ok, found.code) == (False, wanted), (name, place, found.failure)
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


# number in the tamper matrix, what is done to the files, wanted code
FILES = {
    "01-data-flipped": (lambda c: flip(c / DATA, 40), "E_DIGEST"),
    "02-card-edited": (lambda c: (c / "README.md").write_text("fine"), "E_DIGEST"),
    "02-report-edited": (lambda c: (c / "report/report.html").write_text("fine"), "E_DIGEST"),
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
