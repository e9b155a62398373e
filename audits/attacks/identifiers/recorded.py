"""Identifiers recorded before they were replaced: the forms in which they may occur, and where these occur."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from audits.attacks.identifiers.misspellings import Misspellings
from audits.attacks.identifiers.ownership import Owners
from audits.attacks.identifiers.patterns import (
    CONTACT,
    QUASI,
    Entity,
    RowContent,
    find_entities,
    find_numbers,
    only_digits,
)
from audits.text.normalise import normalise, tokens
from audits.text.phrases import Phrases

_MAX_TOKENS = 8  # of a known identifier; a longer one is cut
_DATE_TOKENS = 4  # "9th of March 2024"
_SPELT_CHARACTERS = 8  # of an identifier that is also searched for with one edit
_SPELT_WORD = 4  # characters of the word of it that may be misspelt
_CACHED_WORDS = 1 << 16

Value = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedIdentifiers:
    """The identifiers recorded before replacement, each numbered by its position in `values`.

    Args:
        values: their tokens, at most 8 each.
        owners: the owners of each value.
        number: the number of each value.
        forms: the e-mail address, number or date that a value is, in a form independent of its spelling, with the
            number of the value. Values of the same form have the same owners.
        dates: numbers of the values that are dates.
        numbers: numbers of the values that belong to one person by their kind. Dates are not among them, nor are
            addresses and phone numbers, which may belong to a front desk.
    """

    values: Sequence[Value]
    owners: Sequence[Owners]
    number: Mapping[Value, int]
    forms: Mapping[Entity, int]
    dates: frozenset[int]
    numbers: frozenset[int]

    def may_be_misspelt(self, value: Value) -> bool:
        """Return whether a value is long enough to be recognised with one edit; a wrong digit is another number."""
        return sum(map(len, value)) >= _SPELT_CHARACTERS and any(map(_may_be_misspelt, value))


def index_identifiers(lists: Iterable[Sequence[str]], owners: Iterable[int]) -> RecordedIdentifiers:
    """Return the recorded identifiers with their owners.

    Args:
        lists: identifiers of each row.
        owners: the owner of each row.
    """
    listed = [(text, owner) for row, owner in zip(lists, owners, strict=False) for text in row]
    owner_of: dict[Value, Owners] = {}
    for text, owner in listed:
        owner_of.setdefault(_value(text), Owners()).add(owner)
    owner_of.pop((), None)
    number = {value: i for i, value in enumerate(owner_of)}
    whose = list(owner_of.values())
    forms: dict[Entity, int] = {}
    dates, contacts, with_form = set[int](), set[int](), set[int]()
    for text in dict.fromkeys(text for text, _ in listed):
        i = number.get(_value(text))
        if i is None:
            continue
        found, is_date = _forms(text)
        for form in found:
            first = forms.setdefault(form, i)
            for owner in whose[i]:
                whose[first].add(owner)
            whose[i] = whose[first]
        if is_date:
            dates.add(i)
        if {form.kind for form in found} & {*CONTACT}:
            contacts.add(i)
        if found:
            with_form.add(i)
    return RecordedIdentifiers(
        values=list(owner_of),
        owners=whose,
        number=number,
        forms=forms,
        dates=frozenset(dates),
        numbers=frozenset(with_form - dates - contacts),
    )


def _value(text: str) -> Value:
    return tuple(tokens(text)[:_MAX_TOKENS])


def _forms(text: str) -> tuple[set[Entity], bool]:
    """Return the forms of a recorded identifier that do not depend on its spelling, and whether it is a date.

    A date may occur as a date or as its digits; any other identifier as what a pattern finds in it, or as its digits.
    """
    normalised = normalise(text)
    found = {match.entity for match in find_entities(normalised)}
    forms = {match.entity for match in find_numbers(normalised)}
    digits = only_digits(normalised)
    if digits is not None:
        forms.add(digits)
    dates = {entity for entity in found if entity.kind == "date"}
    if dates and len(tokens(normalised)) <= _DATE_TOKENS:
        return forms | dates, True
    return forms | {entity for entity in found if entity.kind not in QUASI}, False


def _may_be_misspelt(word: str) -> bool:
    return len(word) >= _SPELT_WORD and word.isalpha()


class SyntheticOccurrences:
    """Recorded identifiers that occur in the synthetic rows read so far.

    Attributes:
        values: numbers of the values that occur as recorded.
        forms: forms that occur.
        misspelt: spellings that occur one edit away from values, with the numbers of these.
    """

    def __init__(self, recorded: RecordedIdentifiers) -> None:
        self._recorded = recorded
        self._phrases = Phrases(recorded.values)
        spelt = {w for v in recorded.values if recorded.may_be_misspelt(v) for w in v if _may_be_misspelt(w)}
        self._one_edit_away = lru_cache(_CACHED_WORDS)(Misspellings(sorted(spelt)).look_up)
        self.values: set[int] = set()
        self.forms: set[Entity] = set()
        self.misspelt: dict[Value, set[int]] = {}

    def read(self, row: RowContent) -> None:
        """Add the recorded identifiers of a row."""
        if not self._recorded.number:
            return
        self.values.update(value for value, _ in self._phrases.standing(row.words))
        self.forms.update(e for e in row.entities | row.numbers if e in self._recorded.forms)
        for spelling, value in self._misspelt(row.words):
            if spelling not in self._recorded.number:
                self.misspelt.setdefault(spelling, set()).add(value)

    def _misspelt(self, words: Sequence[str]) -> Iterator[tuple[Value, int]]:
        """Yield each spelling in a row that is one edit away from a recorded identifier, and its number."""
        for at, word in enumerate(words):
            for known in self._one_edit_away(word):
                start = max(0, at + 1 - _MAX_TOKENS)
                window = [*words[start:at], known, *words[at + 1 : at + _MAX_TOKENS]]
                for number, first in self._phrases.standing(window):
                    value = self._recorded.values[number]
                    place = at - start - first
                    if 0 <= place < len(value) and self._recorded.may_be_misspelt(value):
                        yield (*value[:place], word, *value[place + 1 :]), number


class OtherOccurrences:
    """Owners of the other texts that contain a recorded identifier or a misspelling of one found in S.

    Attributes:
        values: owners of the texts with each value or spelling.
        forms: owners of the texts with each form.
    """

    def __init__(self, recorded: RecordedIdentifiers, in_synthetic: SyntheticOccurrences) -> None:
        self._recorded = recorded
        self._spellings = [*recorded.values, *in_synthetic.misspelt]
        self._phrases = Phrases(self._spellings)
        self.values: dict[Value, Owners] = {}
        self.forms: dict[Entity, Owners] = {}

    def read(self, row: RowContent, owner: int) -> None:
        """Add the recorded identifiers of a row of an owner."""
        if not self._recorded.number:
            return
        for number in {number for number, _ in self._phrases.standing(row.words)}:
            self.values.setdefault(self._spellings[number], Owners()).add(owner)
        for entity in row.entities | row.numbers:
            if entity in self._recorded.forms:
                self.forms.setdefault(entity, Owners()).add(owner)
