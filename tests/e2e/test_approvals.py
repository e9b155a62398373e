"""Approvals, rejections and closings from the command line to the verdict; files are deleted, copied and renamed."""

import base64
import hashlib
import json
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from audits.core.strictjson import canonical
from audits.verify.bundle import ENVELOPE, verify_bundle
from synthgen.cli.main import app
from synthgen.core.errors import DataError
from synthgen.release.keys import load_key, new_key

PASSPHRASE = "correct horse"
ROLES = {"releaser": "releaser", "officer": "privacy_officer", "deputy": "privacy_officer", "owner": "data_owner"}
ROLES["auditor"] = "auditor"  # no policy requires this role


def call(*arguments):
    return CliRunner().invoke(app, list(map(str, arguments)), env={"SYNTHGEN_KEY_PASSPHRASE": PASSPHRASE})


def message(found):
    return f"{found.exception} {found.output}"


class Clinic:
    """A folder with keys, a trust root, and one bundle for each policy."""

    def __init__(self, folder, releases):
        self.folder, self.policies = folder, {"partner": releases.APPROVED_POLICY}
        closing = releases.APPROVED_POLICY.replace("partner", "closed") + "closing: required\n"
        self.policies["closed"] = closing
        now = datetime.now(UTC) - timedelta(hours=1)
        for name in ROLES:
            new_key(folder / f"{name}.pem", PASSPHRASE.encode(), person=f"The {name}", org="Clinic", now=now)
        keys = {name: load_key(folder / f"{name}.pem", PASSPHRASE.encode()) for name in ROLES}
        roles = {role: [key for name, key in keys.items() if ROLES[name] == role] for role in ROLES.values()}
        root = releases.root(
            self.policies.values(),
            keys={key.keyid: key.public for key in keys.values()},
            roles={role: {"keyids": tuple(k.keyid for k in held), "threshold": 1} for role, held in roles.items()},
        )
        (folder / "trust.json").write_bytes(root.to_bytes())
        self.bundles = {
            name: releases.bundle(folder / name, policy, keys["releaser"], now)
            for name, policy in self.policies.items()
        }

    def copy(self, folder, policy="partner"):
        return Path(shutil.copytree(self.bundles[policy], folder / policy))

    def sign(self, bundle, name, *options):
        """Sign with the key `name` and return the new file; if the command fails, raise its error."""
        before = files(bundle)
        role = ("--close",) if name == "releaser" else ("--role", ROLES[name])
        options = options if "--review" in options else (*options, "--no-review")
        command = (
            "approve",
            bundle,
            "--yes",
            *role,
            "--key",
            self.folder / f"{name}.pem",
            "--trust",
            self.folder / "trust.json",
        )
        done = call(*command, *options)
        if done.exception:
            raise done.exception
        (new,) = files(bundle) - before
        return bundle / "attestation" / "approvals" / new

    def approved(self, folder, policy="partner", names=("officer", "owner")):
        bundle = self.copy(folder, policy)
        return bundle, [self.sign(bundle, name) for name in names]

    def verify(self, bundle):
        """Return the exit code of `verify` and what it prints."""
        done = call("verify", bundle, "--trust", self.folder / "trust.json", "--trust-state", self.folder / "state")
        return done.exit_code, done.output


def files(bundle):
    return {path.name for path in bundle.glob("attestation/approvals/*")}


def refused(found, *words):
    assert found[0] == 13, found[1]
    assert all(re.search(word, found[1]) for word in words), found[1]


@pytest.fixture(scope="module")
def clinic(module_at, tmp_path_factory):
    return Clinic(tmp_path_factory.mktemp("clinic"), module_at("tests/unit/releases.py"))


