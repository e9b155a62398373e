import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.extract.documents.html import NOT_WELL_FORMED, STYLE_SHEET, html_text
from synthgen.extract.documents.plain import OTHER_CHARSET, UnreadableDocument


def text(markup, *, is_xml=False):
    return html_text(markup.encode(), "", is_xml=is_xml).text


LAYOUTS = {
    "<p>a  b<br>c</p>\n<p>d</p>": "a b\nc\n\nd",
    "a <b>b</b>c<i> d</i>": "a bc d",
    "<div>a</div><div><div>b</div></div>c": "a\nb\nc",
    "<div style='display:flex'>a</div><span style='display:block'>b</span>c": "a\nb\nc",
    "<h1>T</h1>x": "T\n\nx",
    "a<br><br><br><br>b": "a\n\nb",
    "<ul><li>a<li><p>b</p></ul><ol><li>c<li>d</ol>e": "- a\n- b\n1. c\n2. d\ne",
    "<ul><li></li></ul>a": "a",
    "<pre>a\n  b\n\n\nc</pre>d": "a\n  b\n\n\nc\n\nd",
    "a<span style='white-space: PRE-WRAP'>b\n  c</span>  d": "ab\n  c d",
    "a&nbsp;&nbsp;b &amp;lt; &lt;5 &eacute;&#8217;&#x2019;": "a  b &lt; <5 é’’",
    "no tags\nat all": "no tags at all",
    "<textarea>a\nb</textarea><select><option>c<option selected>d</select>": "a\nb\nd",
    "": "",
    "  ": "",
    "<!-- only a comment -->": "",
}


@pytest.mark.parametrize(("markup", "expected"), LAYOUTS.items())
def test_elements_are_arranged_in_lines(markup, expected):
    assert text(markup) == expected


TABLES = {
    "<table><tr><th>Test<th>Value<tr><td>Na<td>140</table>x": "Test\tValue\nNa\t140\n\nx",
    "<table><tr><td></td><td>Mon<tr><td><p>BP</p></td><td><p>120</p></td><td> </table>": "\tMon\nBP\t120",
    "<table><tr><td>a<td><td>c</table>": "a\t\tc",
    # a cell with several lines is not interleaved with its neighbour
    "<table><tr><td>Plan:<td><p>one</p><p>two</p><td>next</tr><tr><td>b</table>": "Plan:\tone\n\ntwo\nnext\nb",
    "<table><tr><td>a<table><tr><td>1<td>2<tr><td>3<td>4</table></td><td>b</table>": "a\n\n1\t2\n3\t4\nb",
    "<td>a<td>b": "ab",
}


@pytest.mark.parametrize(("markup", "expected"), TABLES.items())
def test_cells_follow_each_other(markup, expected):
    assert text(markup) == expected


@pytest.mark.parametrize(
    "hidden",
    [
        "<span hidden>no</span>",
        "<span style='DISPLAY : none !important'>no<b>no</b></span>",
        "<span style='visibility:hidden'>no</span>",
        "<span style='color:red;/*x*/display:none'>no</span>",
        "<template>no</template><script>no</script><style>no</style><noscript>no</noscript>",
        "<!-- no --><del>no</del><svg><text>no</text></svg><object>no</object>",
        "<table hidden><tr><td>no</table>",
    ],
)
def test_hidden_content_is_not_text(hidden):
    for is_xml in (False, True):
        assert text(f"<div>a{hidden}b</div>", is_xml=is_xml).replace("\n", "") == "ab"
    assert text(f"<html><head><title>no</title></head><body>a{hidden}b</body></html>").replace("\n", "") == "ab"


def test_the_last_of_two_displays_decides():
    assert text("a<i style='display:none;display:inline'>b</i>") == "ab"


def test_a_style_sheet_that_hides_elements_has_a_remark():
    sheet = "<html><head><style>.x{display: none}</style></head><body>a</body></html>"
    assert html_text(sheet.encode(), "", is_xml=False).remarks == (STYLE_SHEET,)
    assert html_text(sheet.replace("none", "block").encode(), "", is_xml=False).remarks == ()


