"""Identifiers recorded before they were replaced: the forms in which they may return, and which of them did."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from audits.identifiers.locations import SearchTerms
from audits.identifiers.misspellings import Misspellings, n_within_one_edit
from audits.identifiers.ownership import MANY
from audits.identifiers.patterns import QUASI, Entity, RowContent, find_entities, find_numbers, only_digits
from audits.identifiers.surprisal import DIGIT_BITS, QUASI_BITS, Surprisal
from audits.text.normalise import normalise, tokens
from audits.text.phrases import Phrases

MAX_COINCIDENCES = 0.01  # expected number of chance occurrences below which an occurrence is a leak
PHANTOM_BITS = 10.0  # rarer than the rarest phantom by this much: chance does it once in 2^10
_MAX_TOKENS = 8  # of a known identifier; a longer one is cut
_DATE_TOKENS = 4  # "9th of March 2024"
_SPELT_CHARACTERS = 8  # of an identifier that is also searched for with one edit
_SPELT_WORD = 4  # characters of the word of it that may be misspelt
_KEPT_WORDS = 1 << 16

Value = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedIdentifiers:
    """The identifiers recorded before replacement that only one person has.

    Args:
        values: their tokens, at most 8.
        owners: the person of each.
        number: the number of each value, and MANY for those that several persons have on record.
        forms: the e-mail, number or date that a value is, however it is written, with the number of the value.
        dates: numbers of the values that are dates.
    """

    values: Sequence[Value]
    owners: Sequence[int]
    number: Mapping[Value, int]
    forms: Mapping[Entity, int]
    dates: frozenset[int]

    def may_be_misspelt(self, value: Value) -> bool:
        """Return whether a value is long enough to be recognised with one edit; digits wrong are another number."""
        return sum(map(len, value)) >= _SPELT_CHARACTERS and any(map(_may_be_misspelt, value))


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticCounts:
    """How many places the synthetic table has: tokens, different numbers of six digits or more, different dates."""

    n_tokens: int
    n_numbers: int
    n_dates: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedHits:
    """Recorded identifiers of train tested, found in S and leaked; those of control found, which are phantoms.

    Args:
        tested: identifiers of train persons that chance would not put into S.
        found: those that stand in S in any form.
        phantoms: identifiers of control persons found.
        hard: identifiers found that are leaks.
        wanted: what of the leaks stands in S, and whose it is.
    """

    tested: int
    found: int
    phantoms: int
    hard: int
    terms: SearchTerms


def index_identifiers(lists: Iterable[Sequence[str]], owners: Iterable[int]) -> RecordedIdentifiers:
    """Return the recorded identifiers of single persons.

    Args:
        lists: identifiers of each row.
        owners: the person of each row.
    """
    listed = [(text, owner) for row, owner in zip(lists, owners, strict=False) for text in row]
    owner_of: dict[Value, int] = {}
    for text, owner in listed:
        value = _value(text)
        owner_of[value] = owner if owner_of.get(value, owner) == owner else MANY
    owner_of.pop((), None)
    values = [value for value, owner in owner_of.items() if owner != MANY]
    number = dict.fromkeys(owner_of, MANY) | {value: i for i, value in enumerate(values)}
    forms: dict[Entity, int] = {}
    dates = set()
    for text, owner in listed:
        i = number.get(_value(text), MANY)
        found, is_date = _forms(text)
        for form in found:
            before = forms.setdefault(form, i)
            if MANY in (before, i) or owner_of[values[before]] != owner:
                forms[form] = MANY
        if is_date and i != MANY:
            dates.add(i)
    return RecordedIdentifiers(
        values=values,
        owners=[owner_of[value] for value in values],
        number=number,
        forms=forms,
        dates=frozenset(dates),
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
        self.misspelt: dict[Value, int] = {}

    def read(self, row: RowContent) -> None:
        """Note what stands in a row; what several persons' identifiers may be misspelt as is nobody's."""
        if not self._recorded.number:
            return
        self.values.update(value for value, _ in self._phrases.standing(row.words))
        self.forms.update(e for e in row.entities | row.numbers if e in self._recorded.forms)
        for written, value in self._misspelt(row.words):
            if written not in self._recorded.number and self.misspelt.setdefault(written, value) != value:
                self.misspelt[written] = MANY

    def _misspelt(self, words: Sequence[str]) -> Iterator[tuple[Value, int]]:
        """Yield what stands in a row one edit away from a recorded identifier, and the number of that."""
        for at, word in enumerate(words):
            for meant in self._meant_by(word):
                start = max(0, at + 1 - _MAX_TOKENS)
                window = [*words[start:at], meant, *words[at + 1 : at + _MAX_TOKENS]]
                for number, first in self._phrases.standing(window):
                    value = self._recorded.values[number]
                    place = at - start - first
                    if 0 <= place < len(value) and self._recorded.may_be_misspelt(value):
                        yield (*value[:place], word, *value[place + 1 :]), number


class OtherOccurrences:
    """What of the record, or of what returned of it misspelt, stands in texts of other persons or of the reference.

    Args:
        recorded: what is searched for.
        in_synthetic: what of it stands in the synthetic table.
    """

    def __init__(self, recorded: RecordedIdentifiers, in_synthetic: SyntheticOccurrences) -> None:
        self._recorded = recorded
        misspelt = {written: i for written, i in in_synthetic.misspelt.items() if i != MANY}
        self._owners = [*recorded.owners, *(recorded.owners[i] for i in misspelt.values())]
        self._written = [*recorded.values, *misspelt]
        self._phrases = Phrases(self._written)
        self.values: set[Value] = set()
        self.forms: set[Entity] = set()

    def read(self, row: RowContent, owner: int) -> None:
        """Note what stands in a row of an owner and is another's."""
        if not self._recorded.number:
            return
        standing = {number for number, _ in self._phrases.standing(row.words)}
        self.values.update(self._written[i] for i in standing if self._owners[i] != owner)
        for entity in row.entities | row.numbers:
            value = self._recorded.forms.get(entity, MANY)
            if value != MANY and self._recorded.owners[value] != owner:
                self.forms.add(entity)


