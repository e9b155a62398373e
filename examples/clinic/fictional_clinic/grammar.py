"""Fill the templates of the clinic's phrases, and find the positions of identifiers in the result.

`{slot}` is replaced by a given text, `[a|b]` by one of the alternatives, and `<3-12>` by a random number of this
range with as many decimals as the lower end. `mark` encloses an identifier in special characters (marks). `unmark`
removes the marks and returns the positions of the identifiers.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_NUMBER = re.compile(r"<(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)>")
_SLOT = re.compile(r"\{(\w+)\}")
# the marks are private-use characters of Unicode, which occur in no text
_MARK = re.compile("\ue000([a-z_]+)\ue001([^\ue002]*)\ue002")


@dataclass(frozen=True, slots=True)
class Identifier:
    """One identifier in a note: its kind, its value as written, and the positions of its start and end."""

    kind: str
    value: str
    start: int
    end: int


def pick(items: Sequence[str], rng: np.random.Generator) -> str:
    """Return one of the items, all equally likely."""
    return items[int(rng.integers(len(items)))]


def expand(template: str, slots: Mapping[str, str], rng: np.random.Generator) -> str:
    """Return the template with slots filled, alternatives chosen and numbers drawn."""
    text = _SLOT.sub(lambda m: slots[m[1]], template)
    while _CHOICE.search(text):
        text = _CHOICE.sub(lambda m: pick(m[1].split("|"), rng), text)
    return _NUMBER.sub(lambda m: _number(m[1], m[2], rng), text)


def _number(low: str, high: str, rng: np.random.Generator) -> str:
    decimals = len(low.partition(".")[2])
    unit = 10**decimals
    value = int(rng.integers(round(float(low) * unit), round(float(high) * unit) + 1))
    return f"{value / unit:.{decimals}f}"


def mark(kind: str, value: str) -> str:
    """Return an identifier enclosed in marks, which also contain its kind."""
    return f"\ue000{kind}\ue001{value}\ue002"


def unmark(text: str) -> tuple[str, tuple[Identifier, ...]]:
    """Return the text without marks, and the identifiers with their positions in the returned text."""
    parts: list[str] = []
    found: list[Identifier] = []
    length = at = 0
    for match in _MARK.finditer(text):
        before = text[at : match.start()]
        start = length + len(before)
        length = start + len(match[2])
        parts += [before, match[2]]
        found.append(Identifier(match[1], match[2], start, length))
        at = match.end()
    parts.append(text[at:])
    return "".join(parts), tuple(found)
