import pytest

from audits.core.errors import PolicyError
from audits.core.strictyaml import MAX_YAML_BYTES, parse_yaml

BOMB = "a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n"


def test_yaml_1_2_is_read_as_plain_data():
    text = b"a: no\nb: 010\nc: 12:30:00\nd: [1, {e: [2]}]\nf: 1e-3\n"
    assert parse_yaml(text, "t") == {"a": "no", "b": 10, "c": "12:30:00", "d": (1, {"e": (2,)}), "f": 0.001}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"a: 1\na: 2\n", "line 2: duplicate key"),
        (b"a: 1\nb:\n  c: 1\n  c: 1\n", "line 4: duplicate key"),
        (BOMB.encode(), "line 1: anchors"),
        (b"a: *b\n", "anchors, aliases"),
        (b"a: !!python/object/apply:os.system [ls]\n", "tags"),
        (b"%YAML 1.1\n---\na: no\n", "directives"),
        (b"a: [\n", "not valid YAML"),
        (b"a: 1\n---\nb: 2\n", "not valid YAML"),
        (b"a: \x07\n", "not valid YAML"),
        (b"a: 2020-13-45\n", "not valid YAML"),
        (b"\xff", "not UTF-8"),
        (b"- 1\n", "must be a mapping"),
        (b"", "must be a mapping"),
        (b"a: " + b"[" * 30, "nested too deeply"),
        (b"#" * (MAX_YAML_BYTES + 1), "larger than"),
    ],
)
def test_everything_else_is_refused(text, message):
    with pytest.raises(PolicyError, match=message):
        parse_yaml(text, "t")
