"""Identifiers in one synthetic row, from the command line to the verdict, without a list of identifiers."""

import pytest

# at most three codes a run, because seven would exceed those of control whatever their form
CODES = {
    "": ("1EG4-TE5-MK73", "AB12CDE34", "SW-7F3A9C1B"),
    "passport ": ("AB12CDE34", "9J2K-4M7Q", "SW-7F3A9C1B"),
    "the purple ": ("1EG4-TE5-MK73", "K7F3A9C1", "AB12-CDE34"),
}


@pytest.fixture
def tables(people, rows_of):
    """Return tables of 400 train, 400 control and 390 fresh people without identifiers."""
    sizes = {"train": (400, 31), "control": (400, 32), "synthetic": (390, 33)}
    return {name: rows_of(people(n, seed=seed, prefix=name, rows=(1, 1))) for name, (n, seed) in sizes.items()}


def added(rows, row, words):
    """Return the rows with words added to one of them."""
    text, person = rows[row]
    return [*rows[:row], (f"{text} {words} {text[:40]}", person), *rows[row + 1 :]]


@pytest.mark.parametrize("before", CODES)
def test_a_code_of_letters_and_digits_of_one_person_is_a_leak_after_any_word(before, tables, audited):
    for i, code in enumerate(CODES[before]):
        tables["train"] = added(tables["train"], 10 * i, f"{before}{code}")
        tables["synthetic"] = added(tables["synthetic"], 7 * i, f"{before}{code}")
    code, report, found, _ = audited("--only", "identifiers", **tables)
    assert found == {0, 7, 14}
    assert (code, report["results"][0]["verdict"]) == (4, "fail")


def test_one_code_is_enough_and_one_of_a_control_person_is_no_leak(tables, audited):
    tables["synthetic"] = added(tables["synthetic"], 5, "SW-7F3A9C1B")
    for side, verdict in (("train", "fail"), ("control", "pass")):
        changed = tables | {side: added(tables[side], 7, "SW-7F3A9C1B")}
        assert audited("--only", "identifiers", **changed)[1]["results"][0]["verdict"] == verdict
