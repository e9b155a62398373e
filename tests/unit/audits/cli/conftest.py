"""The command `audits`, run in this process."""

import sys

import pytest

from audits.cli.main import main


@pytest.fixture
def call(monkeypatch, capsys):
    """Return a function that runs the console script and returns its exit code, stdout and stderr."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["audits", *map(str, words)])
        with pytest.raises(SystemExit) as caught:
            main()
        return caught.value.code, *capsys.readouterr()

    return run
