"""Determine which identifiers recorded before replacement are leaks, by their rarity, owners and control."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from audits.attacks.identifiers.locations import SearchTerms
from audits.attacks.identifiers.misspellings import n_within_one_edit
from audits.attacks.identifiers.ownership import MIN_NAMES, Owners, exceeds_control
from audits.attacks.identifiers.patterns import Entity
from audits.attacks.identifiers.recorded import OtherOccurrences, RecordedIdentifiers, SyntheticOccurrences, Value
from audits.attacks.identifiers.surprisal import DIGIT_BITS, QUASI_BITS, Surprisal

MAX_COINCIDENCES = 0.01  # an occurrence is a leak if chance is expected to produce fewer
COMPARABLE_BITS = 10.0  # a name rarer by more than this occurs by chance once in 2^10


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticCounts:
    """Number of places in the synthetic table: tokens, different numbers of six digits or more, different dates."""

    n_tokens: int
    n_numbers: int
    n_dates: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedHits:
    """Numbers of recorded identifiers, and where to locate the leaks."""

    tested: int  # identifiers of train persons that chance would not produce in S
    found: int  # those that occur in S in any form
    of_control: int  # identifiers of control persons that occur in S
    hard: int  # leaks
    terms: SearchTerms  # the leaks as they occur in S, with their owners


@dataclass(slots=True)
class _Occurrences:
    """Occurrences of one value in S."""

    train: set[int] = field(default_factory=set)  # owners
    control: set[int] = field(default_factory=set)
    bits: float = -math.inf  # of its rarest form
    direct: bool = False  # found as a form that is no date
    phrases: list[tuple[Value, str]] = field(default_factory=list)
    entities: list[tuple[Entity, str]] = field(default_factory=list)


class _Chance:
    """Bits of recorded identifiers, and whether chance would produce one in S less than .01 times.

        lambda = (tokens of S) 2^-bits

    An identifier with one edit has the bits of the more likely of the two spellings less log2 of the number of
    strings within one edit. Numbers have as many places as S has different numbers. Dates have 15 bits and as many
    places as S has different dates. For these three kinds lambda is taken over all identifiers that are searched for
    in the same way, because there are many of them, and no number of control shows how rare a number can look: with 8
    digits recorded for 3,000 persons and in 3,000 synthetic rows, chance produces one of them in one of eleven
    tables.
    """

    def __init__(self, recorded: RecordedIdentifiers, counts: SyntheticCounts, surprisal: Surprisal) -> None:
        self._recorded, self._counts, self._surprisal = recorded, counts, surprisal
        self._n_misspelt = sum(map(recorded.may_be_misspelt, recorded.values))
        self._n_numbers = len({i for form, i in recorded.forms.items() if form.key.isdecimal()} - recorded.dates)

    def of_value(self, i: int) -> tuple[float, bool]:
        """Return the bits of a value as it is recorded, and whether it is rare enough."""
        value = self._recorded.values[i]
        digits = Entity("number", "".join(value))
        if i in self._recorded.dates or digits in self._recorded.forms:
            return self.of_form(digits, i)
        bits = self._bits(value)
        return bits, self._is_rare(bits, self._counts.n_tokens)

    def of_form(self, form: Entity, i: int) -> tuple[float, bool]:
        """Return the bits of a form of a value, and whether it is rare enough."""
        if i in self._recorded.dates:
            bits, n_places = QUASI_BITS["date"], self._counts.n_dates * len(self._recorded.dates)
        elif form.key.isdecimal():
            bits, n_places = DIGIT_BITS * len(form.key), self._counts.n_numbers * self._n_numbers
        else:
            bits, n_places = self._surprisal.entity_bits(form), self._counts.n_tokens
        return bits, self._is_rare(bits, n_places)

    def of_misspelt(self, spelling: Value, i: int) -> tuple[float, bool]:
        """Return the bits of a value with one edit, and whether it is rare enough."""
        value = self._recorded.values[i]
        n_strings = n_within_one_edit(sum(map(len, value)))
        bits = min(self._bits(value), self._bits(spelling)) - math.log2(n_strings)
        return bits, self._is_rare(bits, self._counts.n_tokens * self._n_misspelt)

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
    n_persons: int,
) -> RecordedHits:
    """Return how many identifiers recorded before replacement can be tested, how many occur in S, how many are leaks.

    An identifier is tested if at most ten persons have it, recorded or in their texts, if none of them is of control,
    and if chance would produce it in S less than .01 times (`_Chance`). A number that belongs to one person by its
    kind is tested although control has it as well. An occurrence found by a pattern or a long number is a leak.

    A name or date may be one that the language itself repeats, such as the name of a town, however rare its spelling
    looks. The recorded identifiers of control show how often this happens: a name of train is a leak unless names of
    control that are about as rare explain it (`exceeds_control`). A far longer name of control explains none.
    """
    rarity = _Chance(recorded, *chance)
    ownership = _Ownership(recorded, in_others, (n_train, n_persons))
    tested, found = _tested(recorded, in_synthetic, ownership, rarity)
    for spelling, values in in_synthetic.misspelt.items():
        i = min(values)
        bits, is_rare = rarity.of_misspelt(spelling, i)
        others = [*in_others.values.get(spelling, ()), *(o for other in values for o in recorded.owners[other])]
        if is_rare and ownership.add_hit(found, i, others, bits):
            found[i].phrases.append((spelling, "known identifier, misspelt"))
    of_train = {i: one for i, one in found.items() if one.train}
    n_tested = sum(ownership.of(i)[0] != [] for i in tested)
    share = n_tested / max(len(tested), 1)
    hard = [one for one in of_train.values() if one.direct or _is_leak(one, found.values(), share)]
    return RecordedHits(
        tested=n_tested,
        found=len(of_train),
        of_control=len(found) - len(of_train),
        hard=len(hard),
        terms=SearchTerms(
            {entity: (kind, sorted(one.train)) for one in hard for entity, kind in one.entities},
            {phrase: (kind, sorted(one.train)) for one in hard for phrase, kind in one.phrases},
        ),
    )


class _Ownership:
    """Owners of identifiers that only train or only control has; a number counts even if both have it."""

    def __init__(self, recorded: RecordedIdentifiers, in_others: OtherOccurrences, sizes: tuple[int, int]) -> None:
        self._recorded, self.in_others, self._sizes = recorded, in_others, sizes

    def of(self, i: int, others: Iterable[int] = ()) -> tuple[list[int], list[int]]:
        """Return the train persons and the control persons whom an occurrence of a value identifies."""
        writers = self.in_others.values.get(self._recorded.values[i], ())
        owners = Owners((*self._recorded.owners[i], *writers, *others))
        train, control = owners.sides(*self._sizes)
        if i in self._recorded.dates and len([*owners]) > 1:  # many people share a day
            return [], []
        if train and control:
            return (train, []) if i in self._recorded.numbers else ([], [])
        return train, control

    def add_hit(self, found: dict[int, _Occurrences], i: int, others: Iterable[int], bits: float) -> bool:
        """Add an occurrence of a value if it identifies anybody; return whether it does."""
        train, control = self.of(i, others)
        if not train and not control:
            return False
        one = found.setdefault(i, _Occurrences())
        one.train.update(train)
        one.control.update(control)
        one.bits = max(one.bits, bits)
        return True


def _is_leak(one: _Occurrences, found: Iterable[_Occurrences], share: float) -> bool:
    """Return whether occurrences of train that are about as rare as this one exceed those of control."""
    alike = [o for o in found if -COMPARABLE_BITS <= o.bits - one.bits <= 2 * COMPARABLE_BITS]
    train = {person for o in alike for person in o.train}
    control = {person for o in alike for person in o.control}
    return exceeds_control(len(train), len(control), share, minimum=MIN_NAMES)


def _tested(
    recorded: RecordedIdentifiers, in_synthetic: SyntheticOccurrences, ownership: _Ownership, rarity: _Chance
) -> tuple[set[int], dict[int, _Occurrences]]:
    """Return the values that can be tested as recorded or in another form, and their occurrences."""
    tested, found = set[int](), dict[int, _Occurrences]()
    for i, value in enumerate(recorded.values):
        bits, is_rare = rarity.of_value(i)
        if not is_rare or ownership.of(i) == ([], []):
            continue
        tested.add(i)
        if i in in_synthetic.values and ownership.add_hit(found, i, (), bits):
            found[i].phrases.append((value, "known identifier"))
    for form, i in recorded.forms.items():
        bits, is_rare = rarity.of_form(form, i)
        others = ownership.in_others.forms.get(form, ())
        if not is_rare or ownership.of(i, others) == ([], []):
            continue
        tested.add(i)
        if form in in_synthetic.forms and ownership.add_hit(found, i, others, bits):
            found[i].direct |= i not in recorded.dates
            found[i].entities.append((form, "known date" if i in recorded.dates else "known identifier"))
    return tested, found
