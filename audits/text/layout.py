"""Find and remove unusual white space and invisible characters.

The audits would miss a record that is encoded in such characters: they compare normalised texts, and normalisation
removes invisible characters and reduces white space to single spaces.
"""

import re
from collections import Counter

import regex

# Braille and Hangul blanks, which are as wide as a letter; `str.isspace` and `\s` do not count them as white space
BLANKS = "\u2800\u115f\u1160\u3164\uffa0"
_GAP = re.compile(rf"[\s{BLANKS}]+")
_LINE_END = re.compile("\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_PLAIN_GAPS = frozenset({" ", "\n", "\n\n"})
_BROKEN_SENTENCE = regex.compile(r"(?<=[\p{Ll},])\n+(?=\p{Ll})")
# scripts in which an invisible character (zero-width joiner or non-joiner) changes the form of a letter
_JOINING = (
    r"[\p{Arabic}\p{Syriac}\p{Nko}\p{Mongolian}\p{Devanagari}\p{Bengali}\p{Gurmukhi}\p{Gujarati}\p{Oriya}"
    r"\p{Tamil}\p{Telugu}\p{Kannada}\p{Malayalam}\p{Sinhala}\p{Khmer}\p{Myanmar}\p{Tibetan}]"
)
_PICTURE = r"[\p{Extended_Pictographic}\p{Emoji_Modifier}\p{So}\p{Sk}\p{Sm}]"
_NEEDED = "|".join(  # invisible characters that an emoji or a script needs
    (
        "[0-9#*]\ufe0f\u20e3",  # keycap
        "\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f",  # flag of a region
        f"{_PICTURE}[\ufe0e\ufe0f]\u200d(?={_PICTURE})|{_PICTURE}[\ufe0e\ufe0f]|{_PICTURE}\u200d(?={_PICTURE})",
        f"(?<={_JOINING})[\u200c\u200d](?![\u200c\u200d])",
        "(?<=\\p{Mongolian})[\u180b-\u180f](?![\u180b-\u180f])",
    )
)
_INVISIBLE = regex.compile(
    rf"(?P<needed>{_NEEDED})|(?V1)[[\p{{Default_Ignorable_Code_Point}}\p{{Cf}}\p{{Cc}}]"
    rf"--[\p{{Prepended_Concatenation_Mark}}\s\x1c-\x1f{BLANKS}]]"
)

EDGES, INVISIBLE, BROKEN = "blanks at the start or end", "invisible characters", "line breaks inside sentences"
UNUSUAL, RETURNS, TABS = "unusual blanks", "carriage returns", "tabs"
MARGINS, EMPTY_LINES, DOUBLE = "blanks beside line breaks", "several empty lines", "two or more adjacent blanks"
KINDS = (EDGES, INVISIBLE, BROKEN, UNUSUAL, RETURNS, TABS, MARGINS, EMPTY_LINES, DOUBLE)


def plain_layout(text: str) -> str:
    """Return the text with plain white space and without invisible characters.

    Between words there is one blank, one line break, or one empty line. There is no white space at the start or end.
    Invisible characters (Default_Ignorable_Code_Point, General_Category Cf and Cc) are removed, unless an emoji or a
    script such as Arabic needs them.
    """
    return _GAP.sub(lambda gap: "\n" * min(len(_LINE_END.findall(gap[0])), 2) or " ", _visible(text)).strip()


def odd_characters(text: str) -> Counter[str]:
    """Return the number of characters of each kind in `KINDS`; for BROKEN, the number of breaks inside sentences."""
    odd: Counter[str] = Counter()
    if "\n" in text:
        odd[BROKEN] = sum(1 for _ in _BROKEN_SENTENCE.finditer(text))
    visible = _visible(text)
    inner = visible.strip()
    odd[INVISIBLE], odd[EDGES] = len(text) - len(visible), len(visible) - len(inner)
    if inner.isprintable() and "  " not in inner and not any(blank in inner for blank in BLANKS):
        return odd
    for gap in _GAP.findall(inner):
        if gap not in _PLAIN_GAPS:
            odd[_kind(gap)] += len(gap)
    return odd


def _kind(gap: str) -> str:
    if set(gap) - set(" \t\n\r"):
        return UNUSUAL
    if "\r" in gap:
        return RETURNS
    if "\t" in gap:
        return TABS
    if "\n" not in gap:
        return DOUBLE
    return MARGINS if " " in gap else EMPTY_LINES


def _visible(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    visible: str = _INVISIBLE.sub(lambda match: match["needed"] or "", text)
    return visible
