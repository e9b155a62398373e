"""Search the synthetic table S for recorded identifiers, and decide which of them are leaks.

A recorded identifier, or value, is a name, number or date that deidentification replaced in a real record. Each
record of train and, optionally, of control has a list of values. The generator never read control. `Occurrences`
searches S and the texts outside S for the values: as recorded, in other notations, and misspelt. `judge_recorded`
keeps the values that identify somebody and are rare (`_Rarity`). `leaking_values` decides which of these are leaks.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from audits.attacks.identifiers import patterns
from audits.attacks.identifiers.common_words import is_titled
from audits.attacks.identifiers.listed.recorded_leaks import Chance, Value, ValueFound, leaking_values
from audits.attacks.identifiers.locations import SearchTerms
from audits.attacks.identifiers.misspellings import Misspellings, n_within_one_edit
from audits.attacks.identifiers.ownership import Owners
from audits.attacks.identifiers.patterns import CONTACT, QUASI, Entity, RowContent
from audits.attacks.identifiers.surprisal import DIGIT_BITS, QUASI_BITS, Surprisal, date_bits
from audits.text.normalise import normalise, tokens
from audits.text.phrases import Phrases

MAX_COINCIDENCES = 0.01  # an identifier is rare if fewer than .01 occurrences are expected by chance (`_Rarity`)
_MAX_TOKENS = 8  # a recorded identifier is cut to its first 8 tokens
_MAX_DATE_TOKENS = 4  # an identifier of at most 4 tokens that contains a date is a date ("9th of March 2024")
_MIN_EDITED_CHARACTERS = 8  # misspellings of shorter identifiers are not searched for
_MIN_EDITED_LETTERS = 4  # shorter words of an identifier, and words with digits, must match exactly
_CACHED_WORDS = 1 << 16  # number of words whose look-up in `Misspellings` is cached
_Candidate = tuple[
    int,  # index of a value
    Value | Entity,  # a term: the value itself or one of its forms
    Iterable[int],  # all owners of the form (`Occurrences.owners_of_form`); empty if the term is a value
    bool,  # whether the term is in S
    tuple[float, bool],  # bits of the term, and whether it is rare
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedIdentifiers:
    """An index of the recorded identifiers.

    - A value is an identifier as recorded, such as "MRN 482-133". The index of a value is its position in `values`.
    - A form is a number, contact or direct identifier that a value contains, or the date if the value is a date. It
      is the same in every notation: "482-133" and "482 133" have the form 482133.
    - A personal number is a value that is not a date, has a form, and has no contact (`CONTACT`) among its forms.
    """

    values: Sequence[Value]  # the tokens of each value, at most 8
    # owners of each value; if the value has forms, the owners of its form with the fewest owners
    owners: Sequence[Owners]
    owners_of_form: Mapping[Entity, Owners]  # owners of the values that have each form
    index_of: Mapping[Value, int]  # index of each value
    forms: Mapping[Entity, int]  # index of the first value with each form
    dates: frozenset[int]  # indices of the values that are dates
    personal_numbers: frozenset[int]  # indices of the values that are personal numbers

    def may_be_misspelt(self, value: Value) -> bool:
        """Return whether to search for misspellings of a value.

        The value must have at least 8 characters, and a word of at least 4 letters that has no digits.
        """
        return sum(map(len, value)) >= _MIN_EDITED_CHARACTERS and any(map(_may_be_misspelt, value))


def index_identifiers(lists: Iterable[Sequence[str]], owners: Iterable[int]) -> RecordedIdentifiers:
    """Return an index of the identifiers in `lists` (one list for each record); `owners` are the records' owners."""
    listed = [(text, owner) for row, owner in zip(lists, owners, strict=False) for text in row]
    owners_by_value: dict[Value, Owners] = {}
    for text, owner in listed:
        owners_by_value.setdefault(_value(text), Owners()).add(owner)
    owners_by_value.pop((), None)
    index_of = {value: i for i, value in enumerate(owners_by_value)}
    own = list(owners_by_value.values())
    forms: dict[Entity, int] = {}
    owners_by_form, forms_by_value = defaultdict[Entity, Owners](Owners), defaultdict[int, set[Entity]](set)
    dates, contacts = set[int](), set[int]()
    for text in dict.fromkeys(text for text, _ in listed):
        i = index_of.get(_value(text))
        if i is None:
            continue
        forms_of_text, is_date = _forms(text)
        for form in forms_of_text:
            forms.setdefault(form, i)
            forms_by_value[i].add(form)
            for owner in own[i]:
                owners_by_form[form].add(owner)
        if is_date:
            dates.add(i)
        if {form.kind for form in forms_of_text} & {*CONTACT}:
            contacts.add(i)
    # a common form of a value, such as the telephone number of a hospital, must not hide a rare form
    for i, found in forms_by_value.items():
        own[i] = min((owners_by_form[form] for form in sorted(found)), key=len)
    return RecordedIdentifiers(
        values=list(owners_by_value),
        owners=own,
        owners_of_form=owners_by_form,
        index_of=index_of,
        forms=forms,
        dates=frozenset(dates),
        personal_numbers=frozenset(forms_by_value.keys() - dates - contacts),
    )


