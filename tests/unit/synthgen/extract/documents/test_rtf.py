import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.extract.documents.plain import REPLACED, UnreadableDocument
from synthgen.extract.documents.rtf import TRAILING, TRUNCATED, UNKNOWN_CODE_PAGE, rtf_text

FONTS = (
    r"{\fonttbl{\f0\fswiss\fcharset0 Arial;}{\f3\froman\fcharset2 Symbol;}{\f4\fcharset204{\*\falt Wingdings}A Cyr;}"
    r"{\f5\fcharset2 Wingdings;}{\f6\fcharset128 MS Mincho;}{\f7\fcharset2 Arial;}{\f8\cpg1253 B;}}"
)


def read(body, head=r"\ansi\ansicpg1252\deff0" + FONTS):
    return rtf_text(b"{\\rtf1" + head.encode() + b"\n" + body.encode("latin-1") + b"}")


TEXTS = {
    r"one\par two\line three\tab four": "one\ntwo\nthree\tfour",
    "one\r\n two\\\nthree": "one two\nthree",
    r"a\{b\}c\\d\~e\_f\-g": r"a{b}c\d e-fg",
    r"\lquote a\rquote  \ldblquote b\rdblquote\endash c\emdash d\bullet": "‘a’ “b”–c—d•",
    r"{\b bold}{\i  italic}": "bold italic",
    r"\trowd\cellx1 a\cell b\cell\row c\cell d\cell\row": "a\tb\nc\td",
    r"a\nestcell b\nestcell{\*\nesttableprops\nestrow}{\nonesttables\par}c": "a\tb\nc",
    r"{\pntext\f3\'b7\tab}item{\listtext\tab 1.\tab}next": "•\titem\t1.\tnext",
    r"{\field{\*\fldinst HYPERLINK \"x\"}{\fldrslt link}} end": "link end",
    r"a{\footnote b}": "ab",
    r"{\*\shpinst{\sp{\sn no}{\sv no}}{\shptxt box}}{\shprslt no}": "box",
    r"{\upr{a}{\*\ud no}}": "a",
    r"\'e9\'93x\'94": "é“x”",
    "\xe9": "é",
    r"{\f4 \'cf\'f0}\'e9": "Прé",
    r"\f4\'cf\plain\'e9": "Пé",
    r"\f6\'93\'fa\'96\'7b": "日本",
    r"\f8\'e1": "α",
    r"5 {\f3 m}g \f3\'b3\u-3919 ?\f5\'fe\'a8": "5 μg ≥±☑☐",
    r"{\f7 Text}": "Text",
}
UNICODE = {
    r"\u233?x": "éx",
    r"\u233 ?x": "éx",
    r"\uc2\u233 ab\'41\u8217\'80\'80x": "éA’x",
    r"{\uc0\u233 ?}\u233 ?": "é?é",
    r"\uc1\u233\par x": "é\nx",  # a line end is never the replacement of \u
    r"\u8212\emdash x": "—x",
    r"{\u233}?": "é?",
    r"\uc3\u233{\b abc}x": "éabcx",
    r"\u-10179?\u-8704?": "😀",
    r"\u128512?": "😀",
    r"\u0?a": "a",
    r"\uc4\u233\bin3 {}}abcd": "éd",
}
HIDDEN = {
    r"a{\v no}b": "ab",
    r"a\v no\v0 b": "ab",
    r"a{\v no{\b no}}b{\v no\v0 c}d": "abcd",
    r"a\v no {no} \plain b": "ab",
    r"a\v no\par no\'e9\u233?\tab\v0 b": "ab",
    r"{\v0 a}\v1 no": "a",
    r"a{\deleted no}b\deleted no\deleted0 c": "abc",
    r"a{\deleted\revauthdel1\revdttmdel9 no{\v0 no}}{\revised b}": "ab",
    r"a{\mvf no}{\mvt b}": "ab",
    r"{\v no{\deleted0 no}}a": "a",
    r"a\vertalc b\viewkind4 c": "abc",  # not the control word \v
    r"a{\header no}{\footerf no}{\headerl no}b": "ab",
    r"a{\*\unknown no{no}}{\*\annotation no}{\info{\title no}{\author no}}b": "ab",
    r"a{\pict\pngblip 8950}{\*\shppict{\pict\bin4 }}\{x}}b": "ab",
    r"a{\object{\*\objdata 01}{\result b}}{\xe{\v no}}": "ab",
    r"{\stylesheet{\s0 Normal;}}{\colortbl;\red0;}a": "a",
}


