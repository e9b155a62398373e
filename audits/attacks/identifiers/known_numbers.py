"""Search for known numbers by their digits: anywhere in a run of digits, backwards, or slightly altered."""

from array import array
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from audits.attacks.identifiers.digits import digit_runs
from audits.attacks.identifiers.ownership import MIN_NUMBERS
from audits.attacks.identifiers.patterns import MIN_NUMBER_DIGITS
from audits.core.stats import exceeds_control
from audits.core.types import Int
from audits.text.normalise import normalise

MOST_DIGITS = 18  # a longer number is cut to as many digits as fit into 64 bits
MAX_COINCIDENCES = 0.01  # a form is searched for only if chance is expected to produce fewer numbers in this form


class NumberHit(NamedTuple):
    """A known number found in a synthetic text."""

    digits: str  # the known number, its first 18 digits
    form: str  # how it is written, as in `_FORMS`
    row: int
    start: int  # first character in the normalised text
    end: int  # the character after the last one


class KnownNumbers:
    """Pairs of a number and its owner; 13 bytes each."""

    def __init__(self) -> None:
        self._values, self._lengths, self._owners = array("q"), array("b"), array("i")

    def add(self, digits: str, owner: int) -> None:
        """Add a number of an owner. A number of fewer than six digits proves nothing and is ignored."""
        if len(digits) >= MIN_NUMBER_DIGITS:
            self._values.append(int(digits[:MOST_DIGITS]))
            self._lengths.append(min(len(digits), MOST_DIGITS))
            self._owners.append(owner)

    def lengths(self) -> list[int]:
        """Return the different lengths of the numbers, in digits."""
        return sorted(set(self._lengths))

    def of_train(self, n: int, n_train: int) -> tuple[Int, Int]:
        """Return the numbers of n digits of train (owners below n_train), and those that nobody else has."""
        same = np.frombuffer(self._lengths, dtype=np.int8) == n
        first = np.frombuffer(self._owners, dtype=np.int32) < n_train
        values = np.frombuffer(self._values, dtype=np.int64)
        of_train = np.unique(values[same & first])
        return of_train, np.setdiff1d(of_train, values[same & ~first])

    def owners(self, digits: str) -> list[int]:
        """Return the owners of a number."""
        same = np.frombuffer(self._values, dtype=np.int64) == int(digits)
        same &= np.frombuffer(self._lengths, dtype=np.int8) == len(digits)
        found: list[int] = np.unique(np.frombuffer(self._owners, dtype=np.int32)[same]).tolist()
        return found


class _Digits(NamedTuple):
    """The digits of all runs of a table; only separators lie between the digits of a run."""

    digits: Int
    run: NDArray[np.int32]  # number of the run of each digit
    starts: Sequence[int]  # the first character of each digit in the normalised text
    ends: Sequence[int]  # the character after the last one
    rows: list[int]  # the row of each run
    firsts: list[int]  # index of the first digit of each run; at the end, the number of digits

    def windows(self, n: int) -> tuple[Int, Int]:
        """Return every number of n consecutive digits of one run, and the index of its first digit."""
        if len(self.digits) < n:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        starts = np.flatnonzero(self.run[: len(self.run) - n + 1] == self.run[n - 1 :])
        values = np.zeros(len(starts), dtype=np.int64)
        for i in range(n):
            values = values * 10 + self.digits[starts + i]
        return values, starts

    def run_around(self, start: int) -> bytes:
        """Return the digits of the run that contains the digit with this index."""
        run = int(self.run[start])
        return self.digits[self.firsts[run] : self.firsts[run + 1]].tobytes()


