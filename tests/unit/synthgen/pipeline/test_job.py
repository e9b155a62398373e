import hashlib
from pathlib import Path

import pytest

from synthgen.config import Config
from synthgen.core.progress import silent
from synthgen.core.seeds import SeedTree
from synthgen.core.shards import Division
from synthgen.core.stage import Stage
from synthgen.pipeline.job import Job, source_digest
from synthgen.pipeline.workspace import Workspace


@pytest.fixture
def job(tmp_path):
    fields = {"version": 1, "seed": 11, "secret": "public", "source": {"path": "n.jsonl"}}
    parts = {"interpolate": {"total": 9}, "embed": {"model": "./own"}}
    return Job(Config.parse({**fields, **parts}, base=str(tmp_path)), Workspace(tmp_path / "ws"), silent)


@pytest.fixture
def store(monkeypatch):
    monkeypatch.setattr("synthgen.pipeline.job.model_folder", lambda name: Path("/found") / name)


def test_streams_start_at_the_configured_seed(job):
    assert job.seeds == SeedTree(11)


@pytest.mark.parametrize("name", ["minilm", "some/model", "./nowhere"])
def test_a_name_that_is_not_a_local_folder_is_looked_up_in_the_store(job, store, tmp_path, name):
    (tmp_path / "minilm").mkdir()  # a name without a slash is never a local folder
    assert job.folder(name) == Path("/found") / name


def test_the_encoder_is_the_configured_one_relative_to_the_configuration(job, store, monkeypatch, tmp_path):
    (tmp_path / "own").mkdir()
    monkeypatch.setattr("synthgen.pipeline.job.build_encoder", lambda config, folder, **_: (config, folder("./own")))
    assert job.encoder() == (job.config.embed, tmp_path / "own")


def test_a_file_that_is_missing_while_shards_are_computed_ends_an_unfinished_stage(job):
    def lost(_names):
        raise FileNotFoundError("shard of an earlier stage")

    def divide(context):
        return Division(folder=context.shards, names=("0",), write=lost, is_intact=lambda _name: True)

    stage = Stage(name="embed", version=1, run=lambda _context: {"in": 0, "out": 0}, divide=divide)
    with job.workspace.locked(), pytest.raises(FileNotFoundError):
        job.run(stage, {})
    assert job.finished(stage, {}) is None


def test_the_digest_of_a_source_covers_names_bytes_and_files(tmp_path):
    (tmp_path / "n.jsonl").write_bytes(b"{}\n")
    assert source_digest(tmp_path / "n.jsonl") == hashlib.sha256(b"{}\n").hexdigest()
    assert source_digest(tmp_path / "m.jsonl") == "absent"
    folder = tmp_path / "texts"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "1.txt").write_text("one")
    (folder / "2.txt").write_text("two")
    digests = {source_digest(folder), source_digest(folder)}
    (folder / "2.txt").write_text("too")
    digests.add(source_digest(folder))
    (folder / "2.txt").rename(folder / "3.txt")
    digests.add(source_digest(folder))
    (folder / "a" / "4.txt").write_text("")
    assert len(digests | {source_digest(folder)}) == 4


@pytest.mark.parametrize("private", [True, False])
def test_each_text_is_encoded_separately_under_a_budget(tmp_path, monkeypatch, private):
    given = {"version": 1, "source": {"path": "n", "group": "p", "labels": ["a", "b"]}, "filter": {"length": None}}
    method = {"method": "dp-gaussian", "total": 9} if private else {"total": 9}
    dp = {"dp": {"epsilon": 1.0, "delta": 1e-6, "persons": 100}} if private else {}
    seen = []
    monkeypatch.setattr("synthgen.pipeline.job.build_encoder", lambda *_, one_by_one: seen.append(one_by_one))
    config = Config.parse({**given, "interpolate": method, **dp}, base=str(tmp_path))
    Job(config, Workspace(tmp_path / "ws"), silent).encoder()
    assert seen == [private]
