"""Find rows of the synthetic table S that contain a given name and the surname of one person in separate places.

For example, a row contains "The manager is called Jane" and, further on, "her last name is Abernathy". `judge_names`
finds names whose words are next to each other.
"""

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from audits.attacks.identifiers.listed.other_forms import OtherForm, OtherFormLeaks, judge_other_forms
from audits.attacks.identifiers.ownership import Owners
from audits.attacks.identifiers.patterns import RowContent
from audits.attacks.identifiers.person_names import PersonName
from audits.attacks.identifiers.surprisal import Surprisal
from audits.attacks.identifiers.tables import People
from audits.text.clinical_terms import is_ordinary
from audits.text.spans import tokens_in

MAX_COINCIDENCES = 0.01  # a pair counts only if lambda and mu (`judge_names_apart`) are below this number
# if names of control are recorded and pairs of fewer persons than this occur by chance, all pairs of train are leaks
MIN_BY_CHANCE = 1
NEXT_TO = 2  # two words at most 2 positions apart count as next to each other: a middle name may be in between
_MIN_GIVEN, _MIN_SURNAME = 3, 4  # smallest numbers of letters of a given name and a surname
Pair = tuple[str, str]  # a given name and a surname


class NamesApart:
    """The pairs of a given name and the surname in recorded names, and the texts that contain both words of a pair.

    A name is recorded if it was replaced in a real record. The two words of a pair stand apart if at least two words
    are between them.

    Each item of `names` is (readings of a recorded name, owners of the name). A reading is one way to divide the name
    into given names and a surname. `read_synthetic` must be called for each row of S, and `read_other` for each text
    outside S.
    """

    def __init__(self, names: Iterable[tuple[Sequence[PersonName], Iterable[int]]], people: People) -> None:
        self._people = people
        self.owners: dict[Pair, Owners] = {}  # persons for whom a name with the pair is recorded
        self._given: dict[str, set[str]] = defaultdict(set)  # given names by surname
        for readings, owners in names:
            for pair in _pairs(readings):
                self.owners[pair] = Owners((*self.owners.get(pair, ()), *owners))
                self._given[pair[1]].add(pair[0])
        # pairs that stand apart, by row of S: (pair, characters [start, end) of both words in the normalised text)
        self.rows: list[list[tuple[Pair, list[tuple[int, int]]]]] = []
        self.n_token_pairs = 0  # number of pairs of tokens in the same row, summed over the rows of S
        self.n_tokens = [0, 0]  # number of tokens of S, and of the texts of train and control
        self.writers: dict[Pair, Owners] = defaultdict(Owners)  # owners of texts outside S that contain both words
        # pairs that stand apart in a text of a person for whom the pair is not recorded
        self.elsewhere: set[Pair] = set()

    def read_synthetic(self, row: RowContent) -> None:
        """Add the pairs in a row of S."""
        found = [(pair, at) for pair, *at in self._in(row.words) if _is_apart(*at)]
        words = tokens_in(row.normalised) if found else []
        self.rows.append([(pair, [words[token][1:] for token in at]) for pair, at in found])
        self.n_token_pairs += len(row.words) ** 2
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
        """Yield each pair in a text, with the indices of its given name and surname where they are closest."""
        surnames = self._given.keys() & set(words)
        if not surnames:
            return
        places = defaultdict[str, list[int]](list)
        for at, word in enumerate(words):
            places[word].append(at)
        for surname in sorted(surnames):
            for given in sorted(self._given[surname] & places.keys()):
                yield (given, surname), *_nearest(places[given], places[surname])


def judge_names_apart(names: NamesApart, people: People, surprisal: Surprisal) -> OtherFormLeaks:
    """Return the leaks among the pairs of given name and surname that stand apart in a row of S.

    A pair counts only if lambda and mu are below .01. lambda is the expected number of chance occurrences of recorded
    pairs in S, if all recorded pairs were as unlikely as this pair. mu is the expected number of chance occurrences
    of the surname.

        lambda = (pairs of tokens in the same row of S) × (recorded pairs) × 2^-(surprisal of both words in bits)
        mu = (tokens of S) × 2^-(surprisal of the surname in bits)

    The train persons with a pair in S are compared with the persons whose pairs occur by chance: control persons with
    a pair in S, and persons whose pair stands apart in a text of somebody else. The pairs of train are leaks if
    significantly more persons are of the first kind (`judge_other_forms`). If names of control are recorded and no
    pair occurs by chance, one train person is enough.
    """
    n_pairs = names.n_token_pairs * len(names.owners)

    def is_rare(pair: Pair) -> bool:
        bits, of_surname = sum(map(surprisal.bits, pair)), surprisal.bits(pair[1])
        return max(n_pairs * math.exp2(-bits), names.n_tokens[0] * math.exp2(-of_surname)) < MAX_COINCIDENCES

    found = (
        OtherForm(Owners((*names.owners[pair], *names.writers.get(pair, ()))), row, spans)
        for row, in_row in enumerate(names.rows)
        for pair, spans in in_row
        if is_rare(pair)
    )
    by_chance = {owner for pair in names.elsewhere if is_rare(pair) for owner in names.owners[pair]}
    # `share` is the share of train among the compared persons that is expected without a leak. Each pair is then
    # equally likely to stand apart at any token of S, train and control. Thus, `share` = (share of the pairs that are
    # recorded only for train persons, who have the lowest numbers) × (share of S among these tokens).
    highest = [max(owners, default=0) for owners in names.owners.values()]
    share = sum(owner < people.n_train for owner in highest) / max(len(highest), 1)
    share *= names.n_tokens[0] / max(sum(names.n_tokens), 1)
    minimum = 0 if people.are_of_train(names.owners.values()) else MIN_BY_CHANCE
    return judge_other_forms(found, by_chance, people, "known name, parts apart", share=share, minimum=minimum)


def _pairs(readings: Sequence[PersonName]) -> set[Pair]:
    """Return the pairs of a name, without ordinary words and without surnames that may also be given names."""
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
    """Return the two closest numbers, one from each of two ascending sequences."""
    found = []
    for place in places:
        at = bisect_left(others, place)
        found += [(place, other) for other in others[max(0, at - 1) : at + 1]]
    return min(found, key=lambda pair: abs(pair[0] - pair[1]))


def _is_apart(given: int, surname: int) -> bool:
    return abs(given - surname) > NEXT_TO
