import json
import shutil
import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.core.errors import InputError
from audits.core.strictjson import canonical
from audits.ledger.chain import HighWaterMark, chain_id, opened
from audits.ledger.places import seen_of

NAME = "things.jsonl"


@pytest.fixture
def place(tmp_path):
    """A ledger with three lines, and where it is remembered."""
    folder, high_water_mark = tmp_path / "ledger", HighWaterMark(tmp_path / "keys" / "seen.json")
    for i in range(3):
        add(folder, high_water_mark, i)
    return folder, high_water_mark


def add(folder, high_water_mark, i):
    with opened(folder, NAME, high_water_mark) as chain:
        chain.append({"thing": i})
        return chain.head()


def entries(folder, high_water_mark):
    with opened(folder, NAME, high_water_mark) as chain:
        return list(chain.entries)


def refused(folder, high_water_mark, match):
    before = {p.name: p.read_bytes() for p in folder.glob("*") if p.is_file()}
    with pytest.raises(InputError, match=match) as caught:
        add(folder, high_water_mark, 9)
    after = {p.name: p.read_bytes() for p in folder.glob("*") if p.is_file()}
    assert after in (before, {**before, "lock": b""})
    assert "restore" in caught.value.hint or "remove that line" in caught.value.hint or "chmod" in caught.value.hint


def test_lines_come_back_in_order_and_are_for_the_owner_alone(place):
    folder, high_water_mark = place
    assert entries(*place) == [{"thing": 0}, {"thing": 1}, {"thing": 2}]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE((folder / name).stat().st_mode) for name in (NAME, "key")} == {0o600}
    assert high_water_mark.read().entries == 3
    assert stat.S_IMODE(high_water_mark.path.stat().st_mode) == 0o600


def test_the_head_says_nothing_without_the_key(tmp_path):
    heads = [add(tmp_path / name, HighWaterMark(tmp_path / f"{name}.json"), 0) for name in "ab"]
    assert heads[0].id != heads[1].id
    assert heads[0].head != heads[1].head
    assert add(tmp_path / "a", HighWaterMark(tmp_path / "a.json"), 0).head != heads[0].head


@pytest.mark.parametrize("line", [0, 1, 2])
@pytest.mark.parametrize("change", ["entry", "number", "version", "mac", "more", "dropped", "swapped", "spelling"])
def test_a_changed_line_is_noticed_the_last_one_too(place, line, change):
    folder, high_water_mark = place
    lines = (folder / NAME).read_bytes().splitlines()
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
    (folder / NAME).write_bytes(b"".join(part + b"\n" for part in lines))
    refused(folder, high_water_mark, "not as it was written|entries, and held 3|line .* is not")


def test_a_line_under_another_key_is_noticed(place, tmp_path):
    folder, high_water_mark = place
    add(tmp_path / "other", HighWaterMark(tmp_path / "other.json"), 0)
    (folder / NAME).write_bytes((tmp_path / "other" / NAME).read_bytes())
    refused(folder, high_water_mark, "line 1 is not as it was written")


@pytest.mark.parametrize(
    ("gone", "match"),
    [
        ((NAME,), "lacks its things"),
        (("key",), "lacks its key"),
        ((NAME, "key"), "lacks its key"),
        ((NAME, "key", "lock"), "lacks its key"),
    ],
)
def test_a_missing_ledger_is_seen_and_nothing_is_made_in_its_place(place, gone, match):
    folder, high_water_mark = place
    for name in gone:
        (folder / name).unlink()
    refused(folder, high_water_mark, match)


def test_a_deleted_folder_is_seen(place):
    folder, high_water_mark = place
    shutil.rmtree(folder)
    with pytest.raises(InputError, match="lacks its key"):
        add(folder, high_water_mark, 9)
    assert not folder.exists()  # or it would stand in the way of its return


def test_an_older_copy_is_seen(place, tmp_path):
    folder, high_water_mark = place
    shutil.copytree(folder, tmp_path / "older")
    add(folder, high_water_mark, 3)
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "older", folder)
    refused(folder, high_water_mark, "holds 3 entries, and held 4 before")


def forget_by_id(folder):
    seen_of(chain_id(folder, NAME)).unlink()


def test_an_older_copy_that_went_on_is_seen(place, tmp_path):
    folder, high_water_mark = place
    shutil.copytree(folder, tmp_path / "older")
    add(folder, high_water_mark, 3)
    forget_by_id(folder)  # or the copy could not go on
    add(tmp_path / "older", HighWaterMark(tmp_path / "m.json"), 4)
    add(tmp_path / "older", HighWaterMark(tmp_path / "m.json"), 5)
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "older", folder)
    refused(folder, high_water_mark, "goes on from other entries")


def test_another_ledger_is_seen(place, tmp_path):
    _, high_water_mark = place
    add(tmp_path / "third", HighWaterMark(tmp_path / "third.json"), 0)
    with pytest.raises(InputError, match="is another one than was used before"):
        add(tmp_path / "third", high_water_mark, 1)


def test_a_fresh_ledger_where_another_is_remembered_is_not_made(place, tmp_path):
    _, high_water_mark = place
    with pytest.raises(InputError, match="lacks its key"):
        add(tmp_path / "fresh", high_water_mark, 0)
    assert not (tmp_path / "fresh" / "key").exists()


def test_a_ledger_that_went_on_elsewhere_is_the_same(place, tmp_path):
    folder, high_water_mark = place
    elsewhere = HighWaterMark(tmp_path / "elsewhere.json")
    add(folder, elsewhere, 3)
    assert add(folder, high_water_mark, 4).entries == 5
    assert elsewhere.read().entries == 4


