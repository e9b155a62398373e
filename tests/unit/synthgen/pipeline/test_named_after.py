"""Every result is named after all that can change it: versions, what it was made from, settings, its stream.

What is missing there would let an old result be believed for a new question; so each entry is held here by its value.
"""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from audits.core.inputs import table_digest
from audits.core.report import tool_name
from audits.gate.shipped import load_policy
from synthgen.core.digest import sha256_array, sha256_file, sha256_json
from synthgen.core.tables import read_latents
from synthgen.decode.loading import backend_of
from synthgen.pipeline import calibrate as suite
from synthgen.pipeline import job
from synthgen.pipeline.job import AUDITS_VERSION, STAGES_VERSION
from synthgen.pipeline.judge import JudgedTables, as_table, synthetic_corpus
from synthgen.pipeline.workspace import Workspace

JUDGE = "synthgen.pipeline.judge"


class Seen:
    """The stages of one run: what each was named after, and its digest."""

    def __init__(self, bench, patch, **changes):
        self.inputs, self.digests, self.folders = {}, {}, {}
        stage = Workspace.stage

        def spy(workspace, name, inputs, make, **how):
            result = stage(workspace, name, inputs, make, **how)
            self.inputs[name], self.digests[name], self.folders[name] = dict(inputs), result.digest, result.folder
            return result

        patch.setattr(Workspace, "stage", spy)
        empty = SimpleNamespace(
            table={"metrics": {}}, to_bytes=lambda: b"{}", to_json=lambda: {"audits": [], "cases": []}
        )
        patch.setattr(f"{JUDGE}.run_audits", lambda *_: json.dumps({"results": [], "input_checks": {}}).encode())
        patch.setattr(f"{JUDGE}.evaluate.evaluate", lambda *_, **__: empty)
        patch.setattr(f"{JUDGE}.evidence_from", lambda *_: empty)
        patch.setattr(suite, "selftest", lambda *_, **__: empty)
        self.job = bench.job(**changes)
        self.prepared, _, embedded = bench.prepare(self.job)
        self.writing = bench.writer(self.job)
        self.written = self.writing.write()
        bench.judge(self.job, self.prepared, embedded, self.written)
        self.synthetic = synthetic_corpus(self.job, self.written)
        vectors = {"train": embedded.vectors, "control": embedded.vectors, "synthetic": self.written.vectors}
        self.tables = JudgedTables(
            synthetic=self.synthetic, train=self.prepared.train, control=self.prepared.control, vectors=vectors
        )
        suite.calibrate(self.job, self.tables, load_policy("hospital-external"))

    def seed(self, *path):
        seeds = self.job.seeds
        for name in path:
            seeds = seeds.child(name)
        return seeds.key().hex()

    def part(self, name):
        return getattr(self.job.config, name).model_dump(mode="json")


