"""Write texts by a grammar: fill slots, and correct articles ("a egg" -> "an egg") and capital letters."""

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
    """A rule that returns each of its alternatives (the cards) once, in random order, before it repeats one."""

    def __init__(self, cards: Sequence[str]) -> None:
        self._cards = tuple(cards)
        self._left: list[str] = []

    def __call__(self, rng: np.random.Generator) -> str:
        """Return the next card."""
        if not self._left:
            self._left = [self._cards[int(i)] for i in rng.permutation(len(self._cards))]
        return self._left.pop()

    def gather(self) -> None:
        """Start again with all cards, so that the next text depends only on its own random numbers."""
        self._left = []


def compose(grammar: Grammar, name: str, rng: np.random.Generator, *, sentences: bool = True) -> str:
    """Return one text of the rule `name`; a slot `<thing>` is replaced by the same words wherever it occurs.

    Args:
        grammar: the rules. `<thing>` and `<other_thing>` are both drawn from the rule `thing`, and differ if the rule
            has several alternatives.
        name: the rule to begin with.
        rng: the generator.
        sentences: whether sentences begin with capital letters.
    """
    drawn: dict[str, str] = {}
    for rule in grammar.rules.values():
        if isinstance(rule, Deck):
            rule.gather()

    def keep(mark: re.Match[str]) -> str:
        slot = mark[1]
        if slot not in drawn:
            text = grammar.write(slot.removeprefix("other_"), rng)
            for _ in range(20):  # a limit, because a rule with one alternative always gives the same text
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
    """Return whether a text contains the same four consecutive words twice."""
    words = re.findall(r"[\w']+", text.lower())
    runs = [tuple(words[i : i + 4]) for i in range(len(words) - 3)]
    return len(set(runs)) < len(runs)


def distinct(n: int, draw: Callable[[], str], low: int, high: int) -> list[str]:
    """Return n different texts of low to high words, none of which repeats four consecutive words.

    Raises:
        InternalError: if 20 n + 100 calls of `draw` do not give n such texts.
    """
    found: dict[str, None] = {}
    for _ in range(20 * n + 100):
        if len(found) == n:
            return list(found)
        text = draw()
        if low <= len(text.split()) <= high and not _stutters(text):
            found[text] = None
    raise InternalError(f"there are fewer than {n} different texts of {low} to {high} words")
