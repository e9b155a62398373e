"""Identifiers recorded before they were replaced: the forms in which they may return, and which of them did."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from audits.attacks.identifiers.misspellings import Misspellings
from audits.attacks.identifiers.ownership import MANY, Owners
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
_KEPT_WORDS = 1 << 16

Value = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedIdentifiers:
    """The identifiers recorded before replacement that at most ten persons have.

    Args:
        values: their tokens, at most 8.
        owners: the persons of each.
        number: the number of each value.
        forms: the e-mail, number or date that a value is, however it is written, with the number of the value;
            values of one form belong to the persons of all of them.
        dates: numbers of the values that are dates.
        numbers: numbers of the values that are one person's by their kind: no dates, and no addresses or phone
            numbers, which a desk may have.
    """

    values: Sequence[Value]
    owners: Sequence[Owners]
    number: Mapping[Value, int]
    forms: Mapping[Entity, int]
    dates: frozenset[int]
    numbers: frozenset[int]

    def may_be_misspelt(self, value: Value) -> bool:
        """Return whether a value is long enough to be recognised with one edit; digits wrong are another number."""
        return sum(map(len, value)) >= _SPELT_CHARACTERS and any(map(_may_be_misspelt, value))


def index_identifiers(lists: Iterable[Sequence[str]], owners: Iterable[int]) -> RecordedIdentifiers:
    """Return the recorded identifiers with the persons who have them.

    Args:
        lists: identifiers of each row.
        owners: the person of each row.
    """
    listed = [(text, owner) for row, owner in zip(lists, owners, strict=False) for text in row]
    owner_of: dict[Value, Owners] = {}
    for text, owner in listed:
        owner_of.setdefault(_value(text), Owners()).add(owner)
    owner_of.pop((), None)
    number = {value: i for i, value in enumerate(owner_of)}
    whose = list(owner_of.values())
    forms: dict[Entity, int] = {}
    dates, shared, numbers = set[int](), set[int](), set[int]()
    for text in dict.fromkeys(text for text, _ in listed):
        i = number.get(_value(text), MANY)
        if i == MANY:
            continue
        found, is_date = _forms(text)
        for form in found:
            first = forms.setdefault(form, i)
            for owner in whose[i]:
                whose[first].add(owner)
            whose[i] = whose[first]
        kinds = {form.kind for form in found}
        for of_that_kind, is_one in ((dates, is_date), (shared, bool(kinds & {*CONTACT})), (numbers, bool(found))):
            if is_one:
                of_that_kind.add(i)
    return RecordedIdentifiers(
        values=list(owner_of),
        owners=whose,
        number=number,
        forms=forms,
        dates=frozenset(dates),
        numbers=frozenset(numbers - dates - shared),
    )


def _value(text: str) -> Value:
    return tuple(tokens(text)[:_MAX_TOKENS])


def _forms(text: str) -> tuple[set[Entity], bool]:
    """Return what a recorded identifier is in a form that does not depend on how it is written, and if it is a date.

    A date may return as a date or as its digits; anything else by what a pattern finds in it, or by its digits.
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
    """What of the record stands in the synthetic rows that were read.

    Args:
        recorded: what is searched for.
    """

    def __init__(self, recorded: RecordedIdentifiers) -> None:
        self._recorded = recorded
        self._phrases = Phrases(recorded.values)
        spelt = {w for v in recorded.values if recorded.may_be_misspelt(v) for w in v if _may_be_misspelt(w)}
        self._meant_by = lru_cache(_KEPT_WORDS)(Misspellings(sorted(spelt)).meant_by)
        self.values: set[int] = set()
        self.forms: set[Entity] = set()
        self.misspelt: dict[Value, set[int]] = {}

    def read(self, row: RowContent) -> None:
        """Note what stands in a row."""
        if not self._recorded.number:
            return
        self.values.update(value for value, _ in self._phrases.occurrences(row.words))
        self.forms.update(e for e in row.entities | row.numbers if e in self._recorded.forms)
        for written, value in self._misspelt(row.words):
            if written not in self._recorded.number:
                self.misspelt.setdefault(written, set()).add(value)

    def _misspelt(self, words: Sequence[str]) -> Iterator[tuple[Value, int]]:
        """Yield what stands in a row one edit away from a recorded identifier, and the number of that."""
        for at, word in enumerate(words):
            for meant in self._meant_by(word):
                start = max(0, at + 1 - _MAX_TOKENS)
                window = [*words[start:at], meant, *words[at + 1 : at + _MAX_TOKENS]]
                for number, first in self._phrases.occurrences(window):
                    value = self._recorded.values[number]
                    place = at - start - first
                    if 0 <= place < len(value) and self._recorded.may_be_misspelt(value):
                        yield (*value[:place], word, *value[place + 1 :]), number


class OtherOccurrences:
    """In whose texts what is on record stands, or what returned of it misspelt.

    Args:
        recorded: what is searched for.
        in_synthetic: what of it stands in the synthetic table.
    """

    def __init__(self, recorded: RecordedIdentifiers, in_synthetic: SyntheticOccurrences) -> None:
        self._recorded = recorded
        self._written = [*recorded.values, *in_synthetic.misspelt]
        self._phrases = Phrases(self._written)
        self.values: dict[Value, Owners] = {}
        self.forms: dict[Entity, Owners] = {}

    def read(self, row: RowContent, owner: int) -> None:
        """Note what stands in a row of an owner."""
        if not self._recorded.number:
            return
        for number in {number for number, _ in self._phrases.occurrences(row.words)}:
            self.values.setdefault(self._written[number], Owners()).add(owner)
        for entity in row.entities | row.numbers:
            if entity in self._recorded.forms:
                self.forms.setdefault(entity, Owners()).add(owner)
