r"""Replace the escape sequences in a text of HL7 v2: `"A \T\ B"` -> `"A & B"`."""

import re
from dataclasses import dataclass
from functools import lru_cache

_MAX_REPEAT = 20  # largest number of line breaks or spaces that one command produces; HL7 sets no limit
# A mark for commands that begin a new line, such as `\.in\`. `unescape` replaces it by a line break, unless the text
# already has a line break there, or starts there. No message contains the mark, because `framing` splits lines at it.
_SOFT_BREAK = "\v"


@dataclass(frozen=True, slots=True)
class Delimiters:
    """The separators of a message, from MSH-1 and MSH-2."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"
    truncation: str = "#"


@lru_cache(maxsize=64)
def _pattern(escape: str) -> re.Pattern[str]:
    e = re.escape(escape)
    return re.compile(
        rf"{e}(?P<name>[FSTREP]){e}"
        rf"|(?P<hex>(?:{e}X(?:[0-9A-Fa-f]{{2}})+{e})+)"
        rf"|{e}\.(?P<command>br|sp|sk|in|ti|fi|nf|ce|BR|SP|SK|IN|TI|FI|NF|CE)\s*(?P<count>[+-]?[0-9]{{0,9}}){e}"
        rf"|{e}(?:[HN]|Z[0-9A-Za-z]{{1,16}}|[CM](?:[0-9A-Fa-f]{{2}}){{2,3}}){e}"
    )


def unescape(text: str, delimiters: Delimiters, charset: str = "utf-8") -> str:
    r"""Return a text without escape sequences and with line feeds as line ends.

    - Escapes of delimiters become the delimiters: `\T\` becomes `&`.
    - `\.br\`, `\.sp\` and `\.ce\` become line breaks, and `\.sk\` becomes spaces.
    - The commands for indents and filling (`\.in\`, `\.ti\`, `\.fi\`, `\.nf\`) begin a new line.
    - `\X..\` contains bytes as hexadecimal digits. The codec `charset` decodes them.
    - Highlighting, local escapes (`\Z..\`) and changes of the character set are removed.
    - Unknown escapes, and escapes without an end, are kept.
    """
    if delimiters.escape not in text:
        return _line_feeds(text)
    d = delimiters
    replacements = d.field, d.component, d.subcomponent, d.repetition, d.escape, d.truncation
    characters = dict(zip("FSTREP", replacements, strict=True))

    def replaced(found: re.Match[str]) -> str:
        if found["name"]:
            return characters[found["name"]]
        if found["hex"]:
            return _from_hex(found["hex"], delimiters.escape, charset)
        if found["command"]:
            return _laid_out(found["command"].lower(), found["count"])
        return ""

    plain = _pattern(delimiters.escape).sub(replaced, text)
    return re.sub(rf"\n{_SOFT_BREAK}+|{_SOFT_BREAK}+\n?", "\n", _line_feeds(plain).lstrip(_SOFT_BREAK))


def _line_feeds(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _laid_out(command: str, count: str) -> str:
    number = min(int(count), _MAX_REPEAT) if count.isdecimal() else 1
    if command in {"br", "ce"}:
        return "\n"
    if command == "sp":
        return "\n" * max(number, 1)
    return " " * number if command == "sk" else _SOFT_BREAK


def _from_hex(run: str, escape: str, charset: str) -> str:
    # `run` holds adjacent escapes, because the bytes of one character may be in several escapes
    data = bytes.fromhex(run.replace(escape + "X", "").replace(escape, ""))
    for name in (charset, "cp1252"):
        try:
            return data.decode(name).replace("\0", "")  # many systems write a line end as \X000d\
        except UnicodeError:
            continue
    return run
