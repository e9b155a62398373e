"""Search texts for known numbers of persons, also inside longer numbers, backwards, or slightly altered.

For example, 4450012739 is found in "445-001-273-9", "9372100544" (backwards) and "445001239" (one digit missing).
"""

from array import array
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from audits.attacks.identifiers.digits import digit_runs
from audits.attacks.identifiers.ownership import MIN_NUMBERS
from audits.attacks.identifiers.patterns import MIN_NUMBER_DIGITS
from audits.attacks.identifiers.surprisal import DIGIT_BITS, digit_bits
from audits.core.stats import exceeds_chance, exceeds_control
from audits.core.types import Int
from audits.text.normalise import normalise

MAX_DIGITS = 18  # a longer number is cut to its first 18 digits, which fit into 64 bits
# altered forms of a number count only if its `digit_bits` are at least this share of the bits of random digits
MIN_VARIETY = 0.6
MAX_COINCIDENCES = 0.01  # limit of lambda (`find_known_numbers`)


class NumberMatch(NamedTuple):
    """A known number of a train person that occurs in a text."""

    digits: str  # the first 18 digits of the known number
    form: str  # how the text writes the number: the name of a form in `_FORMS`
    row: int  # index of the text
    start: int  # first character in the normalised text
    end: int  # end, exclusive


class KnownNumbers:
    """Pairs of a number and its owner. Memory: 13 bytes for each pair."""

    def __init__(self) -> None:
        self._values, self._lengths, self._owners = array("q"), array("b"), array("i")

    def add(self, digits: str, owner: int) -> None:
        """Add a number and its owner. A number of fewer than six digits identifies nobody and is ignored."""
        if len(digits) >= MIN_NUMBER_DIGITS:
            self._values.append(int(digits[:MAX_DIGITS]))
            self._lengths.append(min(len(digits), MAX_DIGITS))
            self._owners.append(owner)

    def lengths(self) -> list[int]:
        """Return the different lengths of the numbers, in digits."""
        return sorted(set(self._lengths))

    def by_arm(self, n: int, n_train: int, n_persons: int) -> tuple[Int, Int, Int]:
        """Return three arrays of n-digit numbers: of train persons, of train persons only, and of no train person.

        Numbers in public text (owner `n_persons`) are omitted.
        """
        has_length = np.frombuffer(self._lengths, dtype=np.int8) == n
        owners = np.frombuffer(self._owners, dtype=np.int32)
        values = np.frombuffer(self._values, dtype=np.int64)
        public = values[has_length & (owners == n_persons)]
        train_numbers = np.setdiff1d(values[has_length & (owners < n_train)], public)
        other_numbers = np.setdiff1d(values[has_length & (owners >= n_train)], public)
        return train_numbers, np.setdiff1d(train_numbers, other_numbers), np.setdiff1d(other_numbers, train_numbers)

    def owners(self, digits: str) -> list[int]:
        """Return the owners of a number."""
        is_number = np.frombuffer(self._values, dtype=np.int64) == int(digits)
        is_number &= np.frombuffer(self._lengths, dtype=np.int8) == len(digits)
        owners: list[int] = np.unique(np.frombuffer(self._owners, dtype=np.int32)[is_number]).tolist()
        return owners


class _Digits(NamedTuple):
    """All digits in some texts, and their positions."""

    digits: Int  # the digits of all runs (`digit_runs`) of the texts, one after the other
    run: NDArray[np.int32]  # index of the run of each digit
    starts: Sequence[int]  # first character of each digit in the normalised text
    ends: Sequence[int]  # end of each digit, exclusive
    rows: list[int]  # index of the text of each run
    firsts: list[int]  # index of the first digit of each run; the last entry is the number of all digits

    def windows(self, n: int) -> tuple[Int, Int]:
        """Return each number formed by n consecutive digits of a run, and the index of its first digit."""
        if len(self.digits) < n:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        starts = np.flatnonzero(self.run[: len(self.run) - n + 1] == self.run[n - 1 :])
        values = np.zeros(len(starts), dtype=np.int64)
        for i in range(n):
            values = values * 10 + self.digits[starts + i]
        return values, starts

    def run_around(self, start: int) -> bytes:
        """Return all digits of the run that contains the digit with index `start`."""
        run = int(self.run[start])
        return self.digits[self.firsts[run] : self.firsts[run + 1]].tobytes()


