"""One released bundle, a copy to spoil, and a verifier with its trust root."""

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
