"""Search a text for many phrases (sequences of tokens) at once, by the algorithm of Aho and Corasick (CACM 1975)."""

from collections.abc import Iterator, Sequence

import ahocorasick  # type: ignore[import-not-found] # ships no types


class Phrases:
    """The phrases to search for; none is empty, and no two are equal. The memory is about 40 bytes per token."""

    def __init__(self, phrases: Sequence[Sequence[str]]) -> None:
        self._number: dict[str, int] = {}  # number of each word of the phrases, from 1; all other words have number 0
        self._lengths = [len(phrase) for phrase in phrases]
        self._automaton = ahocorasick.Automaton(ahocorasick.STORE_INTS, ahocorasick.KEY_SEQUENCE)
        for i, phrase in enumerate(phrases):
            numbers = tuple(self._number.setdefault(word, len(self._number) + 1) for word in phrase)
            self._automaton.add_word(numbers, i)
        self._automaton.make_automaton()

    def occurrences(self, words: Sequence[str]) -> Iterator[tuple[int, int]]:
        """Yield (index of the phrase, index of its first token in `words`) for each occurrence of a phrase."""
        numbers = tuple(self._number.get(word, 0) for word in words)
        if not any(numbers):
            return
        for last, phrase in self._automaton.iter(numbers):
            yield phrase, last + 1 - self._lengths[phrase]
