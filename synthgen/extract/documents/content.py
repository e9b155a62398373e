"""Read the text of a document in one of the supported formats: plain text, HTML, XHTML, RTF and PDF."""

import codecs
import re

from synthgen.extract.documents.html import html_text
from synthgen.extract.documents.pdf import pdf_text
from synthgen.extract.documents.plain import DocumentText, UnreadableDocument, plain_text
from synthgen.extract.documents.rtf import rtf_text

OTHER_TYPE = "document has another type than declared"
MAX_BYTES = 64 << 20  # largest size of a document
_PLAIN, _HTML, _XHTML, _RTF, _PDF = "text/plain", "text/html", "application/xhtml+xml", "text/rtf", "application/pdf"
_TYPES = {name: name for name in (_PLAIN, _HTML, _XHTML, _RTF, _PDF)} | {"application/rtf": _RTF}
_CHARSET = re.compile(r""";\s*charset\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s;]*))""", re.IGNORECASE)
# (pattern at the start of a document, type of the document)
_STARTS = ((rb"\s*\{\\rtf", _RTF), (rb"\s*%PDF-", _PDF), (rb"\s*(?:<!doctype html|<html[\s>])", _HTML))


def text_of(data: bytes, content_type: str) -> DocumentText:
    """Return the text of a document, without hidden and deleted text.

    A document that begins like RTF, PDF or HTML is read as that type; if `content_type` differs, a remark is added.

    Args:
        data: the document, at most `MAX_BYTES` bytes.
        content_type: text/plain, text/html, application/xhtml+xml, text/rtf, application/rtf or application/pdf,
            with an optional parameter `charset`.

    Raises:
        UnreadableDocument: the type is not supported, or the document is too large or has no readable text.

    Privacy: reads one private document. Remarks and errors contain no part of the document.
    """
    declared = _TYPES.get(content_type.partition(";")[0].strip().lower())
    if declared is None:
        raise UnreadableDocument("content type is not text, HTML, RTF or PDF; convert the attachment first")
    if len(data) > MAX_BYTES:
        raise UnreadableDocument("the document is larger than 64 MiB")
    parameter = _CHARSET.search(content_type)
    charset = next((value for value in parameter.groups() if value), "").strip() if parameter else ""
    kind = _kind(data, declared)
    if kind in {_RTF, _PDF}:
        found = rtf_text(data) if kind == _RTF else pdf_text(data)
    else:
        found = plain_text(data, charset) if kind == _PLAIN else html_text(data, charset, is_xml=kind == _XHTML)
    return found if kind == declared else DocumentText(found.text, (*found.remarks, OTHER_TYPE))


def _kind(data: bytes, declared: str) -> str:
    start = data[:1024].removeprefix(codecs.BOM_UTF8)
    kind = next((kind for pattern, kind in _STARTS if re.match(pattern, start, re.IGNORECASE)), declared)
    # XHTML begins like HTML
    return declared if (kind, declared) == (_HTML, _XHTML) else kind
