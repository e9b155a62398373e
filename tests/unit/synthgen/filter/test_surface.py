import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.filter import Reconstructions
from synthgen.filter.surface import NOT_EMPTY, Language, Length, Repetition, hashed_trigrams, repeated_share


def with_texts(world, texts):
    return [replace(world.candidates[0], text=text) for text in texts]


def verdicts(rule, world, texts, context=None):
    context = context or world.context()
    return rule.fit(context).judge(with_texts(world, texts))


def test_a_text_without_a_letter_is_empty(world):
    outcomes = NOT_EMPTY.judge(with_texts(world, ["", "  \n", "12 -- __", "a", "Ärzte", "病"]))
    assert [o.passed for o in outcomes] == [False, False, False, True, True, True]
    assert outcomes[0].reason == "empty"


def test_length_in_words(world):
    outcomes = verdicts(Length((3, 5)), world, ["a b", "a b c", "a b c d e", "a b c d e f"])
    assert [(o.passed, o.reason) for o in outcomes] == [
        (False, "length_short"),
        (True, ""),
        (True, ""),
        (False, "length_long"),
    ]
    assert outcomes[1].score == 3


def test_auto_length_asks_no_more_than_the_decoder_can_write(world):
    texts = tuple(" ".join(["w"] * n) for n in range(200, 300))
    context = replace(world.context(), texts=texts)
    assert Length().fit(context).bounds == {"low": 32, "high": 299}  # 96 tokens, three a word
    assert Length().fit(replace(context, max_new_tokens=4096)).bounds == {"low": 200, "high": 299}
    assert Length().fit(replace(context, texts=tuple("a" for _ in range(9)))).bounds == {"low": 1, "high": 1}


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("one two three", 0),
        ("a b c d e f g", 0),
        ("a b c d a b c d", 1 - 4 / 5),
        ("go go go go go go go go", 1 - 1 / 5),
        ("A b c d a B C D", 1 - 4 / 5),
    ],
)
def test_repetition_by_hand(text, share):
    assert repeated_share(text) == pytest.approx(share)


def test_repetition_bound(world):
    outcomes = verdicts(Repetition(0.35), world, ["again and " * 20, "the hive was found beside the river at noon"])
    assert [o.passed for o in outcomes] == [False, True]
    assert Repetition(0.35).fit(world.context()).bounds["share_of_real_kept"] == 1


def test_language_tells_other_tongues_and_noise_from_the_source(world):
    like = [
        "the drone returned late to our old barn in the rain.",
        "a heifer was seen far from the long road at noon.",
    ]
    other = [
        "der schwarm wurde gestern weit hinter unserem haus gesehen, als es schneite.",
        "la ruche était trop près du mur pendant toute l'après-midi.",
        "улей стоял у реки до рассвета",
        "xq zzkv jjwq ptk vvbx qqzj kxx wvq",
        "{{}} <|im|> $$ ## @@ ^^ a",
    ]
    outcomes = verdicts(Language(), world, like + other)
    assert [o.passed for o in outcomes] == [True] * 2 + [False] * 5


def slow_tail(context, rows, texts):
    """Return the 99.5 % quantile of what texts cost under the train texts of the folds their rows are not in."""
    bits = []
    for row, text in zip(rows, texts, strict=True):
        counts = Counter()
        for fold, real in zip(context.folds, context.texts, strict=True):
            if fold != context.folds[row]:
                counts.update(hashed_trigrams(real).tolist())
        whole = sum(counts.values()) + 0.01 * 2**20
        bits.append(np.mean([-math.log2((counts[t] + 0.01) / whole) for t in hashed_trigrams(text).tolist()]))
    return np.quantile(bits, 0.995)


@pytest.mark.parametrize("style", ["as the source", "in its own words"])
def test_the_language_bound_is_the_larger_of_the_tails_of_real_text_and_of_reconstructions(world, style):
    if style == "as the source":  # what is in the source word for word costs less than what is only like it
        world.reconstructions = replace(
            world.reconstructions, texts=("the hive was found",) * len(world.reconstructions.texts)
        )
    else:
        texts = [f"{text} Kindly observe, henceforth, whatever befell." for text in world.reconstructions.texts]
        world.reconstructions = replace(world.reconstructions, texts=tuple(texts))
    context = world.context()
    real = slow_tail(context, range(len(context.texts)), context.texts)
    reconstructed = slow_tail(context, context.reconstruction_rows, context.reconstruction_texts)
    assert (reconstructed > real) == (style != "as the source")
    assert Language().fit(context).bounds["maximum_bits"] == pytest.approx(max(real, reconstructed))


def test_without_reconstructions_the_language_bound_is_that_of_real_text(world):
    none = Reconstructions(record_ids=(), texts=(), vectors=world.reconstructions.vectors[:0])
    context = world.context(reconstructions=none)
    real = slow_tail(context, range(len(context.texts)), context.texts)
    assert Language().fit(context).bounds["maximum_bits"] == pytest.approx(real)


def test_where_train_is_stood_in_for_the_language_is_that_of_the_reconstructions(world):
    whole = world.context()
    stood_in = replace(whole, texts=("",) * len(whole.texts))
    rule = Language().fit(stood_in)
    reconstruction, gibberish = rule.judge(
        with_texts(world, [whole.reconstruction_texts[0], "xq zzkv jjwq ptk vvbx qqzj kxx wvq"])
    )
    assert (reconstruction.passed, gibberish.passed) == (True, False)


def test_a_text_too_short_for_a_trigram_costs_most(world):
    short, long = verdicts(Language(), world, ["", "the hive"])
    assert short.score > long.score
    assert not short.passed


@given(st.text(max_size=40))
def test_trigrams_are_one_fewer_than_characters_between_blanks(text):
    import re

    plain = re.sub(r"\d", "0", " " + " ".join(text.casefold().split()) + " ")
    places = hashed_trigrams(text)
    assert len(places) == max(0, len(plain) - 2)
    assert ((places >= 0) & (places < 1 << 20)).all()


def test_digits_and_case_do_not_count():
    assert np.array_equal(hashed_trigrams("Room 12"), hashed_trigrams("rOOM  99"))
