"""Read the visible text of RTF documents.

The package striprtf is not used, because it returns hidden and deleted text too.
Reference: Microsoft, Rich Text Format (RTF) Specification, version 1.9.1, 2008.
"""

import codecs
import re
import sys
from copy import copy
from dataclasses import dataclass

from synthgen.extract.documents.plain import REPLACED, DocumentText, UnreadableDocument, normalised

TRUNCATED = "the RTF document is truncated"
TRAILING = "content after the end of the RTF document was not read"
UNKNOWN_CODE_PAGE = "unknown code page; it was read as cp1252"
MAX_DEPTH = 10_000  # largest number of nested groups (text in braces)
# one token: a control word with its number, a hexadecimal byte, a control symbol, a brace, line ends, or other bytes
_TOKEN = re.compile(
    rb"\\([A-Za-z]{1,32})(-?[0-9]{1,10})? ?|\\'([0-9A-Fa-f]{2})|\\([^A-Za-z])|([{}])|[\r\n]+|([^\\{}\r\n]+)",
    re.DOTALL,
)
_WORDS = {  # control word -> text
    **dict.fromkeys(("par", "line", "sect", "page", "column", "row", "nestrow"), "\n"),
    **dict.fromkeys(("tab", "cell", "nestcell"), "\t"),
    **dict.fromkeys(("emspace", "enspace", "qmspace"), " "),
    "emdash": "—", "endash": "–", "bullet": "•", "lquote": "‘", "rquote": "’", "ldblquote": "“", "rdblquote": "”",
}  # fmt: skip
# control symbol (the character after a backslash) -> text
_SYMBOLS = {b"~": " ", b"_": "-", b"\\": "\\", b"{": "{", b"}": "}", b"\r": "\n", b"\n": "\n", b"\t": "\t"}
# Groups that are not read: they contain no text of the document, or they repeat text, such as the headers of pages
# and the copy of a text box for old programs (`shprslt`).
_SKIPPED = frozenset({
    "annotation", "atnauthor", "atndate", "atnid", "atntime", "colortbl", "comment", "datafield", "doccomm",
    "filetbl", "fldinst", "footer", "footerf", "footerl", "footerr", "ftncn", "ftnsep", "ftnsepc", "aftncn",
    "aftnsep", "aftnsepc", "header", "headerf", "headerl", "headerr", "info", "listoverridetable", "listtable",
    "nonesttables", "objdata", "pgptbl", "pict", "private", "revtbl", "rxe", "shprslt", "sp", "stylesheet", "tc",
    "template", "themedata", "txe", "xe",
})  # fmt: skip
_VISIBLE = frozenset({"do", "nesttableprops", "shpinst"})  # groups that are read although they begin with `\*`
_CHARSETS = {  # number after `\fcharset` -> codec
    0: "cp1252", 77: "mac_roman", 128: "cp932", 129: "cp949", 130: "johab", 134: "gbk", 136: "cp950", 161: "cp1253",
    162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874",
    238: "cp1250", 254: "cp437", 255: "cp850",
}  # fmt: skip
_CODE_PAGES = {0: "cp1252", 10000: "mac_roman", 65001: "utf-8"}  # code page N -> codec, if its name is not cpN
_ENCODINGS = {"ansi": "cp1252", "mac": "mac_roman", "pc": "cp437", "pca": "cp850"}  # control word -> codec
_SYMBOL_CHARSET = 2  # number after `\fcharset` for a font of symbols
# Character -> symbol that the font displays. The font Symbol displays the letter m as μ, so `mg` can mean micrograms.
_SYMBOL_FONT = dict(
    zip(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-\xa2\xa3\xa5\xac\xad\xae\xaf\xb0\xb1\xb2\xb3\xb4\xb7\xb8\xb9\xbb",
        "ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖαβχδεφγηιϕκλμνοπθρστυϖωξψζ−′≤∞←↑→↓°±″≥×•÷≠≈",
        strict=True,
    )
) | {character: character for character in " !#%&()+,./0123456789:;<=>?[]_{|}"}
_WINGDINGS_FONT = dict(zip(" loqnx\xa7\xa8\xb7\xd8\xfb\xfc\xfd\xfe", " ●☐☐■☒▪☐•➢✗✓☒☑", strict=True))
_FONT_SYMBOLS = {"symbol": _SYMBOL_FONT, "wingdings": _WINGDINGS_FONT}  # part of a font name -> symbols


