import pytest


@pytest.fixture(scope="session")
def bundle(releases, tmp_path_factory):
    """A small bundle with three classes; tests must not change it."""
    return releases.bundle(tmp_path_factory.mktemp("received"))
