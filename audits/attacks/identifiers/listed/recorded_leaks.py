"""Decide which recorded identifiers in the synthetic table S are leaks.

A recorded identifier, or value, is a name, number or date that was replaced in a real record. A value can occur in S
as a spelling (its words, which may be misspelt), or as a form: an e-mail address, URL, number or date in any
notation. The values of train persons in S are compared with chance occurrences: values of control persons in S, or
values of train persons in control texts. Numbers, ordinary words and other values are judged separately.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from audits.attacks.identifiers.common_words import CommonWord, is_ordinary_word, leaking_words
from audits.attacks.identifiers.ownership import MIN_NAMES, MIN_NUMBERS
from audits.attacks.identifiers.patterns import Entity
from audits.core.stats import exceeds_control

# `_is_leak` compares a value with values of similar surprisal. A value with n bits of surprisal matches an unrelated
# string with probability 2^-n. The limits of the difference are 10 bits, 20 bits, and 40 % of the bits of the value.
COMPARABLE_BITS, COMPARABLE_SHARE = 10.0, 0.4
Value = tuple[str, ...]  # the tokens of a recorded identifier


@dataclass(slots=True)
class ValueFound:
    """A recorded value that occurs in S, or by chance in control texts (`Chance.values`)."""

    train: set[int] = field(default_factory=set)  # train persons whom the value identifies
    # control persons whom the value identifies; in `Chance.values`, the train persons for whom it is recorded
    control: set[int] = field(default_factory=set)
    bits: float = -math.inf  # surprisal of the rarest spelling or form, in bits
    is_direct: bool = False  # whether the value occurs in S as a form other than a date
    terms: list[tuple[Value | Entity, str]] = field(default_factory=list)  # spellings and forms, with their kinds

    def add(self, term: Value | Entity, kind: str, persons: tuple[list[int], list[int]], bits: float) -> None:
        """Add a spelling or form, with the train persons and the control persons whom it identifies."""
        self.train.update(persons[0])
        self.control.update(persons[1])
        self.bits = max(self.bits, bits)
        self.is_direct |= isinstance(term, Entity) and kind != "known date"
        self.terms.append((term, kind))


@dataclass(frozen=True, slots=True, kw_only=True)
class Chance:
    """Evidence of how many recorded values of train persons occur in S by chance.

    With a list of identifiers of control (`--control-identifiers`), the evidence consists of the values of control
    persons in S, and `values` is empty. Without such a list, the evidence consists of `values`: the values of train
    persons that occur in control texts but not in S.
    """

    share: float  # share of train among the tested values; 1 if no value of control was tested
    values: Sequence[ValueFound] = ()
    share_of_synthetic: float = 1.0  # share of S among the tokens of S and of control

    @property
    def has_control_list(self) -> bool:
        """Whether values of control persons were tested."""
        return self.share < 1


def leaking_values(
    occurring: Mapping[int, ValueFound],
    values: Sequence[Value],
    numbers: Collection[int],
    titled: Collection[int],
    together: Iterable[frozenset[int]],
    chance: Chance,
) -> list[ValueFound]:
    """Return the leaks among the recorded values in S. Only values that identify a train person can be leaks.

    - Personal numbers that chance explains (`_numbers_by_chance`) are no leaks. All other values that S contains as
      an e-mail address, URL or number (`ValueFound.is_direct`) are leaks.
    - Single ordinary words, such as "May", are judged by `leaking_words` if values of control were tested. A word
      that S has after a title, such as "Mrs", is judged like a name.
    - All other values, such as names and dates, are compared with values that occur by chance (`_is_leak`), because a
      value that looks rare may be in common use, such as the name of a town.

    Args:
        occurring: the values in S, by their index in `values`.
        values: the tokens of all recorded values.
        numbers: indices of the values that are personal numbers (`RecordedIdentifiers`).
        titled: indices of the values that occur in S after a title.
        together: for each row of S with two or more values, the indices of these values.
        chance: evidence of how many values occur in S by chance.
    """
    common = {i for i in occurring if is_ordinary_word(values[i]) and i not in titled and chance.has_control_list}
    words = {i: CommonWord(values[i][0], occurring[i].train, occurring[i].control) for i in common}
    leaking = leaking_words(words, together, chance.share)
    compared = [*(value for i, value in occurring.items() if i not in common), *chance.values]
    share = chance.share if chance.has_control_list else chance.share_of_synthetic
    is_leak = partial(_is_leak, has_control_list=chance.has_control_list)
    explained = _numbers_by_chance({i: occurring[i] for i in occurring if i in numbers}, values, chance.share)
    return [
        value
        for i, value in occurring.items()
        if value.train
        and i not in explained
        and (value.is_direct or (i in leaking if i in common else is_leak(value, compared, share)))
    ]


def _numbers_by_chance(personal_numbers: Mapping[int, ValueFound], values: Sequence[Value], share: float) -> set[int]:
    """Return the indices of the personal numbers in S that chance explains.

    Numbers with equally many digits are tested together. All of them are returned if none is from train, or if at
    least two (`MIN_NUMBERS`) are from control and those from train are not significantly more (`exceeds_control`).
    """
    groups = defaultdict[int, list[int]](list)
    for i in personal_numbers:
        groups[sum(map(str.isdecimal, "".join(values[i])))].append(i)
    explained = set[int]()
    for alike in groups.values():
        n_train = sum(bool(personal_numbers[i].train) for i in alike)
        if not exceeds_control(n_train, len(alike) - n_train, share, minimum=MIN_NUMBERS):
            explained.update(alike)
    return explained


def _is_leak(value: ValueFound, compared: Sequence[ValueFound], share: float, *, has_control_list: bool) -> bool:
    """Return whether a value in S, such as a name or date, is a leak, judged by values that are about as rare.

    `compared` has `Chance.values` and all values in S, except the words that `leaking_words` judges. The persons in
    the field `control` of these values are called chance persons.

    - The value is a leak if there are fewer than two chance persons of values with a similar number of bits: at most
      20 bits more than the value has, and at most 20 bits or 40 % fewer (whichever is more).
    - Otherwise, `exceeds_control` compares the number of train persons with the number of chance persons, for values
      with at most 20 bits more and at most 10 bits fewer. `n_tests` is the number of 10-bit ranges that all compared
      values span. Without a list of control, the numbers of values must also pass this test, because ten train
      persons with one name are a single coincidence.
    """
    bits, highest = value.bits, value.bits + 2 * COMPARABLE_BITS
    lowest = bits - max(2 * COMPARABLE_BITS, COMPARABLE_SHARE * bits)
    if len({person for other in compared if lowest <= other.bits <= highest for person in other.control}) < MIN_NAMES:
        return True
    alike = [other for other in compared if bits - COMPARABLE_BITS <= other.bits <= highest]
    n_persons = [len({person for other in alike for person in persons(other)}) for persons in _ARMS]
    n_values = [sum(bool(persons(other)) for other in alike) for persons in _ARMS]
    all_bits = [other.bits for other in compared]
    n_ranges = 1 + int((max(all_bits) - min(all_bits)) / COMPARABLE_BITS)
    counts = [n_persons] if has_control_list else [n_persons, n_values]
    return all(exceeds_control(train, by_chance, share, minimum=0, n_tests=n_ranges) for train, by_chance in counts)


_ARMS: tuple[Callable[[ValueFound], set[int]], ...] = (lambda name: name.train, lambda name: name.control)
