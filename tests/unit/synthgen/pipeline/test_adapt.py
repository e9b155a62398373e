import json
from dataclasses import replace

import pytest
import torch

from audits.gate.shipped import load_policy, policy_path
from synthgen.core.errors import ConfigError, InternalError, ModelError
from synthgen.core.progress import silent
from synthgen.core.tables import read_corpus
from synthgen.decode.bridge import Vocabulary, load_bridge
from synthgen.decode.config import AdaptConfig
from synthgen.decode.train.trainer import CURVE, STATE
from synthgen.pipeline.adapt import adapt, check_adapt
from synthgen.pipeline.job import Job
from synthgen.pipeline.pipeline import Pipeline
from synthgen.pipeline.segments import encoder_for
from synthgen.pipeline.workspace import Workspace
from synthgen.release.assembly import stated_models
from synthgen.segment.config import SegmentsConfig

ADAPT = {"steps": 6, "batch": 3, "rate": 0.02}


class Stopped(Exception):  # noqa: N818 - reads as what happened
    """What the test raises where a user would press a key."""


@pytest.fixture
def prepared(project):
    """Return what `adapt` takes, in a workspace run up to its train text."""

    def make(progress=silent, **decode):
        config = project.config(decode=decode)
        run = Pipeline(config).run(until="deidentify")
        job = Job(config, Workspace(project.folder / "ws"), progress)
        bridge = load_bridge("models/bridge", config.resolve)
        train = read_corpus(run.folder("deidentify") / "train.parquet", "train")
        return job, AdaptConfig(**ADAPT), bridge, train, encoder_for(job, train), "up"

    return make


def test_the_bridge_learns_from_train_and_the_shipped_one_stays(prepared, project):
    asked = prepared()
    before = (project.folder / "models" / "bridge" / "bridge.safetensors").read_bytes()
    refined, stage = adapt(*asked)
    first, last = asked[2], json.loads((stage.folder / CURVE).read_text().splitlines()[-1])
    assert refined.digest != first.digest
    moved = [n for n, t in refined.adapters.items() if not torch.equal(t.float(), first.adapters[n].float())]
    assert len(moved) == len(first.adapters)
    assert (last["step"], stage.counts["steps"]) == (6, 6)
    assert stage.counts["in"] == len(asked[3]) > stage.counts["out"]
    assert not (stage.folder / STATE).exists()
    assert (project.folder / "models" / "bridge" / "bridge.safetensors").read_bytes() == before


def test_it_is_made_once_and_again_after_a_change(prepared):
    job, part, bridge, train, encoder, up = prepared()
    _, first = adapt(job, part, bridge, train, encoder, up)
    _, again = adapt(job, part, bridge, train, encoder, up)
    _, other = adapt(job, part.model_copy(update={"rate": 0.01}), bridge, train, encoder, up)
    assert (first.reused, again.reused, other.reused) == (False, True, False)
    assert first.digest == again.digest != other.digest


def test_a_vocabulary_has_nothing_to_refine(prepared):
    job, part, _, train, encoder, up = prepared()
    with pytest.raises(InternalError, match="a vocabulary cannot be refined"):
        adapt(job, part, Vocabulary.__new__(Vocabulary), train, encoder, up)


def test_a_stopped_run_goes_on_to_the_same_bridge(prepared, monkeypatch):
    monkeypatch.setattr("synthgen.decode.train.config.CHECKPOINT_EVERY", 2)
    job, part, bridge, train, encoder, up = prepared()
    whole, _ = adapt(job, part, bridge, train, encoder, "other upstream")
    told = []

    class Progress:
        def stage(self, name, **_):
            return self

        def __enter__(self):
            return self.advance

        def __exit__(self, *_):
            return None

        def advance(self, n):
            told.append(n)
            if sum(told) == 5:
                raise Stopped

    with pytest.raises(Stopped):
        adapt(Job(job.config, job.workspace, Progress()), part, bridge, train, encoder, up)
    told.clear()
    told.append(100)
    resumed, _ = adapt(Job(job.config, job.workspace, Progress()), part, bridge, train, encoder, up)
    assert told[1] == 4  # steps not taken again
    for name, tensor in whole.adapters.items():
        assert torch.equal(tensor, resumed.adapters[name]), name


def test_words_are_trained_where_they_will_be_decoded_with(prepared, project):
    job, part, bridge, train, encoder, up = prepared(words=2)
    with pytest.raises(ModelError, match="no vocabulary"):
        adapt(job, part, bridge, train, encoder, up)


def test_of_a_long_record_every_segment_is_learned_under_the_prompt_it_is_written_with(
    prepared, project, monkeypatch
):
    job, part, bridge, train, encoder, up = prepared()
    seen = {}

    def spy(config, model, tokenizer, data):
        seen.update(data=data)
        raise Stopped

    monkeypatch.setattr("synthgen.pipeline.adapt.Trainer", spy)
    with pytest.raises(Stopped):
        adapt(job, part, bridge, train, encoder, up)
    whole = seen["data"]
    notes = [f"PLAN\n{r.text}\n\nHISTORY\n{r.text}" for r in train.records]
    train = replace(train, records=tuple(replace(r, text=n) for r, n in zip(train.records, notes, strict=True)))
    segments = SegmentsConfig(by="headings", words=200, least_persons=2)
    job = Job(job.config.model_copy(update={"segments": segments}), job.workspace, silent)
    with pytest.raises(Stopped):
        adapt(job, part, bridge, train, encoder_for(job, train), up)
    cut = seen["data"]
    assert cut.passages.texts == tuple(text for text in whole.passages.texts for _ in range(2))
    assert cut.heldout == 2 * whole.heldout
    prompts = [f"{prompt} {heading}" for (prompt,) in whole.passages.hints for heading in ("plan", "history")]
    assert [prompt for (prompt,) in cut.passages.hints] == prompts


def test_a_run_decodes_with_the_refined_bridge(project):
    plain = Pipeline(project.config()).run(until="filter")
    refined = Pipeline(project.config(decode={"adapt": ADAPT})).run(until="filter")
    named = [stage.name for stage in refined.record.stages]
    assert named[named.index("embed") + 1] == "adapt"
    assert "adapt" not in [stage.name for stage in plain.record.stages]
    assert refined.folder("decode") != plain.folder("decode")
    assert stated_models(plain)[-1]["name"] == "custom:(private)-(private)"
    projector = stated_models(refined)[-1]  # what the statement will name is what wrote
    assert (projector["name"], projector["trainedOnPrivateData"]) == ("adapted:(private)-(private)", True)
    assert projector["digest"]["sha256"] == load_bridge(str(refined.folder("adapt"))).digest
    assert projector["digest"] != stated_models(plain)[-1]["digest"]


def test_a_policy_of_differential_privacy_refuses_it_before_any_work(project):
    with pytest.raises(ConfigError, match="requires differential privacy"):
        Pipeline(project.config(decode={"adapt": ADAPT}, policy="strict-dp")).run()
    assert not list(project.folder.glob("ws/stages/*"))
    policies = {name: load_policy(policy_path(name)) for name in ("strict-dp", "research")}
    check_adapt(None, policies["strict-dp"])
    check_adapt(AdaptConfig(), policies["research"])
