import pytest
from pydantic import ValidationError

from synthgen.config import Config
from synthgen.core.errors import ConfigError
from synthgen.core.section import Section, parse_section, resolve_path


class Part(Section):
    names: tuple[str, ...] = ()
    size: int | tuple[int, int] = 1


class Whole(Section):
    part: Part
    share: float


def test_parse_section_turns_nested_lists_into_tuples_and_sections_are_frozen():
    whole = parse_section(Whole, {"part": {"names": ["a", "b"], "size": [2, 3]}, "share": 0.5})
    assert whole.part == Part(names=("a", "b"), size=(2, 3))
    with pytest.raises(ValidationError, match="frozen"):
        whole.part.size = 2


def test_parse_section_lists_every_mistake_once_with_path_and_value():
    with pytest.raises(ConfigError, match="5 mistakes") as refused:
        parse_section(Whole, {"part": {"names": "ab", "size": "7", "colour": "red"}}, ["given: before"])
    problems = refused.value.problems
    assert problems[0] == "given: before"
    assert [p.split(":")[0] for p in problems[1:]] == ["part.names", "part.size", "part.colour", "share"]
    assert problems[2].endswith("got '7'")
    assert problems[3:] == ("part.colour: unknown key", "share: missing")
    with pytest.raises(ConfigError, match="1 mistake"):
        parse_section(Part, {}, ["base: unknown key"])


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({"part": {"name": ["a"]}}, "names"),
        ({"part": {}, "shaer": 1}, "share"),
        ({"part": {}, "size": 3}, "part.size"),  # the key of another section
        ({"part": {"colour": 1}}, None),
    ],
)
def test_an_unknown_key_is_compared_with_the_known_ones(given, meant):
    with pytest.raises(ConfigError) as refused:
        parse_section(Whole, {"share": 0.5, **given})
    (problem,) = refused.value.problems
    assert problem.partition("unknown key")[2] == ("" if meant is None else f"; did you mean {meant}?")


def test_resolve_path_uses_the_base_and_allowed_variables(tmp_path, monkeypatch):  # see also test_config_paths.py
    monkeypatch.setenv("SYNTHGEN_DATA", str(tmp_path / "here"))
    for path in ("${SYNTHGEN_DATA}/x", "data/../here/x"):
        assert resolve_path(path, str(tmp_path)) == (tmp_path / "here" / "x").resolve()


def test_a_missing_section_is_shown_with_an_example():
    with pytest.raises(ConfigError) as rejected:
        Config.parse({"version": 1})
    assert "interpolate: missing; for example interpolate: {total: 500}" in rejected.value.problems
    assert any(
        problem.startswith("source: missing; for example source: {path: ") for problem in rejected.value.problems
    )
