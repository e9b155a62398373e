"""`audits verify` and `synthgen verify` print the same words and JSON and exit with the same code."""

import hashlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from audits.cli.main import main as audits
from audits.core.instants import stamp
from audits.verify.bundle import ENVELOPE
from audits.verify.contents import CONFIG
from synthgen.cli.main import main as synthgen

DAY = timedelta(days=1)
FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")


@pytest.fixture(scope="module")
def folder(releases, tmp_path_factory):
    """Return a folder with trust roots, and bundles that were changed so that each class of check fails."""
    folder, now = tmp_path_factory.mktemp("verify"), datetime.now(UTC)
    expires = stamp(now + DAY)
    (folder / "trust.json").write_bytes(releases.root(expires=expires).to_bytes())
    (folder / "unpinned.json").write_bytes(releases.root((releases.DP_POLICY,), expires=expires).to_bytes())
    (folder / "expired.json").write_bytes(releases.root(expires=stamp(now - DAY)).to_bytes())
    (folder / "other.json").write_text("{}")
    good = releases.bundle(folder, now=now).rename(folder / "good")
    releases.bundle(folder / "approved", releases.APPROVED_POLICY, now=now).rename(folder / "not-approved")
    changed, linked = (shutil.copytree(good, folder / name) for name in ("changed", "linked"))
    (changed / "README.md").write_text("x")
    (linked / "link\x1b[31m").symlink_to("README.md")
    (shutil.copytree(good, folder / "unsigned") / ENVELOPE).write_text("{}")
    (folder / "hostile.yaml").write_text("? - ? \n")
    for name, text in (("hostile", "? - ? \n"), ("slow", "a: [" + "0," * 150_000 + "]\n")):
        path = shutil.copytree(good, folder / name)
        (path / CONFIG).write_text(text)
        digest = hashlib.sha256(text.encode()).hexdigest()
        releases.edit(path, lambda value, digest=digest: value["predicate"]["config"]["digest"].update(sha256=digest))
    return folder


