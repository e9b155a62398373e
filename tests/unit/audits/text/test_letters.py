import random

import pytest

from audits.text.letters import chunks, consonant_chunks, pieces, without_digits_and_doubles
from audits.text.normalise import normalise, tokens
from audits.text.spans import placed_tokens

NOTE = "The patient reports severe headache since Tuesday and was started on metoprolol tartrate twice daily."


def read(text):
    return consonant_chunks(normalise(text))


@pytest.mark.parametrize(
    "changed",
    [
        NOTE.replace(" ", ""),
        " ".join(w[: len(w) // 2] + "-" + w[len(w) // 2 :] for w in NOTE.split()),
        "".join(c + c if c.isalpha() else c for c in NOTE),
        "".join(c for c in NOTE if c.lower() not in "aeiou"),
        NOTE.translate(str.maketrans("aeios", "43105")),
        f"12 {NOTE} 120/80",
    ],
    ids=["glued", "hyphenated", "doubled", "without vowels", "leetspeak", "with numbers"],
)
def test_changes_of_spaces_doubled_letters_and_vowels_leave_the_chunks_the_same(changed):
    assert read(changed) == read(NOTE)


def test_a_changed_character_changes_few_chunks():
    rng = random.Random(1)
    text = "".join(rng.choice("bcdfghjklmnpqrstvwxz") for _ in range(3000))
    whole = chunks(text)
    assert "".join(whole) == text
    assert 2.5 < len(text) / len(whole) < 3.5
    changed = chunks(f"{text[:1500]}q{text[1500:]}")
    assert sorted(set(whole) - set(changed), key=whole.index) != []
    first = next(i for i, (a, b) in enumerate(zip(whole, changed, strict=False)) if a != b)
    last = next(i for i, (a, b) in enumerate(zip(whole[::-1], changed[::-1], strict=False)) if a != b)
    assert len(whole) - first - last <= 3
    assert [chunks(short) for short in ("", "a", "ab")] == [[], ["a"], ["ab"]]


def test_scripts_without_spaces_have_tokens_within_a_clause():
    assert tokens("患者45岁，复查CT。") == ["患", "者", "45", "岁", "复", "查", "ct"]
    thai = "โรงพยาบาลกรุงเทพมหานคร"
    assert len(tokens(thai)) > 4
    assert "".join(tokens(thai)) == normalise(thai)
    assert pieces("word") == ["word"]
    places = placed_tokens("Пациент 患者 ok")
    assert [(p.word, p.start, p.end) for p in places][1:] == [("患", 8, 9), ("者", 9, 10), ("ok", 11, 13)]


def test_key_letters_have_no_digits_or_doubled_letters():
    assert without_digits_and_doubles("greatfood5stars") == "greatfodstars"
