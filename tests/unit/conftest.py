import pytest


@pytest.fixture(scope="session")
def releases(module_at):
    """The module beside this one: keys, trust roots and small bundles."""
    return module_at("tests/unit/releases.py")
