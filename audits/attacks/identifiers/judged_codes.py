"""Decide which numbers and codes of single persons in the synthetic table S are leaks."""

import math
import re
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from audits.attacks.identifiers.codes import Code, find_codes
from audits.attacks.identifiers.ownership import MIN_NUMBERS, KeyCollector, Keys, Owners
from audits.attacks.identifiers.patterns import RowContent
from audits.attacks.identifiers.surprisal import DIGIT_BITS, Surprisal
from audits.attacks.identifiers.tables import MAX_COINCIDENCES_OF_KIND, People
from audits.core.stats import exceeds_control

MOST_SHARED = 0.01  # codes of a form do not identify a person if more than this fraction have several owners
MIN_BITS = 20.0  # round and consecutive numbers have fewer
_MIN_MIXED_BITS = 25.0  # of a code with fewer than 6 digits; names of products, such as i486dx/33, have fewer
_YEAR = re.compile(r"(?:19|20)\d\d")
_FEW_BITS = 6.0  # bits of a year, and of each of the two numbers of a size such as 1024x768
_ALIKE_BITS = 1.0  # bits of a digit that equals the digit before it or is the next higher one, and of a final zero
_LETTER_BITS = 4.0  # most bits of a letter, because few prefixes of codes are in use
_SIZE = re.compile(r"\d{1,5}x\d{1,5}")  # such as a resolution; longer numbers may be identifiers


class CodeOccurrences:
    """Codes in S and in other texts; call `read_synthetic` for all rows of S first.

    Memory: 16 bytes for each long code outside S, and 8 bytes for each code, number and identifier of S.
    """

    def __init__(self, people: People) -> None:
        self._people = people
        self.synthetic, self._identifiers = KeyCollector(), KeyCollector()
        self.n_synthetic: dict[int, int] = {}  # codes in S by length
        self.n_train: dict[int, int] = {}  # codes in train by length
        self.owners: dict[str, Owners] = {}  # owners of each code that also occurs in S
        self.written: dict[str, Code] = {}  # each of these codes, as found in a row that is not in S
        self.patterned: set[str] = set()  # those that overlap an identifier of S, which is judged by its kind
        self.letters: Counter[str] = Counter()  # groups of letters in the codes of the pool
        self.n_codes = 0
        self._keys, self._owners, self._form = array("q"), array("i"), array("i")
        self._number: dict[str, int] = {}  # number of each form

    def read_synthetic(self, row: RowContent) -> None:
        """Add the codes of a row of S."""
        keys = {code.key for code in codes_of(row)}
        self.synthetic.add(keys)
        self._identifiers.add({entity.key for entity in row.entities | row.numbers})
        for key in keys:
            self.n_synthetic[len(key)] = self.n_synthetic.get(len(key), 0) + 1

    def read_other(self, row: RowContent, owner: int) -> None:
        """Add the codes of a row that is not in S and belongs to `owner`."""
        places = [(match.start, match.end) for match in row.matches if match.entity.key in self._in_synthetic[1]]
        for key, code in {code.key: code for code in codes_of(row)}.items():
            self.letters.update(group for group in code.groups if group.isalpha())
            self.n_codes += 1
            if code.is_long or code.is_mixed:
                self._keys.append(hash(key))
                self._owners.append(owner)
                self._form.append(self._number.setdefault(code.form, len(self._number)))
            if owner < self._people.n_train:
                self.n_train[len(key)] = self.n_train.get(len(key), 0) + 1
            if key in self._in_synthetic[0]:
                self.owners.setdefault(key, Owners()).add(owner)
                self.written[key] = code
                if any(start < code.end and code.start < end for start, end in places):
                    self.patterned.add(key)

    @cached_property
    def _in_synthetic(self) -> tuple[Keys, Keys]:
        """The codes of S, and its identifiers and numbers."""
        return self.synthetic.collected(), self._identifiers.collected()

    def shared_forms(self) -> frozenset[str]:
        """Return the forms of which at least two codes, and more than one in a hundred, have several owners."""
        keys, owners, forms = (
            np.frombuffer(column, dtype=column.typecode) for column in (self._keys, self._owners, self._form)
        )
        order = np.lexsort((owners, keys))
        keys, owners, forms = keys[order], owners[order], forms[order]
        starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])[: len(keys)])
        if len(starts) == 0:
            return frozenset()
        is_shared = np.minimum.reduceat(owners, starts) != np.maximum.reduceat(owners, starts)
        n = np.bincount(forms[starts], minlength=len(self._number))
        n_shared = np.bincount(forms[starts][is_shared], minlength=len(self._number))
        of = (n_shared >= MIN_NUMBERS) & (n_shared > MOST_SHARED * n)
        return frozenset(form for form, number in self._number.items() if of[number])


