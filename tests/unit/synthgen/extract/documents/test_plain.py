import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.extract.documents.plain import (
    ASSUMED_CHARSET,
    OTHER_CHARSET,
    REPLACED,
    DocumentText,
    UnreadableDocument,
    normalised,
    plain_text,
    tidy,
)

READABLE = [
    (b"caf\xc3\xa9", "", "café", ()),
    (b"caf\xc3\xa9", "UTF-8", "café", ()),
    (b"plain", "us-ascii", "plain", ()),
    (b"caf\xc3\xa9", "us-ascii", "café", ()),
    (b"caf\xe9", "iso-8859-1", "café", ()),
    (b"caf\xe9", "", "café", (ASSUMED_CHARSET,)),
    (b"caf\xe9", "utf-8", "café", (OTHER_CHARSET,)),
    (b"\x93caf\xe9\x94", "iso-8859-1", "“café”", (OTHER_CHARSET,)),  # C1 controls in ISO 8859-1
    ("“é”".encode(), "iso-8859-1", "“é”", (OTHER_CHARSET,)),
    (b"\xcf\xf0", "windows-1251", "Пр", ()),
    ("日本".encode("shift_jis"), "shift_jis", "日本", ()),
    (b"caf\xc3\xa9", "no-such-charset", "café", (OTHER_CHARSET,)),
    (b"abc", "hex", "abc", (OTHER_CHARSET,)),  # a codec of Python that is no charset
    (b"a+2AA-b", "utf-7", "a+2AA-b", (OTHER_CHARSET,)),  # would decode to a lone surrogate
    (b"\\ud800", "unicode_escape", "\\ud800", (OTHER_CHARSET,)),
    (b"abc", "x\0y", "abc", (OTHER_CHARSET,)),
    ("\ufeffé".encode(), "", "é", ()),
    ("\ufeffé".encode("utf-16-le"), "", "é", ()),
    ("\ufeffé".encode("utf-16-be"), "utf-16", "é", ()),
    ("\ufeffé".encode("utf-32-le"), "utf-8", "é", (OTHER_CHARSET,)),
    ("no mark é".encode("utf-16-be"), "utf-16", "no mark é", ()),
    ("no mark é".encode("utf-16-le"), "utf-16", "no mark é", ()),
    (b"a\r\nb\rc\x0cd\x0be", "", "a\nb\nc\nd\ne", ()),
    ("a\u2028b\x85c".encode(), "", "a\nb\nc", ()),
    (b"", "", "", ()),
]


@pytest.mark.parametrize(("data", "charset", "text", "remarks"), READABLE)
def test_text_is_decoded_strictly_in_the_first_charset_that_fits(data, charset, text, remarks):
    assert plain_text(data, charset) == DocumentText(text, remarks)


@pytest.mark.parametrize(
    ("data", "charset", "reason"),
    [
        (b"\x81\xff", "utf-8", "undecodable bytes"),  # 81 is no character of cp1252
        (b"a\0b", "", "NUL characters"),
        ("a".encode("utf-16-le"), "", "NUL characters"),
        (b"\xff\xfea", "", "undecodable bytes"),  # a byte order mark of UTF-16, but an odd number of bytes
    ],
)
def test_data_that_fits_no_charset_is_unreadable(data, charset, reason):
    with pytest.raises(UnreadableDocument, match=reason) as caught:
        plain_text(data, charset)
    assert caught.value.reason == str(caught.value)


def test_surrogate_pairs_become_characters_and_lone_ones_are_replaced():
    assert normalised("\ud83d\ude00", ()) == DocumentText("😀")
    assert normalised("a\ud83db\ufffd", ("x",)) == DocumentText("a\ufffdb\ufffd", ("x", REPLACED))


def test_too_long_text_is_unreadable(monkeypatch):
    monkeypatch.setattr("synthgen.extract.documents.plain.MAX_CHARACTERS", 3)
    with pytest.raises(UnreadableDocument, match="too long"):
        plain_text(b"abcd", "")


def test_the_representation_shows_no_text():
    assert "secret" not in repr(DocumentText("secret"))


@given(st.text(st.characters(exclude_characters="\0\r\f\v\x85\u2028\u2029\ufeff", exclude_categories=["Cs"])))
def test_utf8_and_utf16_are_read_back(text):
    assert plain_text(text.encode(), "utf-8") == DocumentText(text)
    assert plain_text(("\ufeff" + text).encode("utf-16-le"), "utf-16") == DocumentText(text)


@given(st.binary(max_size=60), st.text(max_size=12) | st.sampled_from(["utf-8", "utf-16", "cp1252", "big5", "idna"]))
def test_any_bytes_end_in_text_or_a_reason(data, charset):
    try:
        found = plain_text(data, charset)
    except UnreadableDocument:
        return
    found.text.encode()
    assert not {*found.text} & {*"\0\r\f\v"}


def test_line_ends_spaces_and_blank_lines_are_tidied():
    assert tidy(" a \r\nb\r\r\n\n\x0cc\u2028d\xa0\n") == "a\nb\n\nc\nd"


@given(st.text())
def test_tidying_is_idempotent_and_keeps_all_visible_characters(text):
    once = tidy(text)
    assert tidy(once) == once
    assert once.split() == text.split()
