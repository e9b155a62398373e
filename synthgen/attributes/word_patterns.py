"""The words of a text with their places, cut into sentences."""

import re
from dataclasses import dataclass

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
# not core.sentences: a denial reaches no further than its item, so lists and lines end it as well;
# a full stop, a new paragraph, or a new line that does not go on in lower case after anything but a colon
_END = re.compile(r"[.!?](?:\s|$)|\n\s*\n|[•|]|(?<!:)\n\s*(?:[-*•]|$|(?=[A-Z0-9]))")
_JOINT = re.compile(r"[ \t\u00a0]*\n?[ \t\u00a0]*|[-–/]")


@dataclass(frozen=True, slots=True)
class Word:
    """One word.

    Args:
        start: its first character.
        end: the character after it.
        text: as written.
        folded: in lower case, one kind of apostrophe, without 's.
        after: what stands between it and the next word.
    """

    start: int
    end: int
    text: str
    folded: str
    after: str

    @property
    def is_shouted(self) -> bool:
        """Whether it is written as abbreviations are: with more capitals than small letters."""
        return 2 * sum(c.isupper() for c in self.text) > sum(c.isalpha() for c in self.text)

    @property
    def joins(self) -> bool:
        """Whether it can be of one term with the next word."""
        return _JOINT.fullmatch(self.after) is not None


def sentence_words(text: str) -> list[list[Word]]:
    """Return the words of each sentence, in order.

    A title or an abbreviation with its full stop ends a sentence too, which costs a scope here and there.
    """
    found: list[list[Word]] = [[]]
    matches = list(_WORD.finditer(text))
    for n, match in enumerate(matches, start=1):
        until = matches[n].start() if n < len(matches) else len(text)
        after = text[match.end() : until]
        # one more character, so that the line after can show its case
        is_last = _END.search(text, match.end(), until + 1) is not None
        found[-1].append(Word(match.start(), match.end(), match[0], folded(match[0]), after))
        if is_last:
            found.append([])
    return [words for words in found if words]


def folded(word: str) -> str:
    """Return a word as dictionaries hold it.

    Example:
        >>> folded("Crohn’s")
        'crohn'
    """
    return word.casefold().replace("’", "'").removesuffix("'s")


def folded_words(phrase: str) -> tuple[str, ...]:
    """Return the folded words of a phrase."""
    return tuple(folded(match[0]) for match in _WORD.finditer(phrase))