@pytest.mark.parametrize("elsewhere", ["folder", "high_water_mark", "both"])
def test_an_older_copy_is_seen_under_another_path_and_beside_another_memory_too(place, tmp_path, elsewhere):
    folder, high_water_mark = place
    shutil.copytree(folder, tmp_path / "older")
    add(folder, high_water_mark, 3)
    if elsewhere == "high_water_mark":
        shutil.rmtree(folder)
        shutil.copytree(tmp_path / "older", folder)
    refused(
        folder if elsewhere == "high_water_mark" else tmp_path / "older",
        high_water_mark if elsewhere == "folder" else HighWaterMark(tmp_path / "m.json"),
        "holds 3 entries, and held 4 before",
    )


def test_of_two_memories_either_holds_the_chain_and_both_are_brought_up_to_date(place, tmp_path):
    folder, high_water_mark = place
    own = HighWaterMark(seen_of(chain_id(folder, NAME)))
    assert own.read() == high_water_mark.read()
    older = own.path.read_bytes()
    assert add(folder, HighWaterMark(tmp_path / "m.json"), 3) == own.read()
    assert high_water_mark.read().entries == 3
    own.path.write_bytes(older)  # behind, as after a restored home folder: the other one still knows
    (folder / NAME).write_bytes(b"".join((folder / NAME).read_bytes().splitlines(keepends=True)[:3]))
    refused(folder, HighWaterMark(tmp_path / "m.json"), "holds 3 entries, and held 4 before")
    own.path.write_bytes(b"x")
    refused(folder, high_water_mark, "not the high-water mark of a ledger")


def test_a_memory_that_cannot_be_written_is_told(place, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"m\.json: the high-water mark of a ledger cannot be written"):
        add(place[0], HighWaterMark(tmp_path / "file" / "m.json"), 3)


def test_a_new_institution_begins_by_removing_both(place):
    folder, high_water_mark = place
    shutil.rmtree(folder)
    high_water_mark.path.unlink()
    assert add(folder, high_water_mark, 0).entries == 1


def test_a_ledger_that_others_may_read_is_refused(place):
    folder, high_water_mark = place
    folder.chmod(0o750)
    refused(folder, high_water_mark, "may be read by others")


def test_a_line_that_was_cut_off_is_told(place):
    folder, high_water_mark = place
    (folder / NAME).write_bytes((folder / NAME).read_bytes()[:-5])
    refused(folder, high_water_mark, "last line is not whole")


@pytest.mark.parametrize("content", [b"", b"{}", b"x", b'{"entries":-1,"head":"","id":"","version":1}'])
def test_a_broken_memory_is_refused_and_never_replaced(place, content):
    folder, high_water_mark = place
    high_water_mark.path.write_bytes(content)
    refused(folder, high_water_mark, "not the high-water mark of a ledger")
    assert high_water_mark.path.read_bytes() == content


def test_a_place_that_cannot_be_used_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be used"):
        add(tmp_path / "file", HighWaterMark(tmp_path / "m.json"), 0)


@given(st.integers(0, 400), st.integers(1, 255))
def test_no_byte_can_be_changed(at, by):
    with tempfile.TemporaryDirectory() as root:
        folder, high_water_mark = Path(root) / "ledger", HighWaterMark(Path(root) / "seen.json")
        add(folder, high_water_mark, 0)
        data = bytearray((folder / NAME).read_bytes())
        data[at % len(data)] ^= by
        (folder / NAME).write_bytes(bytes(data))
        with pytest.raises(InputError):
            add(folder, high_water_mark, 1)


@pytest.mark.parametrize("changes", [{"version": 2}, {"number": 5}, {"number": 3}])
def test_a_line_of_another_version_or_number_is_not_read_though_its_mac_is_right(place, changes):
    folder, high_water_mark = place
    with opened(folder, NAME, high_water_mark) as chain:
        line = {"version": 1, "number": 4, "entry": {"thing": 3}, **changes}
        mac = chain._next(line)
    with (folder / NAME).open("ab") as file:
        file.write(canonical({**line, "mac": mac}) + b"\n")
    refused(folder, high_water_mark, "line 4 is not as it was written")


@pytest.mark.parametrize("changes", [{"id": "1" * 31}, {"head": "F" * 64}, {"entries": -1}, {"version": 2}])
def test_a_memory_with_a_field_out_of_bounds_is_none(place, changes):
    folder, high_water_mark = place
    value = json.loads(high_water_mark.path.read_bytes())
    high_water_mark.path.write_bytes(canonical({**value, **changes}))
    with pytest.raises(InputError, match="not the high-water mark of a ledger"):
        entries(folder, high_water_mark)


def test_the_id_is_there_before_the_first_line_and_stays(tmp_path):
    folder, high_water_mark = tmp_path / "ledger", HighWaterMark(tmp_path / "keys" / "seen.json")
    begun = chain_id(folder, NAME)
    assert high_water_mark.read() is None
    assert {add(folder, high_water_mark, i).id for i in range(2)} == {begun} == {chain_id(folder, NAME)}
    assert chain_id(tmp_path / "other", NAME) != begun
    assert entries(folder, high_water_mark) == [{"thing": 0}, {"thing": 1}]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_chain_keeps_no_line_under_another_id(place, tmp_path):
    folder, _ = place
    chain_id(tmp_path / "other", NAME)
    shutil.copy(tmp_path / "other" / "key", folder / "key")
    with pytest.raises(InputError, match="line 1 is not as it was written"):
        chain_id(folder, NAME)


def test_an_id_is_not_told_of_a_ledger_without_its_key(place):
    folder, _ = place
    (folder / "key").unlink()
    with pytest.raises(InputError, match="lacks its key") as caught:
        chain_id(folder, NAME)
    assert "beside the releaser's key" in caught.value.hint
    assert not (folder / "key").exists()
