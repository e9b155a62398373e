"""Find known names of persons in texts, in any word order, also abbreviated: "Turner, R." for Rajesh Andre Turner."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from audits.text.name_lists import DEGREES, FIRST_NAMES, PARTICLES, SHORT_FORMS, TITLES, WORD_FIRST
from audits.text.normalise import normalise, tokens
from audits.text.phrases import Phrases

_TITLES = TITLES | {degree.casefold() for degree in DEGREES} | {"jr", "sr", "ii", "iii", "iv", "esq"}
_PARTICLES = PARTICLES | {"das", "ter", "ten", "zu", "zum", "zur", "af", "av", "st", "san"}
_GIVEN_NAMES = frozenset(word.casefold() for word in FIRST_NAMES | WORD_FIRST)
_UMLAUTS = {"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "æ": "ae"}
_TWO_LETTERS = str.maketrans(_UMLAUTS | {letter.upper(): two.capitalize() for letter, two in _UMLAUTS.items()})
_SPELT_UMLAUT = re.compile("([aou])e")
MAX_NAME_WORDS = 6  # a string with more words is not a name
_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_NOT_IN_NAME = re.compile(r"[^\s,.'-]")  # a character that does not occur between the words of a name
# two or three capitalised words; a comma and an initial may stand between two of them
_CAPITALISED = re.compile(r"(?<![\w'\u2019-])[A-Z][\w'\u2019-]+(?:,? (?:[A-Z]\.? )?[A-Z][\w'\u2019-]+){1,2}")
Tokens = tuple[str, ...]


class PersonName(NamedTuple):
    """One reading of a name: which of its words are the given names and which the surname."""

    given: Tokens
    surnames: tuple[Tokens, ...]  # spellings of the surname: as written, as one word, without particles, each part


class NameForm(NamedTuple):
    """A name as it occurs in a text: the surname, and the given names or initials next to it, in text order."""

    surname: Tokens
    given: Tokens

    @property
    def has_given_name(self) -> bool:
        """Whether a given name is written in full."""
        return any(len(word) > 1 for word in self.given)


class NameMatch(NamedTuple):
    """An occurrence of a form in the tokens [start, end) of a text."""

    form: NameForm
    names: tuple[int, ...]  # indices of the names that match the form
    start: int
    end: int


def names_in(text: str, words: set[str]) -> Iterator[str]:
    """Yield each sequence of two or three capitalised words in a text that may be the name of a person.

    `words` are the words of the synthetic table, in lower case. At least two words of the sequence, not counting
    initials, must be in `words`. At least one of these must be in the built-in list of given names.
    """
    for match in _CAPITALISED.finditer(text):
        found = words.intersection(word for word in tokens(match[0]) if len(word) > 1)
        if len(found) > 1 and not _GIVEN_NAMES.isdisjoint(found):
            yield match[0]


def read_name(text: str) -> tuple[PersonName, ...]:
    """Return the readings of a string as the name of a person; there are none if the string is not a name.

    "Turner, Rajesh Andre" has one reading. In "Rajesh Andre Turner", the last word or the last two words may be the
    surname. Particles such as "van", and all words of a hyphenated surname, belong to the surname. A name with ö also
    has readings with oe, and a name with oe also has readings with o.
    """
    spellings = (normalise(text), normalise(text.translate(_TWO_LETTERS)), _SPELT_UMLAUT.sub(r"\1", normalise(text)))
    return tuple(dict.fromkeys(reading for spelling in spellings for reading in _readings(spelling)))


def _readings(normalised: str) -> tuple[PersonName, ...]:
    before, comma, after = normalised.partition(",")
    parts = [[word for word in _WORD.findall(part) if word not in _TITLES] for part in (before, after)]
    n_words = len(parts[0]) + len(parts[1])
    if not 2 <= n_words <= MAX_NAME_WORDS or _NOT_IN_NAME.search(_WORD.sub("", normalised)):
        return ()
    if comma and parts[0] and parts[1]:
        return (_reading(parts[1], parts[0]),)
    words = parts[0] or parts[1]
    return tuple(_reading(words[:first], words[first:]) for first in _surname_starts(words))


def _surname_starts(words: Sequence[str]) -> list[int]:
    """Return the possible indices of the first word of the surname; at least one given name precedes the surname."""
    starts = []
    for n_last in (1, 2):
        start = len(words) - n_last
        while start > 1 and words[start - 1] in _PARTICLES:
            start -= 1
        if start >= 1 and start not in starts:
            starts.append(start)
    return starts


def _reading(given: Sequence[str], surname: Sequence[str]) -> PersonName:
    split = [part for word in surname for part in re.split(r"['-]", word)]
    plain = [part for part in split if part not in _PARTICLES and len(part) > 1]
    spellings = [tuple(split), ("".join(split),), tuple(plain), ("".join(plain),), *((part,) for part in plain)]
    parts = tuple(part for word in given for part in re.split(r"['-]", word))
    return PersonName(parts, tuple(dict.fromkeys(spelling for spelling in spellings if any(spelling))))


class NameSearch:
    """A search for names in the tokens of texts. Cost: O(tokens + hits × names with the same surname)."""

    def __init__(self, names: Sequence[Sequence[PersonName]]) -> None:
        # spelling of a surname -> given names -> indices in `names`
        self._given: dict[Tokens, dict[Tokens, list[int]]] = defaultdict(lambda: defaultdict(list))
        for number, readings in enumerate(names):
            for reading in readings:
                for surname in reading.surnames:
                    self._given[surname][reading.given].append(number)
        self._surnames = list(self._given)
        # spelling of a surname -> word directly beside it -> given names that the word may stand for; `_beside` adds
        # a surname when it first occurs in a text
        self._given_beside: dict[Tokens, dict[str, list[Tokens]]] = {}
        self._phrases = Phrases(self._surnames)

    def matches(self, words: Sequence[str]) -> Iterator[NameMatch]:
        """Yield each occurrence of a surname next to given names or initials of the same name.

        If several names match at one place, only those with the most given names or initials in the text are yielded.
        """
        for index, at in self._phrases.occurrences(words):
            surname = self._surnames[index]
            end, of_surname = at + len(surname), self._given[surname]
            found: dict[tuple[Tokens, int, int], list[int]] = defaultdict(list)
            # only the given names that the word beside the surname permits are tried
            for given in self._beside(surname, words[at - 1], _PARTICLES) if at > 0 else ():
                if (match := _before(words, at, given)) is not None:
                    found[match] += of_surname[given]
            for given in self._beside(surname, words[end], _TITLES) if end < len(words) else ():
                if (match := _after(words, end, given)) is not None:
                    found[match] += of_surname[given]
            n_given = max((len(given) for given, _, _ in found), default=0)
            for (given, first, last), numbers in found.items():
                if len(given) == n_given:
                    names = tuple(sorted(set(numbers)))
                    yield NameMatch(NameForm(surname, given), names, min(first, at), max(last, end))

    def _beside(self, surname: Tokens, word: str, skipped: frozenset[str]) -> Iterable[Tokens]:
        """Return the given names of a surname that can match if `word` stands directly beside the surname.

        If `word` is in `skipped` (such as a title) or a single letter, all given names can match.
        """
        if word in skipped or len(word) == 1:
            return self._given[surname]
        if surname not in self._given_beside:
            self._given_beside[surname] = defaultdict(list)
            for given in self._given[surname]:
                for beside in set(_words_for(given)):
                    self._given_beside[surname][beside].append(given)
        return self._given_beside[surname].get(word, ())


class FormSearch:
    """A search for the forms of names that a text may contain."""

    def __init__(self, forms: Iterable[NameForm]) -> None:
        # surname -> first full given name or, without one, first initial -> forms
        self._forms: dict[Tokens, dict[str, list[NameForm]]] = defaultdict(lambda: defaultdict(list))
        for form in forms:
            first = next((word for word in form.given if len(word) > 1), form.given[0])
            self._forms[form.surname][first].append(form)
        self._surnames = list(self._forms)
        self._phrases = Phrases(self._surnames)

    def forms_in(self, words: Sequence[str]) -> Iterator[NameForm]:
        """Yield the forms that a text may contain.

        The text must contain the surname, and the form must agree (`agrees`) with the three words on each side of it.
        """
        for index, at in self._phrases.occurrences(words):
            surname = self._surnames[index]
            end, of_surname = at + len(surname), self._forms[surname]
            context = *words[max(0, at - 3) : at], *words[end : end + 3]
            for first in {*context, *(word[0] for word in context)}:
                yield from (form for form in of_surname.get(first, ()) if agrees(form, context))


def agrees(form: NameForm, context: Iterable[str]) -> bool:
    """Return whether a form may be the name of a person whose surname stands next to the words `context` in a text.

    All full given names of the form must be in `context`. If the form has only initials, a word of `context` must
    start with the first initial.
    """
    words = set(context)
    full = [word for word in form.given if len(word) > 1]
    return words.issuperset(full) if full else any(word[0] == form.given[0] for word in words)


def _before(words: Sequence[str], at: int, given: Tokens) -> tuple[Tokens, int, int] | None:
    """Return the given names or initials that end before token `at`, with their start and end (exclusive).

    Particles, and an initial that the name does not have, may stand between the given names and token `at`.
    """
    matched: list[str] = []
    first, left = at, len(given)
    while first > 0:
        word = words[first - 1]
        place = next((i for i in reversed(range(left)) if _stands_for(word, given[i])), None)
        is_unknown_initial = len(word) == 1 and first > 1 and words[first - 2] in given
        if place is None and not matched and (word in _PARTICLES or is_unknown_initial):
            first -= 1
            continue
        if place is None:
            initials = _initials(word, given[:left])
            matched = [*initials, *matched]
            first -= bool(initials)
            break
        matched, first, left = [word, *matched], first - 1, place
    return (tuple(matched), first, at) if matched else None


def _after(words: Sequence[str], at: int, given: Tokens) -> tuple[Tokens, int, int] | None:
    """Return the given names or initials from token `at` on, like `_before`; titles may stand before them."""
    matched: list[str] = []
    last, right = at, 0
    while last < len(words):
        word = words[last]
        place = next((i for i in range(right, len(given)) if _stands_for(word, given[i])), None)
        if place is None and not matched and word in _TITLES:
            last += 1
            continue
        if place is None:
            initials = _initials(word, given[right:])
            matched += initials
            last += bool(initials)
            break
        matched, last, right = [*matched, word], last + 1, place + 1
    return (tuple(matched), at, last) if matched else None


def _words_for(given: Tokens) -> Iterator[str]:
    """Yield the words that may stand for given names: each name, its initial and short forms, and joined initials."""
    for name in given:
        yield from (name, name[0], *SHORT_FORMS.get(name, ()))
    initials = "".join(name[0] for name in given)
    yield from (initials[:n] for n in range(2, len(initials) + 1))


def _stands_for(word: str, given: str) -> bool:
    """Return whether a word is a given name, its initial or one of its short forms."""
    return word in {given, given[0]} or word in SHORT_FORMS.get(given, ())


def _initials(word: str, given: Tokens) -> list[str]:
    """Return the letters of a word that consists of the initials of the given names: "ra" -> ["r", "a"]; else []."""
    return list(word) if len(word) > 1 and "".join(part[0] for part in given).startswith(word) else []
