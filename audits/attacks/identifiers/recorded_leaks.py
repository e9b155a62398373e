"""Which identifiers recorded before they were replaced are leaks: how rare, whose, and what control explains."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from audits.attacks.identifiers.locations import SearchTerms
from audits.attacks.identifiers.misspellings import n_within_one_edit
from audits.attacks.identifiers.ownership import Owners
from audits.attacks.identifiers.patterns import Entity
from audits.attacks.identifiers.phantoms import FEW_NAMES, beyond_phantoms
from audits.attacks.identifiers.recorded import OtherOccurrences, RecordedIdentifiers, SyntheticOccurrences, Value
from audits.attacks.identifiers.surprisal import DIGIT_BITS, QUASI_BITS, Surprisal

MAX_COINCIDENCES = 0.01  # expected number of chance occurrences below which an occurrence is a leak
PHANTOM_BITS = 10.0  # rarer by this much: chance does it once in 2^10


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


@dataclass(slots=True)
class _Occurrences:
    """What was found of one value: whose, the bits of its rarest form, whether a pattern tells it, and where."""

    train: set[int] = field(default_factory=set)
    control: set[int] = field(default_factory=set)
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
        self._n_numbers = len({i for form, i in recorded.forms.items() if form.key.isdecimal()} - recorded.dates)

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
    n_persons: int,
) -> RecordedHits:
    """Return how many identifiers recorded before replacement can be tested, how many stand in S, how many are leaks.

    Tested are those that at most ten persons have on record or in their texts, none of them of control, and that
    chance would put into S less than .01 times (`_Chance`). A number that is one person's by its kind is tested
    though control has it as well. What a pattern or a long number finds is a leak. A name or date may be one that the
    language itself repeats, such as a town's, however rare its spelling looks; control's own recorded identifiers
    say how often one that is about as rare does, and a train person's is a leak unless they explain it
    (`beyond_phantoms`). A far longer name of control explains none.
    """
    rarity = _Chance(recorded, *chance)
    whose = _Whose(recorded, in_others, n_train, n_persons)
    tested, found = _tested(recorded, in_synthetic, whose, rarity)
    for written, values in in_synthetic.misspelt.items():
        i = min(values)
        bits, is_rare = rarity.of_misspelt(written, i)
        others = [*in_others.values.get(written, ()), *(o for other in values for o in recorded.owners[other])]
        if is_rare and whose.note(found, i, others, bits):
            found[i].phrases.append((written, "known identifier, misspelt"))
    of_train = {i: one for i, one in found.items() if one.train}
    share = sum(whose.of(i)[0] != [] for i in tested) / max(len(tested), 1)
    hard = {i: one for i, one in of_train.items() if one.direct or _is_leak(one, found.values(), share)}
    return RecordedHits(
        tested=sum(whose.of(i)[0] != [] for i in tested),
        found=len(of_train),
        phantoms=len(found) - len(of_train),
        hard=len(hard),
        terms=SearchTerms(
            {entity: (kind, sorted(one.train)) for one in hard.values() for entity, kind in one.entities},
            {phrase: (kind, sorted(one.train)) for one in hard.values() for phrase, kind in one.phrases},
        ),
    )


class _Whose:
    """Whose an identifier is: persons of train alone or of control alone; a number also if both have it."""

    def __init__(
        self, recorded: RecordedIdentifiers, in_others: OtherOccurrences, n_train: int, n_persons: int
    ) -> None:
        self._recorded, self._in_others, self._sizes = recorded, in_others, (n_train, n_persons)

    def of(self, i: int, others: Iterable[int] = ()) -> tuple[list[int], list[int]]:
        """Return the train persons and the control persons a value is the leak or the phantom of."""
        stands = self._in_others.values.get(self._recorded.values[i], ())
        owners = Owners((*self._recorded.owners[i], *stands, *others))
        train, control = owners.sides(*self._sizes)
        if i in self._recorded.dates and len([*owners]) > 1:  # many people share a day
            return [], []
        if train and control:
            return (train, []) if i in self._recorded.numbers else ([], [])
        return train, control

    def with_form(self, form: Entity) -> Iterable[int]:
        """Return in whose texts a form of a value stands."""
        return self._in_others.forms.get(form, ())

    def note(self, found: dict[int, _Occurrences], i: int, others: Iterable[int], bits: float) -> bool:
        """Note that a value was found, if it is anybody's; return whether it is."""
        train, control = self.of(i, others)
        if not train and not control:
            return False
        one = found.setdefault(i, _Occurrences())
        one.train.update(train)
        one.control.update(control)
        one.bits = max(one.bits, bits)
        return True


def _is_leak(one: _Occurrences, found: Iterable[_Occurrences], share: float) -> bool:
    """Return whether a name or date of train is more than what control's that are about as rare explain."""
    alike = [o for o in found if -PHANTOM_BITS <= o.bits - one.bits <= 2 * PHANTOM_BITS]
    train = {person for o in alike for person in o.train}
    control = {person for o in alike for person in o.control}
    return beyond_phantoms(len(train), len(control), share, few=FEW_NAMES)


def _tested(
    recorded: RecordedIdentifiers, in_synthetic: SyntheticOccurrences, whose: _Whose, rarity: _Chance
) -> tuple[set[int], dict[int, _Occurrences]]:
    """Return the values that can be tested as recorded or in another form, and what was found of them."""
    tested, found = set[int](), dict[int, _Occurrences]()
    for i, value in enumerate(recorded.values):
        bits, is_rare = rarity.of_value(i)
        if not is_rare or whose.of(i) == ([], []):
            continue
        tested.add(i)
        if i in in_synthetic.values and whose.note(found, i, (), bits):
            found[i].phrases.append((value, "known identifier"))
    for form, i in recorded.forms.items():
        bits, is_rare = rarity.of_form(form, i)
        others = whose.with_form(form)
        if not is_rare or whose.of(i, others) == ([], []):
            continue
        tested.add(i)
        if form in in_synthetic.forms and whose.note(found, i, others, bits):
            found[i].direct |= i not in recorded.dates
            found[i].entities.append((form, "known date" if i in recorded.dates else "known identifier"))
    return tested, found
