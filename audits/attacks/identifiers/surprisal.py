"""Surprisal of a string in bits, under a character model of background text or by the kind of identifier."""

import math
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

from audits.attacks.identifiers.patterns import Entity

_BACKGROUND_CHARACTERS = 200_000
_ALPHABET = 64  # characters that may follow a context never seen
_KEPT = 1 << 18  # cached characters in context
DIGIT_BITS = math.log2(10)
QUASI_BITS = {"date": 15.0, "postal": 17.0, "age": 3.0}  # 100 years of days; 1.7 million postcodes; a handful of ages
_CHECKED = {"card": 1, "nhs": 1, "iban": 2}  # check digits, which the other digits determine


class Surprisal:
    """A character trigram model, backed off to bigrams and single characters.

        -log2 P(c | ab),  P(c | ab) = (n(abc) + A P(c | b)) / (n(ab) + A),  and so on down to 1 / 64; A = 4

    No character costs more than log2 64 bits, so that a short name in a foreign spelling does not look unique. Digits
    always cost log2 10 bits each, because the numbers of the background do not predict the next one. The model is
    fitted on the first 200,000 characters of normalised texts.
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
        self._cost = lru_cache(_KEPT)(self._cost_of)

    def bits(self, string: str) -> float:
        """Return -log2 of the probability of the string after a space."""
        padded = f"  {string}"
        return sum(
            DIGIT_BITS if padded[i].isdecimal() else self._cost(padded[i - 2 : i + 1]) for i in range(2, len(padded))
        )

    def entity_bits(self, entity: Entity) -> float:
        """Return the bits of an identifier: by its kind, by its digits without check digits, or as a string."""
        if entity.kind in QUASI_BITS:
            return QUASI_BITS[entity.kind]
        if entity.key.isdecimal():
            return DIGIT_BITS * (len(entity.key) - _CHECKED.get(entity.kind, 0))
        return self.bits(entity.key)

    def _cost_of(self, gram: str) -> float:
        p = 1 / _ALPHABET
        for order in range(3):
            part = gram[2 - order :]
            p = (self._counts[order][part] + 4 * p) / (self._contexts[order][part[:-1]] + 4)
        return -math.log2(max(1 / _ALPHABET, p))
