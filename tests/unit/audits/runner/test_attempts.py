import json
import stat
from dataclasses import replace

import pytest

from audits.core.errors import InputError
from audits.core.types import Table
from audits.runner.attempts import attempt


def table(*texts):
    return Table(texts=texts, labels=None, groups=tuple(map(str, range(len(texts)))), has_groups=True)


CONTROL = table(*(f"control person {i} wrote this" for i in range(200)))


def synthetic(i):
    return table(f"made up {i}", "made up as well", f"and this {i}")


def test_other_synthetic_tables_count_and_the_same_one_does_not(tmp_path):
    ledger = tmp_path / "attempts.jsonl"
    assert [attempt(ledger, synthetic(i), CONTROL) for i in (0, 1, 1, 0, 2)] == [1, 2, 2, 1, 3]
    shuffled = table(*synthetic(2).texts[::-1])
    assert attempt(ledger, shuffled, CONTROL) == 3
    assert len(ledger.read_bytes().splitlines()) == 3
    assert stat.S_IMODE(ledger.stat().st_mode) == 0o600


def test_a_control_group_is_the_same_while_a_hundredth_of_it_is(tmp_path):
    ledger = tmp_path / "a"
    attempt(ledger, synthetic(0), CONTROL)
    fewer = replace(CONTROL, texts=CONTROL.texts[:150], groups=CONTROL.groups[:150])
    assert attempt(ledger, synthetic(1), fewer) == 2
    others = tuple(f"somebody else {i}" for i in range(200))
    assert attempt(ledger, synthetic(2), table(*others[:198], *CONTROL.texts[198:])) == 1
    assert attempt(ledger, synthetic(3), table(*others[:197], *CONTROL.texts[197:])) == 3  # 0 and 2 were asked of it


def test_the_ledger_holds_no_text(tmp_path):
    ledger = tmp_path / "a"
    attempt(ledger, synthetic(0), CONTROL)
    assert b"person" not in ledger.read_bytes().replace(b"previous", b"")
    assert b"made up" not in ledger.read_bytes()


@pytest.mark.parametrize("line", [0, 1])
def test_a_changed_line_is_noticed(tmp_path, line):
    ledger = tmp_path / "a"
    for i in range(3):
        attempt(ledger, synthetic(i), CONTROL)
    lines = ledger.read_bytes().splitlines()
    entry = json.loads(lines[line])
    entry["synthetic"] = "0" * 64
    lines[line] = json.dumps(entry, separators=(",", ":"), sort_keys=True).encode()
    ledger.write_bytes(b"\n".join(lines) + b"\n")
    with pytest.raises(InputError, match=f"line {line + 2} is not as it was written"):
        attempt(ledger, synthetic(5), CONTROL)


@pytest.mark.parametrize("change", [lambda b: b[1:], lambda b: b"{}\n" + b, lambda b: b + b"7\n"])
def test_a_file_that_is_no_ledger_is_refused(tmp_path, change):
    ledger = tmp_path / "a"
    attempt(ledger, synthetic(0), CONTROL)
    before = change(ledger.read_bytes())
    ledger.write_bytes(before)
    with pytest.raises(InputError, match="is not as it was written"):
        attempt(ledger, synthetic(1), CONTROL)
    assert ledger.read_bytes() == before


def test_a_line_that_was_cut_off_is_told(tmp_path):
    ledger = tmp_path / "a"
    attempt(ledger, synthetic(0), CONTROL)
    ledger.write_bytes(ledger.read_bytes()[:-5])
    with pytest.raises(InputError, match="last line is not whole"):
        attempt(ledger, synthetic(1), CONTROL)


def test_a_place_that_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be used"):
        attempt(tmp_path / "no" / "where", synthetic(0), CONTROL)
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="cannot be used"):
        attempt(tmp_path / "folder", synthetic(0), CONTROL)
