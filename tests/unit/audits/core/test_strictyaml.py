import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.core.errors import PolicyError
from audits.core.strictyaml import MAX_YAML_BYTES, parse_yaml, read_yaml, where_to_correct

BOMB = "a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n"


def test_yaml_1_2_is_loaded_as_plain_data():
    text = b"a: no\nb: 010\nc: 12:30:00\nd: [1, {e: [2]}]\nf: 1e-3\n"
    wanted = {"a": "no", "b": 10, "c": "12:30:00", "d": (1, {"e": (2,)}), "f": 0.001}
    assert parse_yaml(text, "t", error=PolicyError) == wanted


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"a: 1\na: 2\n", "line 2: the key 'a' is repeated"),
        (b"a: 1\nb:\n  c: 1\n  c: 1\n", "line 4: the key 'c' is repeated"),
        (BOMB.encode(), "line 1: anchors"),
        (b"a: *b\n", "anchors, aliases"),
        (b"a: !!python/object/apply:os.system [ls]\n", "tags"),
        (b"%YAML 1.1\n---\na: no\n", "directives"),
        *((text, "not valid YAML") for text in (b"a: [\n", b"a: 1\n---\nb: 2\n")),
        *((b"b: 1\na: " + text, "line 2: the control character U\\+000") for text in (b"\x07\n", b"'\0'\n", b"\x0c")),
        *((text, "line 1: not valid YAML") for text in (b'a: "x\nb: y\n', b"a: [x\nb: y\n", b"a: {x: 1\nb: y\n")),
        (b"a: 2020-13-45\n", "not valid YAML"),
        *(
            (b"a: " + value, "line 1: the number has more than")
            for value in (b"9" * 5000, b"0x" + b"f" * 5000, b"." + b"1" * 30)
        ),
        (b"a:\n  b: [-0x" + b"f" * 300 + b"]\n", "line 2: the number"),
        *(
            (key + b": 2\n", "line 1: a key must be a string")
            for key in (b"1", b"null", b"2020-01-01", b"{a: b}", b"[1, {a: b}]")
        ),
        *((text, "line 1: a key must be a string") for text in (b"? - ? \n", b"? - \n", b"? {a: 1}\n: 2\n")),
        (b"a: {b: {.nan: 1}}\n", "line 1: a key must be a string"),
        (b"a: &x {b: 1}\n<<: *x\n", "anchors"),
        (b"<<: {b: 1}\n", "line 1: merge keys"),
        (b'a: "\\ud800"\n', "half of a surrogate pair"),
        *((text, "keys and values") for text in (b"just words", b"- 1\n", b"")),
        (b"a: 1\n\xff", "line 2: not UTF-8"),
        (b"a: " + b"[" * 30, "nested more than 12 levels deep"),
        (b"#" * (MAX_YAML_BYTES + 1), "larger than"),
    ],
)
def test_other_yaml_is_rejected(text, message):
    with pytest.raises(PolicyError, match=message):
        parse_yaml(text, "t", error=PolicyError)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (b"a:\n\tb: 1\n", "Indent with spaces, not with tabs."),
        (b'a: {b: "C:\\data\\x"}\n', "In double quotes, a backslash begins an escape: write a path with /"),
        (b"a: x: y\n", "values that contain ': ', which need quotes"),
    ],
)
def test_a_line_that_is_not_yaml_has_a_hint(text, hint):
    with pytest.raises(PolicyError, match=r"line [12]: not valid YAML") as caught:
        parse_yaml(text, "t", error=PolicyError)
    assert hint in caught.value.hint


def test_every_problem_is_listed_and_the_limit_can_be_lower():
    with pytest.raises(PolicyError) as caught:
        parse_yaml(b"a: 1\na: 2\nb: 1\nb: 2\n", "t", error=PolicyError)
    assert caught.value.problems == ("line 2: the key 'a' is repeated", "line 4: the key 'b' is repeated")
    with pytest.raises(PolicyError, match="larger than 3 bytes"):
        parse_yaml(b"a: 1\n", "t", error=PolicyError, max_bytes=3)


def test_missing_files_and_folders_are_rejected(tmp_path):
    for path, reason in ((tmp_path / "none.yaml", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(PolicyError, match=rf"cannot be read \({reason}"):
            read_yaml(path, error=PolicyError)


@given(st.binary(max_size=60) | st.text(alphabet="a1:[]{}&*!-'\"\n\t #<|>%@,", max_size=40).map(str.encode))
def test_any_bytes_are_loaded_or_rejected(data):
    with contextlib.suppress(PolicyError):
        assert isinstance(parse_yaml(data, "t", error=PolicyError), dict)


def test_lines_to_correct_are_named():
    data = b"name: x\nrules:\n  - {id: a, limit: b}\n  - id: c\n    limit: d\n"
    problems = [
        "name: must be lower case",
        "rules[0].limit (entry 1 of rules): must be a number",
        "rules[1].limit (entry 2 of rules): must be a number",
        "rules[1].why (entry 2 of rules): missing",
        "version: missing",
    ]
    places = "correct name in line 1; correct rules[0].limit in line 3; correct rules[1].limit in line 5"
    expected = f"Correct own.yaml: {places}; add rules[1].why to the section in line 4."
    assert where_to_correct(problems, "own.yaml", data) == expected
    assert where_to_correct(["version: missing"], "own.yaml", data) == "Correct own.yaml."
