import json
import re
import sys
from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import polars as pl
import pytest
import torch

from audits.core.errors import InputError
from audits.ledger.attempts import create_or_check_ledger
from synthgen.config import Config
from synthgen.core.errors import ConfigError, DataError, Interrupted, ModelError, ModelMissing, UsageError
from synthgen.core.progress import Lines, silent
from synthgen.core.tables import read_corpus
from synthgen.filter.stage import FILTER
from synthgen.pipeline import judge
from synthgen.pipeline.institution import ledger_of
from synthgen.pipeline.pipeline import STAGES, Pipeline, _identity
from synthgen.pipeline.style_choice import STYLE
from synthgen.pipeline.workspace import Workspace
from synthgen.release.run import load_run

MADE = [
    *("load", "split", "deidentify", "embed", "decode-reconstruction", "re-embed-reconstruction"),
    *("interpolate", "decode", "re-embed", "filter", "embed-control", "evaluate", "audit"),
]


@pytest.mark.parametrize(
    ("engine", "backend", "in_int8"),
    [("builtin", "cpu", True), ("builtin", "cuda", False), ("transformers", "cpu", False)],
)
def test_processes_of_one_run_need_the_same_arithmetic(monkeypatch, engine, backend, in_int8):
    decode = SimpleNamespace(placement="auto", runs_here=True, engine=engine)
    config = SimpleNamespace(decode=decode, digest=lambda: "d")
    monkeypatch.setattr("synthgen.decode.loading.backend_of", lambda _: backend)
    found = []
    for has in (True, False):
        monkeypatch.setattr("synthgen.pipeline.pipeline.has_int8", lambda has=has: has)
        found.append(_identity(config))
    assert (found[0] != found[1]) is in_int8


def names(run):
    return [stage.name for stage in run.record.stages]


def computed(run):
    return [stage.name for stage in run.record.stages if not stage.reused]


def folders(project):
    return {path.name for path in (project.folder / "ws" / "stages").iterdir()}


def test_the_record_lists_configuration_models_and_stages_in_order(run_project):
    record = json.loads((run_project.folder / "ws" / "run.json").read_text())
    assert [(stage["name"], stage["reused"]) for stage in record["stages"]] == [(name, False) for name in MADE]
    assert {path.rsplit("-", 1)[0] for path in folders(run_project)} == set(MADE)
    assert (record["config"], record["seed"]) == (run_project.config().digest(), 31337)
    models = [("embedder", "models/encoder"), ("decoder", "models/decoder")]
    assert [(m["role"], m["name"]) for m in record["models"]] == models
    last = record["stages"][-1]
    assert last["out"] == 12
    assert last["classes"] == {"cardiology": 4, "gastroenterology": 4, "pulmonology": 4}
    assert {"seconds", "digest", "folder", "in", "out"} <= set(record["stages"][0])


def test_a_second_run_reuses_all_stages(finished):
    before = folders(finished)
    again = Pipeline(finished.config()).run()
    assert (names(again), computed(again)) == (MADE, [])
    assert folders(finished) == before


def test_a_changed_configuration_recomputes_only_dependent_stages(finished):
    first = json.loads((finished.folder / "ws" / "run.json").read_text())
    changed = Pipeline(finished.config(filter={"near_duplicate": 0.99})).run(until="filter")
    assert computed(changed) == ["filter"]
    assert changed.record.config != first["config"]


def test_results_of_other_audit_versions_are_computed_again(finished, monkeypatch):
    monkeypatch.setattr("synthgen.core.made_by.sources", lambda *_: "0" * 64)
    assert computed(Pipeline(finished.config()).run()) == ["evaluate", "audit"]


@pytest.mark.parametrize(
    ("module", "stage", "expected"),
    [("rounds", FILTER, ["filter", "evaluate", "audit"]), ("style_choice", STYLE, [])],
    ids=["a stage of the run", "another stage"],
)
def test_an_upgraded_stage_and_its_dependents_are_recomputed(finished, monkeypatch, module, stage, expected):
    upgraded = replace(stage, version=stage.version + 1)
    monkeypatch.setattr(f"synthgen.pipeline.{module}.{stage.name.upper()}", upgraded)
    assert computed(Pipeline(finished.config()).run()) == expected


def test_resume_never_recomputes_all_stages(finished):
    run = Pipeline(finished.config()).run(resume="never", until="deidentify")
    assert computed(run) == names(run)
    assert {path.rsplit("-", 1)[0] for path in folders(finished)} == {"load", "split", "deidentify"}


@pytest.mark.parametrize("until", STAGES)
def test_a_run_stops_after_the_given_stage(finished, until):
    assert names(Pipeline(finished.config()).run(until=until)) == MADE[: MADE.index(until) + 1]


def test_an_unknown_stage_is_refused_before_a_workspace_is_made(project):
    with pytest.raises(UsageError, match="no stage 'paint'") as caught:
        Pipeline(project.config(workspace="./other")).run(until="paint")
    assert all(stage in caught.value.hint for stage in STAGES)
    assert not (project.folder / "other").exists()


def test_a_locked_workspace_raises_an_error(project):
    config = project.config()
    with (
        Workspace(config.resolve(config.workspace)).locked(),
        pytest.raises(Interrupted, match="another run has locked it"),
    ):
        Pipeline(config).run(until="load")
    assert folders(project) == set()


