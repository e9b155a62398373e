import base64

import pytest

from synthgen.extract.hl7v2.escapes import Delimiters
from synthgen.extract.hl7v2.message import Hl7Segment
from synthgen.extract.hl7v2.report import (
    ATTACHMENT_LEFT_OUT,
    INCOMPLETE,
    LINES_BESIDE_ATTACHMENT,
    LINES_LEFT_OUT,
    LINK_LEFT_OUT,
    NO_DATA,
    NO_TEXT,
    ONLY_COMMENTS,
    ONLY_LINK,
    UNDECODABLE_DATA,
    VALUES_LEFT_OUT,
    WITHDRAWN,
    read_report,
)


def report(*lines, short_lines=False):
    segments = [Hl7Segment(tuple(line.split("|")), Delimiters(), "utf-8") for line in lines]
    return read_report(segments, short_lines=short_lines)


def obx(text, kind="TX", what="1^CHEST", status="F"):
    return f"OBX|1|{kind}|{what}||{text}||||||{status}"


def packed(text):
    return base64.b64encode(text.encode()).decode()


def test_lines_of_one_observation_follow_one_another():
    found = report(obx("FINDINGS:"), obx(r"one\.br\two  ~three"), obx("  x^y & z", "FT"), obx(""), obx("short", "ST"))
    assert found.text == "FINDINGS:\none\ntwo\nthree\n  x^y & z\n\nshort"
    assert (found.reason, found.remarks, found.dropped) == ("", (), ())


def test_several_observations_become_paragraphs_below_their_names():
    found = report(
        obx("HISTORY", what="1^Clinical history"),
        obx("more", what=""),
        obx("seen", what="71020&GDT^CHEST XRAY"),
        obx("clear", what="71020&IMP^CHEST XRAY"),
        obx("again", what="&REC"),
        obx("last", what="COMMENT:"),
        obx("unnamed", what="99"),
    )
    assert found.text == (
        "Clinical history:\nHISTORY\nmore\n\nCHEST XRAY:\nseen\n\nIMPRESSION:\nclear\n\n"
        "RECOMMENDATION:\nagain\n\nCOMMENT:\nlast\n\nunnamed"
    )


def test_comments_below_a_line_are_paragraphs_and_other_comments_are_not_read():
    found = report(
        "NTE|1||order",
        obx("one"),
        "PRT|1",
        "NTE|1||first~second",
        "NTE|2||third",
        obx("two"),
        obx("7", "NM"),
        "NTE|1||x",
    )
    assert found.text == "one\n\nfirst\nsecond\nthird\n\ntwo"
    assert found.remarks == (VALUES_LEFT_OUT,)
    assert report(obx("7", "NM"), "NTE|1||x").reason == ONLY_COMMENTS


@pytest.mark.parametrize("kind", ["NM", "SN", "CE", "CWE", "ST", "DT", ""])
def test_numbers_codes_and_single_strings_are_no_reports(kind):
    assert report(obx("POSITIVE", kind)).reason == NO_TEXT
    assert report().reason == NO_TEXT


def test_strings_alone_make_a_document():
    assert report(obx("all is well", "ST"), short_lines=True).text == "all is well"


def test_links_are_counted():
    assert report(obx("https://x^^image^JPEG", "RP")).reason == ONLY_LINK
    assert report(obx("text"), obx("https://x", "RP")).remarks == (LINK_LEFT_OUT,)


@pytest.mark.parametrize("status", ["F", "C", "A", "U", "f", ""])
def test_final_results_are_used(status):
    assert report(obx("text", status=status)).text == "text"


@pytest.mark.parametrize("status", ["P", "R", "I", "S", "X", "N", "O", "Z"])
def test_other_results_are_not_used(status):
    assert report(obx("text", status=status)).reason == INCOMPLETE
    found = report(obx("text"), obx("odd", status=status), "NTE|1||odd", obx("end"))
    assert (found.text, found.remarks) == ("text\nend", (LINES_LEFT_OUT,))


def test_deleted_and_wrong_results_withdraw_the_report():
    found = report(obx("text", status="D"), obx("text", status="W"))
    assert (found.text, found.reason, found.is_withdrawn) == ("", WITHDRAWN, True)
    assert not report(obx("text", status="D"), obx("text", status="P")).is_withdrawn
    assert report(obx("text", status="D"), obx("kept")).text == "kept"


@pytest.mark.parametrize(
    "value",
    [
        f"^TEXT^PLAIN^Base64^{packed('a note')}",
        f"^text^plain^BASE64^{packed('a note')[:5]} \\.br\\{packed('a note')[5:]}",
        f"APP^TXT^^Base64^{packed('a note')}",
        f"^text/plain^^Base64^{packed('a note')}",
        "^TEXT^PLAIN^A^a note",
        "^TEXT^PLAIN^^a note",
        f"^TEXT^PLAIN^Hex^{b'a note'.hex()}",
    ],
)
def test_attachments_with_text(value):
    assert report(obx(value, "ED")).text == "a note"