@dataclass(slots=True)
class _Occurrences:
    """What was found of one value: the bits of its rarest form, whether a number or pattern tells it, and where."""

    bits: float = -math.inf
    direct: bool = False
    phrases: list[tuple[Value, str]] = field(default_factory=list)
    entities: list[tuple[Entity, str]] = field(default_factory=list)


class _Chance:
    """How rare the forms of recorded identifiers are, and whether chance would put one into S less than .01 times.

        lambda = (tokens of S) 2^-bits

    An identifier with one edit has the bits of the more likely of the two spellings less log2 of the number of
    strings within one edit. Numbers have as many places as S has different numbers, dates have 15 bits and as many
    places as S has different dates. Of these there are so many, and of numbers no phantom tells how rare they can
    look, that lambda is taken over all identifiers that are searched for in the same way: with 8 digits on record
    for 3,000 persons and in 3,000 synthetic rows, chance alone brings one back in one of eleven tables.
    """

    def __init__(self, recorded: RecordedIdentifiers, counts: SyntheticCounts, surprisal: Surprisal) -> None:
        self._recorded, self._counts, self._surprisal = recorded, counts, surprisal
        self._n_misspelt = sum(map(recorded.may_be_misspelt, recorded.values))
        self._n_numbers = len(
            {i for form, i in recorded.forms.items() if form.key.isdecimal()} - recorded.dates - {MANY}
        )

    def of_value(self, i: int) -> tuple[float, bool]:
        """Return the bits of a value as it is recorded, and whether it is rare enough."""
        if i in self._recorded.dates:
            return self._of_date()
        value = self._recorded.values[i]
        if Entity("number", "".join(value)) in self._recorded.forms:
            return self._of_number("".join(value))
        bits = self._bits(value)
        return bits, self._is_rare(bits, self._counts.n_tokens)

    def of_form(self, form: Entity, i: int) -> tuple[float, bool]:
        """Return the same of a form of a value."""
        if i in self._recorded.dates:
            return self._of_date()
        if form.key.isdecimal():
            return self._of_number(form.key)
        bits = self._surprisal.entity_bits(form)
        return bits, self._is_rare(bits, self._counts.n_tokens)

    def of_misspelt(self, written: Value, i: int) -> tuple[float, bool]:
        """Return the same of a value with one edit."""
        value = self._recorded.values[i]
        n_strings = n_within_one_edit(sum(map(len, value)))
        bits = min(self._bits(value), self._bits(written)) - math.log2(n_strings)
        return bits, self._is_rare(bits, self._counts.n_tokens * self._n_misspelt)

    def _of_number(self, digits: str) -> tuple[float, bool]:
        bits = DIGIT_BITS * len(digits)
        return bits, self._is_rare(bits, self._counts.n_numbers * self._n_numbers)

    def _of_date(self) -> tuple[float, bool]:
        bits = QUASI_BITS["date"]
        return bits, self._is_rare(bits, self._counts.n_dates * len(self._recorded.dates))

    def _bits(self, value: Value) -> float:
        return sum(map(self._surprisal.bits, value))

    @staticmethod
    def _is_rare(bits: float, n_places: int) -> bool:
        return n_places * math.exp2(-bits) < MAX_COINCIDENCES


