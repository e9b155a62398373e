from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from audits.verify.bundle import ENVELOPE, verify_bundle
from audits.verify.trust import load_trust
from synthgen.cli.main import app
from synthgen.release.keys import load_key

SECRET = "correct horse"


@pytest.fixture(autouse=True)
def passphrase(monkeypatch):
    monkeypatch.setenv("SYNTHGEN_KEY_PASSPHRASE", SECRET)


def run(*arguments):
    """Run a command; what it raises is raised here."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


def test_from_the_trust_root_to_a_stamped_release(authority, releases, tmp_path):
    """Two commands here, `openssl ts` on the machine that has the authority's key."""
    policy = tmp_path / "stamped.yaml"
    policy.write_text(releases.POLICY.replace("name: trial", "name: stamped") + "timestamps: {rfc3161: required}\n")
    for name in ("releaser", "root", "next"):
        run("keys", "new", tmp_path / f"{name}.pem", "--person", name, "--org", "Clinic")
    trust, root_key = tmp_path / "trust.json", tmp_path / "root.pem"
    run(
        "trust",
        "init",
        trust,
        "--releaser",
        tmp_path / "releaser.pub.json",
        "--root",
        root_key,
        "--policy",
        policy,
        "--authority",
        authority.pem,
    )
    assert "timestamps: CN=Local CA" in run("trust", "show", trust).stdout
    run("trust", "rotate", trust, tmp_path / "2.json", "--sign-with", root_key)
    run("trust", "rotate", trust, tmp_path / "3.json", "--sign-with", root_key, "--authority", authority.pem)
    assert {load_trust(tmp_path / name).authorities for name in ("2.json", "3.json")} == {(authority.text,)}
    now = datetime.now(UTC)
    key = load_key(tmp_path / "releaser.pem", SECRET.encode())
    bundle = releases.bundle(tmp_path / "out", policy.read_text(), key=key, now=now)
    request, response = tmp_path / "release.tsq", tmp_path / "release.tsr"
    run("timestamp", "request", bundle / ENVELOPE, request)
    authority.answer(request, response)
    done = run("timestamp", "attach", bundle / ENVELOPE, response, "--trust", trust)
    assert "signed no later than: 20" in done.output
    assert verify_bundle(bundle, load_trust(trust), now=now + timedelta(hours=1)).ok


def test_a_file_without_certificates_makes_no_root(tmp_path):
    run("keys", "new", tmp_path / "r.pem", "--person", "R", "--org", "Clinic")
    for file in (tmp_path / "r.pub.json", tmp_path / "nowhere.pem"):
        with pytest.raises((ValueError, OSError), match=r"no certificates|cannot be read"):
            run("trust", "init", tmp_path / "t.json", "--releaser", tmp_path / "r.pub.json", "--authority", file)