def test_an_attachment_as_text_keeps_separators_and_escapes():
    assert report(obx(r"^TEXT^PLAIN^A^x^y \T\ z\.br\end", "ED")).text == "x^y & z\nend"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("^application^pdf^Base64^", NO_DATA),
        ("", NO_DATA),
        ("^TEXT^PLAIN^Base64^abc", UNDECODABLE_DATA),
        ("^TEXT^PLAIN^Base64^ünï==", UNDECODABLE_DATA),
        ("^TEXT^PLAIN^Hex^abc", UNDECODABLE_DATA),
        (
            f"^IM^JPEG^Base64^{packed('x')}",
            "content type is not text, HTML, RTF or PDF; convert the attachment first",
        ),
        (
            f"^AP^OCTET-STREAM^Base64^{packed('x')}",
            "content type is not text, HTML, RTF or PDF; convert the attachment first",
        ),
    ],
)
def test_attachments_that_cannot_be_read_are_counted(value, reason):
    found = report(obx(value, "ED"))
    assert (found.text, found.dropped) == ("", (reason,))
    beside = report(obx("text"), obx(value, "ED"))
    assert (beside.text, beside.dropped, beside.remarks) == ("text", (reason,), ())


def test_the_start_of_the_data_names_an_unstated_content_type():
    html = packed("<html><body><p>a note</p></body></html>")
    for value in (f"^AP^Octet-stream^Base64^{html}", f"^^^Base64^{html}", f"^^^^{html}"):
        assert "a note" in report(obx(value, "ED")).text


def test_the_longer_of_lines_and_attachments_is_used():
    attachment = obx("^TEXT^PLAIN^A^the whole report", "ED")
    assert report(obx("see attached"), attachment).text == "the whole report"
    assert report(obx("see attached"), attachment).remarks == (LINES_BESIDE_ATTACHMENT,)
    found = report(obx("the whole report, in lines"), attachment, obx("end"))
    assert (found.text, found.remarks) == ("the whole report, in lines\nend", (ATTACHMENT_LEFT_OUT,))


def test_no_text_in_the_representation():
    assert "secret" not in repr(report(obx("secret")))


RTF = r"{\rtf1\ansi\deff0 {\fonttbl{\f0 Arial;}}\f0\fs20 First line\par Second line}"


@pytest.mark.parametrize(
    "value",
    [
        f"^application^rtf^Base64^{packed(RTF)}",
        f"^TEXT^RTF^BASE64^{packed(RTF)}",
        f"^AP^octet-stream^Base64^{packed(RTF)}",
        "^TEXT^RTF^A^" + RTF.replace("\\", "\\E\\"),
        "^TEXT^RTF^A^" + RTF,  # without escapes, as some systems write it
    ],
)
def test_attachments_in_rtf(value):
    assert report(obx(value, "ED")).text.split("\n") == ["First line", "Second line"]


def test_a_damaged_pdf_is_counted():
    for value in (f"^TEXT^PDF^Base64^{packed('%PDF-1.4 odd')}", f"^^^Base64^{packed('%PDF-1.7')}"):
        found = report(obx(value, "ED"))
        assert (found.text, len(found.dropped)) == ("", 1)


RTF = r"{\E\rtf1\E\ansi {\E\b IMPRESSION}\E\par Clear.{\E\v hidden}}"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (RTF, "IMPRESSION\nClear."),
        (RTF.replace("\\E", ""), "IMPRESSION\nClear."),
        (r"<html><body><p>Clear</p><p>No \T\amp; more</p></body></html>", "Clear\n\nNo & more"),
    ],
)
def test_marked_up_lines_are_read_as_such(value, text):
    assert report(f"OBX|1|FT|1^X||{value}||||||F").text == text
    assert report(f"OBX|1|FT|1^X||{value}||||||F", f"OBX|2|FT|1^X||{value}||||||F").text == f"{text}\n{text}"
    broken = report(r"OBX|1|FT|1^X||{\E\rtf1 broken||||||F")
    assert (broken.text, broken.remarks) == ("broken", ("the RTF document is truncated",))
    deep = report(r"OBX|1|FT|1^X||{\E\rtf1 " + "{" * 10_000 + "||||||F")
    assert deep.reason == "the groups of the RTF document are nested too deeply"


def test_a_deletion_without_a_type_withdraws_the_report():
    assert report('OBX|1||1^X||""||||||D').is_withdrawn
    assert not report('OBX|1||1^X||""||||||F').is_withdrawn


def test_numbers_of_lines_in_the_observation_are_no_paragraphs():
    assert report(*(f"OBX|{i}|TX|{i}^||line {i}||||||F" for i in (1, 2, 3))).text == "line 1\nline 2\nline 3"