def judge_recorded(
    recorded: RecordedIdentifiers,
    in_synthetic: SyntheticOccurrences,
    in_others: OtherOccurrences,
    chance: tuple[SyntheticCounts, Surprisal],
    n_train: int,
) -> RecordedHits:
    """Return how many identifiers recorded before replacement can be tested, how many stand in S, how many are leaks.

    Tested are those that no other person's text or list holds and that chance would put into S less than .01 times
    (`_Chance`). What a pattern or a long number finds is a leak. A name or date may be one that the language itself
    repeats, such as a town's, however rare its spelling looks; control's own recorded identifiers say how rare such
    phantoms can look, and a train person's counts where it is rarer by 10 bits, so that chance exceeds them once in
    a thousand. Without any phantom of control, everything found counts.
    """
    rarity = _Chance(recorded, *chance)
    tested, found = _tested(recorded, in_synthetic, in_others, rarity)
    for written, i in in_synthetic.misspelt.items():
        if i != MANY and written not in in_others.values:
            bits, is_rare = rarity.of_misspelt(written, i)
            if is_rare:
                one = found.setdefault(i, _Occurrences())
                one.bits = max(one.bits, bits)
                one.phrases.append((written, "known identifier, misspelt"))
    of_train = {i: one for i, one in found.items() if recorded.owners[i] < n_train}
    phantoms = [one.bits for i, one in found.items() if i not in of_train]
    rare = max(phantoms, default=-math.inf) + PHANTOM_BITS
    hard = {i: one for i, one in of_train.items() if one.direct or one.bits > rare}
    return RecordedHits(
        tested=sum(recorded.owners[i] < n_train for i in tested),
        found=len(of_train),
        phantoms=len(phantoms),
        hard=len(hard),
        terms=SearchTerms(
            {entity: (kind, recorded.owners[i]) for i, one in hard.items() for entity, kind in one.entities},
            {phrase: (kind, recorded.owners[i]) for i, one in hard.items() for phrase, kind in one.phrases},
        ),
    )


def _tested(
    recorded: RecordedIdentifiers, in_synthetic: SyntheticOccurrences, in_others: OtherOccurrences, rarity: _Chance
) -> tuple[set[int], dict[int, _Occurrences]]:
    """Return the values that can be tested as recorded or in another form, and what was found of them."""
    tested, found = set(), {}
    for i, value in enumerate(recorded.values):
        bits, is_rare = rarity.of_value(i)
        if not is_rare or value in in_others.values:
            continue
        tested.add(i)
        if i in in_synthetic.values:
            found[i] = _Occurrences(bits=bits, phrases=[(value, "known identifier")])
    for form, i in recorded.forms.items():
        bits, is_rare = rarity.of_form(form, i) if i != MANY else (0.0, False)
        if not is_rare or form in in_others.forms:
            continue
        tested.add(i)
        if form in in_synthetic.forms:
            one = found.setdefault(i, _Occurrences())
            one.bits = max(one.bits, bits)
            one.direct |= i not in recorded.dates
            one.entities.append((form, "known date" if i in recorded.dates else "known identifier"))
    return tested, found
