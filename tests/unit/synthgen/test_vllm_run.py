"""A run whose texts vLLM writes, with a stand-in for vLLM that has the same interface."""

import os
from pathlib import Path

import pytest

from synthgen.core.errors import DependencyError, ModelError
from synthgen.decode.vllm.engine import VllmEngine
from synthgen.pipeline.pipeline import Pipeline
from synthgen.plan.plan import make_plan
from synthgen.release.assembly import bundle_content, stated_models

STUB = Path(__file__).parent / "decode" / "vllm" / "stub"
PROMPT = {"decode": {"writer": "prompt", "engine": "vllm", "words": 3, "batch": 4}}


@pytest.fixture
def stub(monkeypatch):
    """Let the process find the stand-in for vLLM."""
    monkeypatch.syspath_prepend(str(STUB))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(STUB), os.environ.get("PYTHONPATH", "")]))


@pytest.mark.slow
def test_killed_run_continues_and_states_the_model(stub, worded, monkeypatch):
    calls, generate = [], VllmEngine.generate

    def dying(self, task, advance):
        calls.append(len(task.ids))
        if len(calls) == 4:
            self.process.kill()
        return generate(self, task, advance)

    monkeypatch.setattr(VllmEngine, "generate", dying)
    config = worded.config(**PROMPT)
    with pytest.raises(ModelError, match="the process of vLLM ended"):
        Pipeline(config).run()
    stages = worded.folder / "ws" / "stages"
    kept = {path: path.read_bytes() for path in stages.glob("*/shard-*.parquet")}
    run = Pipeline(config).run()
    assert kept
    for path, content in kept.items():
        assert (stages / path.parent.name.removesuffix(".shards") / path.name).read_bytes() == content
    assert run.record.stage("decode").model_extra["equal_again"] is True
    content = bundle_content(run, run.decide())
    assert len(content.records) == 12
    assert content.config["decode"]["engine"] == "vllm"
    assert {model["format"] for model in stated_models(run)} == {"safetensors"}


@pytest.mark.slow
def test_bridge_is_sent_as_embeddings(stub, project):
    run = Pipeline(project.config(decode={"engine": "vllm", "batch": 4})).run()
    assert len(bundle_content(run, run.decide()).records) == 12


def test_plan_and_run_say_that_vllm_is_missing(project):
    config = project.config(decode={"engine": "vllm"})
    assert any("vllm is not installed" in problem for problem in make_plan(config).problems)
    with pytest.raises(DependencyError, match="vllm is not installed"):
        Pipeline(config).run()