@pytest.mark.parametrize(
    ("data", "charset", "expected", "remarks"),
    [
        (b"<p>caf\xe9", "iso-8859-1", "café", ()),
        (b"<meta charset=windows-1252><p>caf\xe9", "", "café", ()),
        (b'<meta http-equiv=x content="text/html; charset=koi8-r"><p>\xf0', "", "П", ()),
        (b'<?xml version="1.0" encoding="iso-8859-1"?><p>caf\xe9</p>', "", "café", ()),
        (b"<meta charset=koi8-r><p>caf\xe9", "iso-8859-1", "café", ()),
        (b"<meta charset=utf-16><p>caf\xc3\xa9", "", "café", ()),
        ("\ufeff<meta charset=koi8-r><p>é".encode(), "", "é", (OTHER_CHARSET,)),
        ("\ufeff<p>é".encode("utf-16"), "", "é", ()),
        (b"<meta charset=utf-8><p>caf\xe9", "", "café", (OTHER_CHARSET,)),
    ],
)
def test_the_charset_is_declared_marked_or_stated_by_the_document(data, charset, expected, remarks):
    found = html_text(data, charset, is_xml=False)
    assert (found.text, found.remarks) == (expected, remarks)


def test_xhtml_follows_the_rules_of_xml():
    xhtml = '<div xmlns="http://www.w3.org/1999/xhtml"><title/><a name="x"/>a&nbsp;&amp;lt;<![CDATA[<b>]]><p/>c</div>'
    assert text(xhtml, is_xml=True) == "a &lt;<b>\n\nc"
    assert text(f'<?xml version="1.0"?>{xhtml}') == "a &lt;<b>\n\nc"
    prefixed = '<h:div xmlns:h="http://www.w3.org/1999/xhtml">a<h:br/>b<h:script>no</h:script></h:div>'
    assert text(prefixed, is_xml=True) == "a\nb"


def test_malformed_xhtml_is_read_as_html_with_a_remark():
    found = html_text(b"<div>a<br>b</div><div>c", "", is_xml=True)
    assert (found.text, found.remarks) == ("a\nb\nc", (NOT_WELL_FORMED,))


def test_nothing_outside_the_document_is_read(tmp_path):
    (tmp_path / "x").write_text("secret")
    start = f"<!DOCTYPE div SYSTEM '{(tmp_path / 'x').as_uri()}'"
    assert text(f"{start}><div>a</div>", is_xml=True) == "a"
    with pytest.raises(UnreadableDocument, match="declares entities"):
        text(f"{start} [<!ENTITY e SYSTEM '{(tmp_path / 'x').as_uri()}'>]><div>&e;</div>", is_xml=True)
    assert "secret" not in text(f"{start} [<!ENTITY e SYSTEM '{tmp_path / 'x'}'>]><div>&e;</div>")


@pytest.mark.parametrize("is_xml", [False, True])
@pytest.mark.parametrize("tag", ["<div>", "<b>", "<table><tr><td>", "<ul><li>"])
def test_deep_nesting_is_read_completely_or_refused(tag, is_xml):
    assert text(tag * 400 + "x", is_xml=is_xml).strip("- ") == "x"
    with pytest.raises(UnreadableDocument, match="nested too deeply"):
        text(tag * 100_000 + "x", is_xml=is_xml)


def test_too_many_tags_are_refused(monkeypatch):
    monkeypatch.setattr("synthgen.extract.documents.html.MAX_TAGS", 3)
    with pytest.raises(UnreadableDocument, match="too many tags"):
        text("<p>" * 4)


def test_output_grows_no_faster_than_the_document():
    wide = "<table><tr>" + "<td>x" * 500 + f"<td>{'y' * 1000}" + "<tr><td>z" * 500
    tall = "<p style='margin-top:99999em; padding-left:99999em'>x</p>" * 500
    assert max(len(text(wide)) / len(wide), len(text(tall)) / len(tall)) < 1


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=200), st.booleans())
def test_escaped_words_are_read_back(content, is_xml):
    words = content.split()
    escaped = " ".join(words).replace("&", "&amp;").replace("<", "&lt;")
    found = text(f"<div><b>{escaped}</b></div>", is_xml=is_xml)
    controls = {c for c in content if ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or c in "\ufffe\uffff\ufeff"}
    assert controls or found.split() == words


SAMPLE = """<!DOCTYPE html><html><head><meta charset="utf-8"><title>t</title></head><body><h1>Discharge &amp; é</h1>
<table style="width:1px"><tr><td>Na</td><td>140</td></tr></table><ul><li>a<li hidden>b</ul><![CDATA[x]]>
<div xmlns="http://www.w3.org/1999/xhtml"><p style="display:none">c</p><pre> d </pre></div></body></html>"""


def test_damaged_documents_end_in_text_or_a_reason(damaged):
    n_read = 0
    for data in damaged(SAMPLE.encode()):
        for is_xml in (False, True):
            try:
                html_text(data, "", is_xml=is_xml).text.encode()
                n_read += 1
            except UnreadableDocument:
                pass
    assert n_read > 200
