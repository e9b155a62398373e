import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.extract.hl7v2.escapes import Delimiters, unescape

D = Delimiters()


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"a \T\ b \F\ c \S\ d \R\ e \E\ f", "a & b | c ^ d ~ e \\ f"),
        (r"one\.br\two\.br\\.br\three", "one\ntwo\n\nthree"),
        (r"one\.BR\two", "one\ntwo"),
        (r"one\.sp\two\.sp2\three\.sp 3\four", "one\ntwo\n\nthree\n\n\nfour"),
        (r"a\.sk 3\b", "a   b"),
        (r"\.in+4\one\.br\\.ti-2\two\.fi\three\.nf\four", "one\ntwo\nthree\nfour"),
        (r"one\.ce\two", "one\ntwo"),
        (r"a \H\bold\N\ b", "a bold b"),
        (r"a\X0D0A\b\X0d\c\X000d\d", "a\nb\nc\nd"),
        (r"caf\XC3A9\ caf\XC3\\XA9\ \XE9\ ", "café café é "),
        (r"local \Zab1\ \C2842\ \M2442\ end", "local    end"),
        (r"C:\path\to \\server\x", r"C:\path\to \\server\x"),
        (r"\F\\F\F\ ", r"||F\ "),
        ("trailing \\", "trailing \\"),
        (r"trailing \.br", r"trailing \.br"),
        (r"\X0\ \XGG\ \.sp" + "9" * 5000 + "\\", r"\X0\ \XGG\ \.sp" + "9" * 5000 + "\\"),
        (r"\.sp999999999\ ", "\n" * 20 + " "),
        ("a\r\nb\rc", "a\nb\nc"),
    ],
)
def test_escapes(written, read):
    assert unescape(written, D) == read


def test_other_delimiters_and_character_sets():
    other = Delimiters("$", "%", "*", "/", "!")
    assert unescape(r"/F/ /S/ /R/ /E/ /T/ \F\ /.br/", other) == "$ % * / ! \\F\\ \n"
    assert unescape(r"\XE9\ ", D, "iso8859-1") == "é "


@given(st.text(st.sampled_from("\\.XHNFSTRE0A9br+-\n\r é|"), max_size=60))
def test_any_text_is_read_and_no_control_is_left(text):
    assert not {"\r", "\v"} & set(unescape(text, D))


@given(st.text(st.characters(exclude_characters="\r\v\\|^~&", codec="utf-8")))
def test_escaped_delimiters_come_back(text):
    written = f"{text}\\F\\ {text}\\E\\ "
    assert unescape(written, D) == f"{text}| {text}\\ "
