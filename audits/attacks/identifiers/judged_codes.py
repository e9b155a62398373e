"""Decide which codes of single persons in the synthetic table S are leaks.

A code consists of digits, or of digits and letters; separators may divide it, as in "4512 778-90" (`codes`). The key
of a code is its letters and digits. The form of a code is the way in which it is written (`Code.form`). `judge_codes`
divides the codes in S that exactly one person has into three groups. In each group, it compares the numbers of train
and control persons with such codes.
"""

import math
import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from audits.attacks.identifiers.codes import YEAR, Code, find_codes
from audits.attacks.identifiers.ownership import MIN_NUMBERS, KeyCollector, Keys, Owners
from audits.attacks.identifiers.patterns import RowContent
from audits.attacks.identifiers.surprisal import Surprisal, digit_bits
from audits.attacks.identifiers.tables import MAX_COINCIDENCES_OF_KIND, People
from audits.core.stats import exceeds_chance, exceeds_control

MAX_SHARED = 0.01  # a form is shared if more than this fraction of its codes have several owners (`shared_forms`)
# smallest number of bits in the group "long" of `judge_codes`; numbers such as 70000000 and 12345678 have fewer
MIN_BITS = 20.0
_MIN_MIXED_BITS = 25.0  # smallest number of bits in the group "mixed"; product names, such as i486dx/33, have fewer
_FEW_BITS = 6.0  # bits of a year, and of each of the two numbers of a size such as 1024x768
_MAX_LETTER_BITS = 4.0  # largest number of bits of a letter; many codes begin with the same few letters
_SIZE = re.compile(r"\d{1,5}x\d{1,5}")  # a size, such as a resolution; sizes with longer numbers may be identifiers


class CodeOccurrences:
    """Codes in S and in texts outside S.

    Memory: 16 bytes for each long or mixed code (`Code.is_long`, `Code.is_mixed`) outside S, and 8 bytes for each
        code, number and identifier of S.
    """

    def __init__(self, people: People) -> None:
        self._people = people
        self.synthetic, self._identifiers = KeyCollector(), KeyCollector()
        self.n_synthetic: dict[int, int] = {}  # number of characters of a key: number of codes in S
        self.n_train: dict[int, int] = {}  # number of characters of a key: number of codes in train
        self.owners: dict[str, Owners] = {}  # key of a code in S: owners of texts outside S with the code
        self.written: dict[str, Code] = {}  # key in `owners`: the code as written in a text outside S
        # keys of codes that overlap, in a text outside S, an identifier that S also contains
        # (`judge_patterned` judges these identifiers)
        self.patterned: set[str] = set()
        self.letters: Counter[str] = Counter()  # group of letters: number of codes outside S that contain the group
        self.n_codes = 0  # number of codes outside S
        # one entry for each long or mixed code of a row outside S: hash of its key, its owner, index of its form
        self._keys, self._owners, self._form = array("q"), array("i"), array("i")
        self._form_index: dict[str, int] = {}

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
                self._form.append(self._form_index.setdefault(code.form, len(self._form_index)))
            if owner < self._people.n_train:
                self.n_train[len(key)] = self.n_train.get(len(key), 0) + 1
            if key in self._in_synthetic[0]:
                self.owners.setdefault(key, Owners()).add(owner)
                self.written[key] = code
                if any(start < code.end and code.start < end for start, end in places):
                    self.patterned.add(key)

    @cached_property
    def _in_synthetic(self) -> tuple[Keys, Keys]:
        """The keys of the codes in S, and those of identifiers and numbers in S. S must have been read before."""
        return self.synthetic.collected(), self._identifiers.collected()

    def shared_forms(self) -> frozenset[str]:
        """Return the forms in which at least 2 and more than 1 % of the long and mixed codes have several owners."""
        columns = (self._keys, self._owners, self._form)
        keys, owners, forms = (np.frombuffer(column, dtype=column.typecode) for column in columns)
        order = np.lexsort((owners, keys))
        keys, owners, forms = keys[order], owners[order], forms[order]
        starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])[: len(keys)])
        if len(starts) == 0:
            return frozenset()
        is_shared = np.minimum.reduceat(owners, starts) != np.maximum.reduceat(owners, starts)
        n = np.bincount(forms[starts], minlength=len(self._form_index))
        n_shared = np.bincount(forms[starts][is_shared], minlength=len(self._form_index))
        is_shared_form = (n_shared >= MIN_NUMBERS) & (n_shared > MAX_SHARED * n)
        return frozenset(form for form, number in self._form_index.items() if is_shared_form[number])


def codes_of(row: RowContent) -> Iterator[Code]:
    """Yield the codes of a text that do not overlap a date."""
    return find_codes(row.normalised, [(m.start, m.end) for m in row.matches if m.entity.kind == "date"])


