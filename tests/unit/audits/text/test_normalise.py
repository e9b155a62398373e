import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.text.normalise import _LOOKALIKES, normalise, sentences, tokens, without_numbers

NOTE = "The patient John Smith was seen for chest pain, MRN 4450012."


@given(st.text())
def test_normalise_is_idempotent(text):
    assert normalise(normalise(text)) == normalise(text)


@given(st.text(alphabet=st.characters(max_codepoint=127)))
def test_the_ascii_path_equals_the_general_path(text):
    assert normalise(text) == normalise(text + ";éé").removesuffix(";ee").rstrip()


def test_trivial_changes_are_removed():
    assert normalise("The\u200b  “Quick”\nbr\u043ewn—ﬁx") == normalise("the 'quick' brown-fix")


def between(inserted):
    return "".join(c + inserted if c.isalnum() else c for c in NOTE)


def in_range(capital, small, digit=None):
    table = {i: chr(capital + i - 65) for i in range(65, 91)} | {i: chr(small + i - 97) for i in range(97, 123)}
    return NOTE.translate(table if digit is None else table | {i: chr(digit + i - 48) for i in range(48, 58)})


DISGUISES = {
    "an accent on each word": " ".join(w[0] + "\u0301" + w[1:] for w in NOTE.split(" ")),
    "marks on every letter": between("\u0316\u0353\u0489"),
    "a spacing mark of another script": between("\u0903"),
    "tag characters": between("\U000e0078"),
    "variation selectors": between("\ufe0f\U000e0101"),
    "zero-width characters": between("\u200b\u2060\ufeff\u00ad"),
    "an override of direction": "\u202d" + NOTE + "\u202c",
    "control characters": between("\x08"),
    "underscores for spaces": NOTE.replace(" ", "_"),
    "the Braille blank for spaces": NOTE.replace(" ", "\u2800"),
    "Hangul fillers for spaces": NOTE.replace(" ", "\u3164"),
    "middle dots for spaces": NOTE.replace(" ", "\u00b7"),
    "soft hyphens for spaces": NOTE.replace(" ", "\u00ad"),
    "tags for spaces": NOTE.replace(" ", "\U000e0020"),
    "ideographic spaces": NOTE.replace(" ", "\u3000"),
    "full width": "".join(chr(ord(c) + 0xFEE0) if 33 <= ord(c) < 127 else c for c in NOTE),
    "letters of mathematics": in_range(0x1D4D0, 0x1D4EA, 0x1D7CE),
    "letters in circles": in_range(0x24B6, 0x24D0),
    "letters in black circles": in_range(0x1F150, 0x1F150),
    "flags": in_range(0x1F1E6, 0x1F1E6),
    "Arabic digits": NOTE.translate({48 + i: 0x660 + i for i in range(10)}),
    "Devanagari digits": NOTE.translate({48 + i: 0x966 + i for i in range(10)}),
    "Cyrillic look-alikes": NOTE.translate(str.maketrans("aeopcxTMHS", "аеорсхТМНЅ")),
    "Greek capitals": NOTE.translate(str.maketrans("oTMNJ", "οΤΜΝͿ")),
    "small capitals": NOTE.translate(str.maketrans("htnmr", "ʜᴛɴᴍʀ")),
    "letters one by one": "  ".join(" ".join(w) if w.isalpha() else w for w in NOTE.split(" ")),
    "strokes through letters": NOTE.translate(str.maketrans("dhotl", "đħøŧł")),
}


@pytest.mark.parametrize("disguise", DISGUISES)
def test_disguised_text_has_the_same_tokens(disguise):
    assert tokens(DISGUISES[disguise]) == tokens(NOTE)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Der Schlüssel zur Straße", "DER SCHLU\u0308SSEL ZUR STRASSE"),
        ("L'élève a été reçu", "L'E\u0301LE\u0300VE A ÉTÉ REÇU"),
        ("Ο ασθενής είναι καλά", "Ο ΑΣΘΕΝΉΣ ΕΊΝΑΙ ΚΑΛΆ"),
        ("Больной жалуется на боли", "БОЛЬНОЙ ЖАЛУЕТСЯ НА БОЛИ"),
        ("한국어", "\u1112\u1161\u11ab\u1100\u116e\u11a8\u110b\u1165"),
    ],
)
def test_spellings_of_other_languages_are_equal(one, other):
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize("text", ["المريض بخير اليوم", "Больной спит хорошо", "Ο ασθενής κοιμάται"])
def test_words_of_other_languages_stay_separate(text):
    assert len(set(tokens(text))) == len(text.split())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's 12.5 mg, twice", ["it", "s", "12", "5", "mg", "twice"]),
        ("take p.r.n. or b.i.d.", ["take", "prn", "or", "bid"]),
        ("a b, 1 2 3 4 and I", ["a", "b", "1", "2", "3", "4", "and", "i"]),
        ("s-p-a-c-e-d", ["spaced"]),
        ("p a t i e n t  i s  in", ["patient", "is", "in"]),
    ],
)
def test_spaced_letters_are_joined_and_digits_are_not(text, words):
    assert tokens(text) == words


def test_numbers_are_masked_and_sentences_split():
    assert without_numbers(tokens("bp 120 80 on day3 x 7")) == ["bp", "0", "on", "day0", "x", "0"]
    assert sentences("One two. Three!\n\nFour") == ["one two.", "three!", "four"]


def test_letters_are_replaced_by_what_they_look_like():
    listed = {"а": "a", "Η": "H", "в": "b", "ѕ": "s", "ø": "o", "æ": "ae"}
    strokes = {"Ι": "I", "ǀ": "l"}  # keep their case
    by_name = {"ɴ": "n", "\U0001f150": "a", "\U0001f1e6": "a"}
    wanted = listed | strokes | by_name
    assert {letter: _LOOKALIKES[letter] for letter in wanted} == wanted


def test_replacements_are_ascii_and_letters_stay_letters():
    assert all(plain.isascii() and plain for plain in _LOOKALIKES.values())
    assert all(plain.isalnum() for drawn, plain in _LOOKALIKES.items() if drawn.isalnum())
    assert not any(drawn.isascii() for drawn in _LOOKALIKES)
