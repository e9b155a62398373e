import pytest


@pytest.fixture(scope="session")
def pages(module_at):
    """The module beside this one."""
    return module_at("tests/unit/audits/report/pages.py")
