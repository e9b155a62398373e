import pytest

from audits.text.layout import KINDS, odd_characters, plain_layout

TAG = "".join(chr(0xE0000 + ord(c)) for c in "name")
ENGLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
ODD = {
    "edges": ("\t word \n", "word"),
    "double": ("a  b", "a b"),
    "tab": ("a\tb", "a b"),
    "returns": ("a\r\nb\rc", "a\nb\nc"),
    "margins": ("a \n b", "a\nb"),
    "empty-lines": ("a\n\n\n\nb", "a\n\nb"),
    "unusual": ("a\u00a0b\u2028c\u2800\u3164d\x1fe", "a b\nc d e"),
    "invisible": ("a\u200bb\u00ad\x00c", "abc"),
    "tags": (f"word{TAG}", "word"),
    "selectors": ("a\ufe0f\U000e0101 \u2764\ufe0f\ufe0f", "a \u2764\ufe0f"),
    "joiners": ("a\u200cb \u06cc\u200c\u200c\u06cc", "ab \u06cc\u06cc"),
    "nothing-visible": ("\u200b \u2800", ""),
}
PLAIN = ("a b\nC\n\nD", "\U0001f468\u200d\U0001f469 \u2764\ufe0f 1\ufe0f\u20e3", ENGLAND, "\u0645\u06cc\u200c\u062e")


@pytest.mark.parametrize(("text", "plain"), [*ODD.values(), *((text, text) for text in PLAIN)])
def test_only_plain_white_space_and_needed_invisible_characters_remain(text, plain):
    assert plain_layout(text) == plain
    assert plain_layout(plain) == plain
    assert (odd_characters(text).total() > 0) == (text != plain)
    assert odd_characters(text).keys() <= set(KINDS)


def test_line_breaks_inside_sentences_are_counted_and_kept():
    text = "the first, second\nand third.\nThe fourth"
    assert (odd_characters(text).total(), plain_layout(text)) == (1, text)
