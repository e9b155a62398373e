"""Options of `audits run` that are checked before a table is read; test_main.py runs the whole command."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from audits.cli.main import app
from audits.cli.run import _require_pairs
from audits.core.errors import InputError


def test_paired_options_must_be_given_together():
    _require_pairs(
        {"--canaries": None, "--canary-build": None}, {"--previous": Path("a"), "--previous-train": Path("b")}
    )
    with pytest.raises(InputError, match="do not fit") as caught:
        _require_pairs(
            {"--canaries": Path("a"), "--canary-build": None}, {"--previous": None, "--previous-train": Path("b")}
        )
    assert len(caught.value.problems) == 2


def test_every_input_has_an_option():
    output = CliRunner().invoke(app, ["run", "--help"], env={"COLUMNS": "200"}).output
    for option in (
        "identifiers",
        "control-identifiers",
        "mirror",
        "lineage",
        "selftest",
        "ledger",
        "canary-build",
        "reference",
    ):
        assert f"--{option}" in output
