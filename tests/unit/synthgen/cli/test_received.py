import json

import pytest
from typer.testing import CliRunner

from audits.core.errors import VerifyError
from synthgen.cli import main as cli


@pytest.fixture(scope="module")
def bundle(releases, tmp_path_factory):
    return releases.bundle(tmp_path_factory.mktemp("received"))


def call(*words):
    return CliRunner().invoke(cli.app, [str(word) for word in words])


def test_inspect_prints_text_or_json(bundle):
    assert call("inspect", bundle).stdout.startswith("Nothing was verified.")
    done = call("inspect", bundle, "--json")
    assert json.loads(done.stdout)["records"]["count"] == 11
    assert done.stderr.startswith("Nothing was verified.")


def test_diff_exits_with_8_if_bundles_differ(bundle, releases, tmp_path):
    other = releases.bundle(tmp_path, records=[("another text", "cardiology"), *releases.records()[1:]])
    same, different = (call("diff", bundle, path, "--json") for path in (bundle, other))
    assert (same.exit_code, json.loads(same.stdout)["equal"]) == (0, True)
    assert (different.exit_code, json.loads(different.stdout)["equal"]) == (8, False)


def test_export_writes_a_folder(bundle, tmp_path):
    done = call("export", bundle, "--to", "csv", "--out", tmp_path / "out", "--json")
    assert (done.exit_code, json.loads(done.stdout)["records"]) == (0, 11)
    assert (tmp_path / "out" / "records.csv").is_file()


@pytest.mark.parametrize(
    "words", [["inspect"], ["diff", "."], ["export", "--to", "hf", "--out", "out"]], ids=lambda words: words[0]
)
def test_a_folder_that_is_no_bundle_ends_with_the_code_of_verify(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    done = call(*words, "empty")
    assert isinstance(done.exception, VerifyError)
    assert done.exception.exit_code == 10
    assert not (tmp_path / "out").exists()
