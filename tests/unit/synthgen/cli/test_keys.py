import json
import stat
from datetime import UTC, datetime, timedelta

import pytest
import typer
from typer.testing import CliRunner

from audits.core.errors import VerifyError
from audits.gate.shipped import load_policy
from audits.ledger.chain import ledger_id
from audits.verify.bundle import ENVELOPE, verify_bundle
from audits.verify.trust import TRUST_PAYLOAD_TYPE, TrustRoot, fingerprint, load_trust
from synthgen.cli.main import app
from synthgen.core.errors import ConfigError, StorageError, UsageError
from synthgen.release.keys import load_key
from synthgen.release.sign import sign

PASSPHRASE = "correct horse"


@pytest.fixture(autouse=True)
def passphrase(monkeypatch):
    monkeypatch.setenv("SYNTHGEN_KEY_PASSPHRASE", PASSPHRASE)


def call(*arguments):
    """Run a command and raise its exception."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


def make(folder, name):
    call("keys", "new", folder / f"{name}.pem", "--person", name.title(), "--org", "Clinic", "--days", "5")
    return folder / f"{name}.pub.json"


def test_a_new_key_opens_with_its_passphrase_and_shows_its_holder(tmp_path):
    public = make(tmp_path, "ann")
    key = load_key(tmp_path / "ann.pem", PASSPHRASE.encode())
    shown = json.loads(call("keys", "show", public).stdout)
    assert (shown["keyid"], shown["person"], shown["org"]) == (key.keyid, "Ann", "Clinic")
    assert stat.S_IMODE((tmp_path / "ann.pem").stat().st_mode) == 0o600
    assert PASSPHRASE.encode() not in (tmp_path / "ann.pem").read_bytes() + public.read_bytes()


def test_a_key_is_never_overwritten(tmp_path):
    make(tmp_path, "ann")
    before = (tmp_path / "ann.pem").read_bytes()
    with pytest.raises(StorageError, match="never overwritten"):
        make(tmp_path, "ann")
    assert (tmp_path / "ann.pem").read_bytes() == before


def test_a_short_passphrase_raises_an_error_and_is_not_an_option(tmp_path, monkeypatch):
    monkeypatch.setenv("SYNTHGEN_KEY_PASSPHRASE", "short")
    with pytest.raises(UsageError, match="passphrase"):
        make(tmp_path, "ann")
    assert list(tmp_path.iterdir()) == []
    options = typer.main.get_command(app).commands["keys"].commands["new"].params
    assert "passphrase" not in " ".join(str(option.name) for option in options)


def test_a_trust_root_shows_keys_roles_policies_and_fingerprint(tmp_path):
    releaser, officer, owner = (make(tmp_path, name) for name in ("ann", "ben", "cem"))
    path = tmp_path / "trust.json"
    keys = ("--releaser", releaser, "--privacy-officer", officer, "--data-owner", owner)
    policies = ("--policy", "research", "--policy", "hospital-external")
    made = call("trust", "init", path, *keys, *policies, "--ledger", "a" * 32)
    print_of = fingerprint(path.read_bytes())
    assert print_of in made.stdout
    shown = call("trust", "show", path).stdout.splitlines()
    assert shown[0] == f"fingerprint: {print_of}"
    assert shown[1] == "version: 1"
    assert shown[2].startswith("expires: 20")
    names = ["data_owner, 1 required", "privacy_officer, 1 required", "releaser, 1 required"]
    names += ["ledger", "policy hospital-external", "policy research"]
    assert [line.split(":")[0] for line in shown[3:]] == names
    assert "Cem, Clinic" in shown[3]
    assert shown[-1].endswith(load_policy("research").digest())


def test_trust_show_prints_every_field(authority, releases, tmp_path):
    free, key = releases.signing_key("No Role"), releases.OWNER.public.model_copy(update={"org": "Clinic\x1b"})
    since = "2026-01-02T03:04:05Z"
    fields = {
        "version": 17,
        "expires": "2031-02-03T04:05:06Z",
        "keys": {**releases.root().keys, releases.OWNER.keyid: key, free.keyid: free.public},
        "roles": {**releases.root().roles, "releaser": {"keyids": (releases.RELEASER.keyid,), "threshold": 1}},
        "policies": {"trial": ("a" * 64, "b" * 64)},
        "revoked": ({"keyid": "c" * 16, "since": since, "reason": "lost\x1b"},),
        "min_tool_version": "0.3.1",
        "authorities": (authority.text,),
        "ledgers": ("d" * 32,),
    }
    assert fields.keys() == TrustRoot.model_fields.keys()  # a new field must be printed and then added here
    (tmp_path / "trust.json").write_bytes(TrustRoot.model_validate(fields).to_bytes())
    shown = call("trust", "show", tmp_path / "trust.json").stdout
    for key in (releases.RELEASER, releases.OFFICER, free):
        who = f"{key.keyid} {key.public.person}, Clinic, ed25519"
        assert f": {who}, valid from {key.public.valid_from} to {key.public.valid_until}\n" in shown
    for line in (
        "version: 17",
        "expires: 2031-02-03T04:05:06Z",
        f"ledger: {'d' * 32}",
        "timestamp authority: CN=Local CA",
    ):
        assert f"\n{line}" in shown
    for part in (
        f"no role: {free.keyid}",
        "releaser, 1 required: ",
        "0.3.1",
        f"policy trial: {'a' * 64}, {'b' * 64}",
    ):
        assert part in shown
    assert f"revoked: {'c' * 16} from {since} (lost" in shown
    assert "\x1b" not in shown


def test_one_person_in_two_roles_raises_an_error(tmp_path):
    public = make(tmp_path, "ann")
    with pytest.raises(ConfigError, match="would not be valid"):
        call("trust", "init", tmp_path / "trust.json", "--releaser", public, "--privacy-officer", public)
    assert not (tmp_path / "trust.json").exists()


@pytest.mark.parametrize("policy", ["strict-dp", "hospital-external"])
def test_a_policy_with_a_budget_needs_a_ledger_in_the_root(tmp_path, policy):
    options = ("--releaser", make(tmp_path, "ann"), "--policy", policy)
    path = tmp_path / "trust.json"
    with pytest.raises(
        ConfigError, match=f"under the policy {policy}, the verifier accepts a release only if"
    ) as caught:
        call("trust", "init", path, *options)
    assert "--ledger" in caught.value.hint
    assert not path.exists()
    own = ledger_id(tmp_path / "ledger")  # creates the ledger
    call("trust", "init", path, *options, "--ledger", tmp_path / "ledger", "--ledger", "a" * 32)
    assert load_trust(path).ledgers == (own, "a" * 32)
    assert f"ledger: {'a' * 32}" in call("trust", "show", path).stdout.splitlines()


@pytest.mark.parametrize("content", [None, "nothing", "a file"])
def test_a_missing_ledger_is_neither_created_nor_pinned(tmp_path, content):
    ledger, path = tmp_path / "ledger-with-a-typo", tmp_path / "trust.json"
    if content is not None:
        ledger.mkdir()
    if content == "a file":
        (ledger / "note.txt").write_text("")
    with pytest.raises(ConfigError, match="there is no ledger in") as caught:
        call("trust", "init", path, "--releaser", make(tmp_path, "ann"), "--ledger", ledger)
    assert "budget show" in caught.value.hint
    assert not path.exists()
    assert not (ledger / "key").exists()


def test_the_next_version_of_a_trust_root_needs_a_ledger(tmp_path):
    releaser, root = make(tmp_path, "ann"), make(tmp_path, "ben").with_name("ben.pem")
    versions = [tmp_path / f"{i}.json" for i in range(3)]
    call("trust", "init", versions[0], "--releaser", releaser, "--root", root)
    rotate = ("--sign-with", root, "--policy", "strict-dp")
    with pytest.raises(ConfigError, match="under the policy strict-dp, the verifier accepts a release only if"):
        call("trust", "rotate", *versions[:2], *rotate)
    assert not versions[1].exists()
    call("trust", "rotate", *versions[:2], *rotate, "--ledger", "a" * 32)
    call("trust", "rotate", *versions[1:], *rotate)
    assert load_trust(versions[2]).ledgers == ("a" * 32,)


def test_the_next_version_can_name_another_ledger(tmp_path):
    releaser, root = make(tmp_path, "ann"), make(tmp_path, "ben").with_name("ben.pem")
    versions = [tmp_path / f"{i}.json" for i in range(3)]
    call("trust", "init", versions[0], "--releaser", releaser, "--root", root, "--ledger", "a" * 32)
    call("trust", "rotate", *versions[:2], "--sign-with", root)
    call("trust", "rotate", *versions[1:], "--sign-with", root, "--ledger", "b" * 32)
    assert [load_trust(path).ledgers for path in versions] == [("a" * 32,), ("a" * 32,), ("b" * 32,)]


@pytest.fixture
def two_roots(tmp_path, monkeypatch):
    """Return paths of a trust root with two root keys and of its successor, and the two root keys."""
    monkeypatch.setenv("SYNTHGEN_TRUST_STATE", str(tmp_path / "seen.json"))
    releaser, keys = make(tmp_path, "ann"), [make(tmp_path, name).with_name(f"{name}.pem") for name in ("ben", "cem")]
    roots = [option for key in keys for option in ("--root", key)]
    old = ("--policy", "research", "--policy", "hospital-external", "--ledger", "a" * 32)
    call("trust", "init", tmp_path / "1.json", "--releaser", releaser, *roots, *old)
    return tmp_path / "1.json", tmp_path / "2.json", *keys


def key_of(path):
    return load_key(path, PASSPHRASE.encode()).keyid


def test_each_option_of_trust_rotate_replaces_its_field(two_roots, authority, tmp_path):
    old, new, root, other = two_roots
    releaser = make(tmp_path, "dora")
    given = {"releaser": releaser, "root": other.with_name("cem.pub.json"), "policy": "strict-dp", "ledger": "b" * 32}
    given["authority"] = authority.pem
    options = [word for name, value in given.items() for word in (f"--{name}", value)]
    call("trust", "rotate", old, new, "--sign-with", root, "--sign-with", other, *options)
    found = load_trust(new)
    assert found.policies == {"strict-dp": (load_policy("strict-dp").digest(),)}
    assert (found.ledgers, found.authorities) == (("b" * 32,), (authority.text,))
    assert found.roles["root"].keyids == (key_of(other),)
    assert set(found.keys) == {key_of(other), key_of(tmp_path / "dora.pem")}
    kept = tmp_path / "3.json"
    call("trust", "rotate", new, kept, "--sign-with", other)
    assert load_trust(kept) == found.model_copy(update={"version": 3})


def test_approvers_in_any_role_are_added_and_replaced(two_roots, tmp_path):
    old, new, root, other = two_roots
    releaser, board, officer, second = (make(tmp_path, name) for name in ("rea", "bea", "oli", "sue"))
    path = tmp_path / "boards.json"
    given = (
        "--privacy-officer",
        officer,
        "--approver",
        f"ethics_board={board}",
        "--approver",
        f"data_owner={second}",
    )
    call("trust", "init", path, "--releaser", releaser, *given)
    made = load_trust(path).roles
    assert {role: len(made[role].keyids) for role in made} == dict.fromkeys(
        ("releaser", "privacy_officer", "ethics_board", "data_owner"), 1
    )
    signers = ("--sign-with", root, "--sign-with", other)
    call("trust", "rotate", old, new, *signers, "--approver", f"ethics_board={board}")
    assert load_trust(new).roles["ethics_board"].keyids == (key_of(tmp_path / "bea.pem"),)
    for wrong in ("ethics_board", f"Board={board}", f"root={board}"):
        with pytest.raises(UsageError, match="ROLE=FILE"):
            call("trust", "init", tmp_path / "no.json", "--releaser", releaser, "--approver", wrong)


@pytest.mark.parametrize("wrong", ["typo", "cut", "capital", "name"])
def test_an_unknown_key_is_not_revoked(two_roots, wrong):
    old, new, root, other = two_roots
    known = key_of(other)
    name = {
        "typo": known[:-1] + "0f"[known[-1] == "0"],
        "cut": known[:8],
        "capital": known.upper() + "A",
        "name": "Ben",
    }
    with pytest.raises(ConfigError, match=f"has no key with the id {name[wrong]}, so nothing was revoked"):
        call("trust", "rotate", old, new, "--sign-with", root, "--revoke", known, "--revoke", name[wrong])
    with pytest.raises(ConfigError, match=r"revoked\[0\]\.reason"):
        call("trust", "rotate", old, new, "--sign-with", root, "--revoke", known, "--reason", "x" * 501)
    for option in (("--reason", "lost"), ("--since", "2026-01-01")):
        with pytest.raises(UsageError, match="--since and --reason describe a revocation, but no key is revoked"):
            call("trust", "rotate", old, new, "--sign-with", root, *option)
    assert not new.exists()


def test_a_revoked_root_key_signs_no_next_version(two_roots, releases, tmp_path):
    old, new, root, stolen = two_roots
    revoke = ("--revoke", key_of(stolen), "--reason", "stolen")
    with pytest.raises(VerifyError, match=r"E_TRUST 0 of the 1 required persons signed .* of version 2"):
        call("trust", "rotate", old, new, "--sign-with", stolen, *revoke)
    call("trust", "rotate", old, new, "--sign-with", root, *revoke)
    assert f"revoked: {key_of(stolen)} from 20" in call("trust", "show", new).stdout
    own = ("--sign-with", stolen, "--releaser", make(tmp_path, "mallory"))
    with pytest.raises(VerifyError, match=r"E_TRUST 0 of the 1 required persons signed .* of version 2"):
        call("trust", "rotate", new, tmp_path / "3.json", *own)
    key, now = load_key(tmp_path / "mallory.pem", PASSPHRASE.encode()), datetime.now(UTC)
    bundle = releases.bundle(tmp_path / "out", key=key, now=now)
    value = load_trust(new).model_dump(mode="python")
    value["keys"] = value["keys"] | {key.keyid: key.public}
    value["roles"]["releaser"] = {"keyids": (key.keyid,), "threshold": 1}
    value["policies"] = {"trial": (releases.policy_of(releases.POLICY).digest(),)}
    forged = TrustRoot.model_validate(value | {"version": 3, "revoked": ()})
    thief = load_key(stolen, PASSPHRASE.encode())
    (tmp_path / "3.json").write_bytes(sign(TRUST_PAYLOAD_TYPE, forged.to_bytes(), [thief.private]))
    assert call("verify", bundle, "--trust", new).exit_code == 11  # records version 2
    found = call("verify", bundle, "--trust", tmp_path / "3.json")
    assert found.exit_code == 11
    assert (
        "FAIL trust: E_TRUST version 3 of the trust root lacks a revocation that version 2 contains" in found.output
    )


def test_a_release_gets_a_trusted_timestamp(authority, releases, tmp_path):
    policy = tmp_path / "stamped.yaml"
    policy.write_text(releases.POLICY.replace("name: trial", "name: stamped") + "timestamps: {rfc3161: required}\n")
    for name in ("releaser", "root"):
        make(tmp_path, name)
    trust, root_key = tmp_path / "trust.json", tmp_path / "root.pem"
    keys = ("--releaser", tmp_path / "releaser.pub.json", "--root", root_key)
    call("trust", "init", trust, *keys, "--policy", policy, "--authority", authority.pem)
    assert "timestamp authority: CN=Local CA" in call("trust", "show", trust).stdout
    call("trust", "rotate", trust, tmp_path / "2.json", "--sign-with", root_key)
    call("trust", "rotate", trust, tmp_path / "3.json", "--sign-with", root_key, "--authority", authority.pem)
    assert {load_trust(tmp_path / name).authorities for name in ("2.json", "3.json")} == {(authority.text,)}
    now = datetime.now(UTC)
    key = load_key(tmp_path / "releaser.pem", PASSPHRASE.encode())
    bundle = releases.bundle(tmp_path / "out", policy.read_text(), key=key, now=now)
    request, response = tmp_path / "release.tsq", tmp_path / "release.tsr"
    call("timestamp", "request", bundle / ENVELOPE, request)
    authority.answer(request, response)
    done = call("timestamp", "attach", bundle / ENVELOPE, response, "--trust", trust)
    assert "signed no later than: 20" in done.output
    assert verify_bundle(bundle, load_trust(trust), now=now + timedelta(hours=1)).ok


def test_a_file_without_certificates_is_no_authority(tmp_path):
    public = make(tmp_path, "ann")
    for file in (public, tmp_path / "nowhere.pem"):
        with pytest.raises((ValueError, OSError), match=r"no certificate in PEM|cannot be read"):
            call("trust", "init", tmp_path / "t.json", "--releaser", public, "--authority", file)
