"""Many short sequences of tokens searched for at once (Aho and Corasick, CACM 1975)."""

from collections.abc import Iterator, Sequence

import ahocorasick  # type: ignore[import-not-found] # ships no types


class Phrases:
    """A set of phrases, numbered in the order given, that is found in a text in one pass.

    Args:
        phrases: distinct sequences of tokens, none of them empty.

    Cost: O(tokens + hits) for a text, however many phrases there are; about 40 bytes for each token of a phrase.
    """

    def __init__(self, phrases: Sequence[Sequence[str]]) -> None:
        self._number: dict[str, int] = {}  # of each word of a phrase, from 1; 0 is any other word
        self._lengths = [len(phrase) for phrase in phrases]
        self._automaton = ahocorasick.Automaton(ahocorasick.STORE_INTS, ahocorasick.KEY_SEQUENCE)
        for i, phrase in enumerate(phrases):
            numbers = tuple(self._number.setdefault(word, len(self._number) + 1) for word in phrase)
            self._automaton.add_word(numbers, i)
        self._automaton.make_automaton()

    def standing(self, words: Sequence[str]) -> Iterator[tuple[int, int]]:
        """Yield the number of each phrase that stands in a text, and the token at which it begins."""
        numbers = tuple(self._number.get(word, 0) for word in words)
        if not any(numbers):
            return
        for last, phrase in self._automaton.iter(numbers):
            yield phrase, last + 1 - self._lengths[phrase]
