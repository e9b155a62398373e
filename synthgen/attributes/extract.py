"""From a text to what it says of its person."""

import re
from collections.abc import Iterator, Sequence

from synthgen.attributes.assertion import assertion, is_of_family
from synthgen.attributes.finding import AttributeFinding
from synthgen.attributes.habits import HABITS
from synthgen.attributes.lexicon import OTHER, Term, find_terms
from synthgen.attributes.person import find_ages, find_sex
from synthgen.attributes.word_patterns import Word, sentence_words
from synthgen.attributes.work import find_work

# the status of a habit that is said not to be; where there is none, the denial says nothing certain
_DENIED_HABIT = {"current": "none", "regular": "little"}
_PACK_YEARS = re.compile(r"\b(\d{1,3})[- ](?:py|pack[- ]?years?)\b", re.IGNORECASE)
_DRINKS = re.compile(
    r"\b(?:drinks (?:about |up to |around )?(?P<a>\d{1,3})\b"
    r"|(?:etoh|alcohol)(?: use)?:? (?P<b>\d{1,3})\b"
    r"|(?P<c>\d{1,3}) (?:drinks|units|glasses|beers)(?: of [a-z]+)? ?(?:a|per|/|each|every) ?(?:day|week|wk|month))",
    re.IGNORECASE,
)


def extract(text: str) -> tuple[AttributeFinding, ...]:
    """Return what a short text or clinical note says of its person, in the order of the text.

    Dictionaries of a few hundred common English terms (conditions, symptoms, medicines, habits, occupations),
    patterns for age, sex, amounts and work, and rules for denials. What is told of relatives,
    of allergies (save the medicine, which counts as not taken) and of mere possibility ("return if", "risk of") is
    left out.

    It is no clinical system, and nobody has measured it on annotated notes. Of the phrases of the fictional clinic,
    which were written without these dictionaries, it knew 70 of 109 names of conditions, 113 of 141 medicines and 62
    of 164 symptoms before some twenty terms were added. What it misses, as far as known:

    - everything that is in no dictionary, above all complaints in a patient's own words ("needs a rail on the
      stairs"), what is misspelled or in another language, and abbreviations with two meanings ("PE", "RA", "MI");
    - doses, times, severity, laboratory values, and whether a condition is over or doubted ("possible"), so
      past and present are one;
    - denials from far away, across sentences, or of double meaning; a heading bears on its own line alone, so the
      lines under "FAMILY HISTORY" count as the person's unless they name the relative;
    - several persons: a text is taken to be of one, and in other prose than notes "he" may be anybody;
    - ages from a date of birth or "at age 50"; sex from first names;
    - words with an everyday meaning are taken at their word ("a confused market", "the depression of 1929"), and
      advice ("no alcohol") as what is.

    Returns:
        Sorted by place; at most one sex; an age comes with its band.

    Privacy: reads the given text alone. What it returns describes that text's person and is as private as the text.
    """
    by_sentence = sentence_words(text)
    subject = _Subject(by_sentence)
    amounts = tuple(_amounts(text, subject))
    found = [f for words in by_sentence for f in _terms(words) if not any(_overlap(f, amount) for amount in amounts)]
    found += [f for f in (*find_ages(text), *find_work(text)) if subject.is_person(f.start, f.end)]
    sex = find_sex(text, subject.is_person)
    found += [] if sex is None else [sex]
    # pack-years do not say whether it is over, so they add nothing to a status
    status = {f.attribute for f in found}
    found += [f for f in amounts if f.value != "ever" or f.attribute not in status]
    return tuple(sorted(found, key=lambda f: (f.start, f.end, f.attribute, f.value)))


class _Subject:
    """Whom each place of a text speaks of."""

    def __init__(self, by_sentence: Sequence[Sequence[Word]]) -> None:
        self._sentences = by_sentence

    def is_person(self, start: int, end: int) -> bool:
        """Return whether the words at a place speak of the person and not of a relative."""
        for words in self._sentences:
            inside = [i for i, word in enumerate(words) if word.start < end and start < word.end]
            if inside:
                return not is_of_family(words, inside[0], inside[-1] + 1)
        return True


def _terms(words: Sequence[Word]) -> Iterator[AttributeFinding]:
    for i, j, term in find_terms(words):
        asserted = assertion(words, i, j, is_medicine=term.attribute == "medication")
        if asserted == "aside" or term.attribute == OTHER:
            continue
        start, end = words[i].start, words[j - 1].end
        if term.attribute in HABITS:
            value = _status(term, is_denied=asserted == "negated")
            if value is not None:
                yield AttributeFinding(attribute=term.attribute, value=value, start=start, end=end)
        else:
            yield AttributeFinding(
                attribute=term.attribute, value=term.value, start=start, end=end, negated=asserted == "negated"
            )


def _status(term: Term, *, is_denied: bool) -> str | None:
    return _DENIED_HABIT.get(term.value) if is_denied else term.value


def _amounts(text: str, subject: _Subject) -> Iterator[AttributeFinding]:
    """Yield the habits that stand in numbers: pack-years and drinks."""
    for match in _PACK_YEARS.finditer(text):
        value = "none" if int(match[1]) == 0 else "ever"
        if subject.is_person(*match.span()):
            yield AttributeFinding(attribute="smoking", value=value, start=match.start(), end=match.end())
    for match in _DRINKS.finditer(text):
        value = "none" if int(match["a"] or match["b"] or match["c"]) == 0 else "current"
        if subject.is_person(*match.span()):
            yield AttributeFinding(attribute="alcohol", value=value, start=match.start(), end=match.end())


def _overlap(a: AttributeFinding, b: AttributeFinding) -> bool:
    return a.attribute == b.attribute and a.start < b.end and b.start < a.end
