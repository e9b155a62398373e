"""From a grammar's text to a finished one: things that stay the same throughout a text, articles, capital letters."""

import re
from collections.abc import Callable, Sequence

import numpy as np

from invented.grammar import Grammar, Value
from synthgen.core.errors import InternalError

Rules = dict[str, Sequence[str] | Value]

_KEPT = re.compile(r"<(\w+)>")
_ARTICLE = re.compile(r"\b([Aa]) (?=(?!(?:u(?:s|ni)|one|once|eu|ewe)\w*)[aeiou]|hour|honest|heir)", re.IGNORECASE)
_STARTS = re.compile(r"((?<!\.)[.!?] +|^(?:> )?|\n(?:> )?)([a-z])")


class Deck:
    """A rule that says nothing twice in one text, as long as it has something else to say.

    Args:
        cards: the alternatives.
    """

    def __init__(self, cards: Sequence[str]) -> None:
        self._cards = tuple(cards)
        self._left: list[str] = []

    def __call__(self, rng: np.random.Generator) -> str:
        """Return an alternative not yet drawn since the deck was gathered."""
        if not self._left:
            self._left = [self._cards[int(i)] for i in rng.permutation(len(self._cards))]
        return self._left.pop()

    def gather(self) -> None:
        """Take all cards back, so that the next text depends on its random numbers only."""
        self._left = []


def compose(grammar: Grammar, name: str, rng: np.random.Generator, *, sentences: bool = True) -> str:
    """Return one text of a name, with what is written `<thing>` drawn once per text.

    Args:
        grammar: the rules; `<thing>` is drawn from its rule `thing`, and `<other_thing>` from `thing` too, but is not
            the same as `<thing>`.
        name: the rule to begin with.
        rng: draws.
        sentences: begin sentences with capital letters.
    """
    drawn: dict[str, str] = {}
    for rule in grammar.rules.values():
        if isinstance(rule, Deck):
            rule.gather()

    def keep(mark: re.Match[str]) -> str:
        slot = mark[1]
        if slot not in drawn:
            text = grammar.write(slot.removeprefix("other_"), rng)
            for _ in range(20):  # a rule of one alternative has nothing else to offer
                if text not in drawn.values():
                    break
                text = grammar.write(slot.removeprefix("other_"), rng)
            drawn[slot] = text
        return drawn[slot]

    text = grammar.write(name, rng)
    while _KEPT.search(text):
        text = _KEPT.sub(keep, text)
    text = _ARTICLE.sub(r"\1n ", text)
    return _STARTS.sub(lambda found: found[1] + found[2].upper(), text) if sentences else text


def _stutters(text: str) -> bool:
    """Return whether four words in a row come twice, as they do where a phrase was drawn again."""
    words = re.findall(r"[\w']+", text.lower())
    runs = [tuple(words[i : i + 4]) for i in range(len(words) - 3)]
    return len(set(runs)) < len(runs)


def distinct(n: int, draw: Callable[[], str], low: int, high: int) -> list[str]:
    """Return n different texts of low to high words, none of which says a thing twice.

    Raises:
        InternalError: if there are not so many.
    """
    found: dict[str, None] = {}
    for _ in range(20 * n + 100):
        if len(found) == n:
            return list(found)
        text = draw()
        if low <= len(text.split()) <= high and not _stutters(text):
            found[text] = None
    raise InternalError(f"there are fewer than {n} different texts of {low} to {high} words")
