import base64
import codecs
import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from fictional_clinic import generate

from audits.core.errors import NotMeasurable
from audits.text.legibility import PRIOR, _Model, legibility
from audits.text.normalise import normalise


@pytest.fixture(scope="module")
def texts():
    return [row["note"] for row in generate(150, np.random.default_rng(3))][:300]


def judged(texts, rows):
    return legibility(rows, texts[:200], texts[200:], np.random.default_rng(0))


def test_the_score_is_the_mean_of_the_smoothed_log_probabilities():
    known, text = ["abab", "abba"], "abc"
    letters = "".join(f"\n\n{t}" for t in known)
    one, two = Counter(letters), Counter(pairwise(letters))
    three = Counter(zip(letters, letters[1:], letters[2:], strict=False))
    size = len(one) + 1  # all unseen characters count as one

    def p3(a, b, c):
        p1 = (one[c] + 1) / (len(letters) + size)
        p2 = (two[b, c] + PRIOR * p1) / (sum(n for (x, _), n in two.items() if x == b) + PRIOR)
        return (three[a, b, c] + PRIOR * p2) / (sum(n for (x, y, _), n in three.items() if (x, y) == (a, b)) + PRIOR)

    padded = f"\n {text}"  # the score assumes a line break and a space before the text
    wanted = np.mean([math.log(p3(*padded[i : i + 3])) for i in range(3)])
    assert _Model(known).score(text) == pytest.approx(wanted)


DISGUISES = {
    "rot13": lambda t: codecs.encode(t, "rot13"),
    "base64": lambda t: base64.b64encode(t.encode()).decode(),
    "hex": lambda t: t.encode().hex(),
    "reversed": lambda t: t[::-1],
    "each word reversed": lambda t: " ".join(w[::-1] for w in t.split()),
    "vowels": lambda t: "".join(chr(ord(c) + 1) if c in "aeio" else c for c in t),
    "in short pieces": lambda t: codecs.encode(t, "rot13")[:30],
    "other letters": lambda t: "".join(chr(0x4E00 + ord(c)) for c in t),
    "one letter": lambda t: "x" * len(t),
}


@pytest.mark.parametrize("name", DISGUISES)
def test_encoded_rows_are_illegible(texts, name):
    rows = [*texts[200:240], *[DISGUISES[name](t) for t in texts[:5]]]
    found = judged(texts, rows)
    assert found.illegible.tolist() == [False] * 40 + [True] * 5
    assert found.partly.tolist() == found.illegible.tolist()


def test_half_encoded_rows_are_partly_illegible_and_real_words_legible(texts):
    halves = [t[: len(t) // 2] + codecs.encode(t[len(t) // 2 :], "rot13") for t in texts[:20]]
    found = judged(texts, [*texts[200:240], *halves])
    assert found.partly.tolist() == [False] * 40 + [True] * 20
    words = np.random.default_rng(1).permutation([w for t in texts[200:] for w in t.split()])
    mixed = [" ".join(part) for part in np.array_split(words, 50)]
    assert not judged(texts, [*texts[:100], *mixed]).illegible.any()
    assert not judged(texts, [t[:20] for t in texts[:30]]).illegible.any()


def test_short_rows_are_judged_singly(texts):
    """Regression: encoded rows among legible short rows passed, and the legible rows became illegible."""
    plain = [t[:38].rsplit(" ", 1)[0] for t in texts[200:248]]
    for n in (1, 16):
        found = judged(texts, [*plain, *[codecs.encode(t[80:118], "rot13") for t in texts[:n]]]).illegible
        assert found[len(plain) :].mean() >= 0.8
        assert found[: len(plain)].sum() <= n // 5
    brief = [t[:12].rsplit(" ", 1)[0] for t in texts[200:209]]
    assert not judged(texts, [*brief, *["\U0001f600\U0001f600\U0001f525"] * 3]).illegible[:9].any()


def test_real_text_shorter_than_a_row_excuses_no_row(texts):
    """No window of the real text has the length of the row, so only the bound decides."""
    plain, brief = texts[0][100:138], [t[:25] for t in texts[200:201]]
    rows = [plain, codecs.encode(plain, "rot13"), codecs.encode(texts[1][100:138], "rot13")]
    found = legibility(rows, texts[:200], brief, np.random.default_rng(0))
    assert found.illegible.tolist() == [_Model(texts[:200]).score(normalise(row)) < found.bound for row in rows]
    assert found.illegible[1]


def test_text_without_letter_order_is_not_measurable():
    rng = np.random.default_rng(2)
    noise = ["".join(rng.choice(list("0123456789 "), size=200)) for _ in range(60)]
    with pytest.raises(NotMeasurable, match="have similar legibility scores"):
        judged(noise * 4, noise)


def test_punctuation_and_placeholders_do_not_make_a_row_illegible(texts):
    """Regression: real text without punctuation made every row with quotes or placeholders illegible."""
    words = ["".join(c if c.isalnum() else " " for c in t) for t in texts]
    rows = [*texts[200:230], *[f'"{t[:80]}," said [NAME] to [NAME] -- [PLACE].' for t in texts[230:240]]]
    found = legibility(rows, words[:200], words[240:], np.random.default_rng(0))
    assert not found.illegible.any()
    assert found.partly.sum() <= 1


@pytest.mark.parametrize("marks", ["!@#$%^&*(", "../-|_~`"])
def test_a_cipher_in_punctuation_is_illegible(texts, marks):
    """Every other word of a row is encoded: each character becomes two punctuation marks."""
    code = {c: marks[ord(c) % len(marks)] + marks[ord(c) // len(marks) % len(marks)] for c in map(chr, range(256))}
    rows = [" ".join("".join(code[c] for c in w) if i % 2 else w for i, w in enumerate(t.split())) for t in texts[:8]]
    assert judged(texts, [*texts[200:240], *rows]).partly[40:].all()
    tail = [f"{t[:120]} {''.join(code[c] for c in t[120:140])}" for t in texts[:8]]  # a quarter of it is encoded
    assert judged(texts, [*texts[200:240], *tail]).illegible[40:].any()