def find_known_numbers(
    known: KnownNumbers, texts: Sequence[str], control_texts: Sequence[str], n_train: int, n_persons: int
) -> Iterator[NumberMatch]:
    """Yield each place in the texts that has a number of a train person (owner below `n_train`), in any form.

    The known numbers of each length n are judged separately. lambda is the expected number of chance matches:

        lambda = (sequences of m digits in the texts) × (train numbers of n digits) × (ways to write a number) / 10^m

    m is the number of digits as written. It is n - 1 if one digit is missing, and otherwise n. The number of ways is
    - 1 for the digits in order, and for the digits backwards;
    - n if one digit is missing, and 9 × n if one digit is wrong;
    - n - 1 if two neighbouring digits are exchanged, and also if the beginning and the rest are (1234 -> 3412).

    Digits in order count if lambda is below .01, or if significantly more train numbers than lambda occur
    (`exceeds_chance`). In this lambda, equal sequences count once. An altered form counts only if lambda is below .01
    and the digits of the number vary (`MIN_VARIETY`), because rounded numbers match altered forms of 0000000004.

    Numbers are not random: telephone numbers of one town begin alike. Therefore, the matches are also compared with
    chance matches. They are yielded only if there are fewer than two chance matches, or significantly more matches
    than chance matches (`exceeds_control`).
    - Digits in order: a match is a train number in `texts`. A chance match is a known number in `texts` that no train
      person has.
    - Altered forms: a match is a run in `texts` with a train number. Matches are compared separately with two kinds
      of chance matches: runs in `texts` with a known number that no train person has, and runs in control texts with
      a number that only train persons have. Equal runs count once.

    Cost: O(digits of `texts` and `control_texts`) for each length and each way to write a number.
    Memory: 20 bytes for each digit, and temporary arrays.
    """
    lengths = known.lengths()
    if not lengths:
        return
    digits, controls = _read(texts), _read(control_texts)
    for n in lengths:
        train_numbers, only_train, control_numbers = known.by_arm(n, n_train, n_persons)
        matches = _in_order(digits, n, train_numbers, control_numbers)
        matches += _altered(digits, controls, n, (train_numbers, only_train, control_numbers))
        for form, first, index in matches:
            last, row = first + n + form.extra - 1, digits.rows[int(digits.run[first])]
            yield NumberMatch(
                f"{train_numbers[index]:0{n}d}", form.name, row, digits.starts[first], digits.ends[last]
            )


def _in_order(digits: _Digits, n: int, train_numbers: Int, control_numbers: Int) -> "list[_Match]":
    """Return the matches of train numbers of n digits in order; empty if chance explains them."""
    form, (values, starts) = _FORMS[0], digits.windows(n)
    matches = [(form, int(starts[at]), index) for at, index in form.matches(values, train_numbers, n)]
    n_train = len({index for _, _, index in matches})
    n_control = len({index for _, index in form.matches(values, control_numbers, n)})
    share = len(train_numbers) / max(len(train_numbers) + len(control_numbers), 1)
    expected = len(np.unique(values)) * len(train_numbers) / 10.0**n
    exceeds = exceeds_chance(n_train, expected, negligible=MAX_COINCIDENCES)
    return matches if exceeds and exceeds_control(n_train, n_control, share, minimum=MIN_NUMBERS) else []


def _altered(digits: _Digits, controls: _Digits, n: int, numbers_by_arm: tuple[Int, Int, Int]) -> "list[_Match]":
    """Return the matches of train numbers of n digits in altered forms; empty if chance explains them."""
    train_numbers, only_train, control_numbers = numbers_by_arm  # the result of `KnownNumbers.by_arm`
    # digits of the runs with an altered number: of train, of control, and (in control texts) of `only_train`
    train_runs, control_runs, chance_runs = set[bytes](), set[bytes](), set[bytes]()
    matches, share_of_texts = list[_Match](), 0.0
    for form in _FORMS[1:]:
        values, starts = digits.windows(n + form.extra)
        if len(values) * len(train_numbers) * form.ways(n) / 10.0 ** (n + form.extra) >= MAX_COINCIDENCES:
            continue
        control_values, control_starts = controls.windows(n + form.extra)
        share_of_texts = max(share_of_texts, len(values) / max(len(values) + len(control_values), 1))
        chance_runs |= {
            controls.run_around(int(control_starts[at])) for at, _ in form.matches(control_values, only_train, n)
        }
        for at, index in form.matches(values, train_numbers, n):
            if digit_bits(f"{train_numbers[index]:0{n}d}") >= MIN_VARIETY * n * DIGIT_BITS:
                train_runs.add(digits.run_around(int(starts[at])))
                matches.append((form, int(starts[at]), index))
        control_runs |= {digits.run_around(int(starts[at])) for at, _ in form.matches(values, control_numbers, n)}
    share_of_train = len(train_numbers) / max(len(train_numbers) + len(control_numbers), 1)
    n_train, compared = len(train_runs), ((len(chance_runs), share_of_texts), (len(control_runs), share_of_train))
    are_leaks = all(exceeds_control(n_train, n_runs, share, minimum=MIN_NUMBERS) for n_runs, share in compared)
    return matches if are_leaks else []