@dataclass(slots=True)
class _Group:
    # the state of the reader inside a group, which ends at `}`
    is_skipped: bool = False
    is_hidden: bool = False
    is_deleted: bool = False
    is_font_table: bool = False
    font: int = -1  # number of the font; -1 for the default font
    n_fallback: int = 1  # number of characters after `\u` that repeat the Unicode character for old programs


def rtf_text(data: bytes) -> DocumentText:
    r"""Return the visible text of an RTF document, with tabs between the cells of tables.

    The text includes results of fields, numbers of list items, and footnotes. It does not include:
    - hidden text (`\v`), and text that change tracking marks as deleted or moved away (`\deleted`, `\mvf`)
    - headers, footers, comments, pictures and codes of fields
    - groups that begin with `\*`, except text boxes and the properties of nested tables

    Raises:
        UnreadableDocument: the data is not RTF, or the groups are nested too deeply.
    """
    data = data.removeprefix(codecs.BOM_UTF8).lstrip()
    if not data.startswith(b"{\\rtf"):
        raise UnreadableDocument("not RTF")
    reader = _RtfReader()
    end = reader.read(data)
    if end < len(data) and data[end:].strip(b"\0\x1a \t\r\n"):
        reader.remarks[TRAILING] = None
    lines = "".join(reader.pieces).replace("\0", "").split("\n")
    return normalised("\n".join(line.rstrip() for line in lines).strip("\n"), tuple(reader.remarks))


