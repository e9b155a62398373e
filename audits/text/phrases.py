"""Search a text for many phrases (sequences of tokens) at once, by the algorithm of Aho and Corasick (CACM 1975)."""

from collections.abc import Iterator, Sequence

import ahocorasick  # type: ignore[import-not-found] # ships no types


class Phrases:
    """The phrases to search for, as an automaton that takes about 40 bytes of memory per token.

    The caller must ensure that no phrase is empty and that all phrases are different; the constructor does not check.
    """

    def __init__(self, phrases: Sequence[Sequence[str]]) -> None:
        self._number: dict[str, int] = {}  # number of each token of the phrases, from 1; all other tokens: 0
        self._lengths = [len(phrase) for phrase in phrases]
        self._automaton = ahocorasick.Automaton(ahocorasick.STORE_INTS, ahocorasick.KEY_SEQUENCE)
        for i, phrase in enumerate(phrases):
            numbers = tuple(self._number.setdefault(token, len(self._number) + 1) for token in phrase)
            self._automaton.add_word(numbers, i)
        self._automaton.make_automaton()

    def occurrences(self, tokens: Sequence[str]) -> Iterator[tuple[int, int]]:
        """Yield (index of the phrase, index of its first token in `tokens`) for each occurrence of a phrase."""
        numbers = tuple(self._number.get(token, 0) for token in tokens)
        if not any(numbers):
            return
        for last, phrase_index in self._automaton.iter(numbers):
            yield phrase_index, last + 1 - self._lengths[phrase_index]