@pytest.fixture
def call(folder, monkeypatch, capsys):
    """Return a function that runs one of the two programs and returns its exit code, stdout and stderr."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("SYNTHGEN_TRUST_STATE", str(folder / "state"))
    for owner, name in ((signal, "signal"), (resource, "setrlimit"), (os, "umask")):
        monkeypatch.setattr(owner, name, lambda *_: None)

    def run(main, *words):
        monkeypatch.setattr(sys, "argv", ["program", "verify", *words])
        with pytest.raises(SystemExit) as caught:
            main()
        return caught.value.code, *capsys.readouterr()

    return run


TRUST = ("--trust", "trust.json")
OUTCOMES = [
    (0, "VERIFIED", "good", *TRUST),
    (0, "VERIFIED", "good", *TRUST, "--trust-state", "mark"),
    (10, "E_DIGEST", "changed", *TRUST),
    (10, "E_MISSING", "nowhere", *TRUST),
    (11, "E_TRUST", "good", "--trust", "other.json"),
    (11, "E_TRUST", "good", "--trust", "nowhere.json"),
    (11, "E_ENVELOPE", "unsigned", *TRUST),
    (12, "E_POLICY", "good", "--trust", "unpinned.json"),
    (12, "E_POLICY", "good", *TRUST, "--policy", "research"),
    (13, "E_APPROVAL", "not-approved", *TRUST),
    (14, "E_TIME", "good", "--trust", "expired.json"),
    (15, "E_UNSAFE", "linked", *TRUST),
    (20, "PARTIAL", "good", "--only", "integrity"),
    (10, "E_DIGEST", "changed", "--only", "integrity"),
    *(
        (10, "E_MANIFEST", name, *options)
        for name in ("hostile", "slow")
        for options in (TRUST, ("--only", "integrity"))
    ),
    (3, "a key must be a string", "good", *TRUST, "--policy", "hostile.yaml"),
    (3, "error: there is no shipped policy", "good", *TRUST, "--policy", "none\x1b"),
    (3, "cannot be read", "good", *TRUST, "--policy", "none.yaml"),
    (2, "error: pass --trust", "good"),
    (2, "error: pass --trust", "good", *TRUST, "--only", "integrity"),
    (2, "error: pass --trust", "good", "--only", "integrity", "--policy", "research"),
    (2, "error: pass --trust", "good", "--only", "integrity", "--trust-state", "mark"),
]


@pytest.mark.parametrize(("code", "word", "words"), [(code, word, words) for code, word, *words in OUTCOMES])
def test_both_programs_have_the_same_output(call, code, word, words):
    for options in (words, [*words, "--json"]):
        found = call(audits, *options)
        assert found == call(synthgen, *options)
        assert found[0] == code
        assert word in found[1] + found[2]
        assert not any(one in found[1] + found[2] for one in ("\x1b", "Traceback"))
    printed = json.loads(found[1])
    if code in {2, 3}:
        assert set(printed["error"]) == {"code", "message", "problems", "hint"}
        assert printed["error"]["code"] == code
        return
    assert set(printed) == {"ok", "verdict", "code", "checks", "release"}
    assert (printed["release"] is None) == (code != 0)
    assert (printed["ok"], printed["code"]) == (code == 0, code)
    assert all(set(check) == {"id", "ok", "detail"} for check in printed["checks"])


def test_only_signed_facts_about_a_verified_release_are_printed(call, folder, releases):
    renamed = shutil.copytree(folder / "good", folder / "release-2027-01-31-c0ffee")
    name, policy = releases.statement(renamed)["predicate"]["releaseId"], releases.policy_of(releases.POLICY)
    for main in (audits, synthgen):
        _, out, err = call(main, renamed.name, *TRUST, "--json")
        assert json.loads(out)["release"] == {
            "releaseId": name,
            "policy": {"name": policy.name, "version": policy.version, "digest": {"sha256": policy.digest()}},
            "use": {"scope": "inside", "statement": policy.statement},
        }
        assert err.splitlines()[-3:] == [
            f"policy: {policy.name} version {policy.version}",
            f"intended use: inside the institution. {policy.statement}",
            f"VERIFIED  release {name}",
        ]
        failed = "VERIFICATION FAILED: do not use this bundle"
        for words, verdict in ((("--only", "integrity"), "PARTIAL"), (("--trust", "expired.json"), failed)):
            _, out, err = call(main, renamed.name, *words, "--json")
            assert err.splitlines()[-1] == verdict
            assert policy.statement not in out + err
            assert "c0ffee" not in out + err


@pytest.fixture(scope="module")
def accented(folder, releases):
    """Return a bundle and a trust root with a releaser whose name is not ASCII."""
    key = releases.signing_key("Jos\u00e9 M\u00fcller")
    holders = {"releaser": key, "privacy_officer": releases.OFFICER}
    roles = {role: {"keyids": (one.keyid,), "threshold": 1} for role, one in holders.items()}
    root = releases.root(keys={one.keyid: one.public for one in holders.values()}, roles=roles)
    (folder / "accented.json").write_bytes(root.to_bytes())
    return releases.bundle(folder / "accented", key=key, now=datetime.now(UTC)), folder / "accented.json"


@pytest.mark.parametrize("program", ["audits", "synthgen"])
@pytest.mark.parametrize(
    ("redirection", "code"),
    [
        ("", 0),
        (">&-", 3),
        ("2>&-", 3),
        (">&- 2>&-", 3),
        pytest.param(">/dev/full", 3, marks=FULL),
        pytest.param("2>/dev/full", 3, marks=FULL),
        pytest.param(">/dev/full 2>&1", 3, marks=FULL),
    ],
)
def test_a_result_that_cannot_be_printed_is_no_success(accented, program, redirection, code):
    bundle, trust = accented
    command = 'exec "$0" -m "$1" verify "$2" --trust "$3" --json ' + redirection
    words = [sys.executable, program, str(bundle), str(trust)]
    env = os.environ | {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    found = subprocess.run(["/bin/sh", "-c", command, *words], capture_output=True, env=env, check=False)
    assert found.returncode == code, found.stderr
    assert b"Traceback" not in found.stderr
    if not redirection:
        assert "Jos\u00e9 M\u00fcller" in json.loads(found.stdout)["checks"][3]["detail"]