def _value(text: str) -> Value:
    return tuple(tokens(text)[:_MAX_TOKENS])


def _forms(text: str) -> tuple[set[Entity], bool]:
    """Return the forms of an identifier (`RecordedIdentifiers`), and whether it is a date."""
    normalised = normalise(text)
    entities = {match.entity for match in patterns.find_entities(normalised)}
    forms = {match.entity for match in patterns.find_numbers(normalised)}
    digits = patterns.only_digits(normalised)
    if digits is not None:
        forms.add(digits)
    dates = {entity for entity in entities if entity.kind == "date"}
    if dates and len(tokens(normalised)) <= _MAX_DATE_TOKENS:
        return forms | dates, True
    return forms | {entity for entity in entities if entity.kind not in QUASI}, False


def _may_be_misspelt(word: str) -> bool:
    return len(word) >= _MIN_EDITED_LETTERS and word.isalpha()


class Occurrences:
    """Occurrences of recorded identifiers in S and in texts outside S."""

    def __init__(self, recorded: RecordedIdentifiers) -> None:
        self.recorded = recorded
        self.values: set[int] = set()  # indices of the values that occur in S as recorded
        self.forms: set[Entity] = set()  # forms that occur in S
        self.titled: set[int] = set()  # indices of the values that occur in S after a title, such as "Mrs"
        self.together: list[frozenset[int]] = []  # indices of the values in each row of S with two or more values
        self.misspelt: dict[Value, set[int]] = {}  # key: misspelling in S; value: indices of values one edit away
        self.value_owners: dict[Value, Owners] = {}  # owners of texts outside S with each value or misspelling
        self.form_owners: dict[Entity, Owners] = {}  # owners of the texts outside S with each form
        self._phrases = Phrases(recorded.values)
        words = {w for v in recorded.values if recorded.may_be_misspelt(v) for w in v if _may_be_misspelt(w)}
        self._one_edit_away = lru_cache(_CACHED_WORDS)(Misspellings(sorted(words)).look_up)

    def read_synthetic(self, row: RowContent) -> None:
        """Add the recorded identifiers of a synthetic row."""
        if not self.recorded.index_of:
            return
        places = list(self._phrases.occurrences(row.words))  # (index of the value, index of its first word)
        self.values.update(i for i, _ in places)
        self.titled.update(i for i, at in places if is_titled(row.words, at))
        if len(in_row := frozenset(i for i, _ in places)) > 1:
            self.together.append(in_row)
        self.forms.update(entity for entity in row.entities | row.numbers if entity in self.recorded.forms)
        for spelling, i in self._misspelt_in(row.words):
            if spelling not in self.recorded.index_of:
                self.misspelt.setdefault(spelling, set()).add(i)

    def read_other(self, row: RowContent, owner: int) -> None:
        """Add the recorded identifiers of a row that is not in S and belongs to `owner`."""
        phrases, spellings = self._spellings
        for i in {i for i, _ in phrases.occurrences(row.words)}:
            self.value_owners.setdefault(spellings[i], Owners()).add(owner)
        for entity in row.entities | row.numbers:
            if entity in self.recorded.forms:
                self.form_owners.setdefault(entity, Owners()).add(owner)

    def owners_of_form(self, form: Entity) -> Owners:
        """Return the owners of the values that have a form, and of the texts outside S that contain it."""
        return Owners((*self.recorded.owners_of_form[form], *self.form_owners.get(form, ())))

    def persons(self, i: int, sizes: tuple[int, int], further: Iterable[int] = ()) -> tuple[list[int], list[int]]:
        """Return the train persons and the control persons whom an occurrence of value `i` identifies.

        A value identifies its owners, with two exceptions:
        - A value with more than ten owners or in public text, or a date with several owners, identifies no person.
        - A value that both train and control persons own identifies only the train owners if it is a personal number,
          and no person if it is not.

        `sizes` is (number of train persons, number of train and control persons). `further` has additional owners,
        such as the owners of texts that contain a form of the value.
        """
        text_owners = self.value_owners.get(self.recorded.values[i], ())
        owners = Owners((*self.recorded.owners[i], *text_owners, *further))
        train, control = owners.split(*sizes)
        if i in self.recorded.dates and len([*owners]) > 1:
            return [], []
        if train and control:
            return (train, []) if i in self.recorded.personal_numbers else ([], [])
        return train, control

    def by_chance(self, i: int, sizes: tuple[int, int], term: Value | Entity) -> list[int]:
        """Return the train persons for whom a value or form is recorded, if it occurs in control texts by chance.

        `term` is value `i` or one of its forms. The list is empty if the value and the form do not occur in control
        texts, have more than ten owners, occur in public text, or are recorded for a control person. `sizes` is as in
        `persons`.
        """
        recorded, in_texts = {*self.recorded.owners[i]}, [*self.value_owners.get(self.recorded.values[i], ())]
        if isinstance(term, Entity):
            recorded.update(self.recorded.owners_of_form[term])
            in_texts += self.form_owners.get(term, ())
        _, control = Owners((*recorded, *in_texts)).split(*sizes)
        return sorted(recorded) if control and max(recorded) < sizes[0] else []

    @cached_property
    def _spellings(self) -> tuple[Phrases, Sequence[Value]]:
        """The search for all values and misspellings, and their list; made after all rows of S have been read."""
        spellings = [*self.recorded.values, *self.misspelt]
        return Phrases(spellings), spellings

    def _misspelt_in(self, words: Sequence[str]) -> Iterator[tuple[Value, int]]:
        """Yield each spelling in a row that is one edit away from a value, with the index of the value."""
        for at, word in enumerate(words):
            for corrected in self._one_edit_away(word):
                start = max(0, at + 1 - _MAX_TOKENS)
                window = [*words[start:at], corrected, *words[at + 1 : at + _MAX_TOKENS]]
                for i, first in self._phrases.occurrences(window):
                    value = self.recorded.values[i]
                    place = at - start - first
                    if 0 <= place < len(value) and self.recorded.may_be_misspelt(value):
                        yield (*value[:place], word, *value[place + 1 :]), i


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticCounts:
    """Sizes of S and control, from which the number of chance matches is computed."""

    n_tokens: int  # tokens of S
    n_numbers: int  # different numbers of at least six digits in S
    n_dates: int  # different dates in S
    n_control_tokens: int = 0  # tokens of control texts

    @property
    def share_of_synthetic(self) -> float:
        """The share of S among the tokens of S and of control."""
        return self.n_tokens / max(self.n_tokens + self.n_control_tokens, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedHits:
    """The result of `judge_recorded`."""

    tested: int  # number of identifiers that can be tested (`judge_recorded`) and identify train persons
    found: int  # number of rare identifiers in S, in any form or misspelt, that identify train persons
    of_control: int  # number of rare identifiers in S that identify only control persons
    n_leaks: int  # number of identifiers that are leaks
    terms: SearchTerms  # the leaks as they occur in S, with their owners


class _Rarity:
    """The rarity of recorded identifiers. Each `of_` method returns (bits, whether the identifier is rare).

    An identifier is rare if lambda, the expected number of chance matches, is below .01. An identifier of n bits
    matches one place (a number, date or token of S) by chance with probability 2^-n:

        lambda = (places in S) × (identifiers searched for) × 2^-bits

        identifier           places in S         identifiers searched for       bits
        number               different numbers   recorded numbers               log2 10 for each digit
        date                 different dates     recorded dates                 15
        any other form       tokens              1                              `Surprisal.entity_bits`
        any other value      tokens              1                              sum of `Surprisal.bits` of the words;
                                                                                for several words, at most `date_bits`
        misspelt value       tokens              values that may be misspelt    lower bits of the two spellings, minus
                                                                                log2 of `n_within_one_edit`
    """

    def __init__(self, recorded: RecordedIdentifiers, counts: SyntheticCounts, surprisal: Surprisal) -> None:
        self._recorded, self._counts, self._surprisal = recorded, counts, surprisal
        self._n_misspelt = sum(map(recorded.may_be_misspelt, recorded.values))
        self._n_numbers = len({i for form, i in recorded.forms.items() if form.key.isdecimal()} - recorded.dates)

    def of_value(self, i: int) -> tuple[float, bool]:
        value = self._recorded.values[i]
        digits = Entity("number", "".join(value))
        if i in self._recorded.dates or digits in self._recorded.forms:
            return self.of_form(digits, i)
        bits = self._bits(value)
        return bits, self._is_rare(bits, self._counts.n_tokens)

    def of_form(self, form: Entity, i: int) -> tuple[float, bool]:
        if i in self._recorded.dates:
            bits, n_places = QUASI_BITS["date"], self._counts.n_dates * len(self._recorded.dates)
        elif form.key.isdecimal():
            bits, n_places = DIGIT_BITS * len(form.key), self._counts.n_numbers * self._n_numbers
        else:
            bits, n_places = self._surprisal.entity_bits(form), self._counts.n_tokens
        return bits, self._is_rare(bits, n_places)

    def of_misspelt(self, spelling: Value, i: int) -> tuple[float, bool]:
        value = self._recorded.values[i]
        n_strings = n_within_one_edit(sum(map(len, value)))
        bits = min(self._bits(value), self._bits(spelling)) - math.log2(n_strings)
        return bits, self._is_rare(bits, self._counts.n_tokens * self._n_misspelt)

    def _bits(self, value: Value) -> float:
        bits = sum(map(self._surprisal.bits, value))
        # `date_bits` is not applied to a single word: "may" can be a name, and `leaking_values` judges such words
        return min(bits, date_bits(value)) if len(value) > 1 else bits

    @staticmethod
    def _is_rare(bits: float, n_places: int) -> bool:
        return n_places * math.exp2(-bits) < MAX_COINCIDENCES


def judge_recorded(
    occurrences: Occurrences, counts: SyntheticCounts, surprisal: Surprisal, n_train: int, n_persons: int
) -> RecordedHits:
    """Return how many recorded identifiers can be tested, how many occur in S, and how many are leaks.

    An identifier is tested if
    - at most ten persons (for a date: one) have it in their recorded identifiers or texts, and public text lacks it;
    - these persons are all in train or all in control, or it is the personal number of a train person; and
    - it is rare as recorded or in one of its forms (`_Rarity`).
    `leaking_values` judges the tested identifiers in S, and the identifiers with a rare misspelling in S.
    """
    recorded, sizes = occurrences.recorded, (n_train, n_persons)
    rarity = _Rarity(recorded, counts, surprisal)
    candidates: list[_Candidate] = [
        *((i, value, (), i in occurrences.values, rarity.of_value(i)) for i, value in enumerate(recorded.values)),
        *(
            (i, form, occurrences.owners_of_form(form), form in occurrences.forms, rarity.of_form(form, i))
            for form, i in recorded.forms.items()
        ),
    ]
    tested, occurring = set[int](), defaultdict[int, ValueFound](ValueFound)
    in_control = defaultdict[int, ValueFound](ValueFound)  # values of train persons in control texts but not in S
    for i, term, form_owners, is_in_s, (bits, is_rare) in candidates:
        persons = occurrences.persons(i, sizes, form_owners)
        if is_rare and any(persons):
            tested.add(i)
            if is_in_s:
                kind = "known date" if i in recorded.dates and isinstance(term, Entity) else "known identifier"
                occurring[i].add(term, kind, persons, bits)
        elif is_rare and not is_in_s and (owners := occurrences.by_chance(i, sizes, term)):
            in_control[i].add(term, "", ([], owners), bits)
    for spelling, values in occurrences.misspelt.items():
        i = min(values)
        bits, is_rare = rarity.of_misspelt(spelling, i)
        owners = [owner for number in values for owner in recorded.owners[number]]
        persons = occurrences.persons(i, sizes, [*occurrences.value_owners.get(spelling, ()), *owners])
        if is_rare and any(persons):
            occurring[i].add(spelling, "known identifier, misspelt", persons, bits)
    n_tested = sum(occurrences.persons(i, sizes)[0] != [] for i in tested)
    n_of_train = sum(bool(occurrence.train) for occurrence in occurring.values())
    share = n_tested / max(len(tested), 1)
    # `share` is the fraction of tested values that identify train persons. If it is 1, no tested value belongs to
    # control persons only, so chance is estimated from the values of train persons that occur in control texts.
    by_chance = [value for i, value in in_control.items() if i not in occurring] if share == 1 else []
    chance = Chance(share=share, values=by_chance, share_of_synthetic=counts.share_of_synthetic)
    leaks = leaking_values(
        occurring, recorded.values, recorded.personal_numbers, occurrences.titled, occurrences.together, chance
    )
    terms = [(term, (kind, sorted(leak.train))) for leak in leaks for term, kind in leak.terms]
    return RecordedHits(
        tested=n_tested,
        found=n_of_train,
        of_control=len(occurring) - n_of_train,
        n_leaks=len(leaks),
        terms=SearchTerms(
            {term: kind_and_owners for term, kind_and_owners in terms if isinstance(term, Entity)},
            {term: kind_and_owners for term, kind_and_owners in terms if not isinstance(term, Entity)},
        ),
    )
