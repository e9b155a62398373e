import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from synthgen.core.errors import InternalError
from synthgen.core.progress import silent
from synthgen.core.seeds import SeedTree
from synthgen.core.stage import Sources, StageContext, StageInput, plain_value
from synthgen.core.tables import read_candidates
from synthgen.core.types import Candidate
from synthgen.filter import apply, build_filters, stage
from synthgen.filter.config import FilterConfig
from synthgen.filter.stage import FILTER, JUDGED, KEPT, with_plain_layout

OFF = dict.fromkeys(("class_agreement", "language", "length", "near_duplicate"))


@pytest.fixture
def context(world, tmp_path, monkeypatch):
    """Return a function that makes the context of a run of the stage with this configuration."""
    monkeypatch.setattr(stage, "SHARD_TEXTS", 10)
    contradiction = "A 45-year-old woman coughs. He  has\u200b BP 80/120."
    world.candidates = [replace(c, text=f"{c.text} {contradiction}"[c.index * 7 :]) for c in world.candidates]

    def make(config):
        folder, shards = tmp_path / "stage.partial", tmp_path / "stage.shards"
        for place in (folder, shards):
            place.mkdir()
        inputs = {
            "candidates": StageInput(SimpleNamespace(candidates=world.candidates, vectors=world.vectors), "c"),
            "latents": StageInput(world.latents, "l"),
            "training_view": StageInput(SimpleNamespace(embedded=world.train, train=world.corpus), "t"),
            "reconstructions": StageInput(world.reconstructions, "r"),
            "max_new_tokens": plain_value(96),
            "sections": StageInput(None, "s"),
            "wanted": plain_value({"ant": 1}),
        }
        sources = Sources(config=SimpleNamespace(filter=config), seeds=SeedTree(4), progress=silent, inputs=inputs)
        return StageContext(FILTER, sources, folder, "filter")

    return make


def test_candidates_are_written_as_the_verifier_requires():
    written = Candidate(
        latent_id="l0", index=1, text="a  note\u200b\t\r\n\r\n of  a day \n", label="a", finish="stop", surprisal=0.5
    )
    (made,) = with_plain_layout([written])
    assert made.text == "a note\n\nof a day"
    assert (made.latent_id, made.index, made.label) == ("l0", 1, "a")


@pytest.mark.parametrize("coherent", ["require", None])
def test_shards_give_the_result_of_all_candidates(context, world, coherent):
    config = FilterConfig(**OFF, coherent=coherent)
    world.candidates[30] = replace(world.candidates[30], text=world.candidates[3].text)  # equal texts in two shards
    given_context = context(config)
    division = FILTER.divide(given_context)
    assert len(division.names) == (5 if coherent else 0)
    division.write(division.names[2:])  # as another process would
    division.write(division.names[:2])
    assert all(map(division.is_intact, division.names))
    counts = FILTER.run(given_context)
    assert given_context.unused() == set()
    whole = apply(with_plain_layout(world.candidates), world.context(), build_filters(config))
    assert tuple(read_candidates(given_context.folder / KEPT)) == whole.kept
    assert tuple(read_candidates(given_context.folder / JUDGED)) == whole.judged
    assert ("coherent" in counts["failed"]) == (coherent == "require")
    assert {path.stat().st_mode & 0o777 for path in given_context.shards.iterdir()} <= {0o600}
    assert counts["rejected"] == dict(whole.rejected)


def test_a_damaged_shard_is_not_intact(context):
    given_context = context(FilterConfig(**OFF))
    division = FILTER.divide(given_context)
    division.write(division.names)
    first, second, third, *_, last = (given_context.shards / name for name in division.names)
    second.write_bytes(last.read_bytes())
    first.write_bytes(first.read_bytes()[:-9])
    third.write_text(json.dumps([True] * 10))
    assert [division.is_intact(name) for name in division.names] == [False, False, False, True, True]
    first.write_bytes(last.read_bytes())
    second.write_bytes(third.read_bytes())
    with pytest.raises(InternalError, match=r"contradictions in \d+ texts, but there are 45 candidates"):
        FILTER.run(given_context)