def test_no_decision_but_the_last_can_be_deleted(clinic, tmp_path):
    bundle, paths = clinic.approved(tmp_path, names=("officer", "auditor", "deputy", "owner"))
    code, said = clinic.verify(bundle)
    assert code == 0
    assert "not closed: a removal of the last decision is not detected" in said
    for path in paths[:-1]:  # the deputy can replace the officer, and the policy does not require the auditor
        data = path.read_bytes()
        path.unlink()
        refused(clinic.verify(bundle), "1 of the approvals, rejections and closings that it names are missing")
        path.write_bytes(data)
    bundle = clinic.copy(tmp_path / "rejected")
    rejection = clinic.sign(bundle, "officer", "--reject")
    for name in ("deputy", "owner"):
        clinic.sign(bundle, name)
    refused(clinic.verify(bundle), "The officer rejects this release")
    rejection.unlink()
    refused(clinic.verify(bundle), "are missing from the bundle")


@pytest.mark.parametrize("who", ["officer", "owner", "auditor", "deputy"])
def test_every_rejection_blocks_even_after_an_approval_of_the_same_person(clinic, tmp_path, who):
    bundle, _ = clinic.approved(tmp_path, names=("officer", "owner", "deputy", "auditor"))
    clinic.sign(bundle, who, "--reject")
    refused(clinic.verify(bundle), f"The {who} rejects this release")
    with pytest.raises(Exception, match=f"The {who} rejects"):
        clinic.sign(bundle, "releaser")
    clinic.sign(bundle, who)  # an approval after the rejection does not withdraw it
    refused(clinic.verify(bundle), f"The {who} rejects this release")


def test_decisions_signed_at_the_same_time_need_one_more_signature(clinic, tmp_path):
    bundle, other = clinic.copy(tmp_path / "a"), clinic.copy(tmp_path / "b")
    clinic.sign(bundle, "officer")
    shutil.copy(clinic.sign(other, "owner"), bundle / "attestation/approvals")
    remedy = "do not name each other; put these files into one bundle; then one person must sign a decision"
    refused(clinic.verify(bundle), remedy)
    clinic.sign(bundle, "owner")
    assert clinic.verify(bundle)[0] == 0
    with pytest.raises(Exception, match="this key has already made this decision"):
        clinic.sign(bundle, "owner")
    for name in files(bundle):
        shutil.copytree(bundle, tmp_path / name)
        (tmp_path / name / "attestation/approvals" / name).unlink()
        assert clinic.verify(tmp_path / name)[0] == 13


def test_a_decision_under_an_earlier_form_of_its_name_is_an_extra_file(clinic, tmp_path):
    _, (signed, _) = clinic.approved(tmp_path)
    role, key, digest = signed.name.split(".")[:3]
    for old in (f"{role}.{key}.dsse.json", "closing.dsse.json", f"{role}.{key}.{digest}.dsse.json.bak"):
        copied = clinic.copy(tmp_path / old)
        (copied / "attestation/approvals").mkdir()
        shutil.copy(signed, copied / "attestation/approvals" / old)
        assert clinic.verify(copied)[0] == 10


def test_a_closed_list_is_complete_and_a_policy_can_require_it(clinic, tmp_path):
    bundle = clinic.copy(tmp_path, "closed")
    clinic.sign(bundle, "officer")
    with pytest.raises(Exception, match="role data_owner: 0 of 1 required"):
        clinic.sign(bundle, "releaser")
    clinic.sign(bundle, "owner")
    refused(clinic.verify(bundle), "requires a closing by the releaser; run `synthgen approve --close`")
    early = Path(shutil.copytree(bundle, tmp_path / "early"))
    clinic.sign(bundle, "releaser")
    code, said = clinic.verify(bundle)
    assert (code, "closed: no decision was removed afterwards" in said) == (0, True)
    for name in files(bundle):
        part = Path(shutil.copytree(bundle, tmp_path / name))
        (part / "attestation/approvals" / name).unlink()
        refused(clinic.verify(part), "are missing from the bundle|requires a closing by the releaser")
    for who, words in (("releaser", "this key has already made this decision"), ("deputy", "has closed the list")):
        with pytest.raises(Exception, match=words):
            clinic.sign(bundle, who)
    late = Path(shutil.copytree(bundle, tmp_path / "late"))
    clinic.sign(late, "auditor", "--reject")
    refused(clinic.verify(late), "signed after the release was closed|rejects this release")
    rejection = clinic.sign(early, "deputy", "--reject")  # signed in a copy made before the closing
    shutil.copy(rejection, bundle / "attestation/approvals")
    refused(clinic.verify(bundle), "The deputy rejects")
    (bundle / "attestation/approvals" / rejection.name).unlink()
    rejection.unlink()
    shutil.copy(clinic.sign(early, "deputy"), bundle / "attestation/approvals")
    refused(clinic.verify(bundle), "do not name each other")
    clinic.sign(bundle, "releaser")  # a second closing names both the first closing and the approval
    assert clinic.verify(bundle)[0] == 0