class _RtfReader:
    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.remarks: dict[str, None] = {}  # the keys are the remarks, each once and in the order of the document
        self._group = _Group()
        self._outer: list[_Group] = []
        self._is_first = False  # True before the first token of a group, not counting `\*`
        self._is_starred = False  # True if the group begins with `\*`
        self._bytes = bytearray()  # visible bytes that are not decoded yet
        self._n_fallback = 0  # number of characters after `\u` that are still to be skipped
        self._encoding = "cp1252"
        self._default_font = -1
        self._fonts: dict[int, str] = {}  # number of a font -> encoding, or key in `_FONT_SYMBOLS`
        self._symbol_fonts: set[int] = set()  # numbers of the fonts that have the charset for symbols

    def read(self, data: bytes) -> int:
        """Read up to the end of the outermost group, and return the position after that end."""
        position = 0
        while match := _TOKEN.match(data, position):
            position = match.end()
            word, number, code, symbol, brace, run = match.groups()
            if code is not None:
                self._add(bytes.fromhex(code.decode()))
            elif run is not None:
                self._add(run)
            elif word == b"bin":
                position += max(int(number or 0), 0)
                self._n_fallback = max(self._n_fallback - 1, 0)
            elif word is not None:
                self._flush()
                self._word(word.decode(), None if number is None else int(number))
            elif symbol is not None:
                self._flush()
                self._symbol(symbol)
            elif brace is not None:
                self._flush()
                self._brace(brace)
                if not self._outer:
                    return position
        self._flush()
        self.remarks[TRUNCATED] = None
        return len(data)

    def _brace(self, brace: bytes) -> None:
        self._n_fallback = 0
        self._is_starred, self._is_first = False, brace == b"{"
        if brace == b"}":
            self._group = self._outer.pop()
            return
        if len(self._outer) == MAX_DEPTH:
            raise UnreadableDocument("the groups of the RTF document are nested too deeply")
        self._outer.append(self._group)
        self._group = copy(self._group)

    def _symbol(self, symbol: bytes) -> None:
        if symbol == b"*":
            self._is_starred = self._is_first
            return
        self._is_first = False
        if self._n_fallback:
            self._n_fallback -= 1
        else:
            self._put(_SYMBOLS.get(symbol, ""))

    def _word(self, word: str, number: int | None) -> None:
        if self._is_first:
            if word in _SKIPPED or (self._is_starred and word not in _VISIBLE):
                self._group.is_skipped, self._group.is_font_table = True, False
            elif word == "fonttbl":
                self._group.is_skipped = self._group.is_font_table = True
            self._is_first = self._is_starred = False
        if word in _WORDS:
            # a line break or tab is never a fallback of `\u`, so no characters are skipped after it
            is_fallback = self._n_fallback and _WORDS[word] not in {"\n", "\t"}
            self._n_fallback = self._n_fallback - 1 if is_fallback else 0
            self._put("" if is_fallback else _WORDS[word])
        elif word == "u":
            self._unicode(number or 0)
            self._n_fallback = self._group.n_fallback
        elif word == "uc":
            self._group.n_fallback = max(number or 0, 0)
        elif word == "v":
            self._group.is_hidden = number != 0
        elif word in {"deleted", "mvf"}:
            self._group.is_deleted = number != 0
        elif word == "plain":
            self._group.is_hidden = self._group.is_deleted = False
            self._group.font = -1
        else:
            self._encoding_word(word, number)

    def _encoding_word(self, word: str, number: int | None) -> None:
        if word in _ENCODINGS:
            self._encoding = _ENCODINGS[word]
        elif number is None:
            return
        elif word == "ansicpg":
            self._encoding = self._code_page(number)
        elif word == "deff":
            self._default_font = number
        elif word == "f":
            self._group.font = number
        elif self._group.is_font_table and word == "cpg":
            self._fonts[self._group.font] = self._code_page(number)
        elif self._group.is_font_table and word == "fcharset":
            if number == _SYMBOL_CHARSET:
                self._symbol_fonts.add(self._group.font)
            elif number in _CHARSETS:
                self._fonts.setdefault(self._group.font, _CHARSETS[number])

    def _code_page(self, number: int) -> str:
        name = _CODE_PAGES.get(number, f"cp{number}")
        try:
            return codecs.lookup(name).name
        except LookupError:
            self.remarks[UNKNOWN_CODE_PAGE] = None
            return "cp1252"

    def _unicode(self, number: int) -> None:
        value = number + 0x10000 if number < 0 else number
        if 0xF000 <= value <= 0xF0FF:  # characters of symbol fonts
            self._put(self._in_symbol_font(chr(value - 0xF000)))
        elif 0 <= value <= sys.maxunicode:
            self._put(chr(value))
        else:
            self._put(self._in_symbol_font("\0"))  # an invalid number becomes U+FFFD, with a remark

    def _add(self, data: bytes) -> None:
        # adds bytes of text, which `_flush` decodes later; `_put` adds decoded text
        self._is_first = self._is_starred = False
        n_skipped = min(self._n_fallback, len(data))
        self._n_fallback -= n_skipped
        group = self._group
        if group.is_font_table and group.font in self._symbol_fonts:
            # in the table of fonts, `data` is the name of a font
            name = next((name for name in _FONT_SYMBOLS if name.encode() in data.lower()), None)
            self._fonts |= {group.font: name} if name else {}
        if self._is_visible():
            self._bytes += data[n_skipped:]

    def _flush(self) -> None:
        if not self._bytes:
            return
        data, self._bytes = bytes(self._bytes), bytearray()
        encoding = self._font_encoding()
        if encoding in _FONT_SYMBOLS:
            self.pieces.append(self._in_symbol_font(data.decode("latin-1")))
            return
        text = data.decode(encoding, "replace")
        if "\ufffd" in text:
            self.remarks[REPLACED] = None
        self.pieces.append(text)

    def _in_symbol_font(self, text: str) -> str:
        # returns the symbols that the font displays for the characters of `text`
        table = _FONT_SYMBOLS.get(self._font_encoding(), _SYMBOL_FONT)
        found = "".join(table.get(character, "\ufffd") for character in text)
        if "\ufffd" in found and self._is_visible():
            self.remarks[REPLACED] = None
        return found

    def _font_encoding(self) -> str:
        font = self._default_font if self._group.font == -1 else self._group.font
        return self._fonts.get(font, self._encoding)

    def _is_visible(self) -> bool:
        return not (self._group.is_skipped or self._group.is_hidden or self._group.is_deleted)

    def _put(self, text: str) -> None:
        if text and self._is_visible():
            self.pieces.append(text)
