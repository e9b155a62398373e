from pathlib import Path

import pytest

from synthgen.config import Config
from synthgen.core.errors import ConfigError

EXAMPLES = Path(__file__).parents[3] / "examples"


def config(base="/base"):
    return Config.parse({"version": 1, "source": {"path": "x"}, "interpolate": {"total": 10}}, base=base)


def test_a_path_starts_at_the_configurations_folder_unless_absolute():
    assert config().resolve("a/b") == Path("/base/a/b")
    assert config().resolve("/c") == Path("/c")


def test_a_variable_stands_for_its_value_and_is_not_expanded_twice(monkeypatch):
    monkeypatch.setenv("PLACE", "/data/${OTHER}")
    assert config().resolve("${PLACE}/n.parquet") == Path("/data/${OTHER}/n.parquet")
    assert config().resolve("$PLACE") == Path("/base/$PLACE")


def test_every_missing_variable_is_named(monkeypatch):
    for name in ("ONE_MISSING", "TWO_MISSING"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigError, match="cannot be resolved") as caught:
        config().resolve("${ONE_MISSING}/${TWO_MISSING}")
    assert "ONE_MISSING is not set" in str(caught.value)
    assert "TWO_MISSING is not set" in str(caught.value)


@pytest.mark.parametrize("name", ["clinic/clinic.yaml", "newsgroups.yaml", "sectioned-notes.yaml"])
def test_the_examples_are_valid(name, monkeypatch):
    monkeypatch.setenv("SYNTHGEN_DATA", "/data")
    loaded = Config.load(EXAMPLES / name)
    assert loaded.resolve(loaded.source.path).name in {"notes.jsonl", "train.parquet"}
