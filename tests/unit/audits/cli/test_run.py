"""What `audits run` asks of its options before it reads a table; the whole path is in test_cli.py."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from audits.cli.main import app
from audits.cli.run import _together
from audits.core.errors import InputError


def test_options_that_belong_together_are_asked_for_together():
    _together({"--canaries": None, "--canary-build": None}, {"--previous": Path("a"), "--previous-train": Path("b")})
    with pytest.raises(InputError, match="do not fit") as told:
        _together(
            {"--canaries": Path("a"), "--canary-build": None}, {"--previous": None, "--previous-train": Path("b")}
        )
    assert len(told.value.problems) == 2


def test_every_table_that_an_audit_may_ask_for_has_an_option():
    said = CliRunner().invoke(app, ["run", "--help"], env={"COLUMNS": "200"}).output
    for option in ("identifiers", "control-identifiers", "mirror", "ledger", "selftest", "attempts", "reference"):
        assert f"--{option}" in said
