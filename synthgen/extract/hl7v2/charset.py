"""Decode the bytes of an HL7 v2 message by its character set (MSH-18)."""

import codecs
import re
from collections.abc import Sequence

UNKNOWN_CHARSET = "character set of the header is unknown"
OTHER_CHARSET = "bytes do not fit the character set; read with another one"
ISO_2022 = "iso2022_jp_ext"  # switches character sets by escape sequences, as messages with several sets in MSH-18 do
_FALLBACK = "cp1252"

# HL7 table 0211. Files that are UTF-16 or UTF-32 are converted before this table is used. Other messages that declare
# UNICODE, UTF-16 or UTF-32 are written as UTF-8 in practice.
_TABLE_0211 = {
    "ASCII": "ascii",
    **{f"8859/{n}": f"iso8859-{n}" for n in (*range(1, 10), 15)},
    **dict.fromkeys(("JAS2020", "JIS X 0202", "ISO IR14", "ISO IR87", "ISO IR159"), ISO_2022),
    **dict.fromkeys(("UNICODE", "UNICODE UTF-8", "UNICODE UTF-16", "UNICODE UTF-32"), "utf-8"),
    "ISO IR6": "ascii",
    "GB 18030-2000": "gb18030",
    "KS X 1001": "euc_kr",
    "BIG-5": "big5hkscs",
}
_ESCAPED_SETS = re.compile(rb"\\[CM]((?:[0-9A-Fa-f]{2}){2,3})\\")
_CONTROLS = re.compile("[\x80-\x9f]")


def named_charset(declared: Sequence[str]) -> str | None:
    """Return the Python codec for the names in MSH-18; empty if there are no names, None if it is unknown."""
    names = [name.strip().upper() for name in declared if name.strip()]
    codecs_found = [_codec(name) for name in names]
    if ISO_2022 in codecs_found:
        return ISO_2022
    return codecs_found[0] if names else ""


def _codec(name: str) -> str | None:
    if name in _TABLE_0211:
        return _TABLE_0211[name]
    try:
        "MSH".encode(name)
        return codecs.lookup(name).name
    except (LookupError, ValueError):  # unknown names, and codecs that do not encode text
        return None


def decode(data: bytes, declared: Sequence[str], encoding: str) -> tuple[str, str, tuple[str, ...]] | None:
    """Return the text, the name of its codec, and remarks; None if the bytes fit no character set.

    Three codecs are tried: that of MSH-18 (if it names a known one), `encoding`, and cp1252. The first one that fits
    decodes the whole message; there is a remark if it is not the first one tried. In ISO 8859-1, the bytes 0x80 to
    0x9F are control characters, so a message that contains them does not fit ISO 8859-1.
    """
    charset = named_charset(declared)
    remarks = (UNKNOWN_CHARSET,) if charset is None else ()
    for name in dict.fromkeys((charset or encoding, encoding, _FALLBACK)):
        try:
            text = _switched(data, name).decode(name)
        except (UnicodeError, LookupError):
            continue
        if codecs.lookup(name).name == "iso8859-1" and _CONTROLS.search(text):
            continue
        is_fallback = name != (charset or encoding)
        return text, name, (*remarks, OTHER_CHARSET) if is_fallback else remarks
    return None


def _switched(data: bytes, charset: str) -> bytes:
    r"""Replace the HL7 escapes of ISO 2022 (`\C..\` and `\M..\`) by the escape sequences that they stand for."""
    if charset != ISO_2022:
        return data
    return _ESCAPED_SETS.sub(lambda found: b"\x1b" + bytes.fromhex(found[1].decode()), data)
