"""Find the known words that differ from a word by one edit: "Smyth" -> "Smith".

An edit inserts, deletes or replaces one letter, or exchanges two neighbouring letters.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

import numpy as np

from audits.text.spelling import deletions, is_one_edit

ALPHABET = 64  # assumed number of different characters in texts


class Misspellings:
    """An index that finds the known words one edit away from a word.

    A word is stored as itself and as every spelling with one letter deleted. Two words that are one edit apart share
    such a spelling: "Smith" and "Smyth" share "Smth".

    Cost: 12 bytes for each letter of a known word; O(letters^2) for a look-up.
    Reference: the deletion neighbourhood of SymSpell (Garbe 2012); the look-up by sorted keys was designed for this
        project.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words
        keys, numbers = array("q"), array("i")
        for number, word in enumerate(words):
            for shorter in {word, *deletions(word)}:
                keys.append(hash(shorter))
                numbers.append(number)
        order = np.argsort(np.frombuffer(keys, dtype=np.int64), kind="stable")
        self._keys = np.frombuffer(keys, dtype=np.int64)[order].data
        self._numbers = np.frombuffer(numbers, dtype=np.int32)[order]

    def look_up(self, word: str) -> tuple[str, ...]:
        """Return the known words that are exactly one edit away from `word`, in alphabetical order."""
        found: set[str] = set()
        for shorter in {word, *deletions(word)}:
            first, last = (bisect(self._keys, hash(shorter)) for bisect in (bisect_left, bisect_right))
            found.update(self._words[number] for number in self._numbers[first:last])
        return tuple(sorted(candidate for candidate in found if is_one_edit(word, candidate)))


def n_within_one_edit(n_letters: int) -> int:
    """Return an upper limit of the number of strings at most one edit away from a string of n letters.

    1 + n [deleted] + n × (A - 1) [replaced] + (n + 1) × A [inserted] + n - 1 [exchanged],  A = 64 characters
    """
    return 1 + n_letters + n_letters * (ALPHABET - 1) + (n_letters + 1) * ALPHABET + max(0, n_letters - 1)
