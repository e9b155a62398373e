"""A release with the embedded models: the content of the bundle and of the workspace."""

import hashlib
import json
import re
import shutil
import stat
from collections import Counter
from datetime import UTC, datetime, timedelta

import pyarrow.parquet as pq
import pytest

from audits.gate.shipped import load_policy
from audits.verify.vocabulary import CONTRADICTIONS
from synthgen import Release
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


def test_the_report_compares_contradictions_with_those_of_real_records(released):
    shown = json.loads((released.bundle / "report" / "report.json").read_bytes())["page"]["utility"]["coherence"]
    assert set(shown["synthetic"]) == {*CONTRADICTIONS}
    assert shown.get("real") is None  # there are fewer than 200 real records
    page = (released.bundle / "report" / "report.html").read_text()
    assert f"{100 * shown['synthetic']['any']:.0f} % of the synthetic" in page.partition("<h3>Contradictions</h3>")[2]


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
    refused = copy.release("--json")
    assert (refused.returncode, copy.bundles) == (4, []), refused.stderr
    assert json.loads(refused.stdout)["verdict"] == "REFUSED"
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
    assert (recall["value"], recall["n"]) == (1, 10)  # 12 identifiers; the bundle shows the lower end of the bucket
    assert not [path for path in copy.bundle.rglob("*") if path.is_file() and b"own-sample" in path.read_bytes()]


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
