from pathlib import Path

import pytest
from typer.testing import CliRunner

from synthgen.cli.main import app
from synthgen.config import Config
from synthgen.core.errors import ConfigError

EXAMPLES = Path(__file__).parents[3] / "examples"


def resolved(path):
    given = {"version": 1, "source": {"path": "x"}, "interpolate": {"total": 10}}
    return Config.parse(given, base="/base").resolve(path)


def test_relative_path_starts_at_the_folder_of_the_configuration(monkeypatch):
    monkeypatch.setenv("SYNTHGEN_DATA", "/data/${OTHER}")
    monkeypatch.setenv("HOME", "/home/me")
    assert (resolved("a/b"), resolved("/c"), resolved("c$/~x")) == (
        Path("/base/a/b"),
        Path("/c"),
        Path("/base/c$/~x"),
    )
    assert resolved("${SYNTHGEN_DATA}/n.parquet") == Path("/data/${OTHER}/n.parquet")  # variables are expanded once
    assert resolved("~/x") == resolved("${HOME}/x") == Path("/home/me/x")


SECRET = "zebra-quartz-secret"
PATHS = ["${SYNTHGEN_KEY_PASSPHRASE}/n", "$SYNTHGEN_KEY_PASSPHRASE", "${HOME}/${AWS_SECRET_ACCESS_KEY}", "$(HOME)/x"]
PATHS += [
    "${HOME${SYNTHGEN_KEY_PASSPHRASE}}",
    "${${SYNTHGEN_KEY_PASSPHRASE}}",
    "${HOME:-x}",
    "~root/x",
    "${home}",
    "$$HOME",
]


@pytest.mark.parametrize("path", PATHS)
def test_other_variables_are_refused_and_not_read(path, monkeypatch):
    for name in ("SYNTHGEN_KEY_PASSPHRASE", "AWS_SECRET_ACCESS_KEY", "home"):
        monkeypatch.setenv(name, SECRET)
    with pytest.raises(ConfigError, match="cannot be resolved") as caught:
        resolved(path)
    assert f"{path}: " in str(caught.value)
    assert "may contain only the variables ${HOME}, ${SYNTHGEN_DATA} and a leading ~/" in caught.value.hint
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("path", ["C:\new\notes.csv", "a\tb", "\x00"])
def test_an_escape_of_double_quotes_in_a_path_is_named(path):
    with pytest.raises(ConfigError, match="write the path with / or in single quotes"):
        resolved(path)


def test_a_variable_without_braces_is_named_with_its_spelling():
    with pytest.raises(ConfigError, match=r"HOME must be written \$\{HOME\} in a path"):
        resolved("$HOME/x")


def test_an_empty_section_is_named_as_such(tmp_path):
    (tmp_path / "c.yaml").write_text("version: 1\nsource: {path: a}\ninterpolate: {total: 3}\ndeidentify:\n")
    with pytest.raises(ConfigError) as caught:
        Config.load(tmp_path / "c.yaml")
    assert "deidentify: is empty; remove this line, or add keys" in caught.value.problems


def test_mistakes_of_a_file_are_named_with_their_lines(tmp_path):
    text = "version: 1\nseed: 1.5\nsource:\n  text: a\n  names: a\ninterpolate: {total: 3}\nembed: minilm\n"
    (tmp_path / "c.yaml").write_text(f"{text}release:\n  languages: [en, english]\n  nmae: x\n")
    with pytest.raises(ConfigError) as caught:
        Config.load(tmp_path / "c.yaml")
    lines = {"seed": 2, "source.names": 5, "embed": 7, "release.languages.1": 9, "release.nmae": 10}
    places = "; ".join(f"correct {key} in line {line}" for key, line in lines.items())
    added = "add source.path to the section in line 3"
    assert caught.value.hint == f"Correct {tmp_path / 'c.yaml'}: {added}; {places}."
    messages = "\n".join(caught.value.problems)
    for part in ("names: must be a list", "embed: must be a section of keys", "must be a BCP 47 tag, such as en"):
        assert part in messages


@pytest.mark.parametrize(
    ("source", "interpolate", "key"),
    [("{path: a}", "{totl: 3}", "interpolate.totl"), ("{pth: a}", "{total: 3}", "source.pth")],
)
def test_a_misspelled_key_is_not_reported_as_missing_too(tmp_path, source, interpolate, key):
    (tmp_path / "c.yaml").write_text(f"version: 1\nsource: {source}\ninterpolate: {interpolate}\n")
    with pytest.raises(ConfigError) as caught:
        Config.load(tmp_path / "c.yaml")
    (problem,) = caught.value.problems
    assert problem.startswith(f"{key}: unknown key; did you mean ")
    assert f"correct {key} in line " in caught.value.hint


@pytest.mark.parametrize("value", [None, "", "relative/place", SECRET])
def test_an_allowed_variable_must_hold_an_absolute_path(value, monkeypatch):
    monkeypatch.delenv("SYNTHGEN_DATA", raising=False)
    if value is not None:
        monkeypatch.setenv("SYNTHGEN_DATA", value)
    with pytest.raises(ConfigError, match="SYNTHGEN_DATA is not set to an absolute path") as caught:
        resolved("${SYNTHGEN_DATA}/${OTHER}")
    assert "OTHER is not allowed" in str(caught.value)
    assert SECRET not in str(caught.value)


KEYS = ["source.path", "workspace", "ledger", "policy", "release.key", "release.out", "decode.bridge", "embed.model"]


@pytest.mark.parametrize("key", KEYS)
def test_a_command_shows_no_value_of_a_variable_and_creates_no_folder(key, project, tmp_path, monkeypatch):
    (tmp_path / SECRET).mkdir()
    (tmp_path / "link").symlink_to(tmp_path / SECRET)
    monkeypatch.setenv("SYNTHGEN_DATA", str(tmp_path / "link"))
    monkeypatch.setenv("SYNTHGEN_KEY_PASSPHRASE", SECRET)
    section, _, last = key.rpartition(".")
    for name in ("SYNTHGEN_DATA", "SYNTHGEN_KEY_PASSPHRASE"):
        value = f"${{{name}}}/none{'.yaml' if key == 'policy' else ''}"
        path = project.write_config(**({section: {last: value}} if section else {last: value}))
        for command in ("plan", "run", "release"):
            found = CliRunner().invoke(app, [command, str(path), *(["--until", "load"] if command == "run" else [])])
            assert SECRET not in found.output + str(found.exception)
        assert found.exit_code != 0, (key, name)
    written = [path for path in project.folder.rglob("*") if path.is_file()]
    assert not [path for path in project.folder.rglob("*") if SECRET in path.name]
    assert not [path for path in written if SECRET.encode() in path.read_bytes()]


CONFIGURATIONS = sorted(path for path in EXAMPLES.rglob("*.yaml") if path.parent.name != "cluster")


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.name)
def test_examples_are_valid(path, monkeypatch):
    monkeypatch.setenv("SYNTHGEN_DATA", "/data")
    loaded = Config.load(path)
    assert loaded.resolve(loaded.source.path).name in {"notes.jsonl", "train.parquet", "test.parquet", "fhir"}