def code_bits(code: Code, surprisal: Surprisal, occurrences: CodeOccurrences) -> float:
    """Return how unlikely a code is: the sum of the bits (`surprisal`) of its parts.

    - A year has 6 bits, and a group that is a size, such as 1024x768, has 12 bits.
    - Any other sequence of digits has `digit_bits`, which are few for 11111, 12345 and 70000.
    - A sequence of letters has the bits of `surprisal`, but at most 4 bits per letter. If it is a whole group that n
      of the N codes outside S contain, such as the unit mg, it has at most log2(N / n) bits.
    """
    bits = 0.0
    for group in code.groups:
        if _SIZE.fullmatch(group):
            bits += 2 * _FEW_BITS
            continue
        for part in re.findall(r"\d+|\D+", group):
            if YEAR.fullmatch(part):
                bits += _FEW_BITS
            elif part.isdecimal():
                bits += digit_bits(part)
            else:
                max_bits = math.log2(occurrences.n_codes / max(occurrences.letters[part], 1))
                letter_bits = min(surprisal.bits(part), _MAX_LETTER_BITS * len(part))
                bits += min(letter_bits, max_bits) if part == group else letter_bits
    return bits


class CodeLeaks(NamedTuple):
    """The result of `judge_codes`."""

    owners: Mapping[str, Sequence[int]]  # key of a leak: [number of the train person]
    n_train: int  # number of train persons with a judged code (`judge_codes`)
    n_control: int  # number of control persons with a judged code

    def without(self, keys: Iterable[str]) -> "CodeLeaks":
        """Return the leaks that neither contain nor are part of one of `keys` and are not part of a longer leak."""
        longest_first, others = sorted(self.owners, key=len, reverse=True), list(keys)
        kept = dict[str, Sequence[int]]()
        for key in longest_first:
            if not any(key in other or other in key for other in others) and not any(key in other for other in kept):
                kept[key] = self.owners[key]
        return self._replace(owners=kept)


def judge_codes(occurrences: CodeOccurrences, people: People, surprisal: Surprisal) -> CodeLeaks:
    """Return the codes of single train persons that occur in S and are leaks.

    A code is judged if its only owner is a train or control person, and it is not in `CodeOccurrences.patterned`.
    lambda is the expected number of chance matches if all codes of this length were as unlikely as this code:

        lambda = (codes of its length in S) × (codes of its length in train) × 2^-(surprisal in bits)

    Each judged code is in one of three groups:
    - long: a long code (`Code.is_long`) of at least 20 bits, if lambda is below .05. The long codes of one length
      with at least 20 bits and a lambda of .05 or more are tested together. They are also in this group if train
      persons have significantly more of them than the highest of their lambdas (`exceeds_chance`).
    - mixed: a mixed code (`Code.is_mixed`) of at least 25 bits, if it is not long and lambda is below .05. Groups of
      letters add no bits to it, because they can be a name (as in 99mtc-mdp).
    - other: all other judged codes, and all codes of a shared form (`shared_forms`).

    The codes of train persons in a group are leaks if significantly more train than control persons have such a code
    in S (`exceeds_control`). In the groups long and mixed, they are also leaks if fewer than two control persons have
    such a code in S.
    """
    shared = occurrences.shared_forms()
    groups: list[tuple[dict[str, int], dict[str, int]]] = [({}, {}) for _ in range(3)]
    long, mixed, other = groups  # each group: {key: train person}, {key: control person}
    # length of a key: (key, owner, lambda) of each long code of at least 20 bits whose lambda is .05 or more
    likely = defaultdict[int, list[tuple[str, int, float]]](list)
    for key, owners in occurrences.owners.items():
        (owner, *further_owners) = owners
        if further_owners or owner >= people.n_persons or key in occurrences.patterned:
            continue
        code = occurrences.written[key]
        n_pairs = occurrences.n_synthetic[len(key)] * max(occurrences.n_train.get(len(key), 0), 1)
        scored = code if code.is_long else code._replace(groups=tuple(g for g in code.groups if not g.isalpha()))
        bits, min_bits = code_bits(scored, surprisal, occurrences), MIN_BITS if code.is_long else _MIN_MIXED_BITS
        has_bits, expected = bits >= min_bits and code.form not in shared, n_pairs * 2.0**-bits
        if has_bits and code.is_long and expected >= MAX_COINCIDENCES_OF_KIND:
            likely[len(key)].append((key, owner, expected))
            continue
        is_rare = has_bits and expected < MAX_COINCIDENCES_OF_KIND
        group = long if is_rare and code.is_long else mixed if is_rare and code.is_mixed else other
        group[owner >= people.n_train][key] = owner
    for codes in likely.values():
        n_train = sum(owner < people.n_train for _, owner, _ in codes)
        is_rare = exceeds_chance(n_train, max(n for _, _, n in codes), negligible=MAX_COINCIDENCES_OF_KIND)
        for key, owner, _ in codes:
            (long if is_rare else other)[owner >= people.n_train][key] = owner
    share = people.n_train / people.n_persons
    leaks: dict[str, list[int]] = {}
    for (train, control), minimum in ((long, MIN_NUMBERS), (mixed, MIN_NUMBERS), (other, 0)):
        if exceeds_control(len(set(train.values())), len(set(control.values())), share, minimum=minimum):
            leaks |= {key: [owner] for key, owner in train.items()}
    persons = [{owner for group in groups for owner in group[i].values()} for i in (0, 1)]
    return CodeLeaks(leaks, len(persons[0]), len(persons[1]))
