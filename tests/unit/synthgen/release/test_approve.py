import base64
import hashlib
import shutil
from unittest.mock import Mock

import pytest

from audits.core.instants import stamp
from audits.verify.approvals import FOLDER, file_name
from audits.verify.bundle import verify_bundle, verify_for_approval
from synthgen.core.errors import DataError, UsageError
from synthgen.release.approve import approve


@pytest.fixture
def bundle(releases, tmp_path):
    return releases.bundle(tmp_path, releases.APPROVED_POLICY)


def sign(bundle, releases, role="privacy_officer", key=None, **how):
    key, how = releases.OFFICER if key is None else key, {"no_review": True, **how}
    return approve(bundle, role=role, key=key, trust=releases.root(), now=releases.LATER, **how)


def test_two_approvals_allow_and_one_rejection_blocks_the_release(bundle, releases):
    sign(bundle, releases)
    assert verify_bundle(bundle, releases.root(), now=releases.LATER).code == 13
    path = sign(bundle, releases, "data_owner", releases.OWNER)
    assert path.relative_to(bundle).as_posix() == file_name("data_owner", releases.OWNER.keyid, path.read_bytes())
    assert verify_bundle(bundle, releases.root(), now=releases.LATER).ok
    with pytest.raises(DataError, match="this key has already made this decision"):
        sign(bundle, releases, "data_owner", releases.OWNER)
    sign(bundle, releases, "data_owner", releases.OWNER, kind="REJECT")
    assert "rejects this release" in verify_bundle(bundle, releases.root(), now=releases.LATER).failure


def test_key_without_the_role_is_refused_and_a_bundle_that_does_not_verify_is_not_signed(bundle, releases):
    officer, untrusted = releases.OFFICER, releases.UNTRUSTED
    for role, key in (("data_owner", officer), ("data_owner", untrusted)):
        with pytest.raises(UsageError, match="does not list key"):
            sign(bundle, releases, role, key)
    sign(bundle, releases).unlink()
    with pytest.raises(DataError, match="role privacy_officer: 0 of 1"):
        sign(bundle, releases, "releaser", releases.RELEASER, kind="CLOSE")
    broken = bundle / file_name("data_owner", releases.OWNER.keyid, b"{}")
    broken.write_bytes(b"{}")
    with pytest.raises(DataError, match="does not verify"):
        sign(bundle, releases)
    broken.unlink()
    (bundle / "README.md").write_text("x")
    with pytest.raises(DataError, match="E_DIGEST"):
        sign(bundle, releases)
    shutil.rmtree(bundle)
    with pytest.raises(DataError, match="E_MISSING"):
        sign(bundle, releases)


def test_decision_that_the_verifier_would_refuse_is_not_signed(bundle, releases, monkeypatch):
    def refused(error, match, role="privacy_officer", key=releases.OFFICER, **how):
        given = {"trust": trust, "now": releases.LATER, "role": role, "key": key, "no_review": True}
        with pytest.raises(error, match=match):
            approve(bundle, **given | how)

    root, trust = releases.UNTRUSTED, releases.root()
    for kind in ("APPROVE", "REJECT"):
        refused(DataError, "a releaser can sign only a closing, but", "releaser", releases.RELEASER, kind=kind)
    refused(UsageError, "no approvers in the role janitor", "janitor")
    refused(DataError, "dated before the release was made", now=releases.NOW - releases.DAY / 1440)
    monkeypatch.setattr("synthgen.release.approve.approvals.read_decisions", lambda *_: [Mock(digest="a" * 64)] * 100)
    refused(DataError, "seen: must have at most 99 items", kind="REJECT")
    monkeypatch.undo()
    holders = {"releaser": releases.RELEASER, "privacy_officer": releases.OFFICER, "root": root}
    keys = {key.keyid: key.public for key in holders.values()}
    roles = {role: {"keyids": (key.keyid,), "threshold": 1} for role, key in holders.items()}
    trust = releases.root(keys=keys, roles=roles)
    for kind in ("APPROVE", "REJECT", "CLOSE"):
        refused(UsageError, "no approvers in the role root", "root", root, kind=kind)
    revoked = {"keyid": releases.OFFICER.keyid, "since": stamp(releases.NOW), "reason": "lost"}
    trust = releases.root(revoked=(revoked,))
    refused(UsageError, "E_REVOKED")
    expired = releases.OFFICER.public.model_copy(update={"valid_until": stamp(releases.LATER)})
    trust = releases.root(keys={**keys, **releases.root().keys, releases.OFFICER.keyid: expired})
    refused(UsageError, "E_KEY_EXPIRED", kind="REJECT")
    assert not list(bundle.glob(f"{FOLDER}/*"))
    for role, key in (("privacy_officer", releases.OFFICER), ("data_owner", releases.OWNER)):
        sign(bundle, releases, role, key)
    trust = releases.root()
    refused(DataError, "only a releaser can sign a closing, but", kind="CLOSE")


def test_bundle_that_changes_during_the_check_is_not_signed(bundle, releases, monkeypatch):
    def check_and_change(*given):
        checked = verify_for_approval(*given)
        releases.edit(bundle, lambda v: v["predicate"]["attempts"]["ledger"].update(head="e" * 64))
        return checked

    monkeypatch.setattr("synthgen.release.approve.verify_for_approval", check_and_change)
    with pytest.raises(DataError, match="changed while it was checked"):
        sign(bundle, releases)


@pytest.mark.parametrize("kind", ["APPROVE", "REJECT"])
def test_under_an_independent_policy_no_review_page_is_signed(releases, tmp_path, kind):
    privacy = {**releases.DP_PRIVACY, "decision": "independent"}
    alone = releases.bundle(tmp_path, releases.INDEPENDENT_POLICY, privacy=privacy)
    page, trust = tmp_path / "page.html", releases.root((releases.INDEPENDENT_POLICY,))
    payload = base64.b64decode(releases.envelope(alone)["payload"])
    page.write_text(f'<meta name="synthgen-release" content="{hashlib.sha256(payload).hexdigest()}">')
    given = {"role": "privacy_officer", "key": releases.OFFICER, "trust": trust, "now": releases.LATER, "kind": kind}
    with pytest.raises(UsageError, match="nothing was signed, because --review") as refused:
        approve(alone, review=page, **given)
    assert "without --review" in refused.value.hint
    assert not list(alone.glob(f"{FOLDER}/*"))
    assert approve(alone, **given).is_file()


def test_only_an_approval_needs_the_review_page_or_the_statement_that_there_is_none(bundle, releases, tmp_path):
    with pytest.raises(UsageError, match="must name the review page that the approver read") as refused:
        sign(bundle, releases, no_review=False)
    assert all(word in refused.value.hint for word in ("synthgen review WORKSPACE", "--review PAGE", "--no-review"))
    with pytest.raises(UsageError, match="--review and --no-review cannot"):
        sign(bundle, releases, review=tmp_path / "page.html")
    assert not list(bundle.glob(f"{FOLDER}/*"))
    assert sign(bundle, releases, kind="REJECT", no_review=False).is_file()
