"""Decide which names of persons in the synthetic table S are leaks; the parts may be in any order or abbreviated."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from audits.attacks.identifiers.ownership import MIN_NAMES, Owners
from audits.attacks.identifiers.patterns import RowContent
from audits.attacks.identifiers.person_names import NameForm, NameSearch, PersonName, Tokens, agrees, read_name
from audits.attacks.identifiers.surprisal import Surprisal
from audits.attacks.identifiers.tables import People
from audits.core.stats import exceeds_control

MAX_COINCIDENCES = 0.01  # a form is a leak by itself only if chance is expected to produce fewer


class NameLeaks(NamedTuple):
    """The result of `judge_names`."""

    found: int  # number of train persons whose name occurs in S in any form
    of_control: int  # number of control persons with a name in S, plus train persons with one only in control texts
    phrases: Mapping[Tokens, tuple[str, Sequence[int]]]  # the leaks as they occur in S, with kind and owners

    def without(self, persons: set[int]) -> Mapping[Tokens, tuple[str, Sequence[int]]]:
        """Return the leaks of at least one person who is not among `persons`."""
        return {phrase: found for phrase, found in self.phrases.items() if not persons.issuperset(found[1])}


class NameOccurrences:
    """Occurrences of names in S and in other texts; call `read_synthetic` for all rows of S first."""

    def __init__(self, listed: Iterable[tuple[Sequence[str], int]], people: People) -> None:
        owners: dict[tuple[PersonName, ...], Owners] = {}
        for values, owner in listed:
            single = [value for value in values if value.isalpha()]
            # given name and surname may be listed one after the other, in either order
            pairs = [name for a, b in pairwise(single) for name in (f"{a}, {b}", f"{b}, {a}")]
            for readings in filter(None, map(read_name, (*values, *pairs))):
                owners.setdefault(readings, Owners()).add(owner)
        self.owners = list(owners.values())
        self._n_train, self._n_persons = people.n_train, people.n_persons
        self._search = NameSearch(list(owners))
        self.forms: dict[NameForm, set[int]] = defaultdict(set)  # forms in S, with the numbers of the names
        self.phrases: dict[NameForm, set[Tokens]] = defaultdict(set)  # the words of each form in S
        self.others: dict[NameForm, Owners] = defaultdict(Owners)  # owners of other texts whose names agree
        self.in_control: dict[NameForm, set[int]] = defaultdict(set)  # forms in control texts
        self.n_tokens = [0, 0]  # of S, of control texts
        self._by_surname: dict[Tokens, list[NameForm]] = {}

    def read_synthetic(self, row: RowContent) -> None:
        """Add the names in the words of a row of S."""
        words = row.words
        self.n_tokens[0] += len(words)
        for match in self._search.matches(words):
            self.forms[match.form].update(match.names)
            self.phrases[match.form].add(tuple(words[match.start : match.end]))

    def read_other(self, row: RowContent, owner: int) -> None:
        """Add the names in the words of a row that is not in S and belongs to `owner`."""
        words = row.words
        if not self._by_surname:
            self._by_surname = defaultdict(list)
            for form in self.forms:
                self._by_surname[form.surname].append(form)
        for surname, context in self._search.contexts(words):
            for form in self._by_surname.get(surname, ()):
                if agrees(form, context):
                    self.others[form].add(owner)
        if self._n_train <= owner < self._n_persons:
            self.n_tokens[1] += len(words)
            for match in self._search.matches(words):
                self.in_control[match.form].update(match.names)

    def sides(self, form: NameForm) -> tuple[list[int], list[int]]:
        """Return the train persons and the control persons whom a form in S may mean."""
        listed = (owner for number in self.forms[form] for owner in self.owners[number])
        return Owners((*listed, *self.others.get(form, ()))).sides(self._n_train, self._n_persons)

    def n_names(self) -> tuple[int, int]:
        """Return the number of names that only train persons have, and the number of all other names."""
        of_train = sum(max(owners, default=0) < self._n_train for owners in map(list, self.owners))
        return of_train, len(self.owners) - of_train


def judge_names(
    occurrences: NameOccurrences, surprisal: Surprisal, people: People, *, are_recorded: bool
) -> NameLeaks:
    """Return the names of train persons that are leaks: those that control persons and public text do not have.

    A form with a full given name is judged by itself if chance is expected to produce it less than .01 times:

        lambda = (tokens of S) × (ways to write the name) × 2^-(bits of its words)

    Such a form is a leak. If two or more control persons have such forms in S, it is a leak only if significantly
    more train persons have them (`exceeds_control`). All other forms, such as initials with a surname, are leaks only
    if significantly more train persons are found by them than by chance. Chance is measured by the number of control
    persons found in S and of train persons found in control texts.

    Of names that were read from texts and not from a list, only those of a single person with a full given name
    count, and none is judged by itself.
    """
    hard, weak = _Sides(), _Sides()
    for form in occurrences.forms:
        train, control = occurrences.sides(form)
        if bool(train) == bool(control):
            continue
        if not are_recorded and (len(train) + len(control) > 1 or not form.has_given_name):
            continue
        n_given = len(form.given) + 1
        bits = sum(map(surprisal.bits, (*form.surname, *form.given))) - math.log2(2 * 3**n_given)
        is_rare = occurrences.n_tokens[0] * math.exp2(-bits) < MAX_COINCIDENCES
        sides = hard if are_recorded and form.has_given_name and is_rare else weak
        sides.add(form, train, control)
    chance, share = 0, people.n_train / people.n_persons
    if are_recorded:
        (n_of_train, n_others), (n_s, n_c) = occurrences.n_names(), occurrences.n_tokens
        chance = _train_names_in_control(occurrences, people.n_train)
        share = n_of_train * n_s / max(n_of_train * (n_s + n_c) + n_others * n_s, 1)
    leaks: dict[NameForm, list[int]] = {}
    kind = "known name, other form" if are_recorded else "name"
    if exceeds_control(len(hard.train()), len(hard.control), share, minimum=MIN_NAMES):
        leaks |= hard.forms
    if exceeds_control(len(weak.train()), len(weak.control) + chance, share, minimum=0):
        leaks |= weak.forms
    return NameLeaks(
        found=len(hard.train() | weak.train()),
        of_control=len(hard.control | weak.control) + chance,
        phrases={phrase: (kind, owners) for form, owners in leaks.items() for phrase in occurrences.phrases[form]},
    )


class _Sides:
    """Forms that only train persons have, and the control persons of the forms that only control has."""

    def __init__(self) -> None:
        self.forms: dict[NameForm, list[int]] = {}
        self.control: set[int] = set()

    def add(self, form: NameForm, train: list[int], control: list[int]) -> None:
        if train:
            self.forms[form] = train
        self.control.update(control)

    def train(self) -> set[int]:
        return {owner for owners in self.forms.values() for owner in owners}


def _train_names_in_control(occurrences: NameOccurrences, n_train: int) -> int:
    """Return the number of train persons whose name occurs, by chance, in control texts and not in S."""
    return len(
        {
            owner
            for form, names in occurrences.in_control.items()
            if form not in occurrences.forms
            for number in names
            for owner in occurrences.owners[number]
            if max(occurrences.owners[number]) < n_train
        }
    )
