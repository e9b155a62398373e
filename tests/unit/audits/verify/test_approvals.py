"""The approvals required by a policy. Numbers in comments are cases of the tamper matrix."""

import hashlib
import re
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from audits.verify.approvals import file_name
from audits.verify.bundle import verify_bundle
from synthgen.release.approve import approve

MISSING = "1 of the approvals, rejections and closings that it names are missing from the bundle"


@pytest.fixture(scope="module")
def approved(releases, tmp_path_factory):
    path = releases.bundle(tmp_path_factory.mktemp("approved"), releases.APPROVED_POLICY)
    for role, key in (("privacy_officer", releases.OFFICER), ("data_owner", releases.OWNER)):
        now = releases.NOW + timedelta(hours=1)
        approve(path, role=role, key=key, trust=releases.root(), now=now, no_review=True)
    return path


@pytest.fixture
def copy(approved, tmp_path):
    return shutil.copytree(approved, tmp_path / approved.name)


def file_of(path, role):
    (file,) = path.glob(f"attestation/approvals/{role}.*")
    return file.relative_to(path).as_posix()


@pytest.fixture
def officer(approved):
    return file_of(approved, "privacy_officer")


def failure(copy, releases, root=None):
    return verify_bundle(copy, releases.root() if root is None else root, now=releases.LATER).failure


def test_both_approvals_verify(approved, releases):
    assert failure(approved, releases) == ""


def test_missing_approval_is_refused(copy, releases, officer):  # 30
    owner = file_of(copy, "data_owner")
    (copy / officer).unlink()
    assert failure(copy, releases) == f"E_APPROVAL {owner}: {MISSING}"
    (copy / owner).unlink()
    found = verify_bundle(copy, releases.root(), now=releases.LATER)
    roles = [f"role {role}: 0 of 1 required approvals are present" for role in ("privacy_officer", "data_owner")]
    assert (found.code, found.failure) == (13, f"E_APPROVAL {'; '.join(roles)}")
    shutil.rmtree(copy / "attestation/approvals")
    assert failure(copy, releases).startswith("E_APPROVAL")


def put(copy, releases, old, value, keys, role):
    """Replace a decision by another one, and rename the file to the name that its content requires."""
    releases.resign(copy, value, keys=keys, name=old)
    name = file_name(role, keys[0].keyid, (copy / old).read_bytes())
    (copy / old).rename(copy / name)
    return name


def change_approval(copy, releases, officer, changes, predicate=()):
    value = {**releases.statement(copy, officer), **changes}
    value["predicate"].update(predicate)
    return put(copy, releases, officer, value, (releases.OFFICER,), "privacy_officer")


WRONG_TYPE = "is not a valid approval statement"


@pytest.mark.parametrize(
    ("predicate", "message"),
    [
        ({"decision": "REJECT"}, "rejects this release"),  # 33
        ({"role": "data_owner"}, "names the role data_owner"),  # 61
        ({"person": "Somebody"}, "does not name the person"),
        ({"reportDigest": {"sha256": "0" * 64}}, "not the report of this release"),
        ({"time": "2026-11-20T06:59:59Z"}, "before the release"),  # 62
        ({"time": "2026-11-20T09:00:01Z"}, "future"),
        ({"decision": "CLOSE"}, "only a releaser can sign a closing"),
        ({"seen": ["0" * 64]}, f"dated before|{MISSING}"),
        ({"seen": ["1" * 64, "0" * 64]}, "not sorted"),
        ({"seen": ["0" * 64] * 2}, "names an earlier decision twice"),
        ({"person": "P.  Officer"}, "does not name the person"),
        *((wrong, WRONG_TYPE) for wrong in ({"conflictOfInterest": True}, {"decision": "MAYBE"}, {"seen": ["0"]})),
        ({"seen": [f"{i:064x}" for i in range(101)]}, WRONG_TYPE),
    ],
)
def test_approval_with_a_wrong_statement_is_refused(copy, releases, officer, predicate, message):
    (copy / file_of(copy, "data_owner")).unlink()
    change_approval(copy, releases, officer, {}, predicate)
    found = failure(copy, releases)
    assert found.startswith("E_APPROVAL")
    assert re.search(message, found)


@pytest.mark.parametrize(
    "changes",
    [
        *({"predicateType": f"https://synthgen.dev/attestation/{kind}"} for kind in ("approval/v1", "release/v1")),
        *({"_type": "https://in-toto.io/Statement/v0.1"}, {"subject": []}),
    ],
)
def test_approval_of_another_type_is_refused(copy, releases, officer, changes):
    change_approval(copy, releases, officer, changes)
    assert WRONG_TYPE in failure(copy, releases)


