import json
from dataclasses import replace

import pytest
import torch

from synthgen.core.errors import ConfigError, Interrupted, ModelError, ModelMissing, UsageError
from synthgen.filter.stage import FILTER
from synthgen.pipeline.pipeline import STAGES, Pipeline
from synthgen.pipeline.style_choice import STYLE
from synthgen.pipeline.workspace import Workspace

MADE = [
    "load",
    "split",
    "deidentify",
    "embed",
    "decode-reconstruction",
    "re-embed-reconstruction",
    "interpolate",
    "decode",
    "re-embed",
    "filter",
    "embed-control",
    "evaluate",
    "audit",
]


def names(run):
    return [stage.name for stage in run.record.stages]


def folders(project):
    return {path.name for path in (project.folder / "ws" / "stages").iterdir()}


def test_the_stages_are_made_in_their_order(run_project):
    record = json.loads((run_project.folder / "ws" / "run.json").read_text())
    assert [stage["name"] for stage in record["stages"]] == MADE
    assert [stage["reused"] for stage in record["stages"]] == [False] * len(MADE)
    assert {path.rsplit("-", 1)[0] for path in folders(run_project)} == set(MADE)


def test_the_record_says_what_was_run(run_project):
    record = json.loads((run_project.folder / "ws" / "run.json").read_text())
    config = run_project.config()
    assert (record["config"], record["seed"]) == (config.digest(), 31337)
    assert [(m["role"], m["name"]) for m in record["models"]] == [
        ("embedder", "models/encoder"),
        ("decoder", "models/decoder"),
    ]
    last = record["stages"][-1]
    assert last["out"] == 12
    assert last["classes"] == {"cardiology": 4, "gastroenterology": 4, "pulmonology": 4}
    assert {"seconds", "digest", "folder", "in", "out"} <= set(record["stages"][0])


def test_a_second_run_makes_nothing_again(finished):
    before = folders(finished)
    again = Pipeline(finished.config()).run()
    assert [stage.reused for stage in again.record.stages] == [True] * len(MADE)
    assert folders(finished) == before


def test_only_what_depends_on_a_change_is_made_again(finished):
    first = json.loads((finished.folder / "ws" / "run.json").read_text())
    changed = Pipeline(finished.config(filter={"near_duplicate": 0.99})).run(until="filter")
    assert [s.name for s in changed.record.stages if not s.reused] == ["filter"]
    assert changed.record.config != first["config"]


def test_what_other_versions_judged_is_judged_again(finished, monkeypatch):
    monkeypatch.setattr("synthgen.core.made_by.sources", lambda *_: "0" * 64)
    again = Pipeline(finished.config()).run()
    assert [s.name for s in again.record.stages if not s.reused] == ["evaluate", "audit"]


def test_a_run_goes_on_after_an_upgrade_of_a_stage_and_computes_that_one_and_what_depends_on_it(
    finished, monkeypatch
):
    monkeypatch.setattr("synthgen.pipeline.rounds.FILTER", replace(FILTER, version=FILTER.version + 1))
    again = Pipeline(finished.config()).run()
    made = [s.name for s in again.record.stages if not s.reused]
    assert made == ["filter", "evaluate", "audit"]


def test_a_run_goes_on_after_an_upgrade_of_a_stage_that_it_does_not_have(finished, monkeypatch):
    monkeypatch.setattr("synthgen.pipeline.style_choice.STYLE", replace(STYLE, version=STYLE.version + 1))
    again = Pipeline(finished.config()).run()
    assert all(stage.reused for stage in again.record.stages)


def test_never_starts_anew(finished):
    run = Pipeline(finished.config()).run(resume="never", until="deidentify")
    assert [stage.reused for stage in run.record.stages] == [False] * 3
    assert {path.rsplit("-", 1)[0] for path in folders(finished)} == {"load", "split", "deidentify"}


@pytest.mark.parametrize("until", STAGES[:4])
def test_a_run_stops_after_the_given_stage(project, until):
    run = Pipeline(project.config()).run(until=until)
    assert names(run) == list(STAGES[: STAGES.index(until) + 1])


@pytest.mark.parametrize("until", STAGES[4:])
def test_the_record_names_what_really_ran(finished, until):
    assert names(Pipeline(finished.config()).run(until=until)) == MADE[: MADE.index(until) + 1]


def test_an_unknown_stage_is_refused_before_a_workspace_is_made(project):
    with pytest.raises(UsageError, match="no stage 'paint'") as caught:
        Pipeline(project.config(workspace="./other")).run(until="paint")
    assert all(stage in caught.value.hint for stage in STAGES)
    assert not (project.folder / "other").exists()


def test_a_workspace_in_use_is_left_alone(project):
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


def test_a_missing_model_is_reported_before_old_results_are_removed(finished, monkeypatch):
    monkeypatch.delenv("NO_SUCH_FOLDER", raising=False)
    before = folders(finished)
    with pytest.raises(ConfigError, match="cannot be resolved"):
        Pipeline(finished.config(decode={"bridge": "${NO_SUCH_FOLDER}/bridge"})).run(resume="never")
    assert folders(finished) == before


def test_a_missing_model_is_reported(project):
    with pytest.raises(ModelMissing, match="models/none"):
        Pipeline(project.config(embed={"model": "models/none"})).run(until="embed")
