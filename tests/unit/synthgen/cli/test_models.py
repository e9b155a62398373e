import pytest
from typer.testing import CliRunner

from synthgen.cli.models import models_app
from synthgen.core.errors import ModelMissing, SynthGenError
from synthgen.models.registry import MODELS

pytestmark = pytest.mark.usefixtures("store")


def call(*arguments):
    return CliRunner().invoke(models_app, [str(argument) for argument in arguments], catch_exceptions=False)


def test_missing_and_damaged_models_are_listed(store):
    lines, names = call("list").stdout.splitlines(), sorted(MODELS)
    assert [line.split()[0] for line in lines[::2]] == names
    hints = [f"not in the store; run `synthgen models pull {name}`" for name in names]
    assert [line.strip() for line in lines[1::2]] == hints
    assert not store.exists()
    (store / names[0]).mkdir(parents=True)
    (store / names[0] / "manifest.json").write_text('{"files": {"config.json": {"sha256": "0", "bytes": 5}}}')
    assert "damaged" in call("list").stdout.splitlines()[1]


def test_an_unknown_name_raises_an_error_before_any_download(store):
    with pytest.raises(SynthGenError, match="nosuch"):
        call("pull", "nosuch")
    assert not store.exists()


def test_a_missing_model_or_a_damaged_export_raises_an_error(tmp_path):
    with pytest.raises(ModelMissing):
        call("export", "minilm", tmp_path / "m.tar")
    assert not (tmp_path / "m.tar").exists()
    (tmp_path / "m.tar").write_text("not a tar")
    with pytest.raises(SynthGenError, match=r"m\.tar"):
        call("import", tmp_path / "m.tar")
