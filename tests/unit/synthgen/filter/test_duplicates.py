from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthgen.core.errors import ConfigError
from synthgen.filter.distance import latent_distances
from synthgen.filter.duplicates import NearDuplicates, shingles


def slow_duplicates(texts, ranked, threshold):
    """Return which texts reach the threshold with one kept before, by comparing all pairs."""
    kept, dropped = [], set()
    for i in ranked:
        a = shingles(texts[i])
        if any(
            a and shingles(texts[j]) and len(a & shingles(texts[j])) / len(a | shingles(texts[j])) >= threshold
            for j in kept
        ):
            dropped.add(i)
        else:
            kept.append(i)
    return dropped


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.text("abc ", max_size=24), min_size=45, max_size=45),
    st.sampled_from([0.3, 0.5, 0.75, 0.8, 0.95, 1.0]),
)
def test_equals_comparing_all_pairs(world, texts, threshold):
    context = world.context()
    texts = [t.replace("", " ") for t in texts]  # every letter a word, so that shingles are shared
    candidates = [replace(c, text=t) for c, t in zip(world.candidates, texts, strict=True)]
    distance = latent_distances(candidates, context)
    ranked = sorted(range(45), key=lambda i: (distance[i], candidates[i].latent_id, candidates[i].index))
    outcomes = NearDuplicates(threshold).fit(context).judge(candidates)
    assert {i for i, o in enumerate(outcomes) if not o.passed} == slow_duplicates(texts, ranked, threshold)


def test_the_nearest_to_its_latent_stays(world):
    context = world.context()
    candidates = [replace(c, text="the very same words in each of them") for c in world.candidates]
    outcomes = NearDuplicates(0.95).fit(context).judge(candidates)
    best = int(np.argmin(latent_distances(candidates, context)))
    assert [i for i, o in enumerate(outcomes) if o.passed] == [best]
    assert {o.reason for o in outcomes if not o.passed} == {"near_duplicate"}


def test_shingles():
    assert shingles("The  cat, sat: DOWN") == {"the cat sat", "cat sat down"}
    assert shingles("Hi there") == {"hi there"}
    assert shingles(" -- ") == frozenset()


def test_a_threshold_that_compares_everything_is_refused():
    with pytest.raises(ConfigError) as refused:
        NearDuplicates(0.1)
    assert refused.value.problems == ("filter.near_duplicate: must be null or 0.3 to 1, got 0.1",)
