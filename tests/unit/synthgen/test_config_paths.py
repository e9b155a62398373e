from pathlib import Path

import pytest

from synthgen.config import Config
from synthgen.core.errors import ConfigError

EXAMPLES = Path(__file__).parents[3] / "examples"


def resolved(path):
    given = {"version": 1, "source": {"path": "x"}, "interpolate": {"total": 10}}
    return Config.parse(given, base="/base").resolve(path)


def test_relative_path_starts_at_the_folder_of_the_configuration(monkeypatch):
    monkeypatch.setenv("PLACE", "/data/${OTHER}")
    assert (resolved("a/b"), resolved("/c")) == (Path("/base/a/b"), Path("/c"))
    assert resolved("${PLACE}/n.parquet") == Path("/data/${OTHER}/n.parquet")  # variables are expanded once
    assert resolved("$PLACE") == Path("/base/$PLACE")


def test_all_missing_variables_are_listed(monkeypatch):
    for name in ("ONE_MISSING", "TWO_MISSING"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigError, match="cannot be resolved") as caught:
        resolved("${ONE_MISSING}/${TWO_MISSING}")
    assert "ONE_MISSING is not set" in str(caught.value)
    assert "TWO_MISSING is not set" in str(caught.value)


@pytest.mark.parametrize("path", sorted(EXAMPLES.rglob("*.yaml")), ids=lambda path: path.name)
def test_examples_are_valid(path, monkeypatch):
    monkeypatch.setenv("SYNTHGEN_DATA", "/data")
    loaded = Config.load(path)
    assert loaded.resolve(loaded.source.path).name in {"notes.jsonl", "train.parquet"}
