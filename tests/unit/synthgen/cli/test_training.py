import json

import pytest
from typer.testing import CliRunner

from synthgen.cli import main as cli
from synthgen.cli import train_style
from synthgen.core.errors import UsageError


def test_either_a_configuration_or_a_style_is_trained():
    for words, message in (
        ([], "neither CONFIG nor --style is given"),
        (["c.yaml", "--style", "letters"], "CONFIG and --style cannot be combined"),
        (["--plan", "--style", "letters"], "--plan needs CONFIG"),
    ):
        with pytest.raises(UsageError, match=message):
            CliRunner().invoke(cli.app, ["train-bridge", *words], catch_exceptions=False)


def test_the_folder_of_a_style_is_printed(tmp_path, monkeypatch):
    tasks = []

    def trained(task, **_):
        tasks.append(task)
        return task.out

    monkeypatch.setattr(train_style, "train_style", trained)
    words = ["train-bridge", "--style", "letters", "--corpus", str(tmp_path), "--out", str(tmp_path / "made")]
    done = CliRunner().invoke(cli.app, [*words, "--json"], catch_exceptions=False)
    assert json.loads(done.stdout) == {"kind": "style", "folder": str(tmp_path / "made")}
    assert done.stderr == f"style: {tmp_path / 'made'}\n"
    assert (tasks[0].name, tasks[0].corpora) == ("letters", ((tmp_path, "not stated"),))
    assert CliRunner().invoke(cli.app, words).stdout == done.stderr
