from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthgen.core.errors import ConfigError
from synthgen.filter.copies import NearDuplicates, NoCopies, mask_numbers, normalised_words, shingles
from synthgen.filter.distance import latent_distances

WORDS = [f"w{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(200)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The  CAT, sat: down\n", ["the", "cat", "sat", "down"]),
        ("Stra\u00dfe \ufb01ne", ["strasse", "fine"]),
        ("co\u200bugh\u00ad", ["cough"]),
        ("\uff11\uff12 mg", ["12", "mg"]),
        (" -- ", []),
    ],
)
def test_words_are_normalised(text, words):
    assert normalised_words(text) == words


def test_mask_numbers_joins_adjacent_numbers():
    assert mask_numbers(["120", "b12c7", "mg", "3", "4", "55", "x"]) == ["0", "b0c0", "mg", "0", "x"]


def judge(world, real, owners, written):
    context = replace(world.context(), texts=tuple(real), groups=np.array(owners, dtype=np.int64))
    return NoCopies().fit(context).judge(world.with_texts(written))


@pytest.mark.parametrize(("n", "passed"), [(19, True), (20, False), (40, False)])
def test_run_of_twenty_words_of_one_person_is_a_copy(world, n, passed):
    real = [" ".join(WORDS[:60]), " ".join(WORDS[60:120])]
    text = "quite other words first " + " ".join(WORDS[5 : 5 + n]) + " and other words last"
    (o,) = judge(world, real, [0, 1], [text])
    assert (o.passed, o.score, o.reason) == (passed, 0 if passed else n, "" if passed else "copy")


def test_text_of_two_persons_is_not_a_copy(world):
    shared = " ".join(WORDS[:40])
    assert judge(world, [shared, shared + " more"], [0, 1], [shared])[0].passed
    assert not judge(world, [shared, shared], [3, 3], [shared])[0].passed  # two records of one person
    assert all(o.passed for o in NoCopies().fit(world.context()).judge(world.candidates))
    (o,) = judge(world, [" ".join(WORDS[:25]), " ".join(WORDS[25:50])], [0, 1], [" ".join(WORDS[:50])])
    assert o.score == 25  # runs of two persons are not joined


def test_copy_with_changed_case_punctuation_and_numbers_is_found(world):
    real = [" ".join(f"{w} {i}," if i % 7 == 0 else w for i, w in enumerate(WORDS[:40]))]
    changed = " ".join(f"{w.upper()}: {i + 1}" if i % 7 == 0 else w for i, w in enumerate(WORDS[:40]))
    assert not judge(world, real, [0], [changed])[0].passed


def test_copies_match_exhaustive_search(world):
    rng = np.random.default_rng(3)
    real = [" ".join(rng.choice(WORDS[:3], size=60)) for _ in range(8)]
    owners = [0, 0, 1, 2, 3, 3, 4, 5]
    written = [" ".join(" ".join(real[rng.integers(8)].split()[i : i + 15]) for i in (0, 30)) for _ in range(30)]
    written += [" ".join(real[i].split()[7:45]) for i in range(8)]
    padded = [f" {text} " for text in real]

    def is_copy(text):
        words = text.split()
        grams = {f" {' '.join(words[i : i + 20])} " for i in range(len(words) - 19)}
        return any(len({owners[j] for j, p in enumerate(padded) if gram in p}) == 1 for gram in grams)

    failed = [not o.passed for o in judge(world, real, owners, written)]
    assert failed == [is_copy(text) for text in written]
    assert sum(failed) >= 8


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.text("abc ", max_size=24), min_size=45, max_size=45),
    st.sampled_from([0.3, 0.5, 0.75, 0.8, 0.95, 1.0]),
)
def test_near_duplicates_match_comparison_of_all_pairs(world, texts, threshold):
    context = world.context()
    texts = [t.replace("", " ") for t in texts]  # each letter is a word, so that texts share shingles
    candidates = [replace(c, text=t) for c, t in zip(world.candidates, texts, strict=True)]
    distance = latent_distances(candidates, context)
    kept, dropped, sets = [], set(), [shingles(text) for text in texts]
    for i in sorted(range(45), key=lambda i: (distance[i], candidates[i].latent_id, candidates[i].index)):
        others = [sets[j] for j in kept if sets[i] and sets[j]]
        is_near = any(len(sets[i] & other) / len(sets[i] | other) >= threshold for other in others)
        dropped |= {i} if is_near else set()
        kept += [] if is_near else [i]
    outcomes = NearDuplicates(threshold).fit(context).judge(candidates)
    assert {i for i, o in enumerate(outcomes) if not o.passed} == dropped


def test_near_duplicate_nearest_to_its_latent_is_kept(world):
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


def test_near_duplicate_threshold_below_limit_is_rejected():
    with pytest.raises(ConfigError) as refused:
        NearDuplicates(0.1)
    assert refused.value.problems == ("filter.near_duplicate: must be null or 0.3 to 1, got 0.1",)
