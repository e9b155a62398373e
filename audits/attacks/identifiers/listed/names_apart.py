"""Find rows of the synthetic table S in which a given name and the surname of one person stand apart.

For example, "The manager is called Jane. Her last name is Abernathy." `judge_names` finds names whose words are next
to each other.
"""

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from audits.attacks.identifiers.locations import Place
from audits.attacks.identifiers.ownership import Owners
from audits.attacks.identifiers.patterns import RowContent
from audits.attacks.identifiers.person_names import PersonName
from audits.attacks.identifiers.surprisal import Surprisal
from audits.attacks.identifiers.tables import People
from audits.core.stats import exceeds_control
from audits.text.clinical_terms import is_ordinary
from audits.text.normalise import normalise
from audits.text.spans import words_in

MAX_COINCIDENCES = 0.01  # a pair counts only if fewer than .01 such pairs are expected by chance
# pairs of train persons are leaks, without a test, if pairs of fewer persons occur by chance; a small number, because
# such pairs are counted in the texts of all real persons
MIN_BY_CHANCE = 1
NEXT_TO = 2  # words with at most one word in between are next to each other, because this word may be a middle name
_MIN_GIVEN, _MIN_SURNAME = 3, 4  # smallest numbers of letters
Pair = tuple[str, str]  # a given name and a surname


class ApartLeaks(NamedTuple):
    """The result of `judge_names_apart`."""

    places: Mapping[int, Sequence[Place]]  # places of the names, by row of S
    persons: set[int]  # train persons whom they identify


class NamesApart:
    """The pairs of given name and surname of recorded names, and the texts that contain them apart.

    A pair consists of words of letters that are not ordinary words.
    """

    def __init__(self, names: Iterable[tuple[Sequence[PersonName], Iterable[int]]], people: People) -> None:
        self._people = people
        self.owners: dict[Pair, Owners] = {}  # persons for whom a name with the pair is recorded
        self._given: dict[str, set[str]] = defaultdict(set)  # given names by surname
        for readings, owners in names:
            for pair in _pairs(readings):
                self.owners[pair] = Owners((*self.owners.get(pair, ()), *owners))
                self._given[pair[1]].add(pair[0])
        self.rows: list[list[tuple[Pair, int, int]]] = []  # pairs apart in each row of S, with their tokens
        self.n_places = 0  # number of pairs of tokens in rows of S
        self.n_tokens = [0, 0]  # number of tokens of S, and of the texts of train and control
        self.writers: dict[Pair, Owners] = defaultdict(Owners)  # owners of the texts outside S with both words
        self.elsewhere: set[Pair] = set()  # pairs apart in a text of a person for whom they are not recorded

    def read_synthetic(self, row: RowContent) -> None:
        """Add the pairs in a row of S."""
        self.rows.append([found for found in self._in(row.words) if _is_apart(*found[1:])])
        self.n_places += len(row.words) ** 2
        self.n_tokens[0] += len(row.words)

    def read_other(self, row: RowContent, owner: int) -> None:
        """Add the pairs in a row that is not in S and belongs to `owner`."""
        is_person = owner < self._people.n_persons
        self.n_tokens[1] += is_person * len(row.words)
        for pair, given, surname in self._in(row.words):
            self.writers[pair].add(owner)
            if is_person and _is_apart(given, surname) and owner not in set(self.owners[pair]):
                self.elsewhere.add(pair)

    def _in(self, words: Sequence[str]) -> Iterator[tuple[Pair, int, int]]:
        """Yield each pair in a text, with the two tokens that are nearest to each other."""
        surnames = self._given.keys() & set(words)
        if not surnames:
            return
        places = defaultdict[str, list[int]](list)
        for at, word in enumerate(words):
            places[word].append(at)
        for surname in sorted(surnames):
            for given in sorted(self._given[surname] & places.keys()):
                yield (given, surname), *_nearest(places[given], places[surname])


def judge_names_apart(texts: Sequence[str], names: NamesApart, people: People, surprisal: Surprisal) -> ApartLeaks:
    """Return the rows of S that contain a given name and the surname of one train person apart.

    A pair counts if at most ten persons have it, recorded or as two words of one text, and all of them are in train.
    Public text must not contain both words in one text. The expected numbers of such pairs and of such surnames,
    lambda and mu, must be below .01:

        lambda = (pairs of tokens in the rows of S) × (recorded pairs) × 2^-(bits of both words)
        mu = (tokens of S) × 2^-(bits of the surname)

    The pairs of train persons are leaks if no person has a pair that occurs by chance, or if significantly more train
    persons have a pair in S (`exceeds_control`). If no name of control is recorded, this test is always made. A pair
    occurs by chance if a control person has it and S contains it, or if a text of another real person contains it.
    """
    of_train: dict[int, set[int]] = defaultdict(set)
    by_chance: set[int] = set()
    sizes, n_pairs = (people.n_train, people.n_persons), names.n_places * len(names.owners)

    def is_rare(pair: Pair) -> bool:
        bits, of_surname = sum(map(surprisal.bits, pair)), surprisal.bits(pair[1])
        return max(n_pairs * math.exp2(-bits), names.n_tokens[0] * math.exp2(-of_surname)) < MAX_COINCIDENCES

    leaks = defaultdict[int, list[tuple[int, list[int]]]](list)
    for row, found in enumerate(names.rows):
        for pair, *at in found:
            train, control = Owners((*names.owners[pair], *names.writers.get(pair, ()))).split(*sizes)
            if bool(train) == bool(control) or not is_rare(pair):
                continue
            by_chance.update(control)
            for person in train:
                of_train[person].add(row)
            leaks[row] += [(token, train) for token in at if train]
    by_chance.update(owner for pair in names.elsewhere if is_rare(pair) for owner in names.owners[pair])
    owners = [max(owners, default=0) for owners in names.owners.values()]
    share = sum(owner < people.n_train for owner in owners) / max(len(owners), 1)
    share *= names.n_tokens[0] / max(sum(names.n_tokens), 1)
    has_control = any(owner >= people.n_train for owner in owners)
    minimum = MIN_BY_CHANCE if has_control else 0
    if not exceeds_control(len(of_train), len(by_chance), share, minimum=minimum):
        return ApartLeaks({}, set())
    places = {row: list(_places(texts[row], tokens)) for row, tokens in leaks.items() if tokens}
    return ApartLeaks(places, set(of_train))


def _pairs(readings: Sequence[PersonName]) -> set[Pair]:
    """Return the pairs of a name; two words that may be given names are no pair."""
    all_given = {word for reading in readings for word in reading.given}
    surnames = {words[0] for reading in readings for words in reading.surnames if len(words) == 1} - all_given
    return {
        (given, surname)
        for given in all_given
        for surname in surnames
        if len(given) >= _MIN_GIVEN and len(surname) >= _MIN_SURNAME
        if not is_ordinary(given) and not is_ordinary(surname)
    }


def _nearest(places: Sequence[int], others: Sequence[int]) -> tuple[int, int]:
    """Return the two numbers, one of each ascending sequence, that are nearest to each other."""
    found = []
    for place in places:
        at = bisect_left(others, place)
        found += [(place, other) for other in others[max(0, at - 1) : at + 1]]
    return min(found, key=lambda pair: abs(pair[0] - pair[1]))


def _is_apart(given: int, surname: int) -> bool:
    return abs(given - surname) > NEXT_TO


def _places(text: str, tokens: Iterable[tuple[int, list[int]]]) -> Iterator[Place]:
    words = words_in(normalise(text))
    for token, owners in tokens:
        yield Place(words[token].start, words[token].end, "known name, parts apart", owners)
