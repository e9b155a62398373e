import importlib.util
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from synthgen.core import engine
from synthgen.core.engine import INSTALL, PACKAGES, engine_errors, missing_packages, require_engine
from synthgen.core.errors import DependencyError

ROOT = Path(__file__).parents[4]


@pytest.fixture
def without_torch(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(engine, "find_spec", lambda name: None if name in {"gguf", "torch"} else found(name))


def test_packages_are_those_of_the_extra_in_pyproject_and_are_installed():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    extra, known = {entry.split(">=")[0] for entry in extras["engine"]}, packages_distributions()
    assert {known[name][0].lower().replace("_", "-") for name in PACKAGES} == extra
    assert missing_packages() == ()
    require_engine()


@pytest.mark.usefixtures("without_torch")
def test_a_missing_engine_is_one_error_with_the_packages_and_the_command():
    assert missing_packages() == ("gguf", "torch")
    with pytest.raises(DependencyError, match="are not installed: gguf, torch") as found:
        require_engine()
    assert (found.value.exit_code, INSTALL in found.value.hint) == (3, True)
    assert INSTALL == "pip install '.[engine]' in a checkout of SynthGen"
    with pytest.raises(DependencyError, match="are not installed: gguf, torch"), engine_errors():
        raise ModuleNotFoundError("No module named 'torch.nn'", name="torch.nn")


@pytest.mark.usefixtures("without_torch")
@pytest.mark.parametrize("name", ["transformers.models.gone", "some_other_package", None])
def test_any_other_failed_import_is_raised_unchanged(name):
    with pytest.raises(ModuleNotFoundError) as found, engine_errors():
        raise ModuleNotFoundError("no such module", name=name)
    assert type(found.value) is ModuleNotFoundError


def test_an_import_hook_that_hides_a_package_counts_as_missing(monkeypatch):
    def hide(name):
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr(engine, "find_spec", hide)
    assert missing_packages() == PACKAGES
