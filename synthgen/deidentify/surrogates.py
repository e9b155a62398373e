"""Stand-ins for identifiers: the same for all records of a person, of the same form, and none of the person's own.

Our own and no library's: a faker draws each value anew, and a person's records must go on agreeing.
"""

import re
from collections.abc import Callable, Iterable

from synthgen.core.seeds import SeedTree
from synthgen.deidentify.dates import shift_date
from synthgen.deidentify.gazetteer import FEMALE_FIRST, FIRST_NAMES, MALE_FIRST, PLAIN_LAST
from synthgen.deidentify.names import name_parts

MIN_SHIFT_DAYS, MAX_SHIFT_DAYS = 31, 365
_TOWNS = (
    "Ashbury",
    "Brookvale",
    "Coldwater",
    "Elmstead",
    "Fernhollow",
    "Glenrock",
    "Millhaven",
    "Oakridge",
    "Westbrook",
)
_STREETS = (
    "Cobbler",
    "Drover",
    "Fennel",
    "Harvest",
    "Lantern",
    "Meadow",
    "Pinecone",
    "Saddler",
    "Thimble",
    "Windmill",
)
_PART = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")  # double names are replaced half by half
_DIGITS, _LETTERS = "0123456789", "abcdefghijklmnopqrstuvwxyz"


class Surrogates:
    """The stand-ins of one person; asking twice for the same identifier gives the same stand-in.

    Names keep the first or last place they have and, where the gazetteer knows it, their gender; dates all move by
    one number of days, so distances between them are kept; digits become digits and letters letters.

    Args:
        seeds: the stage's stream.
        group: the person.
        declared_names: the person's declared names; never given out as stand-ins, and known before any text is read.
    """

    def __init__(self, seeds: SeedTree, group: str, declared_names: Iterable[str]) -> None:
        self._seeds = seeds.child("person", group)
        self._names: dict[str, str] = {}
        declared_names = tuple(declared_names)
        self._taken = set(name_parts(declared_names))
        shift = MIN_SHIFT_DAYS + self._number("days") % (MAX_SHIFT_DAYS - MIN_SHIFT_DAYS + 1)
        self.shift_days = shift if self._number("direction") % 2 == 0 else -shift
        for name in declared_names:
            last, comma, first = name.partition(",")
            self._name(f"{first} {last}" if comma else name)

    def replace(self, kind: str, value: str) -> str:
        """Return the stand-in for an identifier of a kind, never the value itself."""
        make: Callable[[str], str] | None = {
            "name": self._name,
            "date": self._date,
            "age": lambda _: "90+",
            "email": self._email,
            "url": lambda v: f"https://www.example.org/{self._number('url', v) % 10**8:08d}",
            "ip": self._ip,
            "street": self._street,
            "place": self._place,
        }.get(kind)
        return make(value) if make is not None else self._characters(kind, value)

    def _number(self, *names: str) -> int:
        return int.from_bytes(self._seeds.child(*names).key(), "big")

    def _name(self, value: str) -> str:
        parts: list[str] = []
        end = 0
        for match in _PART.finditer(value):
            is_alone = not any(c.isspace() for c in value)
            is_first = match[0].title() in FIRST_NAMES if is_alone else " " in value[match.end() :]
            parts += [value[end : match.start()], self._name_token(match[0], is_first=is_first)]
            end = match.end()
        return "".join(parts) + value[end:]

    def _name_token(self, word: str, *, is_first: bool) -> str:
        stem = word.removesuffix("'s").removesuffix("’s")
        key = stem.casefold()
        if len(stem) == 1:
            return _LETTERS[self._number("initial", key) % 26].upper() + word[len(stem) :]
        if key not in self._names:
            self._names[key] = self._draw_name(key, is_first=is_first)
        name = self._names[key]
        cased = name.upper() if stem.isupper() else name.lower() if stem.islower() else name
        return cased + word[len(stem) :]

    def _draw_name(self, key: str, *, is_first: bool) -> str:
        """Return a name nobody of this person's records bears and no other of this person's names became."""
        pool = PLAIN_LAST
        if is_first:
            title = key.title()
            pool = next((names for names in (FEMALE_FIRST, MALE_FIRST) if title in names), FEMALE_FIRST + MALE_FIRST)
        self._taken.add(key)
        start = self._number("name", key)
        listed = (pool[(start + i) % len(pool)] for i in range(len(pool)))
        name = next((n for n in listed if n.casefold() not in self._taken), None)
        if name is None:  # a person of more names than the list has
            name = self._characters("name", key.ljust(8, "a")).capitalize()
        self._taken.add(name.casefold())
        return name

    def _date(self, value: str) -> str:
        try:
            return shift_date(value, self.shift_days)
        except ValueError:  # a form of another engine, such as "last Tuesday": no day can be kept
            return "[date]"

    def _characters(self, kind: str, value: str) -> str:
        """Return the value with every digit and letter replaced, separators kept."""
        attempt = 0
        while True:
            bits = self._number(kind, value.casefold(), str(attempt))
            out = []
            for i, character in enumerate(value):
                draw = bits >> (6 * (i % 40)) if i < 40 else self._number(kind, value, str(attempt), str(i))
                out.append(_same_kind(character, draw))
            result = "".join(out)
            if result != value or not any(c.isalnum() for c in value):
                return result
            attempt += 1

    def _email(self, value: str) -> str:
        firsts = FEMALE_FIRST + MALE_FIRST
        first = firsts[self._number("email", "first", value.casefold()) % len(firsts)]
        last = PLAIN_LAST[self._number("email", "last", value.casefold()) % len(PLAIN_LAST)]
        digits = self._number("email", "digits", value.casefold()) % 90 + 10
        return f"{first}.{last}{digits}@example.org".lower().replace("'", "")

    def _ip(self, value: str) -> str:
        number = self._number("ip", value)
        return f"10.{number & 255}.{number >> 8 & 255}.{number >> 16 & 255}"

    def _street(self, value: str) -> str:
        number, _, rest = value.partition(" ")
        suffix = rest.split(",")[0].split(" ")[-1]
        return (
            f"{self._characters('street', number)} {_STREETS[self._number('street', value) % len(_STREETS)]} {suffix}"
        )

    def _place(self, value: str) -> str:
        """Return an invented town with the state kept and the postal code's digits replaced."""
        town = _TOWNS[self._number("place", value) % len(_TOWNS)]
        words = value.replace(",", " ").split()
        if len(words) < 3 or not words[-1][0].isdigit():
            return town
        return f"{town}, {words[-2]} {self._characters('place', words[-1])}"


def _same_kind(character: str, draw: int) -> str:
    if character.isdigit():
        return _DIGITS[draw % 10]
    if character.isalpha():
        letter = _LETTERS[draw % 26]
        return letter.upper() if character.isupper() else letter
    return character