def test_closing_and_rejecting_exclude_each_other(clinic, tmp_path):
    bundle, key = clinic.copy(tmp_path), clinic.folder / "officer.pem"
    options = ("--key", key, "--trust", clinic.folder / "trust.json")
    for words in (("--close", "--reject"), ("--close", "--role", "privacy_officer"), ("--reject",), ()):
        assert "--close" in message(call("approve", bundle, *words, *options))
    for words in (("--close",), ("--role", "releaser")):
        assert "in the role releaser" in message(call("approve", bundle, *words, *options))
    options = ("--key", clinic.folder / "releaser.pem", "--trust", clinic.folder / "trust.json")
    as_releaser = ("--role", "releaser", "--no-review")
    assert "a releaser can sign only a closing, but" in message(call("approve", bundle, *as_releaser, *options))
    assert files(bundle) == set()
    options = ("--role", "privacy_officer", "--key", key, "--trust", clinic.folder / "trust.json", "--reject")
    assert re.search(
        "now reports: VERIFICATION FAILED .*The officer rejects this release",
        call("approve", bundle, "--yes", *options).output,
    )


def review_page(folder, bundle, release=None):
    payload = base64.b64decode(json.loads((bundle / ENVELOPE).read_bytes())["payload"])
    release = hashlib.sha256(payload).hexdigest() if release is None else release
    path = folder / "review.private.html"
    path.write_text(f'<meta name="synthgen-release" content="{release}">')
    return path


def test_an_approval_names_the_page_that_was_read(clinic, tmp_path):
    bundle = clinic.copy(tmp_path)
    page = review_page(tmp_path, bundle)
    clinic.sign(bundle, "officer", "--review", page)
    digest = hashlib.sha256(page.read_bytes()).hexdigest()
    clinic.sign(bundle, "owner")
    steps = "\n".join(step.detail for step in verify_bundle(bundle, clinic.folder / "trust.json", None).checks)
    assert f"The officer (privacy_officer, reviewed page sha256 {digest})" in steps
    other = clinic.copy(tmp_path / "b")
    with pytest.raises(DataError, match="is the review page of another release"):
        clinic.sign(other, "officer", "--review", review_page(tmp_path, other, "0" * 64))
    assert files(other) == set()


def test_nothing_is_signed_without_confirmation(clinic, tmp_path):
    bundle, key = clinic.copy(tmp_path), clinic.folder / "officer.pem"
    options = ("--role", "privacy_officer", "--key", key, "--trust", clinic.folder / "trust.json")
    done = call("approve", bundle, "--no-review", *options)
    assert "no terminal to ask" in message(done)
    assert re.search("you sign: +the approval of this release", done.stderr)
    assert files(bundle) == set()


# --- two keys of one person

ONE_PERSON = {
    "invisible letter": "Ann\u200b Lee",
    "soft hyphen": "Ann Le\u00ade",
    "direction mark": "\u202eAnn Lee",
    "Cyrillic letter": "\u0410nn Lee",
    "Cyrillic vowel": "Ann L\u0435e",
    "Greek letter": "\u0391nn Lee",
    "accent": "A\u0301nn Lee",
    "full width": "\uff21\uff4e\uff4e Lee",
    "capitals": "ANN LEE",
    "order": "Lee, Ann",
    "blanks": "Ann  Lee",
    "digit": "Ann 1ee",
}


