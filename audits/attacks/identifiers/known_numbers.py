"""Known numbers searched for by their digits alone: at any place of a run, backwards, and with one digit amiss."""

from array import array
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from audits.attacks.identifiers.digits import digit_runs
from audits.attacks.identifiers.patterns import MIN_NUMBER_DIGITS
from audits.attacks.identifiers.phantoms import FEW_NUMBERS, beyond_phantoms
from audits.text.normalise import normalise

MOST_DIGITS = 18  # of a longer number the first ones; so many fit into 64 bits
MAX_COINCIDENCES = 0.01  # expected of all known numbers of one length in one form, below which one is a leak

Int = NDArray[np.int64]


class NumberHit(NamedTuple):
    """A known number that stands in a synthetic text.

    Args:
        digits: the number as it is known, its first 18 digits.
        form: in the audit's fixed words, how it is written.
        row: of the synthetic table.
        start: first character in the normalised text.
        end: character behind the last one.
    """

    digits: str
    form: str
    row: int
    start: int
    end: int


class KnownNumbers:
    """Numbers with their owners; 13 bytes for each pair."""

    def __init__(self) -> None:
        self._values, self._lengths, self._owners = array("q"), array("b"), array("i")

    def add(self, digits: str, owner: int) -> None:
        """Take in a number of an owner; one of fewer than six digits proves nothing and is left out."""
        if len(digits) >= MIN_NUMBER_DIGITS:
            self._values.append(int(digits[:MOST_DIGITS]))
            self._lengths.append(min(len(digits), MOST_DIGITS))
            self._owners.append(owner)

    def lengths(self) -> list[int]:
        """Return the numbers of digits there are."""
        return sorted(set(self._lengths))

    def of_train(self, n: int, n_train: int) -> tuple[Int, Int]:
        """Return the different numbers of n digits of the first n_train owners, and those that nobody else has."""
        same = np.frombuffer(self._lengths, dtype=np.int8) == n
        first = np.frombuffer(self._owners, dtype=np.int32) < n_train
        theirs = np.unique(self._column()[same & first])
        return theirs, np.setdiff1d(theirs, self._column()[same & ~first])

    def owners(self, digits: str) -> list[int]:
        """Return who has a number."""
        same = self._column() == int(digits)
        same &= np.frombuffer(self._lengths, dtype=np.int8) == len(digits)
        found: list[int] = np.unique(np.frombuffer(self._owners, dtype=np.int32)[same]).tolist()
        return found

    def _column(self) -> Int:
        return np.frombuffer(self._values, dtype=np.int64)


class _Digits(NamedTuple):
    """The digits of all runs of a table; the run of each; row and first digit of each run, and the end."""

    digits: NDArray[np.int64]
    run: NDArray[np.int32]
    rows: list[int]
    firsts: list[int]

    def windows(self, n: int) -> tuple[Int, Int]:
        """Return the numbers of n digits in a row within one run, and where they start."""
        if len(self.digits) < n:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        starts = np.flatnonzero(self.run[: len(self.run) - n + 1] == self.run[n - 1 :])
        values = np.zeros(len(starts), dtype=np.int64)
        for i in range(n):
            values = values * 10 + self.digits[starts + i]
        return values, starts

    def whole(self, start: int) -> bytes:
        """Return the digits of the whole run in which a place lies."""
        run = int(self.run[start])
        return self.digits[self.firsts[run] : self.firsts[run + 1]].tobytes()


def find_known_numbers(
    known: KnownNumbers, texts: Sequence[str], non_members: tuple[Sequence[str], int]
) -> Iterator[NumberHit]:
    """Yield each known number of train that stands in the texts in a form in which chance would put none there.

        lambda = (numbers of m digits in S) (train's numbers of n digits) (ways to write one) / 10^m < .01

    with one way for the digits as they are or backwards, n for one digit left out (m = n - 1), 9 n for one digit
    wrong and n - 1 each for two neighbours, and for the beginning and the rest, exchanged. Digits need not be random:
    telephones of one town begin alike. So where control texts hold numbers of train alone with something amiss as
    often as S does, those prove nothing (`beyond_phantoms`); a number as it is needs no such comparison.

    Args:
        known: the numbers and who has them.
        texts: the synthetic table.
        non_members: texts of control persons, and the number of train persons, whose numbers come first.

    Cost: O(digits of S and control) for each length, form and digit; 16 bytes for each digit.
    """
    lengths = known.lengths()
    if not lengths:
        return
    read, others = _read(texts), _read(non_members[0])
    for n in lengths:
        theirs, alone = known.of_train(n, non_members[1])
        for forms in (_FORMS[:1], _FORMS[1:]):
            hits, numbers, strange, share = list[tuple[_Form, int, int]](), set[bytes](), set[bytes](), 0.0
            for form in forms:
                made, starts = read.windows(n + form.more)
                if len(made) * len(theirs) * form.ways(n) / 10.0 ** (n + form.more) >= MAX_COINCIDENCES:
                    continue
                real, real_starts = others.windows(n + form.more)
                share = max(share, len(made) / max(len(made) + len(real), 1))
                if form is not _FORMS[0]:  # all of its digits in their order are nobody's by chance
                    strange |= {others.whole(int(real_starts[at])) for at, _ in form.found(real, alone, n)}
                for at, which in form.found(made, theirs, n):
                    numbers.add(read.whole(int(starts[at])))
                    hits.append((form, int(starts[at]), which))
            if beyond_phantoms(len(numbers), len(strange), share, few=FEW_NUMBERS):
                for form, start, which in hits:
                    yield _placed(texts, read, (start, n + form.more), f"{theirs[which]:0{n}d}", form.name)


