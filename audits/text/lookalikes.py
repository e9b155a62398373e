"""Characters drawn like plain ones, by the tables of UTS #39 and by the names that Unicode gives its characters."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import chain

from confusable_homoglyphs.confusables import confusables_data

# "NEGATIVE CIRCLED LATIN CAPITAL LETTER A", "REGIONAL INDICATOR SYMBOL LETTER A", "LATIN LETTER SMALL CAPITAL A":
# letters that are neither equivalent to plain ones (UAX #15) nor listed as drawn like them
_NAMED = re.compile(
    r"(?:(?:NEGATIVE |SQUARED |CROSSED |CIRCLED )*LATIN (?:CAPITAL |SMALL )?LETTER|LATIN LETTER SMALL CAPITAL"
    r"|REGIONAL INDICATOR SYMBOL LETTER|MODIFIER LETTER (?:SMALL|CAPITAL)) ([A-Z])"
)
# the blocks that hold them: phonetic letters, Latin extended C, D and E, enclosed letters
_BLOCKS = ((0x250, 0x2B0), (0x1D00, 0x1DC0), (0x2C60, 0x2C80), (0xA720, 0xA800), (0xAB30, 0xAB70), (0x1F100, 0x1F200))
_MARKS_AROUND = "\u200e"  # the library writes letters of right-to-left scripts between these
_BAR = frozenset("lI1|")  # one class of the table, in which capital I stands for capitals and l for the rest


def lookalikes() -> dict[str, str]:
    """Return for each character that is not ASCII, and drawn like plain letters, those letters.

    Two strings are confusable if their skeletons are equal (UTS #39, section 4); the strings of one skeleton are a
    class, and each of its characters becomes the class's letters or digits of ASCII. A small letter whose class has
    none (Cyrillic ve) becomes what its capital does. Marks of a skeleton are left out.

    Source: Unicode Technical Standard #39, confusables.txt, as the package confusable-homoglyphs ships it.
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
    """Yield the strings of each skeleton; the table pairs each with it, so that classes are what hangs together."""
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
    """Return the ASCII string of a class that a character becomes, one character if there is one, or ""."""
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
