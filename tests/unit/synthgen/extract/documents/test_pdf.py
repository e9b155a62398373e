import logging

import pytest

from synthgen.extract.documents.pdf import PAGE_WITHOUT_TEXT, pdf_text
from synthgen.extract.documents.plain import REPLACED, UnreadableDocument

NO_KEYS = b"/O <%s> /U <%s> /P -4" % (b"00" * 32, b"00" * 32)
STANDARD = b"/Encrypt << /Filter /Standard /V 1 /R 2 %s >> /ID [<00><00>] " % NO_KEYS
CERTIFICATE = b"/Encrypt << /Filter /Adobe.PubSec /V 1 >> "


def test_pages_are_separated_and_those_without_text_counted(pdf_of):
    found = pdf_text(pdf_of([b"Hello", b"", b"World ", b""]))
    assert (found.text, found.remarks) == ("Hello\n\nWorld", (PAGE_WITHOUT_TEXT, PAGE_WITHOUT_TEXT))
    assert pdf_text(pdf_of([b"Hello"])).remarks == ()


def test_characters_without_a_unicode_value_are_replaced(pdf_of, monkeypatch):
    monkeypatch.setattr("pypdf.PageObject.extract_text", lambda page: "a\0b\ud800")
    found = pdf_text(pdf_of([b"Hello"]))
    assert (found.text, found.remarks) == ("a\ufffdb\ufffd", (REPLACED,))


@pytest.mark.parametrize("trailer", [STANDARD, CERTIFICATE])
def test_an_encrypted_pdf_has_its_own_reason(pdf_of, trailer):
    reason = "is encrypted" if trailer == STANDARD else "not supported"
    with pytest.raises(UnreadableDocument, match=reason):
        pdf_text(pdf_of([b"Hello"], trailer))


def test_a_pdf_encrypted_with_the_empty_password_is_read(pdf_of, tmp_path):
    from pypdf import PdfWriter

    for password, is_readable in (("", True), ("secret", False)):
        (tmp_path / "plain.pdf").write_bytes(pdf_of([b"Hello"]))
        writer = PdfWriter(clone_from=tmp_path / "plain.pdf")
        writer.encrypt(password, "owner", algorithm="AES-256")
        writer.write(tmp_path / "a.pdf")
        if is_readable:
            assert pdf_text((tmp_path / "a.pdf").read_bytes()).text == "Hello"
        else:
            with pytest.raises(UnreadableDocument, match="the PDF is encrypted"):
                pdf_text((tmp_path / "a.pdf").read_bytes())


@pytest.mark.parametrize(
    ("pages", "reason"),
    [([], "no text in the PDF"), ([b"", b""], "no text in the PDF"), ([b"a"] * 9, "too many pages")],
)
def test_a_pdf_without_text_or_with_too_many_pages_is_unreadable(pdf_of, monkeypatch, pages, reason):
    monkeypatch.setattr("synthgen.extract.documents.pdf.MAX_PAGES", 8)
    with pytest.raises(UnreadableDocument, match=reason):
        pdf_text(pdf_of(pages))


def test_too_much_text_is_unreadable(pdf_of, monkeypatch):
    monkeypatch.setattr("synthgen.extract.documents.pdf.MAX_CHARACTERS", 8)
    with pytest.raises(UnreadableDocument, match="too long"):
        pdf_text(pdf_of([b"Hello", b"World"]))


@pytest.mark.parametrize("data", [b"", b"%PDF-1.4", b"text", b"%PDF-1.4\n%%EOF", b"\0" * 1000])
def test_other_data_is_a_damaged_pdf(data):
    with pytest.raises(UnreadableDocument, match="is damaged"):
        pdf_text(data)


def test_damaged_documents_end_in_text_or_a_reason_without_messages(pdf_of, damaged, caplog):
    level = logging.getLogger("pypdf").level
    n_read = 0
    for data in damaged(pdf_of([b"Hello", b"", b"World"])):
        try:
            pdf_text(data).text.encode()
            n_read += 1
        except UnreadableDocument:
            pass
    assert n_read > 20
    assert caplog.records == []
    assert logging.getLogger("pypdf").level == level
