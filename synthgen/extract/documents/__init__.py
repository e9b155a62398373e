"""Read the text of documents: plain text, HTML, XHTML, RTF and PDF."""

from synthgen.extract.documents.content import text_of
from synthgen.extract.documents.plain import DocumentText, UnreadableDocument, from_base64

__all__ = ["DocumentText", "UnreadableDocument", "from_base64", "text_of"]
