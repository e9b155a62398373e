"""Find the terms of the dictionaries, such as "chest pain", among the words of a text."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from synthgen.attributes.dictionaries import CONDITIONS, HABITS, MEDICATIONS, SYMPTOMS


@dataclass(frozen=True, slots=True)
class AttributeFinding:
    """One attribute of a person, at characters `start` to `end` (exclusive) of a text."""

    attribute: str  # such as "age", "condition" or "smoking"; a field name of `AttributeRule`
    value: str  # the main name of a dictionary entry, a status ("current"), years ("54"), or a decade ("60-69")
    start: int
    end: int
    negated: bool = False  # whether the text negates the value ("no cough"); always false for habits such as smoking

    def __repr__(self) -> str:
        return f"AttributeFinding({self.attribute}, {self.start} to {self.end})"  # the value can be private


_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
# A sentence ends at ".", "!" or "?" before white space, at an empty line, at a bullet or at "|". It also ends at a
# line break before a bullet, a capital letter or a digit, unless a colon precedes the line break.
_END = re.compile(r"[.!?](?:\s|$)|\n\s*\n|[•|]|(?<!:)\n\s*(?:[-*•]|$|(?=[A-Z0-9]))")
_JOINT = re.compile(r"[ \t\u00a0]*\n?[ \t\u00a0]*|[-–/]")  # text between two words of one term


@dataclass(frozen=True, slots=True)
class Word:
    """One word, at characters `start` to `end` (exclusive) of a text."""

    start: int
    end: int
    text: str
    folded: str  # lower case, with ASCII apostrophes and without 's
    after: str  # text up to the next word

    @property
    def is_mostly_capitals(self) -> bool:
        """Whether more than half of the letters are capitals, as in abbreviations."""
        return 2 * sum(c.isupper() for c in self.text) > sum(c.isalpha() for c in self.text)


def sentence_words(text: str) -> list[list[Word]]:
    """Return the words of each sentence; the full stop of a title or abbreviation also ends a sentence."""
    sentences: list[list[Word]] = [[]]
    matches = list(_WORD.finditer(text))
    for n, match in enumerate(matches, start=1):
        until = matches[n].start() if n < len(matches) else len(text)
        after = text[match.end() : until]
        sentences[-1].append(Word(match.start(), match.end(), match[0], folded(match[0]), after))
        if _END.search(text, match.end(), until + 1):  # + 1, because `_END` checks how the next line begins
            sentences.append([])
    return [words for words in sentences if words]


def folded(word: str) -> str:
    """Return the form of a word in the keys of `lexicon`: "Crohn’s" -> "crohn"."""
    return word.casefold().replace("’", "'").removesuffix("'s")


def folded_words(phrase: str) -> tuple[str, ...]:
    """Return the words of a phrase in the form of `folded`: "Crohn’s disease" -> ("crohn", "disease")."""
    return tuple(folded(match[0]) for match in _WORD.finditer(phrase))


OTHER = "other"  # attribute of phrases in which a dictionary name means something else, such as "smoking gun"
_LOOKALIKES = """
other: st depression; st segment depression; great depression; economic depression; tired of; rubbing alcohol; \
alcohol swab; smoking gun; bleeding edge; confused with; insulin resistance
"""
# attribute -> text of the dictionary with the values of this attribute
BLOCKS = {"condition": CONDITIONS, "symptom": SYMPTOMS, "medication": MEDICATIONS, **HABITS, OTHER: _LOOKALIKES}


@dataclass(frozen=True, slots=True)
class Term:
    """What a name in a dictionary means."""

    attribute: str  # a key of `BLOCKS`
    value: str  # the value to which the name belongs
    needs_capitals: bool  # whether the name matches only words that are mostly capitals


def entries(block: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each value of a dictionary with its names; the first name is the value itself."""
    for entry in re.split(r"[|\n]", block.strip()):
        value, _, others = entry.partition(":")
        yield value.strip(), tuple(name.strip() for name in (value, *others.split(";")) if name.strip())


@cache
def lexicon() -> Mapping[tuple[str, ...], Term]:
    """Return the term of each name of the dictionaries; the keys are the `folded_words` of the names.

    Names with several capitals, such as COPD and HFrEF, match only words that consist mostly of capitals. Other names
    match in any letter case and, if their last word does not end in s, also with a plural -s.
    """
    terms: dict[tuple[str, ...], Term] = {}
    for attribute, block in BLOCKS.items():
        for value, names in entries(block):
            # the value of a habit, such as `current`, is a status and not a word to search for
            for name in names[1:] if attribute in {*HABITS, OTHER} else names:
                term = Term(attribute, value, name.isupper() or sum(c.isupper() for c in name) > 1)
                key = folded_words(name)
                terms[key] = term
                if not term.needs_capitals and not key[-1].endswith("s"):
                    terms.setdefault((*key[:-1], key[-1] + "s"), term)
    return terms


def value_of(attribute: str, name: str) -> str | None:
    """Return the value of a name in a dictionary, such as metformin for "Glucophage"; None for an unknown name."""
    term = lexicon().get(folded_words(name))
    return term.value if term is not None and term.attribute == attribute else None


@cache
def _longest_term() -> int:
    return max(map(len, lexicon()))


def find_terms(words: Sequence[Word]) -> list[tuple[int, int, Term]]:
    """Return the longest terms in a sentence as (i, j, term), where words i to j − 1 are the words of the term."""
    found: list[tuple[int, int, Term]] = []
    terms, longest, i = lexicon(), _longest_term(), 0
    while i < len(words):
        reach = i + 1
        while reach < len(words) and reach - i < longest and _JOINT.fullmatch(words[reach - 1].after):
            reach += 1
        for j in range(reach, i, -1):
            term = terms.get(tuple(word.folded for word in words[i:j]))
            if term is not None and (not term.needs_capitals or all(w.is_mostly_capitals for w in words[i:j])):
                found.append((i, j, term))
                i = j
                break
        else:
            i += 1
    return found
