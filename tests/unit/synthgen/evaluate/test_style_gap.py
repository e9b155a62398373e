import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from synthgen.core.seeds import SeedTree
from synthgen.evaluate.style_gap import MIN_TOKENS, style_gap, style_profile, style_tokens

SEEDS = SeedTree(3)
TOPICS = {
    "sea": ["harbour", "sailing", "anchors", "currents", "mooring", "lagoon"],
    "bread": ["kneaded", "proving", "brioche", "baguette", "toasted", "crusts"],  # as long as those of "sea"
}


def encyclopaedia(topic, rng):
    one, two, three = rng.choice(TOPICS[topic], 3)
    year = rng.integers(1500, 1900)
    return f"The {one} is a kind of {two} that has been known since {year}, and it is used in {three}."


def note(topic, rng):
    one, two = rng.choice(TOPICS[topic], 2)
    return f"Hx: {one} x {rng.integers(2, 9)}/7\nO/E - no {two}, BP {rng.integers(90, 160)}/80\nPlan: r/v 1/52"


def many(write, topic, seed, n=300):
    rng = np.random.default_rng(seed)
    return [write(topic, rng) for _ in range(n)]


def gap(synthetic, control, **more):
    return style_gap(synthetic, control, [f"p{i // 2}" for i in range(len(control))], SEEDS, **more)


def test_style_tokens_worked_example():
    tokens = "Aa1. Aa'2 AA1 for 0/0 , \n AA1 000/00 ; he isn't well. . ."
    assert style_tokens("Dr. Clarke's SOB for 3/7,\n\nBP 120/80; he isn't well...") == tokens.split(" ")


@given(st.text(max_size=60))
def test_style_tokens_contain_no_content_words(text):
    for token in style_tokens(text):
        assert len(token) <= 12 or not token[0].isalpha()
    assert all(0 <= share <= 1 for share in style_profile([text]).values())


def test_style_gap_grows_with_the_difference_in_style():
    control = many(note, "sea", 1)
    found = {
        "another half": gap(many(note, "sea", 2), control),
        "another topic": gap(many(note, "bread", 3), control),
        "half of it": gap([*many(note, "sea", 4, 150), *many(encyclopaedia, "sea", 5, 150)], control),
        "another style": gap(many(encyclopaedia, "sea", 6), control),
    }
    values = [estimate.value for estimate in found.values()]
    assert values == sorted(values)
    assert abs(found["another half"].value) < 0.1
    assert found["another topic"].value < 0.5 * found["half of it"].value
    assert found["half of it"].high < found["another style"].low
    assert all(e.low <= e.value <= e.high and e.n == 150 for e in found.values())


def test_style_gap_does_not_reward_copies_of_train():
    control, train = many(note, "sea", 1), many(note, "sea", 7)
    copied, fresh = gap(train, control), gap(many(note, "sea", 8), control)
    assert abs(copied.value - fresh.value) < 0.05


def test_style_gap_of_too_few_tokens_is_none():
    few = many(note, "sea", 1, 8)
    assert sum(len(style_tokens(t)) for t in few) < MIN_TOKENS
    assert gap(few, many(note, "sea", 2)) is None
    assert gap(many(note, "sea", 2), few) is None
    control = many(note, "sea", 2)
    assert style_gap(many(note, "sea", 3), control, ["one person"] * len(control), SEEDS) is None


def test_style_gap_is_reproducible():
    control, made = many(note, "sea", 1), many(encyclopaedia, "sea", 2)
    assert gap(made, control) == gap(made, control)
    assert gap(made, control, confidence=0.99).high >= gap(made, control).high
