import pytest

from synthgen.extract.documents import DocumentText, UnreadableDocument, text_of
from synthgen.extract.documents.content import OTHER_TYPE
from synthgen.extract.documents.plain import OTHER_CHARSET


@pytest.mark.parametrize(
    ("data", "content_type", "text"),
    [
        (b"caf\xe9", "text/plain; charset=iso-8859-1", "café"),
        (b"caf\xe9", 'Text/Plain;format=flowed; CHARSET="ISO-8859-1"', "café"),
        (b"caf\xe9", "text/plain ;charset='cp1252' ; x=y", "café"),
        (b"<p>caf\xe9</p>", "text/html; charset=windows-1252", "café"),
        (b"<div>a<br/>b</div>", "application/xhtml+xml", "a\nb"),
        (rb"{\rtf1 a}", "text/rtf", "a"),
        (rb"{\rtf1 a}", "application/rtf; charset=utf-8", "a"),
        (b"a", "text/plain; charset=", "a"),
    ],
)
def test_the_content_type_chooses_reader_and_charset(data, content_type, text):
    assert text_of(data, content_type) == DocumentText(text)


def test_a_pdf_is_read(pdf_of):
    assert text_of(pdf_of([b"Hello"]), "application/pdf").text == "Hello"


@pytest.mark.parametrize(
    "content_type", ["", "text/xml", "image/png", "txt", ".pdf", "text/plainer", "application/json"]
)
def test_other_content_types_are_not_read(content_type):
    with pytest.raises(UnreadableDocument, match="content type is not text, HTML"):
        text_of(b"a", content_type)


@pytest.mark.parametrize(
    ("data", "content_type", "text"),
    [
        (rb"{\rtf1 a}", "text/plain", "a"),
        (b"\xef\xbb\xbf\n <!DOCTYPE html><p>a", "text/plain", "a"),
        (b"<html><p>a", "text/rtf", "a"),
    ],
)
def test_a_document_of_another_type_than_declared_has_a_remark(data, content_type, text):
    assert text_of(data, content_type) == DocumentText(text, (OTHER_TYPE,))


def test_text_that_only_mentions_another_type_is_plain():
    assert text_of(b"the tag <html> and {\\rtf1", "text/plain").text == "the tag <html> and {\\rtf1"


def test_remarks_of_the_charset_are_kept():
    assert text_of(b"<html><p>caf\xe9", "text/plain; charset=utf-8").remarks == (OTHER_CHARSET, OTHER_TYPE)


def test_a_huge_document_is_unreadable(monkeypatch):
    monkeypatch.setattr("synthgen.extract.documents.content.MAX_BYTES", 3)
    with pytest.raises(UnreadableDocument, match="larger than"):
        text_of(b"abcd", "text/plain")