def find_known_numbers(
    known: KnownNumbers, texts: Sequence[str], control_texts: Sequence[str], n_train: int
) -> Iterator[NumberHit]:
    """Yield each known number of train that occurs in the texts in a form that chance is not expected to produce.

        lambda = (numbers of m digits in the texts) × (train numbers of n digits) × (ways to write one) / 10^m

    A form is searched for only if lambda < .01. n is the length of the known number, m the length as written. The
    number of ways is
    - 1 for the digits forwards or backwards;
    - n for one digit deleted (m = n - 1), and 9 × n for one digit replaced;
    - n - 1 each for exchanging two neighbours, or the beginning and the rest.

    Digits need not be random: telephone numbers of one town begin alike. Altered forms therefore count only if they
    occur more often than in control texts (`exceeds_control`). There, an altered form of a number that only train
    has can occur only by chance. A number with all its digits in order needs no comparison. Owners below `n_train`
    are of train.

    Cost: O(digits of the texts and control) for each length, form and digit; 24 bytes for each digit.
    """
    lengths = known.lengths()
    if not lengths:
        return
    digits, controls = _read(texts), _read(control_texts)
    for n in lengths:
        of_train, only_train = known.of_train(n, n_train)
        for forms in (_FORMS[:1], _FORMS[1:]):
            hits, in_texts, in_control, share = list[tuple[_Form, int, int]](), set[bytes](), set[bytes](), 0.0
            for form in forms:
                values, starts = digits.windows(n + form.more)
                if len(values) * len(of_train) * form.ways(n) / 10.0 ** (n + form.more) >= MAX_COINCIDENCES:
                    continue
                control_values, control_starts = controls.windows(n + form.more)
                share = max(share, len(values) / max(len(values) + len(control_values), 1))
                if form is not _FORMS[0]:  # all digits in order do not occur by chance
                    in_control |= {
                        controls.run_around(int(control_starts[at]))
                        for at, _ in form.found(control_values, only_train, n)
                    }
                for at, which in form.found(values, of_train, n):
                    in_texts.add(digits.run_around(int(starts[at])))
                    hits.append((form, int(starts[at]), which))
            if exceeds_control(len(in_texts), len(in_control), share, minimum=MIN_NUMBERS):
                for form, first, which in hits:
                    last, row = first + n + form.more - 1, digits.rows[int(digits.run[first])]
                    yield NumberHit(
                        f"{of_train[which]:0{n}d}", form.name, row, digits.starts[first], digits.ends[last]
                    )


def _read(texts: Sequence[str]) -> _Digits:
    digits, run, starts, ends = array("b"), array("i"), array("i"), array("i")
    rows, firsts = list[int](), list[int]()
    for row, text in enumerate(texts):
        for one in digit_runs(normalise(text)):
            firsts.append(len(digits))
            digits.extend(map(int, one.digits))
            run.extend([len(rows)] * len(one.digits))
            starts.extend(one.starts)
            ends.extend(one.ends)
            rows.append(row)
    firsts.append(len(digits))
    values = np.frombuffer(digits, dtype=np.int8).astype(np.int64)
    return _Digits(values, np.frombuffer(run, np.int32), starts, ends, rows, firsts)


class _Form(NamedTuple):
    """One form in which a number may be written."""

    name: str  # as in findings
    more: int  # digits as written minus digits of the number; -1 if one is missing
    ways: Callable[[int], int]  # number of ways to write a number of n digits
    variants: Callable[[Int, int], Iterator[Int]]  # for each way, yields the numbers of n digits as written
    is_masked: bool = False  # whether way i ignores the digit at 10^i

    def found(self, values: Int, wanted: Int, n: int) -> Iterator[tuple[int, int]]:
        """Yield the pairs (i, j) for which values[i] is this form of the number wanted[j] of n digits."""
        if len(values) == 0 or len(wanted) == 0:
            return
        for i, keys in enumerate(self.variants(wanted, n)):
            seen, order = _without_digit(values, i) if self.is_masked else values, np.argsort(keys, kind="stable")
            place = np.minimum(np.searchsorted(keys, seen, sorter=order), len(keys) - 1)
            for at in np.flatnonzero(keys[order[place]] == seen).tolist():
                which = int(order[place[at]])
                if not self.is_masked or values[at] != wanted[which]:
                    yield at, which


def _without_digit(values: Int, i: int) -> Int:
    place: int = 10**i
    return values - values // place % 10 * place


def _backwards(wanted: Int, n: int) -> Iterator[Int]:
    yield sum((wanted // 10**i % 10) * 10 ** (n - 1 - i) for i in range(n)) + np.zeros_like(wanted)


def _two_exchanged(wanted: Int, n: int) -> Iterator[Int]:
    for p in (10**i for i in range(n - 1)):
        low, high = wanted // p % 10, wanted // (10 * p) % 10
        yield np.where(low == high, -1, wanted + (high - low) * (p - 10 * p))  # -1 matches nothing


def _one_missing(wanted: Int, n: int) -> Iterator[Int]:
    return (wanted // 10 ** (i + 1) * 10**i + wanted % 10**i for i in range(n))


def _one_wrong(wanted: Int, n: int) -> Iterator[Int]:
    return (_without_digit(wanted, i) for i in range(n))


def _parts_exchanged(wanted: Int, n: int) -> Iterator[Int]:
    return (wanted % 10**i * 10 ** (n - i) + wanted // 10**i for i in range(1, n))


_FORMS = (
    _Form("digits", 0, lambda _: 1, lambda wanted, _: iter([wanted])),
    _Form("digits backwards", 0, lambda _: 1, _backwards),
    _Form("a digit missing", -1, lambda n: n, _one_missing),
    _Form("a digit wrong", 0, lambda n: 9 * n, _one_wrong, is_masked=True),
    _Form("digits exchanged", 0, lambda n: n - 1, _two_exchanged),
    _Form("its parts exchanged", 0, lambda n: n - 1, _parts_exchanged),
)
