import pytest
from typer.testing import CliRunner

from studies.cli import app


@pytest.mark.parametrize("name", ["feature-augmentation", "smotext"])
def test_every_study_has_a_help_page(name):
    found = CliRunner().invoke(app, [name, "--help"])
    assert found.exit_code == 0
    assert "--quick" in found.output
