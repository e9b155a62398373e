"""Read the text of documents: plain text, HTML, XHTML, RTF and PDF."""

from synthgen.extract.documents.content import text_of
from synthgen.extract.documents.plain import DocumentText, UnreadableDocument

__all__ = ["DocumentText", "UnreadableDocument", "text_of"]