def test_approval_of_another_release_is_refused(copy, releases, officer):  # 31
    (subject,) = releases.statement(copy, officer)["subject"]
    before = (copy / officer).read_bytes()
    changed = change_approval(copy, releases, officer, {"subject": [{**subject, "digest": {"sha256": "0" * 64}}]})
    assert "another release" in failure(copy, releases)
    (copy / changed).unlink()
    (copy / officer).write_bytes(before)
    releases.edit(
        copy, lambda v: v["predicate"]["attempts"]["ledger"].update(head="e" * 64)
    )  # the release is signed again after approval
    assert "another release" in failure(copy, releases)


def test_one_person_for_both_roles_is_refused(copy, releases, officer):  # 32
    owner = file_of(copy, "data_owner")
    put(copy, releases, owner, releases.statement(copy, owner), (releases.OFFICER,), "data_owner")
    assert f"the trust root does not allow key {releases.OFFICER.keyid} to sign" in failure(copy, releases)


@pytest.mark.parametrize(
    ("role", "message"),
    [("janitor", "no approvers in the role"), ("root", "no approvers"), ("releaser", "to sign files of this kind")],
)
def test_role_without_approvers_is_refused(copy, releases, officer, role, message):  # 60, 63
    (copy / officer).rename(copy / officer.replace("privacy_officer", role))
    assert message in failure(copy, releases)


def test_decisions_are_dated_in_order_and_nothing_follows_a_closing(copy, releases, officer):
    owner = file_of(copy, "data_owner")
    value = releases.statement(copy, owner)
    value["predicate"]["time"] = "2026-11-20T07:30:00Z"  # the decision that it names was signed at 08:00
    changed = put(copy, releases, owner, value, (releases.OWNER,), "data_owner")
    assert (
        failure(copy, releases)
        == f"E_APPROVAL {changed}: is dated before an approval, rejection or closing that it names"
    )
    value["predicate"]["time"] = "2026-11-20T08:00:00Z"
    put(copy, releases, changed, value, (releases.OWNER,), "data_owner")
    closing = approve(
        copy, role="releaser", key=releases.RELEASER, trust=releases.root(), now=releases.LATER, kind="CLOSE"
    )
    assert failure(copy, releases) == ""
    late = approve(
        copy, role="data_owner", key=releases.OWNER, trust=releases.root(), now=releases.LATER, kind="REJECT"
    )
    name, value = late.relative_to(copy).as_posix(), releases.statement(copy, late.relative_to(copy).as_posix())
    value["predicate"]["decision"] = "APPROVE"
    changed = put(copy, releases, name, value, (releases.OWNER,), "data_owner")
    assert failure(copy, releases).startswith(f"E_APPROVAL {changed}: D. Owner signed after the release was closed")
    closing.unlink()
    assert MISSING in failure(copy, releases)


def test_a_decision_must_name_every_decision_that_a_named_one_names(copy, releases):
    owner = copy / file_of(copy, "data_owner")  # names the approval of the officer
    closing = approve(
        copy, role="releaser", key=releases.RELEASER, trust=releases.root(), now=releases.LATER, kind="CLOSE"
    )
    name = closing.relative_to(copy).as_posix()
    value = releases.statement(copy, name)
    value["predicate"]["seen"] = [hashlib.sha256(owner.read_bytes()).hexdigest()]
    changed = put(copy, releases, name, value, (releases.RELEASER,), "releaser")
    problem = "names an earlier decision, but omits a decision that the earlier decision names"
    assert failure(copy, releases) == f"E_APPROVAL {changed}: {problem}"


def test_second_approval_of_one_person_is_refused_but_a_rejection_is_not(copy, releases, officer):
    value = releases.statement(copy, officer)
    seen = sorted(hashlib.sha256(file.read_bytes()).hexdigest() for file in copy.glob("attestation/approvals/*.json"))
    value["predicate"].update(seen=seen, time="2026-11-20T08:30:00Z", review={"sha256": "7" * 64})
    original = (copy / officer).read_bytes()
    put(copy, releases, officer, value, (releases.OFFICER,), "privacy_officer")
    (copy / officer).write_bytes(original)
    assert "P. Officer signed more than one approval" in failure(copy, releases)
    value["predicate"].update(decision="REJECT")
    (again,) = [name for name in copy.glob("attestation/approvals/privacy*") if name != copy / officer]
    name = again.relative_to(copy).as_posix()
    put(copy, releases, name, value, (releases.OFFICER,), "privacy_officer")
    assert "P. Officer rejects this release" in failure(copy, releases)
    assert "already" not in failure(copy, releases)


