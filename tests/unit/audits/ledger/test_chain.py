import json
import resource
import shutil
import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.core.errors import InputError
from audits.core.strictjson import canonical
from audits.ledger.chain import FILE, HighWaterMark, ledger_id, opened
from audits.ledger.places import chain_mark_path


@pytest.fixture
def place(tmp_path):
    """A ledger with three lines, and its high-water mark."""
    folder, high_water_mark = tmp_path / "ledger", HighWaterMark(tmp_path / "keys" / "seen.json")
    for i in range(3):
        add(folder, high_water_mark, i)
    return folder, high_water_mark


def add(folder, high_water_mark, i):
    with opened(folder, high_water_mark) as chain:
        chain.append({"thing": i})
        return chain.head()


def entries(folder, high_water_mark):
    with opened(folder, high_water_mark) as chain:
        return list(chain.entries)


def refused(folder, high_water_mark, match):
    before = {p.name: p.read_bytes() for p in folder.glob("*") if p.is_file()}
    with pytest.raises(InputError, match=match) as caught:
        add(folder, high_water_mark, 9)
    after = {p.name: p.read_bytes() for p in folder.glob("*") if p.is_file()}
    assert after in (before, {**before, "lock": b""})
    assert "restore " in caught.value.hint.lower() or "chmod" in caught.value.hint


def test_lines_are_read_in_order_and_only_by_the_owner(place):
    folder, high_water_mark = place
    assert entries(*place) == [{"thing": 0}, {"thing": 1}, {"thing": 2}]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE((folder / name).stat().st_mode) for name in (FILE, "key")} == {0o600}
    assert high_water_mark.read().entries == 3
    assert stat.S_IMODE(high_water_mark.path.stat().st_mode) == 0o600


def test_head_depends_on_the_key(tmp_path):
    heads = [add(tmp_path / name, HighWaterMark(tmp_path / f"{name}.json"), 0) for name in "ab"]
    assert heads[0].id != heads[1].id
    assert heads[0].head != heads[1].head
    assert add(tmp_path / "a", HighWaterMark(tmp_path / "a.json"), 0).head != heads[0].head


@pytest.mark.parametrize("line", [0, 1, 2])
@pytest.mark.parametrize("change", ["entry", "number", "version", "mac", "more", "dropped", "swapped", "spelling"])
def test_changed_line_is_detected(place, line, change):
    folder, high_water_mark = place
    lines = (folder / FILE).read_bytes().splitlines()
    value = json.loads(lines[line])
    changes = {"entry": {"thing": 7}, "number": 9, "version": 2, "mac": "0" * 64, "more": 1}
    if change in changes:
        lines[line] = json.dumps(value | {change: changes[change]}, separators=(",", ":"), sort_keys=True).encode()
    elif change == "spelling":
        lines[line] = lines[line].replace(b":", b": ", 1)
    elif change == "dropped":
        del lines[line]
    else:
        lines[line], lines[line - 1] = lines[line - 1], lines[line]
    (folder / FILE).write_bytes(b"".join(part + b"\n" for part in lines))
    refused(folder, high_water_mark, "line .* was changed|entries, but had 3|line .* is not")


def test_line_under_another_key_is_detected(place, tmp_path):
    folder, high_water_mark = place
    add(tmp_path / "other", HighWaterMark(tmp_path / "other.json"), 0)
    (folder / FILE).write_bytes((tmp_path / "other" / FILE).read_bytes())
    refused(folder, high_water_mark, "line 1 was changed")


@pytest.mark.parametrize(
    ("gone", "match"),
    [
        ((FILE,), "its file `attempts"),
        (("key",), "its file `key`"),
        ((FILE, "key"), "its file `key`"),
        ((FILE, "key", "lock"), "its file `key`"),
    ],
)
def test_missing_file_is_detected_and_not_created(place, gone, match):
    folder, high_water_mark = place
    for name in gone:
        (folder / name).unlink()
    refused(folder, high_water_mark, f"lacks {match}")


def test_deleted_folder_is_detected(place):
    folder, high_water_mark = place
    shutil.rmtree(folder)
    with pytest.raises(InputError, match="lacks its file `key`"):
        add(folder, high_water_mark, 9)
    assert not folder.exists()  # an empty folder would obstruct a restoration


