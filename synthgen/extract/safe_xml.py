"""Parse XML without network access, and reject entities, very long texts and deep nesting."""

import re
from collections.abc import Collection, Iterator
from typing import Any, BinaryIO

from lxml import etree

Element = Any  # an element of lxml; the package lxml has no type annotations
MALFORMED, ENTITIES = "XML is malformed", "XML declares entities, which are not allowed"
OTHER_ENCODING = "XML is not in the encoding that it declares; it was read as UTF-8"  # a remark: the XML is used
TOO_LARGE = "XML is too large, has a text of more than 10 MB, or is nested too deeply"
# all values of `UnsafeXml.reason`
REASONS = frozenset({MALFORMED, ENTITIES, TOO_LARGE})
MAX_BYTES = 256 << 20
MAX_DEPTH = 250  # largest number of nested elements
_SAFE_OPTIONS = {
    "resolve_entities": False, "load_dtd": False, "no_network": True, "huge_tree": False, "remove_comments": True,
    "remove_pis": True,
}  # fmt: skip
_HEAD_BYTES = 4096  # number of bytes at the start that are searched for a declared encoding
_OPENING = re.compile(rb"(\xef\xbb\xbf)?\s*")  # some systems write line breaks before the XML declaration
_DECLARATION = re.compile(rb"<\?xml\s[^>]{0,300}\bencoding\s*=")
_LIMIT_CODE = 114  # XML_ERR_RESOURCE_LIMIT of libxml2
_LIMIT_WORDS = ("too big", "too long", "huge")  # words in libxml2's messages about limits that have another code


class UnsafeXml(Exception):  # noqa: N818 - no error of the run: the caller reports the file
    """XML is malformed, has entities or exceeds a limit; `reason` is a fixed phrase without content of the file."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def parse_xml(data: bytes) -> tuple[Element, bool]:
    """Return (root element, True if the declared encoding is wrong) of an XML document.

    If a document declares an encoding and is malformed in this encoding, it is read as UTF-8. Nothing outside the
    document is loaded. Raise UnsafeXml if the document is malformed, has entities, or exceeds a limit.
    """
    if len(data) > MAX_BYTES:
        raise UnsafeXml(TOO_LARGE)
    start, encoding = _opening(data[:_HEAD_BYTES])
    body = data[start:]
    try:
        return _parsed(body, encoding), False
    except UnsafeXml as unsafe:
        if unsafe.reason != MALFORMED or not _DECLARATION.match(body):
            raise
    return _parsed(body, "utf-8"), True


def each_element(file: BinaryIO, names: Collection[str]) -> Iterator[tuple[Element, bool]]:
    """Yield (element, True if the declared encoding is wrong) for each element whose name is in `names`.

    An element is emptied when the next element is read, so memory does not grow with the number of elements. If the
    file declares an encoding and is malformed before the first such element, the file is read again as UTF-8. Raise
    UnsafeXml if the file is malformed, has entities, is nested too deeply or has too long a text; elements before the
    error are yielded first. The size of the file is not limited.
    """
    head = file.read(_HEAD_BYTES)
    start, declared = _opening(head)
    for encoding, is_misdeclared in ((declared, False), ("utf-8", True)):
        n_elements = 0
        try:
            file.seek(start)
            for element in _streamed(file, names, encoding):
                n_elements += 1
                yield element, is_misdeclared
        except UnsafeXml as unsafe:
            can_retry = not is_misdeclared and not n_elements and unsafe.reason == MALFORMED
            if not can_retry or not _DECLARATION.match(head, start):
                raise
        else:
            return


def local(element: Element) -> str:
    """Return the name of an element without the namespace."""
    return str(etree.QName(element).localname)


def _opening(head: bytes) -> tuple[int, str | None]:  # (position of the first tag, encoding of a byte-order mark)
    match = _OPENING.match(head)
    return (match.end(), "utf-8" if match[1] else None) if match else (0, None)


def _parsed(data: bytes, encoding: str | None) -> Element:
    try:
        root = etree.fromstring(data, etree.XMLParser(**_SAFE_OPTIONS, encoding=encoding))
    except (etree.XMLSyntaxError, ValueError, LookupError, MemoryError) as error:
        raise UnsafeXml(_reason(error)) from None
    _refuse_entities(root)
    depth = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > MAX_DEPTH:
            raise UnsafeXml(TOO_LARGE)
    return root


def _streamed(file: BinaryIO, names: Collection[str], encoding: str | None) -> Iterator[Element]:
    depth = 0
    try:
        for event, element in etree.iterparse(file, events=("start", "end"), encoding=encoding, **_SAFE_OPTIONS):
            depth += 1 if event == "start" else -1
            if depth > MAX_DEPTH:
                raise UnsafeXml(TOO_LARGE)
            if event == "end" and local(element) in names:
                _refuse_entities(element)
                yield element
                element.clear()
                while element.getprevious() is not None:
                    del element.getparent()[0]
    except (etree.XMLSyntaxError, ValueError, LookupError, MemoryError) as error:
        raise UnsafeXml(_reason(error)) from None


def _refuse_entities(element: Element) -> None:
    # the element tree does not show entities in attributes, so a document that declares any entity is rejected
    dtd = element.getroottree().docinfo.internalDTD
    if (dtd is not None and dtd.entities()) or next(element.iter(etree.Entity), None) is not None:
        raise UnsafeXml(ENTITIES)


def _reason(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return TOO_LARGE
    message = str(error).casefold()
    is_limit = getattr(error, "code", None) == _LIMIT_CODE or any(word in message for word in _LIMIT_WORDS)
    return TOO_LARGE if is_limit else MALFORMED
