import codecs
import math
import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.cli.blend import open_models
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Candidate, Latents
from synthgen.decode.base import Settings
from synthgen.filter.surface import (
    NOT_EMPTY,
    Language,
    Legible,
    Length,
    Repetition,
    fluency_filter,
    hashed_trigrams,
    repeated_share,
)

WORDS = (
    "the patient was seen in our clinic today with pain of chest and shortness breath no fever or cough she takes "
    "one tablet daily before breakfast we advised rest plenty water follow up next week his blood pressure remained "
    "high despite treatment an examination showed clear lungs soft abdomen normal reflexes they discussed tests"
)
UNKNOWN = {"latent_id": "x", "index": 0, "text": "t", "label": "a", "finish": "stop"}  # no surprisal is known


def verdicts(rule, world, texts):
    return rule.fit(world.context()).judge(world.with_texts(texts))


def test_text_without_a_letter_is_empty(world):
    outcomes = NOT_EMPTY.judge(world.with_texts(["", "  \n", "12 -- __", "a", "Ärzte", "病"]))
    assert [o.passed for o in outcomes] == [False, False, False, True, True, True]
    assert outcomes[0].reason == "empty"


def test_length_limits_are_in_words(world):
    outcomes = verdicts(Length((3, 5)), world, ["a b", "a b c", "a b c d e", "a b c d e f"])
    assert [o.passed for o in outcomes] == [False, True, True, False]
    assert [o.reason for o in outcomes] == ["length_short", "", "", "length_long"]
    assert outcomes[1].score == 3


def test_auto_length_is_limited_by_the_decoder(world):
    texts = tuple(" ".join(["w"] * n) for n in range(200, 300))
    context = replace(world.context(), texts=texts)
    assert Length().fit(context).bounds == {"low": 32, "high": 299}  # 96 tokens, 3 per word
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
def test_repeated_share_worked_examples(text, share):
    assert repeated_share(text) == pytest.approx(share)


def test_repetition_limit(world):
    outcomes = verdicts(Repetition(0.35), world, ["again and " * 20, "the hive was found beside the river at noon"])
    assert [o.passed for o in outcomes] == [False, True]
    assert Repetition(0.35).fit(world.context()).bounds["share_of_real_kept"] == 1


def test_text_that_surprises_its_own_model_is_rejected(world):
    texts = [replace(world.candidates[0], surprisal=s) for s in (0.0, 0.25, 0.5, 0.51, 1.0)]
    outcomes = fluency_filter(0.5).judge([*texts, Candidate(**UNKNOWN)])
    assert [o.passed for o in outcomes] == [True, True, True, False, False, False]
    assert outcomes[3].reason == "fluency"


@pytest.mark.slow
@pytest.mark.models
def test_the_embedded_model_writes_fluent_text_at_usual_temperatures_only():
    encoder, decoder = open_models("bridge")
    vectors = encoder.encode(["Chest pain since Monday.", "The central bank raised its rates.", "A dull film."])
    none = ((),) * 3
    latents = Latents(
        vectors=vectors,
        ids=("a", "b", "c"),
        labels=("x",) * 3,
        parent_ids=none,
        weights=none,
        method="",
        seed_path="",
    )
    for temperature, top_k, is_fluent in ((0.8, 50, True), (1.2, 50, True), (5.0, 1000, False)):
        settings = Settings(
            prompts={"x": "x"},
            candidates=2,
            max_new_tokens=24,
            temperature=temperature,
            top_p=1,
            top_k=top_k,
            batch=8,
        )
        found = decoder.decode(latents, settings, SeedTree(0), lambda _: None)
        assert all((c.surprisal < 0.4) == is_fluent and (c.surprisal > 0.5) != is_fluent for c in found)


def test_rows_that_the_audits_cannot_read_are_rejected(world):
    """The audits refuse a table with many rows of abbreviations, numbers or another alphabet's letters."""
    context = world.context()
    rng, words = np.random.default_rng(0), WORDS.split()
    texts = tuple(" ".join(rng.choice(words, 30)) + "." for _ in context.texts)
    good = [" ".join(rng.choice(words, 20)) for _ in range(20)]
    bad = [codecs.encode(text, "rot13") for text in good[:3]] + ["D. O. P. & W. E. S. & P. M. P. in A. C. C. 240 km"]
    outcomes = Legible().fit(replace(context, texts=texts)).judge(world.with_texts([*good, *bad]))
    assert [o.passed for o in outcomes] == [True] * 20 + [False] * 4
    assert outcomes[-1].reason == "legibility"
    without = Legible().fit(replace(context, texts=("",) * len(context.texts))).judge(world.with_texts(bad))
    assert all(o.passed for o in without)


def test_language_rejects_other_languages_and_gibberish(world):
    like = ["the drone returned late to our old barn in the rain.", "a heifer was seen far from the road at noon."]
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
    """Return the 99.5 % quantile of the cost of texts under train texts of other folds."""
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
def test_language_limit_is_the_larger_quantile_of_real_texts_and_reconstructions(world, style):
    texts = world.reconstructions.texts
    if style == "as the source":  # phrases of the source cost fewer bits than text that is only similar
        texts = ("the hive was found",) * len(texts)
    else:
        texts = tuple(f"{text} Kindly observe, henceforth, whatever befell." for text in texts)
    world.reconstructions = replace(world.reconstructions, texts=texts)
    context = world.context()
    real = slow_tail(context, range(len(context.texts)), context.texts)
    reconstructed = slow_tail(context, context.reconstruction_rows, context.reconstruction_texts)
    assert (reconstructed > real) == (style != "as the source")
    assert Language().fit(context).bounds["maximum_bits"] == pytest.approx(max(real, reconstructed))


def test_language_limit_without_reconstructions_is_that_of_real_texts(world):
    context = world.context(reconstructions=world.some_reconstructions([]))
    real = slow_tail(context, range(len(context.texts)), context.texts)
    assert Language().fit(context).bounds["maximum_bits"] == pytest.approx(real)


def test_language_of_a_train_substitute_is_that_of_the_reconstructions(world):
    whole = world.context()
    rule = Language().fit(replace(whole, texts=("",) * len(whole.texts)))
    texts = [whole.reconstruction_texts[0], "xq zzkv jjwq ptk vvbx qqzj kxx wvq"]
    reconstruction, gibberish = rule.judge(world.with_texts(texts))
    assert (reconstruction.passed, gibberish.passed) == (True, False)


def test_text_without_trigrams_costs_most(world):
    short, long = verdicts(Language(), world, ["", "the hive"])
    assert short.score > long.score
    assert not short.passed


@given(st.text(max_size=40))
def test_trigrams_ignore_digits_and_case(text):
    plain = re.sub(r"\d", "0", " " + " ".join(text.casefold().split()) + " ")
    places = hashed_trigrams(text)
    assert len(places) == max(0, len(plain) - 2)
    assert ((places >= 0) & (places < 1 << 20)).all()
    assert np.array_equal(hashed_trigrams("Room 12"), hashed_trigrams("rOOM  99"))
