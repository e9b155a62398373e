import json

import pytest
from typer.testing import CliRunner

from synthgen.airgap import pack as packing
from synthgen.cli import main as cli
from synthgen.core.errors import ModelMissing
from synthgen.models.registry import MODELS


def call(*words):
    return CliRunner().invoke(cli.app, ["airgap", "pack", *map(str, words)], catch_exceptions=False)


def test_the_archive_is_described_as_json(tmp_path, monkeypatch):
    monkeypatch.setattr(packing, "MODELS", {})
    wheel = "synthgen-0.1.0-py3-none-any.whl"
    monkeypatch.setattr(packing, "collect_wheels", lambda folder: (folder / wheel).write_bytes(b"x"))
    done = call("--out", tmp_path / "a.tar", "--json")
    found = json.loads(done.stdout)
    assert (found["archive"], found["wheels"], found["models"]) == (str(tmp_path / "a.tar"), [wheel], [])
    assert set(found) == {"archive", "sha256", "bytes", "machine", "wheels", "models"}


@pytest.mark.usefixtures("store")
def test_missing_models_are_named_before_pip_is_called(tmp_path):
    with pytest.raises(ModelMissing, match=", ".join(sorted(MODELS))):
        call("--out", tmp_path / "a.tar")