@pytest.fixture(scope="module")
def seen(new_bench, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        yield Seen(new_bench(tmp_path_factory.mktemp("named"), patch), patch)


def test_what_is_prepared_is_named_after_source_settings_and_stream(seen):
    done, versions = seen.digests, {"version": STAGES_VERSION}
    encoder = {"encoder": "e" * 64}
    source = seen.job.config.resolve(seen.job.config.source.path)
    assert seen.inputs["load"] == versions | {
        "source": seen.part("source"),
        "digest": sha256_file(source),
        "seed": seen.seed("load"),
        "apart": False,
    }
    assert seen.inputs["split"] == versions | {
        "load": done["load"],
        "split": seen.part("split"),
        "seed": seen.seed("split"),
    }
    assert seen.inputs["deidentify"] == versions | {
        "split": done["split"],
        "deidentify": seen.part("deidentify"),
        "model": None,
        "seed": seen.seed("deidentify"),
    }
    assert seen.inputs["embed"] == versions | encoder | {"deidentify": done["deidentify"]}
    assert seen.inputs["embed-control"] == versions | encoder | {"control": seen.prepared.control.digest}


def test_an_engine_with_a_model_is_named_too(bench, monkeypatch):
    monkeypatch.setattr("synthgen.pipeline.prepare.engine_digest", lambda _config: "of a model")
    with pytest.MonkeyPatch.context() as patch:
        assert Seen(bench, patch).inputs["deidentify"]["model"] == "of a model"


def test_what_is_written_is_named_after_its_round_models_and_stream(seen):
    done, versions, wanted = seen.digests, {"version": STAGES_VERSION}, seen.written.wanted
    written = {
        "decoder": seen.writing.setup.decoder_digest,
        "backend": backend_of("cpu"),
        "config": seen.part("decode"),
        "labels": sorted(wanted),
        "seed": seen.seed("decode"),
    }
    ids = read_latents(seen.folders["interpolate"]).ids
    assert seen.inputs["interpolate"] == versions | {
        "embed": done["embed"],
        "asked": dict.fromkeys(wanted, 9),
        "config": seen.part("interpolate"),
        "seed": seen.seed("interpolate"),
    }
    assert seen.inputs["decode"] == versions | written | {
        "upstream": done["interpolate"],
        "rows": sha256_json(list(ids)),
        "candidates": 2,
    }
    reconstruction = seen.inputs["decode-reconstruction"]
    assert reconstruction == versions | written | {
        "upstream": done["embed"],
        "rows": reconstruction["rows"],
        "candidates": 1,
    }
    assert reconstruction["rows"] not in {None, seen.inputs["decode"]["rows"]}
    for mark in ("", "-reconstruction"):
        made = versions | {"decode": done[f"decode{mark}"], "encoder": "e" * 64}
        assert seen.inputs[f"re-embed{mark}"] == made
    assert seen.inputs["filter"] == versions | {
        "embed": [done["re-embed-reconstruction"], done["re-embed"]],
        "config": seen.part("filter"),
        "wanted": wanted,
        "seed": seen.seed("filter"),
    }


def test_what_is_judged_is_named_after_tables_attempt_and_the_audits_version(seen):
    prepared, written = seen.prepared, seen.written
    tables = {
        "version": AUDITS_VERSION,
        "filter": seen.digests["filter"],
        "records": sha256_array(written.vectors),
        "synthetic": seen.synthetic.digest,
        "control": prepared.control.digest,
    }
    assert seen.inputs["evaluate"] == tables | {
        "wanted": written.wanted,
        "attempt": 1,
        "confidence": 0.95,
        "seed": seen.seed("audit"),
    }
    assert seen.inputs["audit"] == tables | {
        "identifiers": [[list(row) for row in rows] for rows in (prepared.identifiers, prepared.control_identifiers)],
        "near_duplicate_rate": prepared.near_duplicate_rate,
        "config": seen.part("audit"),
        "attempt": 1,
        "evaluate": seen.digests["evaluate"],
        "seed": seen.seed("audit"),
    }
    assert seen.inputs["selftest"] == {
        "version": AUDITS_VERSION,
        "train": table_digest(as_table(prepared.train, {})),
        "control": table_digest(as_table(prepared.control, {})),
        "tool": tool_name(),
        "confidence": 0.95,
        "audits": list(load_policy("hospital-external").selftest),
        "seed": seen.seed("selftest"),
    }


def test_versions_name_the_sources_of_the_audits_where_these_are_asked():
    assert set(AUDITS_VERSION) - set(STAGES_VERSION) == {"audits"}
    assert {"source", "numpy"} <= set(STAGES_VERSION)


def test_versions_name_every_room_that_a_stage_is_made_with():
    package = Path(job.__file__).parents[1]
    places = [package / room for room in job.ROOMS]
    files = [path for place in places for path in ([place] if place.is_file() else place.rglob("*.py"))]
    code = [path.read_text() for path in files]
    rooms = {name for text in code for name in re.findall(r"(?:from|import) synthgen\.(\w+)", text)}
    assert rooms - {"release", "report"} == {room.removesuffix(".py") for room in job.ROOMS} - {"pipeline"}


def test_how_long_records_are_cut_is_named_where_they_are_written(bench):
    segments = {"by": "sentences", "words": 200}
    with pytest.MonkeyPatch.context() as patch:
        cut = Seen(bench, patch, segments=segments)
    assert cut.inputs["decode"]["segments"] == cut.part("segments")
