"""Decode the bytes of an HL7 v2 message by the character set that the message header states (field MSH-18)."""

import codecs
import re
from collections.abc import Sequence

UNKNOWN_CHARSET = "the header names an unknown character set"
OTHER_CHARSET = "bytes do not fit the expected character set; the message was decoded with another character set"
ISO_2022 = "iso2022_jp_ext"  # codec of messages that switch between character sets by escape sequences
_FALLBACK = "cp1252"

# Name in MSH-18 (HL7 table 0211) -> Python codec. The names of UTF-16 and UTF-32 select UTF-8: `framing` converts
# files in these encodings to UTF-8, and their MSH-18 is ignored. A message with such a name in any other file is
# therefore not in UTF-16 or UTF-32.
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
_ESCAPED_SETS = re.compile(rb"\\[CM]((?:[0-9A-Fa-f]{2}){2,3})\\")  # escapes that switch the character set
_CONTROLS = re.compile("[\x80-\x9f]")  # control characters of ISO 8859-1


def named_charset(declared: Sequence[str]) -> str | None:
    """Return the Python codec of the first name in MSH-18, "" if there is no name, or None if this name is unknown.

    If the codec of any name is `ISO_2022`, return `ISO_2022`.
    """
    found = [_codec(name.strip().upper()) for name in declared if name.strip()]
    return ISO_2022 if ISO_2022 in found else found[0] if found else ""


def _codec(name: str) -> str | None:
    if name in _TABLE_0211:
        return _TABLE_0211[name]
    try:
        "MSH".encode(name)
        return codecs.lookup(name).name
    except (LookupError, ValueError):  # unknown names, and codecs that do not encode text
        return None


def decode(data: bytes, declared: Sequence[str], encoding: str) -> tuple[str, str, tuple[str, ...]] | None:
    """Return (text, name of the codec, remarks), or None if the bytes fit no codec.

    Three codecs are tried in this order: the codec of the names in MSH-18 (`declared`, see `named_charset`),
    `encoding`, and cp1252. The first codec that fits decodes the whole message. ISO 8859-1 does not fit a message
    with the control characters 0x80 to 0x9F. One remark states that the first name in MSH-18 is unknown; another
    states that the first tried codec does not fit.
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
    # HL7 writes the escape sequences of ISO 2022 as the text `\C..\` or `\M..\`, but the codec needs the real bytes
    if charset != ISO_2022:
        return data
    return _ESCAPED_SETS.sub(lambda found: b"\x1b" + bytes.fromhex(found[1].decode()), data)
