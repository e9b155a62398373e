"""Search a text for many phrases (sequences of tokens) at once."""

from collections import defaultdict
from collections.abc import Iterator, Sequence


class Phrases:
    """The phrases to search for, in a table that maps each phrase to its index.

    For each token of a text, the table is accessed once for each length of the phrases that begin with this token.
    The time hardly depends on the number of phrases. pyahocorasick is slower, because it searches a list of the first
    tokens of all phrases at each token of a text.

    The caller must ensure that no phrase is empty and that all phrases are different.
    """

    def __init__(self, phrases: Sequence[Sequence[str]]) -> None:
        self._index = {tuple(phrase): i for i, phrase in enumerate(phrases)}
        self._lengths: dict[str, set[int]] = defaultdict(set)  # first token: numbers of tokens of its phrases
        for phrase in self._index:
            self._lengths[phrase[0]].add(len(phrase))

    def occurrences(self, tokens: Sequence[str]) -> Iterator[tuple[int, int]]:
        """Yield (index of the phrase, index of its first token in `tokens`) for each occurrence of a phrase.

        The occurrences are ordered by their end; of several with the same end, the longest is the first.
        """
        ends = [
            (at + n, at)
            for at, token in enumerate(tokens)
            if token in self._lengths
            for n in self._lengths[token]
            if at + n <= len(tokens) and tuple(tokens[at : at + n]) in self._index
        ]
        for end, at in sorted(ends):
            yield self._index[tuple(tokens[at:end])], at
