"""How surprising a string is: bits under a character model of background text."""

import math
from collections import Counter
from collections.abc import Iterable

_BACKGROUND_CHARACTERS = 200_000
_ALPHABET = 64  # characters an unseen context may be followed by
DIGIT_BITS = math.log2(10)


class Surprisal:
    """A character trigram model, backed off to bigrams and single characters.

        -log2 P(c | ab),  P(c | ab) = (n(abc) + A P(c | b)) / (n(ab) + A),  and so on down to 1 / 64; A = 4

    No character costs more than log2 64, so that a short name in a foreign spelling does not look unique.
    Digits always cost log2 10 each, because the background's own numbers say nothing about the next one.

    Args:
        texts: normalised background text; the first two hundred thousand characters are read.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._counts: tuple[Counter[str], Counter[str], Counter[str]] = (Counter(), Counter(), Counter())
        self._contexts: tuple[Counter[str], Counter[str], Counter[str]] = (Counter(), Counter(), Counter())
        left = _BACKGROUND_CHARACTERS
        for text in texts:
            padded = f"  {text[:left]} "
            for order in range(3):
                grams = [padded[i - order : i + 1] for i in range(2, len(padded))]
                self._counts[order].update(grams)
                self._contexts[order].update(gram[:-1] for gram in grams)
            left -= len(text)
            if left <= 0:
                break

    def bits(self, string: str) -> float:
        """Return -log2 of the probability of the string after a space."""
        padded = f"  {string}"
        return sum(
            DIGIT_BITS
            if padded[i].isdecimal()
            else -math.log2(max(1 / _ALPHABET, self._probability(padded[i - 2 : i + 1])))
            for i in range(2, len(padded))
        )

    def _probability(self, gram: str) -> float:
        p = 1 / _ALPHABET
        for order in range(3):
            part = gram[2 - order :]
            p = (self._counts[order][part] + 4 * p) / (self._contexts[order][part[:-1]] + 4)
        return p
