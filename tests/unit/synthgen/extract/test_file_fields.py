from pathlib import PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.core.errors import DataError
from synthgen.extract.file_fields import file_field, require_locations

PATH = PurePath("cardiology/p17/2024-01-31/p17_discharge-letter v2.final.txt")


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("folder 1", "cardiology"),
        ("folder 2", "p17"),
        ("folder -1", "2024-01-31"),
        ("folder -3", "cardiology"),
        ("folder 4", ""),
        ("folder -4", ""),
        ("name", "p17_discharge-letter v2.final"),
        ("name 1", "p17"),
        ("name 2", "discharge"),
        ("name 3", "letter"),
        ("name -1", "final"),
        ("name -5", "p17"),
        ("name 6", ""),
    ],
)
def test_a_location_names_a_part_of_the_path(location, expected):
    assert file_field(PATH, location) == expected


@pytest.mark.parametrize("name", ["__a--b__.txt", "a_b.txt", " a . b.rtf"])
def test_repeated_separators_are_one(name):
    assert [file_field(PurePath(name), f"name {n}") for n in (1, 2, 3)] == ["a", "b", ""]


WRONG = [
    "",
    "folder",
    "folder 0",
    "name 0",
    "folder x",
    "folder  1",
    " name",
    "name 1 ",
    "Name",
    "modified",
    "name 99999",
]


@pytest.mark.parametrize("location", WRONG)
def test_another_notation_is_refused(location):
    with pytest.raises(DataError, match=r"source\.fields cannot be used"):
        file_field(PATH, location)


def test_all_wrong_locations_are_listed():
    with pytest.raises(DataError) as caught:
        require_locations({"person": "x", "label": "folder 1", "date": None, "author": "name 0"})
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "source.fields.person",
        "source.fields.author",
    ]
    assert "folder N" in caught.value.hint


@given(st.text(max_size=12))
def test_any_location_is_a_part_of_the_path_or_refused(location):
    try:
        found = file_field(PATH, location)
    except DataError:
        return
    assert found in str(PATH)


@given(st.lists(st.text("ab", min_size=1), min_size=1, max_size=5), st.integers(1, 7))
def test_numbers_from_both_ends_name_the_same_folder(folders, number):
    path = PurePath(*folders, "x.txt")
    if number <= len(folders):
        assert file_field(path, f"folder {number}") == file_field(path, f"folder {number - len(folders) - 1}")
        assert file_field(path, f"folder {number}") == folders[number - 1]