def test_older_copy_with_new_lines_is_detected(place, tmp_path):
    folder, high_water_mark = place
    shutil.copytree(folder, tmp_path / "older")
    add(folder, high_water_mark, 3)
    chain_mark_path(ledger_id(folder)).unlink()  # this mark alone would refuse the older copy
    add(tmp_path / "older", HighWaterMark(tmp_path / "m.json"), 4)
    add(tmp_path / "older", HighWaterMark(tmp_path / "m.json"), 5)
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "older", folder)
    refused(folder, high_water_mark, "does not have the same entries as before")


def test_another_ledger_is_detected(place, tmp_path):
    _, high_water_mark = place
    add(tmp_path / "third", HighWaterMark(tmp_path / "third.json"), 0)
    with pytest.raises(InputError, match="is not the ledger that was used before"):
        add(tmp_path / "third", high_water_mark, 1)
    with pytest.raises(InputError, match="lacks its file `key`"):
        add(tmp_path / "fresh", high_water_mark, 0)
    assert not (tmp_path / "fresh" / "key").exists()


def test_ledger_may_be_used_with_two_marks(place, tmp_path):
    folder, high_water_mark = place
    elsewhere = HighWaterMark(tmp_path / "elsewhere.json")
    add(folder, elsewhere, 3)
    assert add(folder, high_water_mark, 4).entries == 5
    assert elsewhere.read().entries == 4


@pytest.mark.parametrize("other_mark", [False, True])
@pytest.mark.parametrize("other_folder", [False, True])
def test_older_copy_is_detected_with_another_folder_or_mark(place, tmp_path, other_folder, other_mark):
    folder, high_water_mark = place
    shutil.copytree(folder, tmp_path / "older")
    add(folder, high_water_mark, 3)
    if not other_folder:
        shutil.rmtree(folder)
        shutil.copytree(tmp_path / "older", folder)
    mark = HighWaterMark(tmp_path / "m.json") if other_mark else high_water_mark
    refused(tmp_path / "older" if other_folder else folder, mark, "has 3 entries, but had 4 before")


def test_either_of_two_marks_detects_a_rollback_and_both_are_updated(place, tmp_path):
    folder, high_water_mark = place
    own = HighWaterMark(chain_mark_path(ledger_id(folder)))
    assert own.read() == high_water_mark.read()
    older = own.path.read_bytes()
    assert add(folder, HighWaterMark(tmp_path / "m.json"), 3) == own.read()
    assert high_water_mark.read().entries == 3
    own.path.write_bytes(older)  # as after a restored home folder; the other mark is newer
    (folder / FILE).write_bytes(b"".join((folder / FILE).read_bytes().splitlines(keepends=True)[:3]))
    refused(folder, HighWaterMark(tmp_path / "m.json"), "has 3 entries, but had 4 before")
    own.path.write_bytes(b"x")
    refused(folder, high_water_mark, "does not contain the high-water mark of a ledger")


def test_unusable_folder_or_mark_is_an_error(place, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"m\.json: the high-water mark cannot be written"):
        add(place[0], HighWaterMark(tmp_path / "file" / "m.json"), 3)
    with pytest.raises(InputError, match="cannot be used"):
        add(tmp_path / "file", HighWaterMark(tmp_path / "m.json"), 0)


def test_new_ledger_needs_the_removal_of_folder_and_mark(place):
    folder, high_water_mark = place
    shutil.rmtree(folder)
    high_water_mark.path.unlink()
    assert add(folder, high_water_mark, 0).entries == 1


@pytest.mark.parametrize("cut", [1, 5, 60])
def test_a_cut_line_that_both_marks_cover_is_refused(place, cut):
    folder, high_water_mark = place
    (folder / FILE).write_bytes((folder / FILE).read_bytes()[:-cut])
    refused(folder, high_water_mark, "has 2 entries, but had 3 before")
    high_water_mark.path.unlink()  # the mark in the user's data folder is enough
    refused(folder, high_water_mark, "has 2 entries, but had 3 before")
    folder.chmod(0o750)
    refused(folder, high_water_mark, "other users may read")


