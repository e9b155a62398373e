"""The dictionaries as one look-up of words.

A line of a dictionary is `value: other name; other name`; the value names itself too. Another name in capitals, an
abbreviation such as COPD, counts only where the text shouts it; any other counts in any case. The plural in -s of a
name's last word is a name as well. Hyphens and slashes are as good as spaces.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from synthgen.attributes.conditions import CONDITIONS
from synthgen.attributes.habits import HABITS
from synthgen.attributes.medications import MEDICATIONS
from synthgen.attributes.symptoms import SYMPTOMS
from synthgen.attributes.word_patterns import Word, folded_words

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
