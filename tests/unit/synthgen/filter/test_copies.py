from dataclasses import replace

import numpy as np
import pytest

from synthgen.filter.copies import NoCopies

WORDS = [f"w{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(200)]


def judge(world, real, owners, written):
    context = world.context()
    context = replace(context, texts=tuple(real), groups=np.array(owners, dtype=np.int64))
    rule = NoCopies()
    candidates = [replace(world.candidates[0], text=text) for text in written]
    return rule.fit(context).judge(candidates)


@pytest.mark.parametrize(("n", "passed"), [(19, True), (20, False), (40, False)])
def test_a_run_of_twenty_tokens_of_one_person_is_a_copy(world, n, passed):
    real = [" ".join(WORDS[:60]), " ".join(WORDS[60:120])]
    text = "quite other words first " + " ".join(WORDS[5 : 5 + n]) + " and other words last"
    (o,) = judge(world, real, [0, 1], [text])
    assert (o.passed, o.score, o.reason) == (passed, 0 if passed else n, "" if passed else "copy")


def test_what_two_persons_wrote_belongs_to_nobody(world):
    shared = " ".join(WORDS[:40])
    outcomes = judge(world, [shared, shared + " more"], [0, 1], [shared])
    assert outcomes[0].passed
    assert not judge(world, [shared, shared], [3, 3], [shared])[0].passed  # two records of one person


def test_case_punctuation_and_changed_numbers_hide_nothing(world):
    real = [" ".join(f"{w} {i}," if i % 7 == 0 else w for i, w in enumerate(WORDS[:40]))]
    changed = " ".join(f"{w.upper()}: {i + 1}" if i % 7 == 0 else w for i, w in enumerate(WORDS[:40]))
    assert not judge(world, real, [0], [changed])[0].passed


def test_runs_of_two_persons_are_not_added_up(world):
    real = [" ".join(WORDS[:25]), " ".join(WORDS[25:50])]
    (o,) = judge(world, real, [0, 1], [" ".join(WORDS[:50])])
    assert o.score == 25


def test_equals_a_slow_search(world):
    rng = np.random.default_rng(3)
    real = [" ".join(rng.choice(WORDS[:3], size=60)) for _ in range(8)]
    owners = [0, 0, 1, 2, 3, 3, 4, 5]
    written = [" ".join(" ".join(real[rng.integers(8)].split()[i : i + 15]) for i in (0, 30)) for _ in range(30)]
    written += [" ".join(real[i].split()[7:45]) for i in range(8)]
    padded = [f" {' '.join(text.split())} " for text in real]

    def is_copy(text):
        words = text.split()
        grams = {f" {' '.join(words[i : i + 20])} " for i in range(len(words) - 19)}
        return any(len({owners[j] for j, p in enumerate(padded) if gram in p}) == 1 for gram in grams)

    outcomes = judge(world, real, owners, written)
    assert [not o.passed for o in outcomes] == [is_copy(text) for text in written]
    assert sum(not o.passed for o in outcomes) >= 8


def test_new_text_passes(world):
    context = world.context()
    rule = NoCopies()
    outcomes = rule.fit(context).judge(world.candidates)
    assert all(o.passed for o in outcomes)