def _read(texts: Sequence[str]) -> _Digits:
    digits, run, starts, ends = array("b"), array("i"), array("i"), array("i")
    rows, firsts = list[int](), list[int]()
    for row, text in enumerate(texts):
        for digit_run in digit_runs(normalise(text)):
            firsts.append(len(digits))
            digits.extend(map(int, digit_run.digits))
            run.extend([len(rows)] * len(digit_run.digits))
            starts.extend(digit_run.starts)
            ends.extend(digit_run.ends)
            rows.append(row)
    firsts.append(len(digits))
    values = np.frombuffer(digits, dtype=np.int8).astype(np.int64)
    return _Digits(values, np.frombuffer(run, np.int32), starts, ends, rows, firsts)


class _Form(NamedTuple):
    """A way in which a known number may be written: in order, backwards, or with one alteration."""

    name: str  # name of the form in findings
    extra: int  # digits as written minus digits of the known number; -1 if one is missing
    ways: Callable[[int], int]  # returns the number of ways to write a number of n digits in this form
    variants: Callable[[Int, int], Iterator[Int]]  # yields, by variant, the given n-digit numbers as written
    is_masked: bool = False  # whether variant i ignores the digit at the place 10^i

    def matches(self, values: Int, known: Int, n: int) -> Iterator[tuple[int, int]]:
        """Yield (i, j) if values[i] is the n-digit number known[j] in this form; at most one j per i and variant."""
        if len(values) == 0 or len(known) == 0:
            return
        for i, keys in enumerate(self.variants(known, n)):
            looked_up = _without_digit(values, i) if self.is_masked else values
            order = np.argsort(keys, kind="stable")
            place = np.minimum(np.searchsorted(keys, looked_up, sorter=order), len(keys) - 1)
            for at in np.flatnonzero(keys[order[place]] == looked_up).tolist():
                index = int(order[place[at]])
                if not self.is_masked or values[at] != known[index]:
                    yield at, index


def _without_digit(values: Int, i: int) -> Int:
    place: int = 10**i
    return values - values // place % 10 * place


def _backwards(known: Int, n: int) -> Iterator[Int]:
    yield sum((known // 10**i % 10) * 10 ** (n - 1 - i) for i in range(n)) + np.zeros_like(known)


def _two_exchanged(known: Int, n: int) -> Iterator[Int]:
    for p in (10**i for i in range(n - 1)):
        low, high = known // p % 10, known // (10 * p) % 10
        yield np.where(low == high, -1, known + (high - low) * (p - 10 * p))  # -1 matches nothing


_Match = tuple[_Form, int, int]  # form, index of the first digit in `_Digits.digits`, index of the train number
_FORMS = (  # `_in_order` searches for the first form, and `_altered` for all others
    _Form("digits", 0, lambda _: 1, lambda known, _: iter([known])),
    _Form("digits backwards", 0, lambda _: 1, _backwards),
    _Form(
        "a digit missing", -1, lambda n: n, lambda x, n: (x // 10 ** (i + 1) * 10**i + x % 10**i for i in range(n))
    ),
    _Form("a digit wrong", 0, lambda n: 9 * n, lambda x, n: (_without_digit(x, i) for i in range(n)), is_masked=True),
    _Form("digits exchanged", 0, lambda n: n - 1, _two_exchanged),
    _Form(
        "its parts exchanged",
        0,
        lambda n: n - 1,
        lambda x, n: (x % 10**i * 10 ** (n - i) + x // 10**i for i in range(1, n)),
    ),
)
