"""A run with the published pair, SFR-Embedding-Mistral and xrag-7b, as tiny random checkpoints of their layouts."""

import json

import pytest
import torch

from synthgen.core.errors import ModelError
from synthgen.decode.xrag import XragDecoder
from synthgen.pipeline.job import Job
from synthgen.pipeline.pipeline import Pipeline
from synthgen.release.assembly import bundle_content, stated_models
from synthgen.release.run import load_run

OWN = {"decode": {"writer": "xrag", "bridge": "builtin"}}


@pytest.fixture
def published(project, tiny, module_at):
    """A new project whose models have the published layouts."""
    tiny_xrag = module_at("tests/unit/synthgen/decode/tiny_xrag.py")
    for role in ("encoder", "decoder"):
        for path in (project.folder / "models" / role).iterdir():
            path.unlink()
    tiny_xrag.save_encoder(project.folder / "models" / "encoder", tiny.tokenizer(), max_position_embeddings=2048)
    tiny_xrag.save_decoder(project.folder / "models" / "decoder", tiny.tokenizer())
    return project


def synthetic(project):
    run = load_run(project.config(**OWN))
    content = bundle_content(run, run.decide())
    return run, [text for text, _ in content.records]


def test_published_models_run_to_a_release(published, monkeypatch):
    made, plain = [], XragDecoder.__init__
    monkeypatch.setattr(XragDecoder, "__init__", lambda self, *a, **k: (plain(self, *a, **k), made.append(self))[0])
    Pipeline(published.config(**OWN)).run()
    (decoder,) = made
    assert decoder.model.dtype == torch.bfloat16
    assert decoder.projector.raw_norm > 24**0.5 * 2  # the encoder's vectors are not scaled to unit length
    run, first = synthetic(published)
    assert (len(first), [model["role"] for model in stated_models(run)]) == (12, ["embedder", "decoder"])
    content = bundle_content(run, run.decide())
    assert "models/" not in json.dumps([dict(content.config), content.models])
    Pipeline(published.config(**OWN)).run(resume="never")
    assert synthetic(published)[1] == first


def test_unsuitable_checkpoint_is_rejected_before_any_work(published, tiny):
    (published.folder / "models" / "decoder" / "tokenizer.json").unlink()
    tiny.tokenizer().save_pretrained(published.folder / "models" / "decoder")
    with pytest.raises(ModelError, match="the structure of an xRAG model") as refused:
        Pipeline(published.config(**OWN)).run()
    assert refused.value.problems == ("<xRAG>: the tokenizer has no token of this name",)
    assert not list((published.folder / "ws" / "stages").glob("*"))


def test_unsuitable_encoder_is_rejected(published, monkeypatch):
    class Other:
        def __init__(self, encoder):
            self.encoder = encoder

        def __getattr__(self, name):
            return getattr(self.encoder, name)

    plain = Job.encoder
    monkeypatch.setattr(Job, "encoder", lambda job: Other(plain(job)))
    with pytest.raises(ModelError, match="whose vector is the state of the last token"):
        Pipeline(published.config(**OWN)).run()