def _read(texts: Sequence[str]) -> _Digits:
    digits, run, rows, firsts = array("b"), array("i"), list[int](), list[int]()
    for row, text in enumerate(texts):
        for one in digit_runs(normalise(text)):
            firsts.append(len(digits))
            digits.extend(map(int, one.digits))
            run.extend([len(rows)] * len(one.digits))
            rows.append(row)
    firsts.append(len(digits))
    return _Digits(np.frombuffer(digits, dtype=np.int8).astype(np.int64), np.frombuffer(run, np.int32), rows, firsts)


def _placed(texts: Sequence[str], read: _Digits, window: tuple[int, int], digits: str, form: str) -> NumberHit:
    """Return a hit with its place, for which the runs of its row are read again."""
    start, m = window
    run = int(read.run[start])
    row = read.rows[run]
    which = run - read.rows.index(row)
    one = digit_runs(normalise(texts[row]))[which]
    first = start - read.firsts[run]
    return NumberHit(digits, form, row, one.starts[first], one.ends[first + m - 1])


Mask = Callable[[Int], Int]
Spellings = Iterator[tuple[Mask, Int]]


def _same(values: Int) -> Int:
    return values


def _as_it_is(wanted: Int, _n: int) -> Spellings:
    yield _same, wanted


def _backwards(wanted: Int, n: int) -> Spellings:
    yield _same, sum((wanted // 10**i % 10) * 10 ** (n - 1 - i) for i in range(n)) + np.zeros_like(wanted)


def _one_missing(wanted: Int, n: int) -> Spellings:
    for i in range(n):
        yield _same, wanted // 10 ** (i + 1) * 10**i + wanted % 10**i


def _one_wrong(wanted: Int, n: int) -> Spellings:
    for i in range(n):

        def without(values: Int, p: int = 10**i) -> Int:
            return values - values // p % 10 * p

        yield without, without(wanted)


def _two_exchanged(wanted: Int, n: int) -> Spellings:
    for i in range(n - 1):
        p = 10**i
        low, high = wanted // p % 10, wanted // (10 * p) % 10
        yield _same, np.where(low == high, -1, wanted + (high - low) * (p - 10 * p))


def _parts_exchanged(wanted: Int, n: int) -> Spellings:
    for i in range(1, n):
        yield _same, wanted % 10**i * 10 ** (n - i) + wanted // 10**i


class _Form(NamedTuple):
    """One form in which a number may stand.

    Args:
        name: in the audit's fixed words.
        more: how many digits more than the number has.
        ways: how many ways there are to write one of n digits so.
        spellings: these ways, each with what of a value is compared.
    """

    name: str
    more: int
    ways: Callable[[int], int]
    spellings: Callable[[Int, int], Spellings]

    def found(self, values: Int, wanted: Int, n: int) -> Iterator[tuple[int, int]]:
        """Yield which value is which wanted number of n digits, in this form."""
        if len(values) == 0 or len(wanted) == 0:
            return
        for mask, keys in self.spellings(wanted, n):
            seen, order = mask(values), np.argsort(keys, kind="stable")
            place = np.minimum(np.searchsorted(keys, seen, sorter=order), len(keys) - 1)
            for at in np.flatnonzero(keys[order[place]] == seen).tolist():
                which = int(order[place[at]])
                if self.name != "a digit wrong" or values[at] != wanted[which]:
                    yield at, which


_FORMS = (
    _Form("digits", 0, lambda _: 1, _as_it_is),
    _Form("digits backwards", 0, lambda _: 1, _backwards),
    _Form("a digit missing", -1, lambda n: n, _one_missing),
    _Form("a digit wrong", 0, lambda n: 9 * n, _one_wrong),
    _Form("digits exchanged", 0, lambda n: n - 1, _two_exchanged),
    _Form("its parts exchanged", 0, lambda n: n - 1, _parts_exchanged),
)
