import sys
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from audits.verify.bundle import verify_bundle
from synthgen.cli import approval
from synthgen.cli.main import app
from synthgen.core.errors import DataError, UsageError
from synthgen.release.keys import load_key, new_key, public_path
from synthgen.release.review.page import REVIEW_PAGE
from synthgen.release.run import load_run
from synthgen.release.trust import new_trust

PASSPHRASE = "correct horse"


@pytest.fixture
def called(monkeypatch):
    """Call a command; raise its error."""
    monkeypatch.setenv("SYNTHGEN_KEY_PASSPHRASE", PASSPHRASE)

    def call(*arguments, said=None):
        done = CliRunner().invoke(app, list(map(str, arguments)), input=said)
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.output

    return call


@pytest.fixture
def case(releases, tmp_path):
    """A bundle that needs the approval of an officer and an owner, and the options of the officer."""
    now = datetime.now(UTC) - timedelta(hours=1)
    keys = {}
    for role in ("releaser", "privacy_officer", "data_owner"):
        new_key(tmp_path / f"{role}.pem", PASSPHRASE.encode(), person=role, org="Clinic", now=now)
        keys[role] = load_key(tmp_path / f"{role}.pem", PASSPHRASE.encode())
    roles = {role: {"keyids": (key.keyid,), "threshold": 1} for role, key in keys.items()}
    root = releases.root(keys={key.keyid: key.public for key in keys.values()}, roles=roles)
    (tmp_path / "trust.json").write_bytes(root.to_bytes())
    bundle = releases.bundle(tmp_path / "out", releases.APPROVED_POLICY, keys["releaser"], now)
    trust = ("--trust", tmp_path / "trust.json")
    officer = ("--role", "privacy_officer", "--key", tmp_path / "privacy_officer.pem", *trust)
    return SimpleNamespace(bundle=bundle, officer=officer, root=root, folder=tmp_path)


def signed(bundle):
    return sorted(path.name for path in bundle.glob("attestation/approvals/*"))


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setattr(approval, "_is_terminal", lambda: True)


def test_an_approval_without_a_page_is_an_error_that_names_both_options(case, called):
    with pytest.raises(UsageError, match="nothing was signed") as refused:
        called("approve", case.bundle, *case.officer, "--yes")
    assert "--review PAGE, or pass --no-review" in refused.value.hint
    assert signed(case.bundle) == []
    called("approve", case.bundle, *case.officer, "--yes", "--no-review")
    assert len(signed(case.bundle)) == 1


def test_without_a_terminal_nothing_is_signed_unless_yes_is_given(case, called):
    with pytest.raises(UsageError, match="no terminal to ask for confirmation") as refused:
        called("approve", case.bundle, *case.officer, "--no-review")
    assert "--yes" in refused.value.hint
    assert signed(case.bundle) == []
    said = called("approve", case.bundle, *case.officer, "--yes", "--no-review")
    assert "you sign:      the approval of this release" in said
    assert "review page:   none stated" in said
    assert len(signed(case.bundle)) == 1


@pytest.mark.parametrize("answer", ["y\n", "n\n", "\n", ""])
def test_a_terminal_is_asked_and_only_yes_signs(case, called, terminal, answer):
    if answer == "y\n":
        said = called("approve", case.bundle, *case.officer, "--reject", said=answer)
        assert "Sign this rejection? [y/N]: y" in said
        assert said.index("you sign:") < said.index("Sign this rejection?") < said.index("rejected: ")
    else:
        with pytest.raises(UsageError, match="nothing was signed"):
            called("approve", case.bundle, *case.officer, "--no-review", said=answer)
    assert len(signed(case.bundle)) == (answer == "y\n")


@pytest.mark.parametrize("closed", ["stdin", "stderr"])
def test_nobody_is_asked_if_the_summary_or_the_question_is_not_on_a_terminal(monkeypatch, closed):
    for name in ("stdin", "stderr"):
        monkeypatch.setattr(sys, name, SimpleNamespace(isatty=lambda name=name: name != closed))
    assert not approval._is_terminal()
    monkeypatch.setattr(sys, closed, SimpleNamespace(isatty=lambda: True))
    assert approval._is_terminal()


def test_a_page_of_another_release_is_refused(case, called):
    page = case.folder / "page.html"
    page.write_text(f'<meta name="synthgen-release" content="{"0" * 64}">')
    with pytest.raises(DataError, match="the review page of another release"):
        called("approve", case.bundle, *case.officer, "--review", page, "--yes")
    assert signed(case.bundle) == []


def test_a_release_is_reviewed_approved_with_the_page_and_verified(finished, called, tmp_path):
    config, keys, page = finished.write_config(), finished.folder / "keys", finished.folder / "ws" / REVIEW_PAGE
    with pytest.raises(DataError, match="not the workspace of a run that has a configuration file"):
        called("review", finished.folder / "ws")
    assert called("review", config).strip() == str(page)
    run, releaser = load_run(finished.config()), keys / "releaser.pem"
    key = load_key(releaser, releaser.with_suffix(".passphrase").read_bytes().strip())
    bundle = run.release(run.decide(), key=key, out=finished.folder / "out").path
    officer, trust, now = keys / "officer.pem", tmp_path / "trust.json", datetime.now(UTC)
    new_key(officer, PASSPHRASE.encode(), person="P. Officer", org="Clinic", now=now - timedelta(days=1))
    roles = {"releaser": [public_path(releaser)], "privacy_officer": [public_path(officer)]}
    new_trust(trust, roles=roles, policies={run.policy.name: [run.policy.digest()]}, expires=now + timedelta(days=9))
    options = ("--role", "privacy_officer", "--key", officer, "--trust", trust, "--review", page, "--yes")
    with pytest.raises(DataError, match="a run that was not released"):
        called("approve", bundle, *options)  # the page was written before the release
    called("review", config)
    digest = sha256(page.read_bytes()).hexdigest()
    assert f"review page:   sha256 {digest}" in called("approve", bundle, *options)
    found = verify_bundle(bundle, trust)
    assert found.ok, found.failure
    assert f"P. Officer (privacy_officer, reviewed page sha256 {digest})" in found.to_text()


def test_options_that_do_not_fit_together_are_named(called, case):
    key = case.officer[2:]
    for words, message in (
        ((), "neither --role nor --close is given"),
        (("--reject",), "neither --role nor --close is given"),
        (("--close", "--reject"), "--close and --reject cannot be combined"),
        (("--close", "--role", "privacy_officer"), "--close and --role cannot be combined"),
    ):
        with pytest.raises(UsageError, match=message):
            called("approve", case.bundle, *words, *key)
    assert signed(case.bundle) == []
