import shutil

import pytest

from audits.verify.bundle import verify_bundle, verify_for_approval
from synthgen.core.errors import DataError, StorageError, UsageError
from synthgen.release.approve import approve


@pytest.fixture
def bundle(releases, tmp_path):
    return releases.bundle(tmp_path, releases.APPROVED_POLICY)


def sign(bundle, releases, role="privacy_officer", key=None, **how):
    key = releases.OFFICER if key is None else key
    return approve(bundle, role=role, key=key, trust=releases.root(), now=releases.LATER, **how)


def test_two_approvals_allow_and_one_rejection_blocks_the_release(bundle, releases):
    sign(bundle, releases)
    assert verify_bundle(bundle, releases.root(), now=releases.LATER).code == 13
    path = sign(bundle, releases, "data_owner", releases.OWNER)
    assert path.name == f"data_owner.{releases.OWNER.keyid}.dsse.json"
    assert verify_bundle(bundle, releases.root(), now=releases.LATER).ok
    with pytest.raises(StorageError, match="exists"):
        sign(bundle, releases, "data_owner", releases.OWNER)
    path.unlink()
    sign(bundle, releases, "data_owner", releases.OWNER, reject=True, comment="not yet")
    assert "rejects this release" in verify_bundle(bundle, releases.root(), now=releases.LATER).failure


def test_key_without_the_role_is_refused_and_a_bundle_that_does_not_verify_is_not_signed(bundle, releases):
    officer, untrusted = releases.OFFICER, releases.UNTRUSTED
    for role, key in (("data_owner", officer), ("janitor", officer), ("data_owner", untrusted)):
        with pytest.raises(UsageError, match="does not hold the role"):
            sign(bundle, releases, role, key)
    (bundle / "README.md").write_text("x")
    with pytest.raises(DataError, match="E_DIGEST"):
        sign(bundle, releases)
    shutil.rmtree(bundle)
    with pytest.raises(DataError, match="E_MISSING"):
        sign(bundle, releases)


def test_bundle_that_changes_during_the_check_is_not_signed(bundle, releases, monkeypatch):
    def check_and_change(*given):
        checked = verify_for_approval(*given)
        releases.edit(bundle, lambda value: value["predicate"].update(limitations=["none"]))
        return checked

    monkeypatch.setattr("synthgen.release.approve.verify_for_approval", check_and_change)
    with pytest.raises(DataError, match="changed while it was checked"):
        sign(bundle, releases)