@pytest.mark.parametrize(("body", "expected"), [*TEXTS.items(), *UNICODE.items(), *HIDDEN.items()])
def test_only_visible_text_is_read(body, expected):
    found = read(body)
    assert (found.text, found.remarks) == (expected, ())


@pytest.mark.parametrize(
    ("head", "expected"),
    [(r"\ansi\ansicpg1251", "П"), (r"\mac", "œ"), (r"\pc", "╧"), (r"\pca", "¤"), ("", "Ï"), (r"\ansicpg0", "Ï")],
)
def test_the_document_states_the_code_page(head, expected):
    assert read(r"\'cf", head).text == expected


@pytest.mark.parametrize(
    ("document", "expected", "remark"),
    [
        (rb"{\rtf1\ansicpg99999 \'e9}", "é", UNKNOWN_CODE_PAGE),
        (rb"{\rtf1 \'81a}", "\ufffda", REPLACED),
        (rb"{\rtf1 \u-10179?a}", "\ufffda", REPLACED),
        (rb"{\rtf1 \u-9999999999?a}", "\ufffda", REPLACED),
        (rb"{\rtf1 \u99999999?a}", "\ufffda", REPLACED),
        (rb"{\rtf1 a{\b b}", "ab", TRUNCATED),
        (b"{\\rtf1 a\\", "a", TRUNCATED),
        (rb"{\rtf1 a\bin9999999999 b}", "a", TRUNCATED),
        (rb"{\rtf1 a}b", "a", TRAILING),
    ],
)
def test_issues_of_a_document_have_a_remark(document, expected, remark):
    found = rtf_text(document)
    assert (found.text, found.remarks) == (expected, (remark,))


def test_padding_around_the_document_is_ignored():
    found = rtf_text(b"\xef\xbb\xbf\r\n{\\rtf1 a}\r\n\0\0\x1a")
    assert (found.text, found.remarks) == ("a", ())


@pytest.mark.parametrize("data", [b"", b"text", b"{rtf1 a}", b"{\\b a}", b"x{\\rtf1 a}"])
def test_other_data_is_no_rtf(data):
    with pytest.raises(UnreadableDocument, match="not RTF"):
        rtf_text(data)


def test_deep_nesting_is_read_or_refused():
    assert rtf_text(b"{\\rtf1 " + b"{" * 9000 + b"a" + b"}" * 9001).text == "a"
    with pytest.raises(UnreadableDocument, match="nested too deeply"):
        rtf_text(b"{\\rtf1 " + b"{" * 100_000)


def escaped(text):
    units = text.encode("utf-16-le")
    numbers = [int.from_bytes(units[i : i + 2], "little", signed=True) for i in range(0, len(units), 2)]
    return "".join(rf"\u{number}?" for number in numbers)


@given(
    st.text(st.characters(exclude_categories=["Cc", "Cs", "Co", "Zl", "Zp", "Zs"], exclude_characters="\ufeff\ufffd"))
)
def test_any_text_is_read_back_from_escapes(text):
    assert read(escaped(text)).text == text


@given(st.lists(st.tuples(st.sampled_from(["v", "deleted", "b", "uc1"]), st.text("abc", min_size=1)), max_size=6))
def test_nested_groups_hide_what_they_contain(groups):
    body = "".join(rf"{{\{word} {text}" for word, text in groups) + "}" * len(groups)
    shown = ""
    for word, text in groups:
        if word in {"v", "deleted"}:
            break
        shown += text
    assert read(body + "z").text == shown + "z"


SAMPLE = (
    rb"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fcharset0 Arial;}{\f3\fcharset2 Symbol;}}{\info{\author x}}"
    rb"\pard\plain\f0 Caf\'e9 \uc1\u8217?s \u-10179?\u-8704?{\v hidden}\deleted x\deleted0{\pict\bin5 }}}{{}"
    rb"\trowd a\cell{\f3 m}g\cell\row{\field{\*\fldinst X}{\fldrslt y}}\par}"
)


def test_damaged_documents_end_in_text_or_a_reason(damaged):
    n_read = 0
    for data in damaged(SAMPLE):
        try:
            found = rtf_text(data).text
        except UnreadableDocument:
            continue
        n_read += 1
        found.encode()
        assert "\0" not in found
    assert n_read > 50