@pytest.fixture(scope="module")
def pair(module_at, tmp_path_factory):
    """Return a folder with a bundle that two privacy officers approved, as the policy requires."""
    folder, releases = tmp_path_factory.mktemp("pair"), module_at("tests/unit/releases.py")
    policy = releases.POLICY + "approvals:\n  - {role: privacy_officer, threshold: 2}\n"
    now, persons = (
        datetime.now(UTC) - timedelta(hours=1),
        {"releaser": "R. Releaser", "ann": "Ann Lee", "ben": "B. Moss"},
    )
    for name, person in persons.items():
        new_key(folder / f"{name}.pem", PASSPHRASE.encode(), person=person, org="Clinic", now=now)
    keys = {name: load_key(folder / f"{name}.pem", PASSPHRASE.encode()) for name in persons}
    roles = {"releaser": {"keyids": (keys["releaser"].keyid,), "threshold": 1}}
    roles["privacy_officer"] = {"keyids": (keys["ann"].keyid, keys["ben"].keyid), "threshold": 1}
    root = releases.root([policy], keys={key.keyid: key.public for key in keys.values()}, roles=roles)
    (folder / "trust.json").write_bytes(root.to_bytes())
    bundle = releases.bundle(folder, policy, keys["releaser"], now)
    shutil.copytree(bundle.rename(folder / "bundle"), folder / "unsigned")
    assert checked(folder, "trust.json")[0] == 13
    for name in ("ann", "ben"):
        done = signed(folder, name, "trust.json")
        assert done.exception is None, done.exception
    assert checked(folder, "trust.json")[0] == 0
    return folder


def signed(folder, name, trust, bundle="bundle"):
    options = ("--role", "privacy_officer", "--key", folder / f"{name}.pem", "--trust", folder / trust)
    return call("approve", folder / bundle, "--yes", "--no-review", *options)


def checked(folder, trust, bundle="bundle"):
    done = call("verify", folder / bundle, "--trust", folder / trust)
    return done.exit_code, done.output


def renamed(folder, person, name):
    """Write a trust root, and a key, in which the second officer has another name."""
    value = json.loads((folder / "trust.json").read_bytes())
    public = json.loads((folder / "ben.pub.json").read_bytes())
    (key,) = [key for key in value["keys"].values() if key["public"] == public["public"]]
    key["person"] = public["person"] = person
    (folder / name).write_bytes(canonical(value))
    (folder / "other.pub.json").write_text(json.dumps(public))
    shutil.copy(folder / "ben.pem", folder / "other.pem")


@pytest.mark.parametrize("case", ONE_PERSON)
def test_names_that_look_alike_are_no_two_persons(case, pair):
    renamed(pair, ONE_PERSON[case], "alike.json")
    code, said = checked(pair, "alike.json")
    assert code == 11, said
    assert re.search("E_TRUST .*differ only in spelling or in the order of their letters, or look alike", said), said
    assert "look alike" in message(signed(pair, "ben", "alike.json"))
    keys = [word for name in ("ann", "other") for word in ("--privacy-officer", pair / f"{name}.pub.json")]
    made = call("trust", "init", pair / "new.json", "--releaser", pair / "releaser.pub.json", *keys)
    assert "look alike" in message(made)
    assert not (pair / "new.json").exists()


def test_two_keys_under_one_name_are_one_person(pair):
    renamed(pair, "Ann Lee", "same.json")
    for name in ("ann", "other"):
        assert signed(pair, name, "same.json", "unsigned").exception is None
    code, said = checked(pair, "same.json", "unsigned")
    assert (code, "1 of 2 required" in said) == (13, True), said