def codes_of(row: RowContent) -> Iterator[Code]:
    """Return the codes of a text outside of its dates."""
    return find_codes(row.normalised, [(m.start, m.end) for m in row.matches if m.entity.kind == "date"])


def code_bits(code: Code, surprisal: Surprisal, occurrences: CodeOccurrences) -> float:
    """Return the bits of a code.

    Years, sizes, final zeros, and digits that repeat or continue the digit before them have few bits. A group of
    letters has at most log2(N / n) bits if n of the N codes outside S contain it, so units also have few bits.
    """
    bits = 0.0
    for group in code.groups:
        if _SIZE.fullmatch(group):
            bits += 2 * _FEW_BITS
            continue
        for part in re.findall(r"\d+|\D+", group):
            if _YEAR.fullmatch(part):
                bits += _FEW_BITS
            elif part.isdecimal():
                kept = part.rstrip("0") or part[:1]
                steps = [int(b) - int(a) for a, b in pairwise(kept)]
                bits += DIGIT_BITS + sum(_ALIKE_BITS if step in {0, 1} else DIGIT_BITS for step in steps)
                bits += _ALIKE_BITS * (len(part) - len(kept))
            else:
                most = math.log2(occurrences.n_codes / max(occurrences.letters[part], 1))
                found = min(surprisal.bits(part), _LETTER_BITS * len(part))
                bits += min(found, most) if part == group else found
    return bits


class CodeLeaks(NamedTuple):
    """The result of `judge_codes`."""

    owners: Mapping[str, Sequence[int]]  # the leaks, with the number of the train person
    n_train: int  # train persons whose own code occurs in S
    n_control: int  # control persons whose own code occurs in S

    def without(self, keys: Iterable[str]) -> "CodeLeaks":
        """Return the leaks without those that contain a key, or that are part of a key or of another leak."""
        found, listed = sorted(self.owners, key=len, reverse=True), list(keys)
        kept = dict[str, Sequence[int]]()
        for key in found:
            if not any(key in other or other in key for other in listed) and not any(key in other for other in kept):
                kept[key] = self.owners[key]
        return self._replace(owners=kept)


def judge_codes(occurrences: CodeOccurrences, people: People, surprisal: Surprisal) -> CodeLeaks:
    """Return the codes of single train persons that occur in S and are leaks.

        lambda = (codes of its length in S) × (codes of its length in train) × 2^-bits

    A code of 8 characters, among them 6 digits (`Code.is_long`), that exactly one person has is a leak if lambda
    < .05 and it has at least 20 bits. The same holds for a code with letters and 2 digits (`Code.is_mixed`) if it
    has 25 bits without its groups of letters. If two or more control persons have such a code in S, it is a leak
    only if significantly more train persons do (`exceeds_control`); the two kinds are counted apart. Other codes,
    and codes of a form that several persons use (`shared_forms`), are leaks only if significantly more train than
    control persons have such a code in S.
    """
    shared = occurrences.shared_forms()
    hard: tuple[dict[str, int], dict[str, int]] = ({}, {})
    mixed: tuple[dict[str, int], dict[str, int]] = ({}, {})
    weak: tuple[dict[str, int], dict[str, int]] = ({}, {})
    for key, owners in occurrences.owners.items():
        (owner, *others) = owners
        if others or owner >= people.n_persons or key in occurrences.patterned:
            continue
        code = occurrences.written[key]
        n_pairs = occurrences.n_synthetic[len(key)] * max(occurrences.n_train.get(len(key), 0), 1)
        # the letters of 99mtc-mdp are a name
        counted = code if code.is_long else code._replace(groups=tuple(g for g in code.groups if not g.isalpha()))
        bits, least = code_bits(counted, surprisal, occurrences), MIN_BITS if code.is_long else _MIN_MIXED_BITS
        is_rare = bits >= least and n_pairs * 2.0**-bits < MAX_COINCIDENCES_OF_KIND and code.form not in shared
        side = hard if is_rare and code.is_long else mixed if is_rare and code.is_mixed else weak
        side[owner >= people.n_train][key] = owner
    share = people.n_train / people.n_persons
    leaks: dict[str, list[int]] = {}
    for (train, control), minimum in ((hard, MIN_NUMBERS), (mixed, MIN_NUMBERS), (weak, 0)):
        if exceeds_control(len(set(train.values())), len(set(control.values())), share, minimum=minimum):
            leaks |= {key: [owner] for key, owner in train.items()}
    found = [{owner for side in (hard, mixed, weak) for owner in side[i].values()} for i in (0, 1)]
    return CodeLeaks(leaks, len(found[0]), len(found[1]))
