"""Options of `audits run` that are checked before a table is read; test_main.py runs the whole command."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from audits.cli.main import app
from audits.cli.run import _check_pairs, _Files
from audits.core.errors import InputError


def test_paired_options_must_be_given_together():
    none = _Files(*[None] * len(_Files._fields))
    _check_pairs(none._replace(previous=Path("a"), previous_train=Path("b"), identifiers=Path("c")))
    wrong = none._replace(canaries=Path("a"), previous_train=Path("b"), control_identifiers=Path("c"))
    with pytest.raises(InputError, match="do not fit") as caught:
        _check_pairs(wrong)
    assert len(caught.value.problems) == 3


def test_every_input_has_an_option():
    output = CliRunner().invoke(app, ["run", "--help"], env={"COLUMNS": "200"}).output
    for name in (*_Files._fields, "selftest", "ledger", "reference"):
        assert f"--{name.replace('_', '-')}" in output
