"""Estimate how unlikely a string is, in bits.

A string of n bits matches an unrelated string by chance with probability 2^-n, so a match of many bits is hardly a
coincidence.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise

from audits.attacks.identifiers.codes import YEAR
from audits.attacks.identifiers.patterns import Entity
from audits.text.identifier_grammar import MONTHS

_BACKGROUND_CHARACTERS = 200_000  # number of characters of background text on which the model is fitted
_ALPHABET = 64  # assumed number of different characters
_CACHED_TRIGRAMS = 1 << 18  # number of trigrams whose bits are cached
DIGIT_BITS = math.log2(10)
_ALIKE_BITS = 1.0  # bits of a final zero, and of a digit that equals the one before it or is one higher (33, 34)
# about log2 of the 36,525 days of a century, of 100,000 postal codes of five digits, and of 8 ages over 89
QUASI_BITS = {"date": 15.0, "postal": 17.0, "age": 3.0}
# check digits have no bits, because the other digits determine them
_N_CHECK_DIGITS = {"card": 1, "nhs": 1, "iban": 2}

# patterns of the parts of a date; the bits of a part are log2 of the number of its values: 6 for 64 years
_MONTH = re.compile(
    rf"(?:{'|'.join(MONTHS)})|sept|(?:janu|febru)ary|march|april|june|july|august|(?:septem|octo|novem|decem)ber"
)
_WEEKDAY = re.compile(r"(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?")
_DAY = re.compile(r"(?:[12]?\d|3[01]|0\d)(?:st|nd|rd|th)?")
_DATE_PARTS = ((_MONTH, math.log2(12)), (_WEEKDAY, math.log2(7)), (_DAY, math.log2(31)), (YEAR, 6.0))


def date_bits(words: Iterable[str]) -> float:
    """Return the sum of the bits of the parts of a date, such as "november 22".

    The words "of" and "the" have 0 bits. The result is infinite if any other word is no part of a date.
    """
    return sum(
        next((bits for part, bits in _DATE_PARTS if part.fullmatch(word)), 0.0 if word in {"of", "the"} else math.inf)
        for word in words
    )


def digit_bits(digits: str) -> float:
    """Return the bits of a number: 1 for each digit that `_ALIKE_BITS` describes, log2 10 for every other digit."""
    kept = digits.rstrip("0") or digits[:1]
    steps = [int(b) - int(a) for a, b in pairwise(kept)]
    bits = DIGIT_BITS + sum(_ALIKE_BITS if step in {0, 1} else DIGIT_BITS for step in steps)
    return bits + _ALIKE_BITS * (len(digits) - len(kept))


class Surprisal:
    """A character trigram model of background text, smoothed with bigrams and single characters.

        bits(c | ab) = -log2 P(c | ab),  P(c | ab) = (n(abc) + 4 × P(c | b)) / (n(ab) + 4)

    P(c | ab) is the probability of character c after the characters a and b. n(abc) is the number of occurrences of
    abc in the first 200,000 characters of the background text. P(c | b) is smoothed in the same way with P(c), and
    P(c) with 1 / 64. A character has at most log2 64 bits, so that a short foreign name does not look unique. A digit
    always has log2 10 bits.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        # counts of the strings of 1, 2 and 3 characters, and of these strings without their last character
        self._counts: tuple[Counter[str], Counter[str], Counter[str]] = (Counter(), Counter(), Counter())
        self._contexts: tuple[Counter[str], Counter[str], Counter[str]] = (Counter(), Counter(), Counter())
        n_left = _BACKGROUND_CHARACTERS
        for text in texts:
            padded = f"  {text[:n_left]} "
            for order in range(3):
                grams = [padded[i - order : i + 1] for i in range(2, len(padded))]
                self._counts[order].update(grams)
                self._contexts[order].update(gram[:-1] for gram in grams)
            n_left -= len(text)
            if n_left <= 0:
                break
        self._cost = lru_cache(_CACHED_TRIGRAMS)(self._cost_of)

    def bits(self, string: str) -> float:
        """Return -log2 of the probability that the string follows a space."""
        padded = f"  {string}"
        return sum(
            DIGIT_BITS if padded[i].isdecimal() else self._cost(padded[i - 2 : i + 1]) for i in range(2, len(padded))
        )

    def entity_bits(self, entity: Entity) -> float:
        """Return the bits of an identifier.

        Dates, postal codes and ages have the bits in `QUASI_BITS`. A number has log2 10 bits per digit that is not a
        check digit. Every other identifier has the bits of its characters (`bits`).
        """
        if entity.kind in QUASI_BITS:
            return QUASI_BITS[entity.kind]
        if entity.key.isdecimal():
            return DIGIT_BITS * (len(entity.key) - _N_CHECK_DIGITS.get(entity.kind, 0))
        return self.bits(entity.key)

    def _cost_of(self, gram: str) -> float:
        """Return the bits of the last character of a trigram after the first two."""
        p = 1 / _ALPHABET
        for order in range(3):
            part = gram[2 - order :]
            p = (self._counts[order][part] + 4 * p) / (self._contexts[order][part[:-1]] + 4)
        return -math.log2(max(1 / _ALPHABET, p))
