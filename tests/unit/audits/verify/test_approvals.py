"""The approvals required by a policy: tamper cases 30 to 34 and 60 to 63."""

import shutil
from datetime import timedelta

import pytest

from audits.verify.bundle import verify_bundle
from synthgen.release.approve import approve

OFFICER_FILE = "attestation/approvals/privacy_officer.{}.dsse.json"


@pytest.fixture(scope="module")
def approved(releases, tmp_path_factory):
    path = releases.bundle(tmp_path_factory.mktemp("approved"), releases.APPROVED_POLICY)
    for role, key in (("privacy_officer", releases.OFFICER), ("data_owner", releases.OWNER)):
        approve(path, role=role, key=key, trust=releases.root(), now=releases.NOW + timedelta(hours=1))
    return path


@pytest.fixture
def copy(approved, tmp_path):
    return shutil.copytree(approved, tmp_path / approved.name)


@pytest.fixture
def officer(releases):
    return OFFICER_FILE.format(releases.OFFICER.keyid)


def failure(copy, releases, root=None):
    return verify_bundle(copy, releases.root() if root is None else root, now=releases.LATER).failure


def test_both_approvals_verify(approved, releases):
    assert failure(approved, releases) == ""


def test_missing_approval_is_refused(copy, releases, officer):  # 30
    (copy / officer).unlink()
    found = verify_bundle(copy, releases.root(), now=releases.LATER)
    assert found.code == 13
    assert found.failure == "E_APPROVAL role privacy_officer: 0 of 1 required approvals are present"
    shutil.rmtree(copy / "attestation/approvals")
    assert failure(copy, releases).startswith("E_APPROVAL")


def change_approval(copy, releases, officer, changes, predicate=()):
    value = {**releases.statement(copy, officer), **changes}
    value["predicate"].update(predicate)
    releases.resign(copy, value, keys=(releases.OFFICER,), name=officer)


WRONG_TYPE = "is not of type ApprovalStatement"


@pytest.mark.parametrize(
    ("predicate", "message"),
    [
        ({"decision": "REJECT"}, "rejects this release"),  # 33
        ({"role": "data_owner"}, "names the role"),  # 61
        ({"person": "Somebody"}, "another person"),
        ({"reportDigest": {"sha256": "0" * 64}}, "another report"),
        ({"time": "2026-11-20T06:59:59Z"}, "before the release"),  # 62
        ({"time": "2026-11-20T09:00:01Z"}, "future"),
        *((wrong, WRONG_TYPE) for wrong in ({"conflictOfInterest": True}, {"decision": "MAYBE"})),
    ],
)
def test_approval_with_a_wrong_statement_is_refused(copy, releases, officer, predicate, message):
    change_approval(copy, releases, officer, {}, predicate)
    found = failure(copy, releases)
    assert found.startswith("E_APPROVAL")
    assert message in found


@pytest.mark.parametrize(
    "changes",
    [
        *({"predicateType": f"https://synthgen.dev/attestation/{kind}"} for kind in ("approval/v2", "release/v1")),
        *({"_type": "https://in-toto.io/Statement/v0.1"}, {"subject": []}),
    ],
)
def test_approval_of_another_type_is_refused(copy, releases, officer, changes):
    change_approval(copy, releases, officer, changes)
    assert WRONG_TYPE in failure(copy, releases)


def test_approval_of_another_release_is_refused(copy, releases, officer):  # 31
    (subject,) = releases.statement(copy, officer)["subject"]
    before = (copy / officer).read_bytes()
    change_approval(copy, releases, officer, {"subject": [{**subject, "digest": {"sha256": "0" * 64}}]})
    assert "another release" in failure(copy, releases)
    (copy / officer).write_bytes(before)
    releases.edit(copy, lambda v: v["predicate"].update(limitations=["none"]))  # signed again after approval
    assert "another release" in failure(copy, releases)


def test_one_person_for_both_roles_is_refused(copy, releases, officer):  # 32
    owner = f"attestation/approvals/data_owner.{releases.OWNER.keyid}.dsse.json"
    releases.resign(copy, releases.statement(copy, owner), keys=(releases.OFFICER,), name=owner)
    assert failure(copy, releases).startswith("E_APPROVAL")


@pytest.mark.parametrize("role", ["janitor", "releaser"])
def test_role_without_approvers_is_refused(copy, releases, officer, role):  # 60, 63
    (copy / officer).rename(copy / officer.replace("privacy_officer", role))
    assert "no approvers in the role" in failure(copy, releases)


def test_file_must_be_named_after_the_key_that_signed(copy, releases, officer):
    renamed = (copy / officer).rename(copy / officer.replace(releases.OFFICER.keyid, "0" * 16))
    assert failure(copy, releases).startswith("E_APPROVAL")
    renamed.write_bytes(b"{}")
    assert failure(copy, releases).startswith("E_APPROVAL")


def test_revoked_key_of_an_approver_is_refused(approved, releases):
    revoked = ({"keyid": releases.OFFICER.keyid, "since": "2026-11-20T00:00:00Z", "reason": "lost"},)
    assert failure(approved, releases, releases.root(revoked=revoked)).startswith("E_REVOKED")


def test_root_can_require_more_approvals(approved, releases):
    second = releases.signing_key("Second Owner")
    holders = {"releaser": [releases.RELEASER], "privacy_officer": [releases.OFFICER]}
    holders["data_owner"] = [releases.OWNER, second]
    keys = {key.keyid: key.public for role in holders.values() for key in role}
    roles = {r: {"keyids": tuple(k.keyid for k in ks), "threshold": len(ks)} for r, ks in holders.items()}
    assert "1 of 2 required approvals" in failure(approved, releases, releases.root(keys=keys, roles=roles))
