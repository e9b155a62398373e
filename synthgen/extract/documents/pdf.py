"""Read the text of PDF documents with pypdf."""

import io
import logging
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from pypdf import PdfReader
from pypdf.errors import DependencyError, DeprecationError, FileNotDecryptedError, PyPdfError

from synthgen.extract.documents.plain import MAX_CHARACTERS, REPLACED, DocumentText, UnreadableDocument, normalised

PAGE_WITHOUT_TEXT = "a page of the PDF has no text"
MAX_PAGES = 2000  # largest number of pages of a PDF that is read
# for damaged files, pypdf raises built-in exceptions besides its own
_DAMAGED = (
    PyPdfError, DependencyError, DeprecationError, ArithmeticError, AssertionError, AttributeError, BufferError,
    EOFError, LookupError, MemoryError, OSError, RuntimeError, StopIteration, TypeError, ValueError,
    struct.error, zlib.error,
)  # fmt: skip


def pdf_text(data: bytes) -> DocumentText:
    """Return the text of a PDF, with a blank line between two pages.

    Each page without text, such as a scanned page, causes a remark. An encrypted PDF is read if its password is
    empty. pypdf limits the size of decompressed data.

    Raises:
        UnreadableDocument: the PDF is damaged, encrypted or too long, or no page has text.
    """
    with _silence():
        try:
            reader = PdfReader(io.BytesIO(data))
            if reader.is_encrypted and not reader.decrypt(""):
                raise UnreadableDocument("the PDF is encrypted")
            if len(reader.pages) > MAX_PAGES:
                raise UnreadableDocument("the PDF has too many pages")
            pages = _pages(reader)
        except FileNotDecryptedError:
            raise UnreadableDocument("the PDF is encrypted") from None
        except NotImplementedError:  # such as encryption with certificates
            raise UnreadableDocument("the PDF uses a feature that is not supported") from None
        except _DAMAGED:
            raise UnreadableDocument("the PDF is damaged") from None
    if not any(pages):
        raise UnreadableDocument("no text in the PDF")
    remarks = (PAGE_WITHOUT_TEXT,) * pages.count("")
    text = "\n\n".join(filter(None, pages))
    if "\0" in text:  # a font without a table of Unicode values
        text, remarks = text.replace("\0", "\ufffd"), (*remarks, REPLACED)
    return normalised(text, remarks)


def _pages(reader: PdfReader) -> list[str]:
    pages, n_characters = [], 0
    for page in reader.pages:
        lines = page.extract_text().split("\n")
        pages.append("\n".join(line.rstrip() for line in lines).strip("\n"))
        n_characters += len(pages[-1])
        if n_characters > MAX_CHARACTERS:
            raise UnreadableDocument("the text is too long")
    return pages


@contextmanager
def _silence() -> Iterator[None]:
    """Suppress the messages of pypdf, because they may quote the document."""
    logger = logging.getLogger("pypdf")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)  # the loggers of the modules of pypdf inherit this level
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)