@pytest.mark.parametrize("kept", [1, 40, -1])
def test_an_interrupted_write_is_removed_and_reported(place, kept, caplog):
    folder, high_water_mark = place
    whole = (folder / FILE).read_bytes()
    torn = whole.splitlines(keepends=True)[0][:kept]
    (folder / FILE).write_bytes(whole + torn)
    assert entries(folder, high_water_mark) == [{"thing": 0}, {"thing": 1}, {"thing": 2}]
    assert (folder / FILE).read_bytes() == whole
    assert f"removed {len(torn)} bytes of a partly written line; its 3 other lines" in caplog.text
    assert add(folder, high_water_mark, 3).entries == 4


@pytest.mark.parametrize("room", [0, 1, 90, 1000])
def test_a_line_is_added_completely_or_not_at_all(place, room):
    folder, high_water_mark = place
    before, soft = (folder / FILE).stat().st_size, resource.getrlimit(resource.RLIMIT_FSIZE)
    entry = {"thing": "x" * 2000}
    with opened(folder, high_water_mark) as chain:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before + room, soft[1]))
        try:
            with pytest.raises(InputError, match=r"no line can be added \(File too large.* MiB are needed") as caught:
                chain.append(entry)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, soft)
    assert "Nothing was recorded" in caught.value.hint
    assert (folder / FILE).stat().st_size == before
    assert high_water_mark.read().entries == 3
    with opened(folder, high_water_mark) as chain:
        chain.append(entry)
    assert entries(folder, high_water_mark)[3] == entry


@pytest.mark.parametrize("content", [b"", b"{}", b"x", b'{"entries":-1,"head":"","id":"","version":1}'])
def test_malformed_mark_is_refused_and_kept(place, content):
    folder, high_water_mark = place
    high_water_mark.path.write_bytes(content)
    refused(folder, high_water_mark, "does not contain the high-water mark of a ledger")
    assert high_water_mark.path.read_bytes() == content


@given(st.integers(0, 400), st.integers(1, 255))
def test_every_changed_byte_is_detected(at, by):
    with tempfile.TemporaryDirectory() as root:
        folder, high_water_mark = Path(root) / "ledger", HighWaterMark(Path(root) / "seen.json")
        add(folder, high_water_mark, 0)
        data = bytearray((folder / FILE).read_bytes())
        data[at % len(data)] ^= by
        (folder / FILE).write_bytes(bytes(data))
        with pytest.raises(InputError):
            add(folder, high_water_mark, 1)


@pytest.mark.parametrize("changes", [{"version": 2}, {"number": 5}, {"number": 3}])
def test_line_of_another_version_or_number_is_refused_despite_a_valid_mac(place, changes):
    folder, high_water_mark = place
    with opened(folder, high_water_mark) as chain:
        line = {"version": 1, "number": 4, "entry": {"thing": 3}, **changes}
        mac = chain._next(line)
    with (folder / FILE).open("ab") as file:
        file.write(canonical({**line, "mac": mac}) + b"\n")
    refused(folder, high_water_mark, "line 4 was changed")


@pytest.mark.parametrize("changes", [{"id": "1" * 31}, {"head": "F" * 64}, {"entries": -1}, {"version": 2}])
def test_mark_with_an_invalid_field_is_refused(place, changes):
    folder, high_water_mark = place
    value = json.loads(high_water_mark.path.read_bytes())
    high_water_mark.path.write_bytes(canonical({**value, **changes}))
    with pytest.raises(InputError, match="does not contain the high-water mark of a ledger"):
        entries(folder, high_water_mark)


def test_id_exists_before_the_first_line_and_is_constant(tmp_path):
    folder, high_water_mark = tmp_path / "ledger", HighWaterMark(tmp_path / "keys" / "seen.json")
    begun = ledger_id(folder)
    assert high_water_mark.read() is None
    assert {add(folder, high_water_mark, i).id for i in range(2)} == {begun} == {ledger_id(folder)}
    assert ledger_id(tmp_path / "other") != begun
    assert entries(folder, high_water_mark) == [{"thing": 0}, {"thing": 1}]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_id_needs_the_own_key(place, tmp_path):
    folder, _ = place
    ledger_id(tmp_path / "other")
    shutil.copy(tmp_path / "other" / "key", folder / "key")
    with pytest.raises(InputError, match="line 1 was changed"):
        ledger_id(folder)
    (folder / "key").unlink()
    with pytest.raises(InputError, match="lacks its file `key`") as caught:
        ledger_id(folder)
    assert "beside the releaser's key" in caught.value.hint
    assert not (folder / "key").exists()
