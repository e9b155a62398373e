from dataclasses import replace

import pytest

from synthgen.filter import apply, build_filters
from synthgen.filter.coherent import coherence_filter, n_contradictions
from synthgen.filter.config import FilterConfig

FILTERS = ("class_agreement", "embedding_distance", "near_duplicate", "language", "length", "repetition", "coherent")
OFF = dict.fromkeys(FILTERS)
ONE = "A 45-year-old woman coughs."
TWO = "A 45-year-old woman coughs. He has BP 80/120."
THREE = f"{TWO} His pulse is 900 bpm."


def kept(world, **changes):
    return apply(world.candidates, world.context(), build_filters(FilterConfig(**{**OFF, **changes})))


@pytest.mark.parametrize(("how", "passes"), [("prefer", True), ("require", False)])
def test_the_score_falls_with_each_contradiction(world, how, passes):
    rule = build_filters(FilterConfig(**{**OFF, "coherent": how}))[-1]
    assert rule.bounds == coherence_filter(is_required=not passes).bounds == {"required": float(not passes)}
    found = [(o.passed, o.score, o.reason) for o in rule.judge(world.with_texts([ONE, TWO, THREE, ""]))]
    failed = (passes, -2, "" if passes else "coherent")
    assert found == [(True, 0, ""), failed, (passes, -3, failed[2]), (True, 0, "")]


def test_the_candidate_with_the_fewest_contradictions_is_kept(world):
    """Only the last candidate of each latent has few contradictions; without the filter, a nearer one is kept."""
    world.candidates = [replace(c, text=f"{c.text} {ONE if c.index == 2 else THREE}") for c in world.candidates]
    result = kept(world, coherent="prefer")
    assert {c.index for c in result.kept} == {2}
    assert {c.index for c in kept(world).kept} != {2}
    assert result.latents_lost == {}
    assert max(n_contradictions(c) for c in result.kept) <= 1  # a text can repeat a sentence


def test_required_coherence_loses_latents_without_a_coherent_candidate(world):
    world.candidates = [replace(c, text=TWO) for c in world.candidates]
    assert all(n_contradictions(c) == 0 for c in kept(world).kept)
    result = kept(world, coherent="require")
    assert result.kept == ()
    assert set(result.rejected) == {"coherent"}
