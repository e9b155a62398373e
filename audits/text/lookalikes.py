"""Characters that look like ASCII letters, from the tables of UTS #39 and from Unicode character names."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import chain

from confusable_homoglyphs.confusables import confusables_data

# letters that are neither equivalent to plain ones (UAX #15) nor listed in UTS #39, such as "NEGATIVE CIRCLED LATIN
# CAPITAL LETTER A", "REGIONAL INDICATOR SYMBOL LETTER A" and "LATIN LETTER SMALL CAPITAL A"
_NAMED = re.compile(
    r"(?:(?:NEGATIVE |SQUARED |CROSSED |CIRCLED )*LATIN (?:CAPITAL |SMALL )?LETTER|LATIN LETTER SMALL CAPITAL"
    r"|REGIONAL INDICATOR SYMBOL LETTER|MODIFIER LETTER (?:SMALL|CAPITAL)) ([A-Z])"
)
# the blocks of these letters: phonetic letters, Latin extended C, D and E, enclosed letters
_BLOCKS = ((0x250, 0x2B0), (0x1D00, 0x1DC0), (0x2C60, 0x2C80), (0xA720, 0xA800), (0xAB30, 0xAB70), (0x1F100, 0x1F200))
_MARKS_AROUND = "\u200e"  # the library surrounds letters of right-to-left scripts with this mark
_BAR = frozenset("lI1|")  # in this class, capitals become I and all others l


def lookalikes() -> dict[str, str]:
    """Return the ASCII letters or digits that each non-ASCII look-alike character stands for.

    Two strings are confusable if their skeletons are equal (UTS #39, section 4). Strings with the same skeleton form
    a class, and each character of a class is replaced by the ASCII letters or digits of the class, without combining
    marks. A small letter whose class has none (Cyrillic ve) is replaced like its capital.

    Reference: Unicode Technical Standard #39, confusables.txt, from the package confusable-homoglyphs.
    """
    found: dict[str, str] = {}
    for members in _classes():
        named = {plain for member in members if (plain := _by_name(member))}
        for member in members:
            if len(member) == 1 and not member.isascii():
                plain = _plain(member, members) or min(named, default="")
                if plain and (plain.isalnum() or not member.isalnum()):  # a letter is never a mark of punctuation
                    found[member] = plain
    for code in chain.from_iterable(range(*block) for block in _BLOCKS):
        if plain := _by_name(chr(code)):
            found.setdefault(chr(code), plain)
    for member in list(found):
        small = member.lower()
        if len(small) == 1 and small != member and small not in found and not small.isascii():
            found[small] = found[member].lower()
    return found


def _classes() -> Iterator[frozenset[str]]:
    """Yield the strings of each skeleton: the connected components of the pairs in the table."""
    edges: dict[str, set[str]] = defaultdict(set)
    for key, others in confusables_data.items():
        for other in others:
            a, b = key.strip(_MARKS_AROUND), other["c"].strip(_MARKS_AROUND)
            edges[a].add(b)
            edges[b].add(a)
    seen: set[str] = set()
    for start in edges:
        members, new = set(), [start]
        while new:
            member = new.pop()
            if member not in seen:
                seen.add(member)
                members.add(member)
                new += edges[member]
        if members:
            yield frozenset(members)


def _plain(character: str, members: Iterable[str]) -> str:
    """Return the ASCII string that replaces a character: the shortest one of its class, or "" if there is none."""
    stripped = {"".join(c for c in unicodedata.normalize("NFD", m) if not unicodedata.combining(c)) for m in members}
    plain = sorted((s for s in stripped if s.isascii() and s and not s.isspace()), key=lambda s: (len(s), s))
    if len(plain) > 1 and _BAR.issuperset(plain[:2]):
        return "I" if character.isupper() else "l"
    alike = [s for s in plain if len(s) == len(plain[0])]
    return next((s for s in alike if s.isalpha()), alike[0]) if alike else ""


def _by_name(character: str) -> str:
    if len(character) != 1 or character.isascii():
        return ""
    match = _NAMED.fullmatch(unicodedata.name(character, ""))
    return match[1].lower() if match else ""
