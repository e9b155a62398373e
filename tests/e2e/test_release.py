"""A release with the embedded models: the content of the bundle and of the workspace."""

import hashlib
import json
import re
import shutil
import stat
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from audits.gate.shipped import load_policy
from audits.verify.bundle import verify_bundle
from audits.verify.dsse import parse_envelope, signers
from audits.verify.trust import load_trust
from synthgen import Config, Release
from synthgen.release.keys import load_key, load_public, passphrase_for
from synthgen.release.run import load_run
from synthgen.release.trust import new_trust

pytestmark = pytest.mark.models


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def runs_of(text, length):
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[i : i + length]) for i in range(len(words) - length + 1)}


def private_texts(trial):
    notes = [json.loads(line)["note"] for line in (trial.folder / "notes.jsonl").read_text().splitlines()]
    (clean,) = trial.workspace.glob("stages/deidentify-*")
    return [*notes, *pq.read_table(clean / "train.parquet")["text"].to_pylist()]


def test_the_release_verifies_with_its_trust_root(released):
    found = released.run_apart("verify", released.bundle, "--trust", "trust.json", "--policy", "lenient.yaml")
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.endswith(f"VERIFIED  release {released.bundle.name.removeprefix('release-')}\n")
    printed = released.run("verify", released.bundle, "--trust", "trust.json", "--json")
    assert json.loads(printed.stdout)["verdict"] == "VERIFIED"


def test_the_json_output_of_release_names_the_bundle(released):
    printed = json.loads((released.folder / "printed.json").read_text())
    wanted = {"verdict": "RELEASED", "policy": "lenient", "measured": {"memorization": "INSUFFICIENT"}}
    wanted |= {"bundle": str(released.bundle), "releaseId": released.bundle.name.removeprefix("release-")}
    assert printed == wanted


