"""Decode the bytes of plain text, and normalise the characters and line ends of texts from all formats."""

import base64
import codecs
import re
from dataclasses import dataclass

OTHER_CHARSET = "the document was read in a character set other than the declared one"
ASSUMED_CHARSET = "no charset is declared and the text is not UTF-8; it was read as cp1252"
REPLACED = "characters without a Unicode value were replaced by U+FFFD"
MAX_CHARACTERS = 1 << 24  # largest length of the text of a document
# UTF-32 comes before UTF-16, because a byte-order mark of UTF-32 begins with a byte-order mark of UTF-16
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    codecs.BOM_UTF8: "utf-8-sig",
}
_NAME = re.compile(r"[\w.:-]{1,40}", re.ASCII)  # form of the name of a charset
# Python codecs that turn bytes into text but are not charsets
_NO_CHARSETS = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7"})
_CONTROLS = re.compile("[\x80-\x9f]")  # control characters of ISO 8859-1
_LINE_ENDS = re.compile("\r\n|[\r\f\v\x85\u2028\u2029]")
_BLANK_LINES = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True)
class DocumentText:
    """The text of a document, and remarks: fixed phrases that state problems found in the document."""

    text: str
    remarks: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"DocumentText({len(self.text)} characters, {self.remarks!r})"


class UnreadableDocument(Exception):  # noqa: N818 - a property of a document, which a reader reports
    """A document has no readable text; `reason` is a fixed phrase without content of the document."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def plain_text(data: bytes, charset: str) -> DocumentText:
    """Return the text of a plain-text document; an empty `charset` means that no charset is declared.

    Raises:
        UnreadableDocument: no charset fits, the text contains NUL characters, or it is too long.
    """
    text, remarks = decoded(data, charset)
    return normalised(text, remarks)


def decoded(data: bytes, charset: str) -> tuple[str, tuple[str, ...]]:
    """Return (text, remarks); a remark states that the charset was assumed or differs from the declared charset.

    A byte-order mark determines the charset. Without such a mark, the declared charset, UTF-8 and cp1252 are tried in
    this order, and the first charset in which every byte is valid is used. A charset such as ISO 8859-1 is skipped if
    the text would have control characters from U+0080 to U+009F, because their bytes are usually quotation marks in
    cp1252.

    Raises:
        UnreadableDocument: no charset fits, or the text contains NUL characters.
    """
    marked = next((name for bom, name in BYTE_ORDER_MARKS.items() if data.startswith(bom)), None)
    for name in (marked,) if marked else (charset or "utf-8", "utf-8", "cp1252"):
        text = _strictly(data, name)
        if text is None:
            continue
        if "\0" in text:
            raise UnreadableDocument("NUL characters in the text")
        if not charset:
            return text, (ASSUMED_CHARSET,) if name == "cp1252" else ()
        return text, () if _family(name) == _family(charset) else (OTHER_CHARSET,)
    raise UnreadableDocument("undecodable bytes")


def normalised(text: str, remarks: tuple[str, ...]) -> DocumentText:
    """Return a text with line feeds as the only line ends, without a byte-order mark and without surrogates.

    Surrogates that form a pair become one character. A lone surrogate becomes U+FFFD, with a remark.

    Raises:
        UnreadableDocument: the text has more than `MAX_CHARACTERS` characters.
    """
    if len(text) > MAX_CHARACTERS:
        raise UnreadableDocument("the text is too long")
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if whole.count("\ufffd") > text.count("\ufffd") and REPLACED not in remarks:
        remarks = (*remarks, REPLACED)
    return DocumentText(_LINE_ENDS.sub("\n", whole.removeprefix("\ufeff")), remarks)


def from_base64(text: str) -> bytes | None:
    """Decode base64 text, in which white space is ignored; return None if the text is not base64."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except ValueError:
        return None


def tidy(text: str) -> str:
    """Return a text with line feeds as line ends, without spaces at line ends and without repeated blank lines."""
    lines = _LINE_ENDS.sub("\n", text).split("\n")
    return _BLANK_LINES.sub("\n\n", "\n".join(line.rstrip(" \t\xa0") for line in lines)).strip()


def _strictly(data: bytes, name: str) -> str | None:
    # returns the bytes decoded by the charset `name`, or None if the charset is unknown or does not fit
    codec = _codec(name)
    if codec == "utf-16" and not data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        # most characters are below U+0100, so the upper byte of a character is usually zero
        codec = "utf-16-be" if data[::2].count(0) > data[1::2].count(0) else "utf-16-le"
    try:
        text = data.decode(codec) if codec else None
        if text is not None:
            text.encode()  # raises UnicodeError on a lone surrogate
    except (UnicodeError, LookupError):  # LookupError: the codec does not return text
        return None
    return None if text is None or (not codec.startswith("utf") and _CONTROLS.search(text)) else text


def _codec(name: str) -> str:
    # returns the name of the Python codec of a charset, or "" if there is none
    try:
        codec = codecs.lookup(name).name if _NAME.fullmatch(name) else ""
    except LookupError:
        return ""
    return "" if codec.replace("_", "-") in _NO_CHARSETS else codec


def _family(name: str) -> str:
    # returns one name for charsets that differ only in byte order or byte-order mark; ASCII counts as UTF-8
    codec = _codec(name)
    family = next((wide for wide in ("utf-8", "utf-16", "utf-32") if codec.startswith(wide)), codec)
    return "utf-8" if family == "ascii" else family
