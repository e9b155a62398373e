"""Search texts for numbers of known persons by their digits: inside longer numbers, backwards, or slightly altered.

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
MIN_VARIETY = 0.6  # altered forms count only if the number has this share of the bits of as many random digits
MAX_COINCIDENCES = 0.01  # altered forms count only if lambda, the expected number of chance matches, is below .01


class NumberHit(NamedTuple):
    """A known number found in a synthetic text."""

    digits: str  # the first 18 digits of the known number
    form: str  # name in `_FORMS` of the form in which the number is written
    row: int
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

    def by_side(self, n: int, n_train: int, n_persons: int) -> tuple[Int, Int, Int]:
        """Return three sets of numbers of n digits: those of train persons, of only train, and of only control.

        Numbers in public text (owner `n_persons`) are left out.
        """
        has_length = np.frombuffer(self._lengths, dtype=np.int8) == n
        owners = np.frombuffer(self._owners, dtype=np.int32)
        values = np.frombuffer(self._values, dtype=np.int64)
        public = values[has_length & (owners == n_persons)]
        of_train = np.setdiff1d(values[has_length & (owners < n_train)], public)
        of_others = np.setdiff1d(values[has_length & (owners >= n_train)], public)
        return of_train, np.setdiff1d(of_train, of_others), np.setdiff1d(of_others, of_train)

    def owners(self, digits: str) -> list[int]:
        """Return the owners of a number."""
        is_number = np.frombuffer(self._values, dtype=np.int64) == int(digits)
        is_number &= np.frombuffer(self._lengths, dtype=np.int8) == len(digits)
        owners: list[int] = np.unique(np.frombuffer(self._owners, dtype=np.int32)[is_number]).tolist()
        return owners


class _Digits(NamedTuple):
    """All digits in the texts of a table, and where they stand."""

    digits: Int  # the digits of all runs (`digit_runs`) of a table, one after the other
    run: NDArray[np.int32]  # number of the run of each digit
    starts: Sequence[int]  # first character of each digit in the normalised text
    ends: Sequence[int]  # end of each digit, exclusive
    rows: list[int]  # row of each run
    firsts: list[int]  # index of the first digit of each run; the last entry is the number of all digits

    def windows(self, n: int) -> tuple[Int, Int]:
        """Return (numbers from all n consecutive digits of a run, index of the first digit of each number)."""
        if len(self.digits) < n:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        starts = np.flatnonzero(self.run[: len(self.run) - n + 1] == self.run[n - 1 :])
        values = np.zeros(len(starts), dtype=np.int64)
        for i in range(n):
            values = values * 10 + self.digits[starts + i]
        return values, starts

    def run_around(self, start: int) -> bytes:
        """Return all digits of the run to which the digit with index `start` belongs."""
        run = int(self.run[start])
        return self.digits[self.firsts[run] : self.firsts[run + 1]].tobytes()


def find_known_numbers(
    known: KnownNumbers, texts: Sequence[str], control_texts: Sequence[str], n_train: int, n_persons: int
) -> Iterator[NumberHit]:
    """Yield the numbers of train persons (owners below `n_train`) that occur in the texts as written or altered.

    The expected number of chance matches is lambda:

        lambda = (numbers of m digits in the texts) × (train numbers of n digits) × (ways to write a number) / 10^m

    n is the number of digits of the known number, and m the number of digits as written. The number of ways is
    - 1 for the digits in order, and for the digits backwards;
    - n if one digit is missing (m = n - 1), and 9 × n if one digit is wrong;
    - n - 1 if two neighbouring digits are exchanged, and n - 1 if the beginning and the rest are exchanged.

    Digits in order count if lambda is below .01, or if the number of train numbers found is significantly higher than
    lambda (`exceeds_chance`). An altered form counts only if lambda is below .01 and the digits vary (`MIN_VARIETY`):
    the altered forms of 0000000004 also occur in rounded numbers.

    Digits need not be random: telephone numbers of one town begin alike. Therefore, matches count only if there are
    significantly more of them than matches by chance (`exceeds_control`):
    - The digits in order are compared with the numbers of control persons (owners from `n_train` on) in `texts`.
    - Altered forms are compared with the altered numbers of control persons in `texts`, and with the altered forms
      in control texts of numbers that only train persons have. In control texts, such forms occur only by chance.

    Cost: O(digits of `texts` and `control_texts`) for each length and each way to write a number; 24 bytes per digit.
    """
    lengths = known.lengths()
    if not lengths:
        return
    digits, controls = _read(texts), _read(control_texts)
    for n in lengths:
        of_train, only_train, of_control = known.by_side(n, n_train, n_persons)
        hits = _in_order(digits, n, of_train, of_control)
        hits += _altered(digits, controls, n, (of_train, only_train, of_control))
        for form, first, index in hits:
            last, row = first + n + form.extra - 1, digits.rows[int(digits.run[first])]
            yield NumberHit(f"{of_train[index]:0{n}d}", form.name, row, digits.starts[first], digits.ends[last])


def _in_order(digits: _Digits, n: int, of_train: Int, of_control: Int) -> "list[_Hit]":
    """Return the train numbers of n digits found in order; empty if chance explains the number of matches."""
    form, (values, starts) = _FORMS[0], digits.windows(n)
    hits = [(form, int(starts[at]), index) for at, index in form.found(values, of_train, n)]
    found = len({index for _, _, index in hits})
    by_chance = len({index for _, index in form.found(values, of_control, n)})
    share = len(of_train) / max(len(of_train) + len(of_control), 1)
    expected = len(np.unique(values)) * len(of_train) / 10.0**n
    is_leak = exceeds_chance(found, expected, negligible=MAX_COINCIDENCES)
    return hits if is_leak and exceeds_control(found, by_chance, share, minimum=MIN_NUMBERS) else []


def _altered(digits: _Digits, controls: _Digits, n: int, sides: tuple[Int, Int, Int]) -> "list[_Hit]":
    """Return the train numbers of n digits found in altered forms; empty if chance explains the matches."""
    of_train, only_train, of_control = sides  # the result of `KnownNumbers.by_side`
    # digit runs in `texts` with train numbers; in `texts` with control numbers; in control texts with train numbers
    in_texts, by_chance, in_control = set[bytes](), set[bytes](), set[bytes]()
    hits, share_of_texts = list[_Hit](), 0.0
    for form in _FORMS[1:]:
        values, starts = digits.windows(n + form.extra)
        if len(values) * len(of_train) * form.ways(n) / 10.0 ** (n + form.extra) >= MAX_COINCIDENCES:
            continue
        control_values, control_starts = controls.windows(n + form.extra)
        share_of_texts = max(share_of_texts, len(values) / max(len(values) + len(control_values), 1))
        in_control |= {
            controls.run_around(int(control_starts[at])) for at, _ in form.found(control_values, only_train, n)
        }
        for at, index in form.found(values, of_train, n):
            if digit_bits(f"{of_train[index]:0{n}d}") >= MIN_VARIETY * n * DIGIT_BITS:
                in_texts.add(digits.run_around(int(starts[at])))
                hits.append((form, int(starts[at]), index))
        by_chance |= {digits.run_around(int(starts[at])) for at, _ in form.found(values, of_control, n)}
    share_of_train = len(of_train) / max(len(of_train) + len(of_control), 1)
    n_found, compared = len(in_texts), ((len(in_control), share_of_texts), (len(by_chance), share_of_train))
    are_leaks = all(exceeds_control(n_found, n_other, of_all, minimum=MIN_NUMBERS) for n_other, of_all in compared)
    return hits if are_leaks else []


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
    extra: int  # number of digits as written minus number of digits of the known number; -1 if one is missing
    ways: Callable[[int], int]  # returns the number of ways to write a number of n digits in this form
    variants: Callable[[Int, int], Iterator[Int]]  # yields, for each way, the given numbers of n digits as written
    is_masked: bool = False  # whether way i compares numbers without the digit at the place 10^i

    def found(self, values: Int, known: Int, n: int) -> Iterator[tuple[int, int]]:
        """Yield the pairs (i, j) for which values[i] is the known number known[j] of n digits in this form."""
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


_Hit = tuple[_Form, int, int]  # form, index of the first digit in `_Digits.digits`, index of the train number
_FORMS = (  # the first form is the digits in order; all others are altered forms
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