def test_the_bundle_contains_the_records_that_were_requested(released):
    table = Release.open(released.bundle, trust=released.trust).to_arrow()
    assert Counter(table["label"].to_pylist()) == {"cardiology": 12, "gastroenterology": 12, "pulmonology": 12}
    lines = (released.bundle / "data" / "train-00000-of-00001.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == table.to_pylist()


def test_the_report_has_no_scripts_and_loads_nothing(released):
    page = (released.bundle / "report" / "report.html").read_text()
    assert "For tests alone." in page
    assert not re.search(r"<script|javascript:|\son\w+\s*=|<(iframe|object|embed|link)\b", page, re.IGNORECASE)
    assert not re.search(r"""(?:src|href)\s*=\s*["']?(?:https?:|//)""", page, re.IGNORECASE)


def test_the_bundle_contains_nothing_of_the_source_or_the_machine(released):
    rows = [json.loads(line) for line in (released.folder / "notes.jsonl").read_text().splitlines()]
    ids = {row["note_id"] for row in rows} | {row["patient_id"] for row in rows}
    stage_digests = {stage["digest"] for stage in json.loads((released.workspace / "run.json").read_text())["stages"]}
    source = hashlib.sha256((released.folder / "notes.jsonl").read_bytes()).hexdigest()
    private = [*ids, *stage_digests, source, "918273645", "notes.jsonl", "releaser.pem", str(released.folder)]
    private += [path.name for path in (released.workspace / "stages").iterdir()]
    for path in sorted(p for p in released.bundle.rglob("*") if p.is_file()):
        data = path.read_bytes()
        assert [text for text in private if text.encode() in data] == [], path.name


def test_no_run_of_eight_words_of_a_private_text_is_in_the_other_files_of_the_bundle(released):
    private, long = (set().union(*(runs_of(text, n) for text in private_texts(released))) for n in (8, 16))
    for path in sorted(p for p in released.bundle.rglob("*") if p.is_file() and p.suffix != ".parquet"):
        text = path.read_text()
        assert not runs_of(text, 16) & long, path.name
        if path.parent.name != "data":  # a model may write a common phrase; the audits measure how often
            assert not runs_of(text, 8) & private, path.name


def test_the_files_are_private_inside_and_readable_outside(released):
    inside = sorted(released.workspace.rglob("*"))
    assert {mode(path) for path in inside if path.is_dir()} | {mode(released.workspace)} == {0o700}
    assert {mode(path) for path in inside if path.is_file()} == {0o600}
    assert {mode(path) for path in released.bundle.rglob("*") if path.is_file()} == {0o644}
    assert [path.name for path in released.folder.rglob("*") if path.name.endswith(".partial")] == []


def test_a_required_recall_is_met_only_with_a_sample_which_the_bundle_does_not_show(copy):
    floor = "  - {id: found, metric: deidentify.recall, bound: low, op: '>=', limit: 0.5, why: They are found.}\n"
    policy = copy.folder / "floor.yaml"
    policy.write_text((copy.folder / "lenient.yaml").read_text().replace("name: lenient", "name: floor") + floor)
    copy.trust.unlink()
    keys = {"releaser": [copy.folder / "keys" / "releaser.pub.json"]}
    new_trust(
        copy.trust,
        roles=keys,
        policies={"floor": [load_policy(policy).digest()]},
        expires=datetime.now(UTC) + timedelta(days=9),
    )
    copy.edit("policy: lenient.yaml", "policy: floor.yaml")
    shutil.rmtree(copy.folder / "out")
    refused = copy.release()
    assert (refused.returncode, copy.bundles) == (4, []), refused.stderr
    assert "found" in refused.stderr

    (copy.folder / "own-sample.txt").write_text("".join(f"{n}|MRN {{MRN:77340{n}}} seen\n" for n in range(10, 22)))
    copy.edit("engine: rules", "engine: rules, sample: own-sample.txt")
    texts = {path.name for path in (copy.workspace / "stages").iterdir() if not path.name.startswith("audit-")}
    done = copy.release()
    assert done.returncode == 0, done.stderr
    assert {
        path.name for path in (copy.workspace / "stages").iterdir() if not path.name.startswith("audit-")
    } == texts
    assert copy.run("verify", copy.bundle, "--trust", "trust.json").returncode == 0
    recall = json.loads((copy.bundle / "evidence" / "metrics.json").read_bytes())["metrics"]["deidentify.recall"]
    assert (recall["value"], recall["n"]) == (1, 10)  # 12 identifiers, of which the lower end of the bucket is shown
    assert not [path for path in copy.bundle.rglob("*") if path.is_file() and b"own-sample" in path.read_bytes()]


TAMPERED = ["data/train-00000-of-00001.parquet", "data/train-00000-of-00001.jsonl", "evidence/metrics.json"]
TAMPERED += ["policy/policy.json", "policy/policy.yaml", "report/report.html", "report/report.json"]
TAMPERED += ["provenance/run.json", "SHA256SUMS", "README.md"]


@pytest.mark.parametrize("name", TAMPERED)
def test_a_flipped_byte_is_detected(copy, name):
    path = copy.bundle / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    found = verify_bundle(copy.bundle, copy.trust, None)
    assert (found.code, found.verdict) == (10, "REFUSED")
    assert name in found.failure


def test_each_fault_of_a_bundle_has_its_exit_code(copy, tmp_path):
    def verify(*options):
        return copy.run("verify", copy.bundle, "--trust", "trust.json", *options).returncode

    assert verify("--policy", "research") == 12
    extra = copy.bundle / "data" / "more.jsonl"
    extra.write_text("{}")
    assert verify() == 10
    extra.unlink()
    extra.symlink_to("/etc/hostname")
    assert verify() == 15
    extra.unlink()
    assert verify() == 0
    envelope = copy.bundle / "attestation" / "release.dsse.json"
    sealed = json.loads(envelope.read_text())
    sig = sealed["signatures"][0]["sig"]
    sealed["signatures"][0]["sig"] = ("B" if sig[0] == "A" else "A") + sig[1:]
    envelope.write_text(json.dumps(sealed))
    assert verify() == 11
    (copy.bundle / "README.md").unlink()
    assert verify() in {10, 11}
    envelope.unlink()
    assert verify() == 10


def test_an_untrusted_signer_and_an_expired_trust_root_are_rejected(copy):
    made = copy.run("keys", "new", "keys/other.pem", "--person", "S", "--org", "O", SYNTHGEN_KEY_PASSPHRASE="p" * 12)
    assert made.returncode == 0, made.stderr
    roots = ("trust", "init", "other.json", "--releaser", "keys/other.pub.json", "--policy", "lenient.yaml")
    assert copy.run(*roots).returncode == 0
    assert copy.run("verify", copy.bundle, "--trust", "other.json").returncode == 11
    late = datetime.now(UTC) + timedelta(days=1000)
    assert verify_bundle(copy.bundle, copy.trust, None, now=late).code == 14


def test_a_policy_with_approvals_requires_them_and_a_rejection_is_final(copy):
    lenient = (copy.folder / "lenient.yaml").read_text().replace("name: lenient", "name: asked")
    asked = copy.folder / "asked.yaml"
    asked.write_text(lenient + "approvals:\n  - {role: privacy_officer, threshold: 1}\n")
    passphrase = {"SYNTHGEN_KEY_PASSPHRASE": "long enough"}
    copy.run("keys", "new", "keys/officer.pem", "--person", "P. Officer", "--org", "Clinic", **passphrase)
    keys = ("--releaser", "keys/releaser.pub.json", "--privacy-officer", "keys/officer.pub.json")
    made = copy.run("trust", "init", "asked.json", *keys, "--policy", asked)
    assert made.returncode == 0, made.stderr
    assert "fingerprint" in copy.run("trust", "show", "asked.json").stdout
    run = load_run(Config.load(copy.config))
    changed = run.config.model_copy(update={"policy": "asked.yaml"})
    run = replace(run, config=changed, policy=load_policy(asked))
    bundle = run.release(run.decide(), key=copy.folder / "keys" / "releaser.pem", out=copy.folder / "asked").path
    other = Path(shutil.copytree(bundle, copy.folder / "received" / bundle.name))
    options = ("--role", "privacy_officer", "--key", "keys/officer.pem", "--trust", "asked.json")
    assert copy.run("verify", bundle, "--trust", "asked.json").returncode == 13
    approved = copy.run("approve", bundle, *options, **passphrase)
    assert approved.returncode == 0, approved.stderr
    assert copy.run("verify", bundle, "--trust", "asked.json").returncode == 0
    second = copy.run("approve", bundle, *options, **passphrase)
    assert (second.returncode, "nothing was signed" in second.stderr) == (3, True)
    second = copy.run("approve", bundle, *options, "--reject", **passphrase)
    assert (second.returncode, "rejects this release" in second.stdout) == (0, True)
    assert copy.run("verify", bundle, "--trust", "asked.json").returncode == 13
    assert copy.run("verify", other, "--trust", "asked.json").returncode == 13
    rejected = copy.run("approve", other, *options, "--reject", **passphrase)
    assert rejected.returncode == 0, rejected.stderr
    assert copy.run("verify", other, "--trust", "asked.json").returncode == 13


def test_a_strict_policy_refuses_with_a_signed_report_and_no_bundle(copy):
    before = sorted((copy.folder / "out").rglob("*"))
    copy.edit("policy: lenient.yaml", "policy: hospital-external")
    refused = copy.release("--json")
    assert refused.returncode == 4
    assert json.loads(refused.stdout)["verdict"] == "REFUSED"
    for gate in ("membership-high", "audit-parent-recovery", "audit-linkage", "hospital-external"):
        assert gate in refused.stderr, gate
    assert sorted((copy.folder / "out").rglob("*")) == before
    (folder,) = (copy.workspace / "refusals").iterdir()
    envelope = parse_envelope((folder / "refusal.dsse.json").read_bytes())
    assert len(signers(envelope, load_trust(copy.trust).public_keys("releaser"))) == 1
    assert load_public(copy.folder / "keys" / "releaser.pub.json").person == "trial user"
    assert json.loads(envelope.payload)["predicate"]["verdict"] == "REFUSED"
    assert {mode(path) for path in folder.rglob("*") if path.is_file()} == {0o600}
    page = copy.workspace / "report.private.html"
    assert copy.run("report", "ws").stdout == f"{page}\n"
    assert "membership-high" in page.read_text()


def test_a_second_release_reuses_every_stage(copy):
    before = {p: p.read_bytes() for p in copy.bundle.rglob("*") if p.is_file()}
    finished = {p.name: p.stat().st_mtime_ns for p in (copy.workspace / "stages").rglob("done.json")}
    day = copy.bundle.name[:18]
    again = copy.release("--json")
    assert again.returncode == 0, again.stderr
    if json.loads(again.stdout)["releaseId"].startswith(day.removeprefix("release-")):
        assert {p: p.read_bytes() for p in copy.bundle.rglob("*") if p.is_file()} == before
    record = json.loads((copy.workspace / "run.json").read_text())
    assert [stage["name"] for stage in record["stages"] if not stage["reused"]] == []
    assert {p.name: p.stat().st_mtime_ns for p in (copy.workspace / "stages").rglob("done.json")} == finished


def test_another_seed_adds_other_stages_to_the_workspace(copy):
    stages = {p.name for p in (copy.workspace / "stages").iterdir()}
    same = json.loads(copy.run("run", copy.config, "--until", "split", "--json").stdout)
    copy.edit("seed: 918273645", "seed: 918273646")
    other = json.loads(copy.run("run", copy.config, "--until", "split", "--json").stdout)
    assert [s["reused"] for s in same["stages"]] == [True, True]
    assert [s["reused"] for s in other["stages"]] == [False, False]
    assert {p.name for p in (copy.workspace / "stages").iterdir()} > stages
    assert copy.run("report", copy.config).returncode == 3  # the report is stale


def test_the_trial_key_opens_with_the_passphrase_file(released, monkeypatch):
    monkeypatch.delenv("SYNTHGEN_KEY_PASSPHRASE", raising=False)
    path = released.folder / "keys" / "releaser.pem"
    assert load_key(path, passphrase_for(path)).public.person == "trial user"
