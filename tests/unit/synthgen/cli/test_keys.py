import json
import stat

import pytest
from typer.testing import CliRunner

from audits.gate.shipped import load_policy
from audits.ledger.attempts import ledger_id
from audits.verify.trust import fingerprint, load_trust
from synthgen.cli.keys import keys_app, trust_app
from synthgen.core.errors import ConfigError, StorageError, UsageError
from synthgen.release.keys import load_key

PASSPHRASE = "correct horse"


@pytest.fixture(autouse=True)
def passphrase(monkeypatch):
    monkeypatch.setenv("SYNTHGEN_KEY_PASSPHRASE", PASSPHRASE)


def call(app, *arguments):
    """Run a command; what it raises is raised here."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


def make(folder, name):
    call(keys_app, "new", folder / f"{name}.pem", "--person", name.title(), "--org", "Clinic", "--days", "5")
    return folder / f"{name}.pub.json"


def test_a_new_key_opens_with_its_passphrase_and_shows_its_holder(tmp_path):
    public = make(tmp_path, "ann")
    key = load_key(tmp_path / "ann.pem", PASSPHRASE.encode())
    shown = json.loads(call(keys_app, "show", public).stdout)
    assert (shown["keyid"], shown["person"], shown["org"]) == (key.keyid, "Ann", "Clinic")
    assert stat.S_IMODE((tmp_path / "ann.pem").stat().st_mode) == 0o600
    assert PASSPHRASE.encode() not in (tmp_path / "ann.pem").read_bytes() + public.read_bytes()


def test_a_key_is_never_overwritten(tmp_path):
    make(tmp_path, "ann")
    before = (tmp_path / "ann.pem").read_bytes()
    with pytest.raises(StorageError, match="never overwritten"):
        make(tmp_path, "ann")
    assert (tmp_path / "ann.pem").read_bytes() == before


def test_a_short_passphrase_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("SYNTHGEN_KEY_PASSPHRASE", "short")
    with pytest.raises(UsageError, match="passphrase"):
        make(tmp_path, "ann")
    assert list(tmp_path.iterdir()) == []


def test_the_passphrase_is_no_option():
    assert "passphrase" not in " ".join(str(p.name) for p in _parameters(keys_app, "new"))


def _parameters(app, name):
    import typer

    return typer.main.get_command(app).commands[name].params


def test_a_trust_root_shows_keys_roles_policies_and_fingerprint(tmp_path):
    releaser, officer, owner = (make(tmp_path, name) for name in ("ann", "ben", "cem"))
    path = tmp_path / "trust.json"
    made = call(
        trust_app,
        "init",
        path,
        "--releaser",
        releaser,
        "--privacy-officer",
        officer,
        "--data-owner",
        owner,
        "--policy",
        "research",
        "--policy",
        "hospital-external",
        "--ledger",
        "a" * 32,
    )
    print_of = fingerprint(path.read_bytes())
    assert print_of in made.stderr
    shown = call(trust_app, "show", path).stdout.splitlines()
    assert shown[0] == f"fingerprint: {print_of}"
    assert shown[1].startswith("expires: 20")
    assert [line.split(":")[0] for line in shown[2:]] == [
        "data_owner",
        "privacy_officer",
        "releaser",
        "ledger",
        "policy hospital-external",
        "policy research",
    ]
    assert "Cem, Clinic" in shown[2]
    assert shown[-1].endswith(load_policy("research").digest())


def test_one_person_in_two_roles_is_refused(tmp_path):
    public = make(tmp_path, "ann")
    with pytest.raises(ConfigError, match="unsound"):
        call(trust_app, "init", tmp_path / "trust.json", "--releaser", public, "--privacy-officer", public)
    assert not (tmp_path / "trust.json").exists()


@pytest.mark.parametrize("policy", ["strict-dp", "hospital-external"])
def test_a_policy_with_a_budget_needs_a_ledger_in_the_root(tmp_path, policy):
    options = ("--releaser", make(tmp_path, "ann"), "--policy", policy)
    path = tmp_path / "trust.json"
    with pytest.raises(ConfigError, match=f"under {policy} the verifier accepts a release only if") as caught:
        call(trust_app, "init", path, *options)
    assert "--ledger" in caught.value.hint
    assert not path.exists()
    own = ledger_id(tmp_path / "ledger")  # begins it
    call(trust_app, "init", path, *options, "--ledger", tmp_path / "ledger", "--ledger", "a" * 32)
    assert load_trust(path).ledgers == (own, "a" * 32)
    assert f"ledger: {'a' * 32}" in call(trust_app, "show", path).stdout.splitlines()


@pytest.mark.parametrize("held", [None, "nothing", "a file"])
def test_a_ledger_that_is_not_there_is_neither_begun_nor_pinned(tmp_path, held):
    ledger, path = tmp_path / "ledger-with-a-typo", tmp_path / "trust.json"
    if held is not None:
        ledger.mkdir()
    if held == "a file":
        (ledger / "note.txt").write_text("")
    with pytest.raises(ConfigError, match="there is no ledger in") as caught:
        call(trust_app, "init", path, "--releaser", make(tmp_path, "ann"), "--ledger", ledger)
    assert "budget show" in caught.value.hint
    assert not path.exists()
    assert not (ledger / "key").exists()


def test_the_next_version_of_a_root_needs_a_ledger_as_well(tmp_path):
    releaser, _ = make(tmp_path, "ann"), make(tmp_path, "ben")
    root, versions = tmp_path / "ben.pem", [tmp_path / f"{i}.json" for i in range(3)]
    call(trust_app, "init", versions[0], "--releaser", releaser, "--root", root)
    rotate = ("--sign-with", root, "--policy", "strict-dp")
    with pytest.raises(ConfigError, match="under strict-dp the verifier accepts a release only if"):
        call(trust_app, "rotate", *versions[:2], *rotate)
    assert not versions[1].exists()
    call(trust_app, "rotate", *versions[:2], *rotate, "--ledger", "a" * 32)
    call(trust_app, "rotate", *versions[1:], *rotate)
    assert load_trust(versions[2]).ledgers == ("a" * 32,)


def test_another_ledger_takes_a_signed_roots_next_version(tmp_path):
    releaser, _ = make(tmp_path, "ann"), make(tmp_path, "ben")
    root, versions = tmp_path / "ben.pem", [tmp_path / f"{i}.json" for i in range(3)]
    call(trust_app, "init", versions[0], "--releaser", releaser, "--root", root, "--ledger", "a" * 32)
    call(trust_app, "rotate", *versions[:2], "--sign-with", root)
    call(trust_app, "rotate", *versions[1:], "--sign-with", root, "--ledger", "b" * 32)
    assert [load_trust(path).ledgers for path in versions] == [("a" * 32,), ("a" * 32,), ("b" * 32,)]