def test_a_missing_gpu_is_reported_before_any_work(project, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ModelError, match="no GPU"):
        Pipeline(project.config(decode={"device": "cuda"})).run()
    assert folders(project) == set()


@pytest.mark.parametrize("until", ["evaluate", "audit"])
def test_a_key_that_was_used_with_another_ledger_is_reported_before_any_work(project, until):
    create_or_check_ledger(*ledger_of(project.config(ledger="./first")))
    with pytest.raises(InputError, match="lacks its file `key`") as caught:
        Pipeline(project.config(ledger="./second")).run(until=until)
    assert caught.value.hint.startswith(
        "If earlier runs with this releaser's key used a different ledger, use that ledger's folder"
    )
    assert not (project.folder / "ws" / "stages").exists()


def test_an_unusable_model_raises_an_error_before_old_results_are_removed(finished, monkeypatch):
    monkeypatch.delenv("NO_SUCH_FOLDER", raising=False)
    before = folders(finished)
    with pytest.raises(ConfigError, match="cannot be resolved"):
        Pipeline(finished.config(decode={"bridge": "${NO_SUCH_FOLDER}/bridge"})).run(resume="never")
    with pytest.raises(ModelMissing, match="models/none"):
        Pipeline(finished.config(embed={"model": "models/none"})).run(until="embed", resume="never")
    assert folders(finished) == before


def test_quarantined_records_are_removed_and_the_others_audited_as_the_same_attempt(finished, monkeypatch):
    before = load_run(finished.config())
    records = read_corpus(before.folder("audit") / judge.SYNTHETIC, "synthetic").records
    rows = iter([[3, 0], []])
    monkeypatch.setattr(judge, "quarantined", lambda _audited: next(rows))
    run = Pipeline(finished.config()).run()
    rest = read_corpus(run.folder("audit") / judge.SYNTHETIC, "synthetic").records
    assert [r.id for r in rest] == [r.id for i, r in enumerate(records) if i not in {0, 3}]
    metrics = run.evidence.metrics
    numbers = [metrics[name].value for name in ("records.synthetic", "records.quarantined", "attempts.number")]
    assert numbers == [len(records) - 2, 1, 1]  # 1 is the public form of 1 to 9 quarantined records
    assert [s.name for s in run.record.stages][-4:] == ["evaluate", "audit", "evaluate-2", "audit-2"]
    assert run.record.stage("audit").attempt == before.record.stage("audit").attempt


def test_a_table_is_not_a_hospital_source(tmp_path):
    config = Config.parse({"version": 1, "source": {"kind": "fhir"}, "interpolate": {"total": 9}}, base=str(tmp_path))
    with pytest.raises(UsageError, match=r"needs `source\.kind: table`, but source\.kind is 'fhir'"):
        Pipeline(config, source=object())


def test_a_table_in_memory_is_a_source(finished):
    """The same rows as a frame give the same records as the file, and a second run reuses them."""
    frame = pd.read_json(finished.folder / "notes.jsonl", lines=True)
    config = finished.config(workspace="ws-frame", source={"path": None})
    pipeline = Pipeline(config, source=frame)
    plan = pipeline.plan(pilot=False)
    assert plan.rows == len(frame)
    run = pipeline.run()
    assert run.texts() == Pipeline(finished.config()).run().texts()
    assert computed(Pipeline(config, source=pl.from_pandas(frame)).run()) != names(run)
    assert computed(Pipeline(config, source=frame).run()) == []
    assert [path.stat().st_mode & 0o077 for path in (finished.folder / "ws-frame").glob("source-*")] == [0, 0]
    with pytest.raises(ConfigError, match=r"source\.path: missing"):
        Pipeline(config).run()


def test_no_text_of_an_untrained_model_is_accepted(finished):
    config = finished.config(filter={"fluency": 0.4})
    with pytest.raises(DataError, match="passed the filters") as refused:
        Pipeline(config).run()
    (problem,) = [one for one in refused.value.problems if one.startswith("fluency")]
    n, of = map(int, re.findall(r"\d+", problem))
    assert n == of > 24


def test_the_texts_of_a_run_can_be_read_without_a_release(finished):
    run = Pipeline(finished.config()).run()
    texts = run.texts()
    assert [set(text) for text in texts] == [{"label", "text"}] * 12
    assert list(run.to_pandas().columns) == ["label", "text"]
    assert "note" not in repr(run)
    assert repr(run) == "Run('tiny', policy 'lenient', 13 stages)"
    streamed = list(Pipeline(finished.config()).stream())
    assert all(text in streamed for text in texts)
    assert Pipeline(finished.config()).run(until="filter").texts() == streamed


def test_wrong_arguments_raise_the_projects_errors(finished):
    with pytest.raises(UsageError, match="config is a str, not a Config"):
        Pipeline("clinic.yaml")
    with pytest.raises(UsageError, match="resume must be 'auto' or 'never', but is 'always'"):
        Pipeline(finished.config()).run(resume="always")
    assert repr(Pipeline(finished.config())) == "Pipeline('tiny', policy 'lenient.yaml')"


def test_a_notebook_sees_progress_by_default(finished, monkeypatch):
    assert Pipeline(finished.config()).progress is silent
    monkeypatch.setitem(sys.modules, "ipykernel", SimpleNamespace())
    assert isinstance(Pipeline(finished.config()).progress, Lines)
