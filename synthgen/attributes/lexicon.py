"""One thing a text says of its person, and where."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from synthgen.attributes.dictionaries import CONDITIONS, HABITS, MEDICATIONS, SYMPTOMS


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeFinding:
    """One attribute with its value.

    Args:
        attribute: age, age_band, sex, condition, symptom, medication, smoking, alcohol, drugs, exercise, living or
            occupation.
        value: normalised: a dictionary's own name, a status, whole years ("54"), or decades ("60-69").
        start: the first character of the words it was read from.
        end: the character after them.
        negated: whether the text says that it is not so ("denies chest pain"). A habit's status says it by itself.
    """

    attribute: str
    value: str
    start: int
    end: int
    negated: bool = False

    def __repr__(self) -> str:
        return f"AttributeFinding({self.attribute}, {self.start} to {self.end})"  # a value may be of a real person


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


OTHER = "other"  # what only looks like a term
_LOOKALIKES = """
other: st depression; st segment depression; great depression; economic depression; tired of; rubbing alcohol; \
alcohol swab; smoking gun; bleeding edge; confused with; insulin resistance
"""
BLOCKS = {"condition": CONDITIONS, "symptom": SYMPTOMS, "medication": MEDICATIONS, **HABITS, OTHER: _LOOKALIKES}


@dataclass(frozen=True, slots=True)
class Term:
    """What a name of a dictionary stands for; `is_shouted` names count in capitals only."""

    attribute: str
    value: str
    is_shouted: bool


def entries(block: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each value of a block with all of its names, its own first."""
    for line in block.strip().splitlines():
        if line.startswith("="):
            yield from ((value.strip(), (value.strip(),)) for value in line[1:].split(";"))
            continue
        value, _, others = line.partition(":")
        yield value.strip(), tuple(name.strip() for name in (value, *others.split(";")) if name.strip())


@cache
def lexicon() -> Mapping[tuple[str, ...], Term]:
    """Return what each name, as folded words, stands for."""
    found: dict[tuple[str, ...], Term] = {}
    for attribute, block in BLOCKS.items():
        for value, names in entries(block):
            own = names[1:] if attribute in {*HABITS, OTHER} else names  # a status is no word of the text
            for name in own:
                is_shouted = name.isupper() or sum(c.isupper() for c in name) > 1
                key = folded_words(name)
                found[key] = Term(attribute, value, is_shouted)
                if not is_shouted and not key[-1].endswith("s"):
                    found.setdefault((*key[:-1], key[-1] + "s"), Term(attribute, value, is_shouted))
    return found


@cache
def values(attribute: str) -> frozenset[str]:
    """Return the values a dictionary attribute can have."""
    return frozenset(value for value, _ in entries(BLOCKS[attribute]))


@cache
def _longest() -> int:
    return max(map(len, lexicon()))


def value_of(attribute: str, name: str) -> str | None:
    """Return the dictionary's own name of what a name stands for, or None where it is not known.

    Example:
        >>> value_of("medication", "Glucophage")
        'metformin'
    """
    term = lexicon().get(folded_words(name))
    return term.value if term is not None and term.attribute == attribute else None


def find_terms(words: Sequence[Word]) -> list[tuple[int, int, Term]]:
    """Return (first word, word after the last, term) of the terms in a sentence; the longest at each place."""
    found: list[tuple[int, int, Term]] = []
    terms, i = lexicon(), 0
    while i < len(words):
        reach = i + 1
        while reach < len(words) and reach - i < _longest() and words[reach - 1].joins:
            reach += 1
        for j in range(reach, i, -1):
            term = terms.get(tuple(word.folded for word in words[i:j]))
            if term is not None and (not term.is_shouted or all(w.is_shouted for w in words[i:j])):
                found.append((i, j, term))
                i = j
                break
        else:
            i += 1
    return found
