"""Find the passages that two texts share, and cut a text into marked and unmarked pieces for the review page."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

import regex

from audits.core.errors import printable
from audits.text.shared_runs import SHORTEST
from audits.text.spans import Placed, placed_tokens

SHARED = "shared"  # kind of a passage that occurs in both compared texts


class Passage(NamedTuple):
    """A marked part of a text: the characters [start, end), and the reason for the mark."""

    start: int
    end: int
    kind: str


class TextPiece(NamedTuple):
    """A part of a text; `kind` states why the part is marked, and is empty for an unmarked part."""

    text: str
    kind: str = ""


def shared_passages(a: str, b: str, shortest: int = SHORTEST) -> tuple[list[Passage], list[Passage]]:
    """Return (passages of `a`, passages of `b`): the sequences of at least `shortest` words that are in both texts.

    Case, accents and punctuation do not matter. Cost: O(words).
    """
    in_a, in_b = placed_tokens(a), placed_tokens(b)
    return _also_in(in_a, in_b, shortest), _also_in(in_b, in_a, shortest)


def _also_in(words: Sequence[Placed], others: Sequence[Placed], n: int) -> list[Passage]:
    """Return the passages of `words` that consist of sequences of `n` words of `others`."""
    runs_of_others = {tuple(word.word for word in others[i : i + n]) for i in range(len(others) - n + 1)}
    runs: list[list[int]] = []  # for each passage, the index of the first word and the index after the last word
    for i in range(len(words) - n + 1):
        if tuple(word.word for word in words[i : i + n]) in runs_of_others:
            if runs and i <= runs[-1][1]:
                runs[-1][1] = i + n
            else:
                runs.append([i, i + n])
    return [Passage(words[first].start, words[end - 1].end, SHARED) for first, end in runs]


def occurrences(text: str, searched: Iterable[tuple[str, str]]) -> list[Passage]:
    """Return where the strings in `searched` (kind, string) occur in a text, except inside longer words."""
    kinds = {string: kind for kind, string in searched if string}
    if not kinds:
        return []
    longest_first = "|".join(regex.escape(string) for string in sorted(kinds, key=lambda s: (-len(s), s)))
    found = regex.finditer(rf"(?<!\w)(?:{longest_first})(?!\w)", text)
    return [Passage(match.start(), match.end(), kinds[match.group()]) for match in found]


def cut(text: str, passages: Iterable[Passage]) -> list[TextPiece]:
    """Return the pieces of a text in order; where passages overlap, the one listed last in `passages` sets the kind.

    Invisible characters become U+FFFD, because they could hide text. Tabs become spaces. Line breaks stay.
    """
    kinds = [""] * len(text)
    for passage in passages:
        kinds[passage.start : passage.end] = [passage.kind] * len(kinds[passage.start : passage.end])
    pieces, start = [], 0
    for kind, group in groupby(kinds):
        end = start + sum(1 for _ in group)
        pieces.append(TextPiece(_visible(text[start:end]), kind))
        start = end
    return pieces


def _visible(text: str) -> str:
    return "\n".join(printable(line) for line in text.replace("\r", "").replace("\t", " ").split("\n"))
