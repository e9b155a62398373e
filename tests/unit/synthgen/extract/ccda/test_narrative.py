import pytest

from synthgen.extract.ccda.narrative import body_text
from synthgen.extract.safe_xml import MAX_DEPTH, parse_xml


def text(*sections):
    body = "".join(f"<component>{section}</component>" for section in sections)
    return body_text(parse_xml(f'<d xmlns="urn:hl7-org:v3"><structuredBody>{body}</structuredBody></d>'.encode())[0])


BODIES = [
    ("<div><p>one</p><p>two</p></div><ul><li>x</li></ul>", "one\n\ntwo\n\n- x"),
    (
        "<table><tr><td><paragraph>one</paragraph><paragraph>two<br/>three</paragraph></td></tr></table>",
        "one\n\ntwo\nthree",
    ),
    ("plain  <content>bold</content> text", "plain bold text"),
    ("<paragraph>one</paragraph><paragraph>two</paragraph>", "one\n\ntwo"),
    ("a<br/>b", "a\nb"),
    ("<list><caption>Drugs</caption><item>x</item><item>y<br/>z</item></list>", "Drugs\n- x\n- y\nz"),
    (
        "<table><tr><th>Drug</th><th>Dose</th></tr><tr><td>A <content>b</content></td><td>5 mg</td></tr></table>",
        "Drug | Dose\nA b | 5 mg",
    ),
    ("x<renderMultiMedia referencedObject='m'><caption>no</caption></renderMultiMedia>y", "xy"),
    ("H<sub>2</sub>O", "H2O"),
    ("<paragraph>a</paragraph>\n  <paragraph>b</paragraph>c", "a\n\nb\n\nc"),
    ("a<br/><br/><br/>b", "a\n\nb"),
    ("<list listType='ordered'><caption>c</caption><item>x</item><item/><item>y</item></list>z", "c\n1. x\n3. y\nz"),
    ("<list><item>a<list><item>b</item></list></item><item>c</item></list>", "- a\n  - b\n- c"),
    ("<list><item><paragraph>a</paragraph></item><item><list><item>b</item></list></item></list>", "- a\n  - b"),
    ("<list><item><table><tr><td>a</td><td>b</td></tr></table></item></list>", "a | b"),
    ("<table><tr><td/><td>a</td><td> </td></tr><tr><td>\xa0</td></tr></table>", "| a"),
    (
        "<table><tr><td>Reaction:<br/>hives<br/>mild</td><td><list><item>b</item></list></td></tr></table>",
        "Reaction: hives; mild | b",
    ),
    ("<table><tr><td>a<table><tr><td>b</td><td>c</td></tr></table></td></tr></table>", "a; b | c"),
    ("a <content revised='delete'>b</content><content styleCode='Bold xxHidden'>c</content>d", "a d"),
    ("<linkHtml href='x'>a</linkHtml><footnote>b</footnote>", "a\nb"),
    ("<content xml:space='preserve'>a\n  b</content>", "a\nb"),
    ("a&#13;\nb&#13;c", "a\nb\nc"),
    ("a&#160;<!-- no -->b<?no?>", "a b"),
]


@pytest.mark.parametrize(("body", "expected"), BODIES)
def test_narrative_is_read_as_it_is_shown(body, expected):
    assert text(f"<section><text>{body}</text></section>") == expected


def test_sections_have_headings_and_those_without_narrative_are_left_out():
    inner = "<component><section><title>Inner</title><text>two</text></section></component>"
    coded = "<entry><observation><text>coded</text></observation></entry>"
    outer = f"<section><title> Outer\n</title><text>one</text>{coded}{inner}</section>"
    empty = "<section><title>Empty</title><text> </text></section>"
    assert text(outer, empty) == "Outer\none\n\nInner\ntwo"


def test_a_section_with_only_inner_sections_keeps_its_heading():
    inner = "<component><section><title>Heart</title><text>Regular.</text></section></component>"
    assert text(f"<section><title>Exam</title><text/>{inner}{inner}</section>") == (
        "Exam\nHeart\nRegular.\n\nHeart\nRegular."
    )


def test_deep_nesting_is_read():
    n = MAX_DEPTH // 2 - 10
    body = "<list><item>a" * n + "</item></list>" * n
    assert text(f"<section><text>{body}</text></section>").count("a") == n
