import re

import pytest

from synthgen.core.errors import ConfigError, StorageError
from synthgen.decode.prompting.template import TEMPLATE, fill, load_template


@pytest.mark.parametrize(
    ("template", "values", "filled"),
    [
        ("[{label}][ {terms}]", {"label": "ant", "terms": "a, b"}, "ant a, b"),
        ("[{label}][ {terms}]", {"terms": "a"}, " a"),
        ("[{label}][ {terms}]", {"label": "ant"}, "ant"),
        ("Say {label}: {terms}", {"label": "ant"}, "Say ant: "),
        ("[{label}][ {terms}]", {"label": "{terms}", "terms": "a"}, "{terms} a"),
        ("[{label}][ {terms}]", {"label": "[a]", "terms": "{label}"}, "[a] {label}"),
        ("[{label} of {person}. ]{terms}", {"label": "ant", "terms": "a"}, "a"),
    ],
)
def test_parts_with_an_empty_field_are_omitted(template, values, filled):
    assert fill(template, values) == filled


def test_built_in_template_states_each_field_that_is_known():
    fields = {"label": "cats", "terms": "fur, milk", "person": "a man of 40", "length": "80", "language": "German"}
    fields["description"] = "Notes about cats."
    whole = fill(TEMPLATE, fields)
    assert all(value in whole for value in fields.values())
    assert fill(TEMPLATE, {}) == "Write a short paragraph. Write the paragraph only."
    assert not re.search(r"[{}\[\]]", whole)


def test_invalid_template_is_refused_with_all_its_problems(tmp_path):
    (tmp_path / "a.txt").write_text("Write of {label} and {age} [ [{length}] } .")
    with pytest.raises(ConfigError, match="not a valid template") as refused:
        load_template("a.txt", tmp_path.joinpath)
    assert [re.split("[:;]", problem)[0] for problem in refused.value.problems] == [
        "{age}",
        "{terms}",
        "the template contains a brace, { or }, outside a field",
        "the template contains a square bracket without partner or inside other brackets",
    ]
    (tmp_path / "b.txt").write_bytes(b"\xff\xfe{terms}")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_template("b.txt", tmp_path.joinpath)
    with pytest.raises(StorageError, match="cannot be read"):
        load_template("c.txt", tmp_path.joinpath)
    (tmp_path / "d.txt").write_text("Write of {label} with {terms}.\n")
    assert load_template("d.txt", tmp_path.joinpath) == "Write of {label} with {terms}."
    assert load_template("builtin", tmp_path.joinpath) == TEMPLATE
