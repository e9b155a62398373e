"""A run whose texts a chat server writes, from the command line to the verdict of the verifier."""

import json

import pytest
from typer.testing import CliRunner

from synthgen.cli.main import app
from synthgen.core.errors import ConfigError, ModelError
from synthgen.core.progress import silent
from synthgen.decode.prompting import client
from synthgen.pipeline.pipeline import Pipeline
from synthgen.plan.plan import make_plan
from synthgen.plan.preview import make_preview
from synthgen.release.assembly import bundle_content, stated_models

OUTSIDE = "intended_use: outside"


@pytest.fixture
def chat(module_at):
    return module_at("tests/unit/synthgen/chat_server.py").chat_server


def decode(server, **changes):
    endpoint = {"url": server.url, "model": "writer", **changes}
    return {"decode": {"writer": "prompt", "engine": "endpoint", "endpoint": endpoint, "words": 3, "batch": 4}}


def test_release_states_that_the_model_is_known_by_name_only(worded, chat, monkeypatch):
    monkeypatch.setenv("OUR_KEY", "sk-abc")
    with chat() as server:
        config = worded.config(**decode(server, key_env="OUR_KEY"))
        run = Pipeline(config).run()
    content = bundle_content(run, run.decide())
    assert len(content.records) == 12
    stated = {(m["role"], m["name"], m["format"], m["trainedOnPrivateData"]) for m in stated_models(run)}
    assert ("decoder", "(private)", "server", True) in stated
    assert any("model on a server wrote the texts" in sentence for sentence in content.limitations)
    assert (content.config["decode"]["engine"], content.config["decode"]["words"]) == ("endpoint", 3)
    published = json.dumps([content.config, stated_models(run)])
    assert all(word not in published for word in ("127.0.0.1", 'writer"}', "OUR_KEY", "sk-abc"))
    bundle = worded.verified_release(run)
    everything = b"".join(path.read_bytes() for path in bundle.path.rglob("*") if path.is_file())
    assert all(word not in everything for word in (b"127.0.0.1", b"OUR_KEY", b"sk-abc"))


def test_run_continues_after_the_server_was_stopped(worded, chat, monkeypatch):
    monkeypatch.setattr(client, "RETRY_SECONDS", 0.3)
    with chat() as server:
        answer = server.answer
        server.answer = lambda body: answer(body) if len(server.bodies) < 30 else (503, {})
        config = worded.config(**decode(server))
        with pytest.raises(ModelError, match="Finished texts are kept"):
            Pipeline(config).run()
        done = len(server.bodies)
    folder = next(path for path in (worded.folder / "ws" / "stages").glob("decode*") if "recon" not in path.name)
    before = {path.name: path.read_bytes() for path in folder.glob("shard-*")}
    with chat() as server:
        config = worded.config(**decode(server, parallel=2))  # counts as the same server, at another address
        run = Pipeline(config).run()
        assert len(server.bodies) > 0
    assert done >= 30
    after = {path.name: path.read_bytes() for path in run.folder("decode").glob("shard-*")}
    assert before
    assert before.items() <= after.items()  # no finished shard was written again
    assert len(bundle_content(run, run.decide()).records) == 12
    again = Pipeline(config).run()  # without a server: all stages are reused
    assert all(stage.reused for stage in again.record.stages)


def test_plan_and_run_say_at_the_start_that_the_server_does_not_answer(worded, chat):
    with chat() as server:
        config = worded.config(**decode(server, model="other"))
        server.answer = lambda _: (404, {})
        assert any("has no model 'other'" in problem for problem in make_plan(config).problems)
        server.url = "http://127.0.0.1:1/v1"
        result = CliRunner().invoke(app, ["run", str(worded.write_config(**decode(server)))])
    assert isinstance(result.exception, ModelError)  # exit code 3
    assert "does not answer: the connection was refused" in str(result.exception)
    assert not list((worded.folder / "ws" / "stages").glob("*"))


@pytest.mark.parametrize(
    ("policy", "remote", "message"),
    [
        (OUTSIDE, True, "does not allow a server outside your network"),
        ("required_provenance: [pinned-models]", False, "requires the digest of every model"),
        (OUTSIDE, False, None),
    ],
)
def test_policy_can_refuse_the_server(worded, chat, policy, remote, message):
    path = worded.folder / "lenient.yaml"
    path.write_text(path.read_text().replace("intended_use: inside\n", "") + policy + "\n")
    if OUTSIDE not in policy:
        path.write_text(path.read_text() + "intended_use: inside\n")
    with chat() as server:
        config = worded.config(**decode(server, allow_remote=remote))
        if message is None:
            make_plan(config)
            return
        assert any("does not accept this server" in p and message in p for p in make_plan(config).problems)
        with pytest.raises(ConfigError, match="does not accept this server") as refused:
            Pipeline(config).run()
        assert message in refused.value.problems[0]


def test_examples_from_the_source_are_refused(worded, chat):
    notes = [json.loads(line) for line in (worded.folder / "notes.jsonl").read_text().splitlines()]
    private = max((note["note"] for note in notes), key=len)
    (worded.folder / "examples.jsonl").write_text(json.dumps({"text": private}))
    with chat() as server:
        given = decode(server)
        given["decode"]["examples"] = "examples.jsonl"
        config = worded.config(**given)
        assert any("repeat sentences of the source" in problem for problem in make_plan(config).problems)


def test_preview_shows_the_prompt_of_each_text(worded, chat):
    with chat() as server:
        found = make_preview(worded.config(**decode(server)), silent)
        asked = {body["messages"][-1]["content"] for body in server.bodies}
    assert set(found.prompts) == asked
    assert f"prompt: {found.prompts[0]}" in found.to_text()
    assert [text["prompt"] for text in found.to_json()["texts"]] == list(found.prompts)