def test_approval_dated_before_its_key_is_valid_is_refused(approved, releases):
    root = releases.root()
    late = root.keys[releases.OFFICER.keyid].model_copy(update={"valid_from": "2026-11-20T08:30:00Z"})
    root = releases.root(keys={**root.keys, releases.OFFICER.keyid: late})
    assert "the key of the signer is not valid at the date of the decision" in failure(approved, releases, root)


def test_number_of_decisions_is_limited(copy, releases, officer):
    for number in range(99):
        (copy / f"attestation/approvals/janitor.{number:016x}.{'0' * 16}.dsse.json").touch()
    assert (
        failure(copy, releases) == "E_APPROVAL the bundle contains more than 100 approvals, rejections and closings"
    )


def test_root_key_cannot_approve(copy, releases, officer):
    holder, root = releases.UNTRUSTED, releases.root()
    roles = {name: role.model_dump() for name, role in root.roles.items()}
    roles["root"] = {"keyids": (holder.keyid,), "threshold": 1}
    root = releases.root(keys={**root.keys, holder.keyid: holder.public}, roles=roles)
    value = releases.statement(copy, officer)
    value["predicate"].update(role="root", person=holder.public.person)
    put(copy, releases, officer, value, (holder,), "root")
    assert "no approvers in the role root" in failure(copy, releases, root)


def test_releaser_can_only_close_and_cannot_drop_a_named_approval(copy, releases, officer):
    value = releases.statement(copy, officer)
    value["predicate"].update(role="releaser", person="R. Releaser", time="2026-11-20T08:30:00Z")
    name = put(copy, releases, officer, value, (releases.RELEASER,), "releaser")
    assert "a releaser can sign only a closing" in failure(copy, releases)
    value["predicate"].update(decision="CLOSE")  # the other approval names the replaced approval
    put(copy, releases, name, value, (releases.RELEASER,), "releaser")
    assert "are missing from the bundle" in failure(copy, releases)


def test_closing_needs_as_many_releasers_as_the_release(releases, tmp_path):
    second = releases.signing_key("Second Releaser")
    releasers = (releases.RELEASER, second)
    policy = releases.POLICY.replace("trial", "closed") + "closing: required\n"
    root = releases.root((policy,))
    roles = {name: role.model_dump() for name, role in root.roles.items()}
    roles["releaser"] = {"keyids": tuple(key.keyid for key in releasers), "threshold": 2}
    keys = {**root.keys, second.keyid: second.public}
    root = releases.root((policy,), keys=keys, roles=roles)
    path = releases.bundle(tmp_path, policy)
    releases.edit(path, lambda value: None, keys=releasers)
    officer = {"role": "privacy_officer", "key": releases.OFFICER, "trust": root, "now": releases.LATER}
    early = approve(Path(shutil.copytree(path, tmp_path / "copy")), **officer, no_review=True)
    for key in (
        releases.RELEASER,
        second,
        releases.RELEASER,
    ):  # the officer's approval is added after the first closing
        assert "requires a closing by the releaser" in failure(path, releases, root)
        approve(path, role="releaser", key=key, trust=root, now=releases.LATER, kind="CLOSE")
        shutil.copy(early, path / "attestation/approvals")
    assert failure(path, releases, root) == ""


def test_file_must_be_named_after_the_key_that_signed(copy, releases, officer):
    other = re.sub("[.][0-9a-f]{16}[.]dsse", f".{'0' * 16}.dsse", officer)
    (copy / officer).rename(copy / other)
    assert "the sha256 of the content differs" in failure(copy, releases)
    (copy / other).rename(copy / officer)
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


def test_a_review_page_under_an_independent_policy_is_refused(releases, tmp_path):
    privacy = {**releases.DP_PRIVACY, "decision": "independent"}
    path = releases.bundle(tmp_path, releases.INDEPENDENT_POLICY, privacy=privacy)
    trust = releases.root((releases.INDEPENDENT_POLICY,))
    signed = {"role": "privacy_officer", "key": releases.OFFICER, "trust": trust}
    approve(path, now=releases.NOW + timedelta(hours=1), **signed)
    assert verify_bundle(path, trust, now=releases.LATER).failure == ""
    change_approval(path, releases, file_of(path, "privacy_officer"), {}, {"review": {"sha256": "0" * 64}})
    assert (
        "names a review page, which a policy with `decision: independent` forbids"
        in verify_bundle(path, trust, now=releases.LATER).failure
    )
