"""Endings that come back, and exposure: against slow formulas, at both ends, and with a bad file."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.attacks.canaries.exposure_rank import ending_reproduced, exposure_bits
from audits.core.errors import InputError

ENDING = "one two three four five six seven eight"


@pytest.mark.parametrize(
    ("synthetic", "reference", "back"),
    [
        (f"before {ENDING} after", "", True),
        ("ONE, two;\nthree four five - six seven EIGHT!", "", True),
        (ENDING, f"as everybody says {ENDING}", False),
        ("two three four five six seven eight", "", False),
        ("one two three four and five six seven eight", "", False),
    ],
)
def test_an_ending_comes_back_in_one_piece_or_not_at_all(synthetic, reference, back):
    found = ending_reproduced([f"some beginning {ENDING}"], ["something else", synthetic], [reference, "else"])
    assert found.tolist() == [back]


def test_a_text_of_seven_words_shows_nothing():
    assert ending_reproduced(["two three four five six seven eight", ENDING], [ENDING], ["x"]).tolist() == [
        False,
        True,
    ]
    assert ending_reproduced(["too short"], [ENDING], ["x"]).tolist() == [False]


texts = st.lists(
    st.lists(st.sampled_from(["aa", "bb"]), min_size=1, max_size=16).map(" ".join), min_size=1, max_size=5
)


@given(texts, texts, texts)
def test_what_came_back_is_what_looking_word_by_word_finds(mine, synthetic, reference):
    def holds(table, ending):
        return any(f" {ending} " in f" {text} " for text in table)

    slow = [
        len(text.split()) >= 8
        and holds(synthetic, ending := " ".join(text.split()[-8:]))
        and not holds(reference, ending)
        for text in mine
    ]
    assert ending_reproduced(mine, synthetic, reference).tolist() == slow


@pytest.fixture(scope="module")
def suffixes():
    rng = np.random.default_rng(1)
    return [" ".join(f"w{i}" for i in rng.integers(300, size=8)) for _ in range(10_000)]


def written(n, seed):
    rng = np.random.default_rng(seed)
    return [" ".join(f"w{i}" for i in rng.integers(300, size=40)) for _ in range(n)]


def test_an_ending_written_out_is_exposed_to_the_last_bit_and_an_unseen_one_by_chance(suffixes):
    endings, synthetic = written(400, 2), written(30, 3)
    endings = [" ".join(text.split()[:8]) for text in endings]
    bits = exposure_bits(endings, suffixes, [*synthetic, f"w3 {endings[7]} w9"], written(50, 4))
    assert bits[7] == pytest.approx(math.log2(10_001))
    others = np.delete(bits, 7)
    assert others.mean() == pytest.approx(math.log2(math.e), abs=4 * others.std() / 20)
    assert others.min() >= 0


def test_endings_no_model_tells_apart_have_the_middle_rank():
    bits = exposure_bits(["q q q q q q q q"], ["z z z z z z z z"] * 10_000, ["a b c d"], ["e f g h"])
    assert bits[0] == pytest.approx(math.log2(10_001) - math.log2(5_001))


def test_too_few_suffixes_are_refused(suffixes):
    with pytest.raises(InputError, match="needs 10000 suffixes, but there are 9999"):
        exposure_bits([ENDING], suffixes[1:], ["a"], ["b"])
