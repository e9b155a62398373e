"""Fixtures: a released bundle, a copy to change, a verifier with a trust root, and functions that sign changes."""

import shutil

import pytest

from audits.verify.bundle import verify_bundle


@pytest.fixture(scope="session")
def clean(releases, tmp_path_factory):
    return releases.bundle(tmp_path_factory.mktemp("clean"))


@pytest.fixture
def copy(clean, tmp_path):
    return shutil.copytree(clean, tmp_path / clean.name)


@pytest.fixture
def judge(releases):
    def verify(path, trust=None, **how):
        return verify_bundle(path, releases.root() if trust is None else trust, now=releases.LATER, **how)

    return verify


@pytest.fixture
def refused(judge):
    """Return a function that checks the exit code, the last step and the message of a refused bundle."""

    def check(path, code, step, message="", trust=None):
        found = judge(path, trust)
        assert (found.ok, found.code, found.checks[-1].id) == (False, code, step), found.failure
        assert message in found.failure

    return check


@pytest.fixture
def reissue(releases):
    """Return a function that changes JSON files and the statement of a bundle, updates all digests and signs it."""
    return releases.reissue


@pytest.fixture
def add_file(releases):
    """Return a function that adds a file to a bundle and to its signed statement."""
    return releases.add_file
