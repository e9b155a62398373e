"""Find the known words that are one edit away: a letter inserted, deleted, replaced, or two neighbours exchanged."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

import numpy as np

ALPHABET = 64  # number of characters that may stand for a wrong letter, as in the character model (`surprisal`)


class Misspellings:
    """Known words, found from any spelling that is one edit away.

    Two words that are one edit apart become equal if at most one letter is deleted from each. Each known word is
    therefore stored under the keys of all its spellings with at most one letter deleted, and a word is looked up by
    all its own such spellings.

    Cost: 12 bytes for each letter of a known word; O(letters^2) for a look-up.
    Reference: the deletion neighbourhood of SymSpell (Garbe 2012); the look-up by sorted keys is ours.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words
        keys, numbers = array("q"), array("i")
        for number, word in enumerate(words):
            for shorter in _shorter(word):
                keys.append(hash(shorter))
                numbers.append(number)
        order = np.argsort(np.frombuffer(keys, dtype=np.int64), kind="stable")
        self._keys = np.frombuffer(keys, dtype=np.int64)[order].data
        self._numbers = np.frombuffer(numbers, dtype=np.int32)[order]

    def look_up(self, word: str) -> tuple[str, ...]:
        """Return the known words that are exactly one edit away, in order."""
        found: set[str] = set()
        for shorter in _shorter(word):
            first, last = (side(self._keys, hash(shorter)) for side in (bisect_left, bisect_right))
            found.update(self._words[number] for number in self._numbers[first:last])
        return tuple(sorted(candidate for candidate in found if is_one_edit(word, candidate)))


def is_one_edit(a: str, b: str) -> bool:
    """Return whether one edit separates the words: a letter added, removed, replaced, or two neighbours exchanged."""
    n_prefix = 0
    while n_prefix < min(len(a), len(b)) and a[n_prefix] == b[n_prefix]:
        n_prefix += 1
    n_suffix = 0
    while n_suffix < min(len(a), len(b)) - n_prefix and a[-1 - n_suffix] == b[-1 - n_suffix]:
        n_suffix += 1
    rest_a, rest_b = a[n_prefix : len(a) - n_suffix], b[n_prefix : len(b) - n_suffix]
    return (
        len(rest_a) + len(rest_b) == 1
        or len(rest_a) == len(rest_b) == 1
        or (len(rest_a) == 2 and rest_a == rest_b[::-1])
    )


def n_within_one_edit(n_letters: int) -> int:
    """Return an upper bound for the number of strings within one edit of a string of n letters, itself included.

    1 + n [deleted] + n × (A - 1) [replaced] + (n + 1) × A [inserted] + n - 1 [exchanged],  A = 64
    """
    return 1 + n_letters + n_letters * (ALPHABET - 1) + (n_letters + 1) * ALPHABET + max(0, n_letters - 1)


def _shorter(word: str) -> Iterator[str]:
    """Yield the word and each spelling with one letter deleted."""
    yield word
    yield from {word[:i] + word[i + 1 :] for i in range(len(word))}
