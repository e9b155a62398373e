"""Check the constraints for `make test-lowest`."""

import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tests" / "lowest.py"
lowest = runpy.run_path(str(SCRIPT))["lowest"]


def test_each_lower_bound_becomes_a_pin_except_that_of_torch():
    extras = {
        "engine": ["torch>=2.6", "duckdb>=1.5"],
        "kms": ["securesystemslib[crypto]>=1.3"],
        "test": ["synthgen[engine,kms]", "duckdb>=1.5"],
        "dev": ["ruff==0.17.5"],
    }
    found = list(lowest({"dependencies": ["ruamel.yaml>=0.18", "numpy>=2"], "optional-dependencies": extras}))
    assert found == ["duckdb==1.5", "numpy==2", "ruamel.yaml==0.18", "securesystemslib==1.3"]


@pytest.mark.parametrize("requirement", ["numpy", "numpy<3", "numpy>=1,<3", "numpy~=2.0"])
def test_a_dependency_without_a_single_lower_bound_is_refused(requirement):
    with pytest.raises(ValueError, match="has no lower bound; write it as NAME>=VERSION"):
        list(lowest({"dependencies": [requirement], "optional-dependencies": {}}))


def test_the_script_prints_the_constraints_of_this_project():
    done = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, check=True)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert done.stdout.splitlines() == list(lowest(project))
    assert {line.partition("==")[0] for line in done.stdout.splitlines()} > {"numpy", "transformers", "pandas"}
