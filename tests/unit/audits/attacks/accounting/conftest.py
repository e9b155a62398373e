import pytest


@pytest.fixture(scope="session")
def logs(module_at):
    """Return the module of simulated logs."""
    return module_at("tests/unit/audits/attacks/accounting/mechanism_logs.py")
