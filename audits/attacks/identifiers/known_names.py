"""Known names and addresses searched for by their letters alone: run together, in pieces, backwards, turned round."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import ahocorasick  # type: ignore[import-not-found] # ships no types

from audits.text.normalise import normalise
from audits.text.spans import words_in

FEWEST_LETTERS = 10


class NameHit(NamedTuple):
    """A known name that stands in a synthetic text.

    Args:
        number: of the name, as it was given.
        spelling: the letters that stand there.
        row: of the synthetic table.
        start: first character in the normalised text.
        end: character behind the last one.
    """

    number: int
    spelling: str
    row: int
    start: int
    end: int


def spellings(words: Sequence[str]) -> set[str]:
    """Return the letters of a name as they are, backwards, and with its words in the other order; of ten or more."""
    as_it_is = "".join(words)
    found = {as_it_is, as_it_is[::-1], "".join(reversed(words))}
    return {spelling for spelling in found if len(spelling) >= FEWEST_LETTERS}


def find_known_names(names: Mapping[int, Sequence[Sequence[str]]], texts: Sequence[str]) -> Iterator[NameHit]:
    """Yield where the letters of a name stand in the texts, whatever but letters and digits stands between them.

    Args:
        names: for each number the words of a name, in one or several ways to write it.
        texts: the synthetic table.

    Cost: O(characters + hits).
    """
    automaton = ahocorasick.Automaton()
    for number, ways in names.items():
        for spelling in {s for words in ways for s in spellings(words)}:
            automaton.add_word(spelling, (*automaton.get(spelling, ()), (number, spelling)))
    if len(automaton) == 0:
        return
    automaton.make_automaton()
    for row, text in enumerate(texts):
        words = words_in(normalise(text))
        letters = "".join(word.word for word in words)
        place: list[tuple[int, int]] = []
        for last, wanted in automaton.iter(letters):
            place = place or [(word.start + i, word.start + i + 1) for word in words for i in range(len(word.word))]
            for number, spelling in wanted:
                yield NameHit(number, spelling, row, place[last + 1 - len(spelling)][0], place[last][1])
