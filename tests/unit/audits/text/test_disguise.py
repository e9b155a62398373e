import numpy as np
import pytest

from audits.text.disguise import disguise, rewritten

NOTE = "The patient John Smith was seen for chest pain and sent home."
GERMAN = "Der Schlüssel liegt auf der Straße, später größer"
REAL = [NOTE, GERMAN, "L'élève a été reçu à l'hôpital", "Больной спит хорошо"]
DISGUISED = "".join(c + "\u200b" for c in NOTE)


@pytest.mark.parametrize(
    "text", [*REAL, "см. file_name in 12 mg", "a 5 µg dose, 20 °C, x²", "“Quoted” — and so on…", "患者"]
)
def test_ordinary_text_has_almost_no_rewritten_characters(text):
    assert rewritten(text) <= 1


@pytest.mark.parametrize(
    ("text", "least"),
    [
        (NOTE.replace(" ", "_"), 11),
        (" ".join(w[0] + "\u0308\u0331" + w[1:] for w in NOTE.split()), 12),
        ("".join(c + "\U000e0041" for c in NOTE), 60),
        (NOTE.replace("a", "а"), 4),
        ("MRN ٤٤٥٠٠١٢", 7),
        ("ｐａｔｉｅｎｔ", 7),
        ("pa\x08ti\x08ent", 2),
    ],
)
def test_rewritten_characters_are_counted(text, least):
    assert rewritten(text) >= least


def test_the_invisible_characters_of_emoji_are_not_counted():
    """They are the variation selectors 15 and 16, the zero-width joiner and the combining keycap."""
    emoji = [
        "\u2764\ufe0f",
        "\U0001f469\U0001f3fd\u200d\u2695\ufe0f",
        "1\ufe0f\u20e3",
        "\u2764\ufe0f\u200d\U0001f525",
        "\u260e\ufe0e",
    ]
    assert rewritten(f"Great place {' '.join(emoji * 8)}") == 0
    assert rewritten("a\ufe0f b\u200dc \u2764\ufe0f\ufe0f\ufe0f") == 4


def test_disguised_rows_are_compared_with_the_real_tables():
    found = disguise([NOTE] * 99 + [DISGUISED], REAL * 30)
    assert (found.synthetic, found.real, found.proven) == ((99,), 0, True)
    assert not disguise([NOTE] * 100, REAL * 30).proven
    rng = np.random.default_rng(1)

    def table(n, rate):
        return [DISGUISED if rng.random() < rate else NOTE for _ in range(n)]

    assert not disguise(table(300, 0.05), table(600, 0.05)).proven
    assert disguise(table(300, 0.2), table(600, 0.05)).proven
