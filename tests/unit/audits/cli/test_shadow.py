"""The commands shadow-plan and shadow: plan, tables, verdict; only the plan contains names of persons."""

import json

import jsonschema
import pytest
from typer.testing import CliRunner

from audits.attacks.shadow import attack as module
from audits.attacks.shadow.plan import PLAN
from audits.cli.main import app
from audits.core.report import audit_schema


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(module, "TREES", 5)


def write(path, texts, groups=None):
    groups = [{}] * len(texts) if groups is None else [{"patient": group} for group in groups]
    rows = [json.dumps({"note": t, **group}) for t, group in zip(texts, groups, strict=True)]
    path.write_text("\n".join(rows) + "\n")
    return str(path)


def run(*arguments):
    return CliRunner().invoke(app, [*map(str, arguments), "--text", "note", "--group", "patient"])


@pytest.fixture
def files(people, tmp_path):
    train, control = people(31, seed=1, prefix="person-t", rows=(1, 1)), people(40, seed=2, prefix="person-h")
    paths = ["--train", write(tmp_path / "train.jsonl", train.texts, train.groups)]
    paths += ["--control", write(tmp_path / "control.jsonl", control.texts, control.groups)]
    return train, paths, write(tmp_path / "synthetic.jsonl", train.texts[:20])


@pytest.fixture
def planned(files, tmp_path):
    train, paths, synthetic = files
    folder = tmp_path / "shadow"
    done = run("shadow-plan", "--synthetic", synthetic, *paths, "--out", folder, "--runs", 8, "--persons", 2)
    assert done.exit_code == 0, done.output
    assert "8 reruns for 2 target persons" in done.stderr
    assert "person-" not in done.output
    return train, paths, folder


def rerun(train, folder):
    """Write the tables that a copying generator would write."""
    (folder / "synthetic").mkdir()
    for entry in json.loads((folder / PLAN).read_bytes())["runs"]:
        kept = [t for t, g in zip(train.texts, train.groups, strict=True) if g not in entry["leave_out"]]
        write(folder / f"{entry['synthetic']}.jsonl", kept)


@pytest.mark.slow
def test_copy_does_not_pass_and_no_person_is_named(planned):
    train, paths, folder = planned
    rerun(train, folder)
    done = run("shadow", folder, *paths, "--json")
    assert done.exit_code == 4, done.output
    report = json.loads(done.stdout)
    jsonschema.validate(report, audit_schema())
    assert json.loads((folder / "shadow.json").read_bytes()) == report
    (result,) = report["results"]
    assert (result["name"], result["estimate"]["value"] > 0.8) == ("shadow", True)
    assert set(report["inputs"]) == {"train", "control", *(f"rerun {i}" for i in range(8))}
    assert "AUC of non-members" in done.stderr
    assert "shadow: step 207 of 207" in done.stderr
    assert "person-" not in done.output + (folder / "shadow.json").read_text()


def test_missing_reruns_and_a_second_plan_are_refused(files, planned):
    _, paths, folder = planned
    done = run("shadow-plan", "--synthetic", files[2], *paths, "--out", folder)
    assert "already contains a plan" in str(done.exception)
    (folder / "synthetic").mkdir()
    done = run("shadow", folder, *paths)
    assert "8 of 8 reruns have no table" in str(done.exception)
    assert not (folder / "shadow.json").exists()


def test_too_small_tables_are_not_measurable(planned):
    train, paths, folder = planned
    rerun(train, folder)
    write(folder / "synthetic" / "003.jsonl", train.texts[:5])
    done = run("shadow", folder, *paths, "--json")
    assert done.exit_code == 4
    assert json.loads(done.stdout)["results"][0]["status"] == "not_measurable"
    assert "the smallest table of a rerun has 5 records (20 are required)" in done.stderr
