from dataclasses import replace

import pytest

from synthgen.filter import apply, build_filters
from synthgen.filter.config import FilterConfig
from synthgen.filter.consistent import consistent, is_consistent

OFF = dict.fromkeys(("class_agreement", "embedding_distance", "near_duplicate", "language", "length", "repetition"))
ONE, TWO = "HISTORY\nShe coughs.\n\nPLAN\nShe rests.", "HISTORY\nShe coughs.\n\nPLAN\nHe rests."


def kept(world, how):
    return apply(world.candidates, world.context(), build_filters(FilterConfig(**OFF, consistent=how)))


def test_it_is_off_unless_asked_for(world):
    assert not [f for f in build_filters(FilterConfig()) if f.name == "consistent"]
    world.candidates = [replace(c, text=TWO) for c in world.candidates]
    assert all(is_consistent(c) for c in kept(world, None).kept)


@pytest.mark.parametrize(("how", "passes"), [("prefer", True), ("require", False)])
def test_a_text_of_two_persons_is_marked(world, how, passes):
    (rule,) = [f for f in build_filters(FilterConfig(**OFF, consistent=how)) if f.name == "consistent"]
    assert rule.bounds == consistent(is_required=not passes).bounds == {"required": float(not passes)}
    texts = [replace(world.candidates[0], text=text) for text in (ONE, TWO, "Nobody is named.", "")]
    found = [(o.passed, o.score, o.reason) for o in rule.judge(texts)]
    assert found == [(True, 1, ""), (passes, 0, "" if passes else "consistent"), (True, 1, ""), (True, 1, "")]


def test_of_a_latents_candidates_one_that_is_consistent_is_preferred(world):
    """All candidates but the last contradict themselves; without the filter a nearer one wins."""
    world.candidates = [
        replace(c, text=f"{c.text} {c.index}\n\n{ONE if c.index == 2 else TWO}") for c in world.candidates
    ]
    assert {c.index for c in kept(world, "prefer").kept} == {2}
    assert {c.index for c in kept(world, None).kept} != {2}
    assert kept(world, "prefer").latents_lost == {}


def test_where_it_is_required_a_latent_without_such_a_text_is_lost(world):
    world.candidates = [replace(c, text=TWO) for c in world.candidates]
    result = kept(world, "require")
    assert result.kept == ()
    assert set(result.rejected) == {"consistent"}
