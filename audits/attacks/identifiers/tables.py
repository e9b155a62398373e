"""Decide which identifiers of train, such as phone numbers, leak into the synthetic table S.

This module judges identifiers with a fixed pattern. The pool consists of all texts outside S: train (read by the
generator), control (never read by it), public text, and rows set aside by the input checks. First, `read_synthetic`
stores the keys (64-bit hashes) of the identifiers, numbers and words of S. Then `read_pool` collects the matches:
identifiers of the pool that also occur in S, with their owners. `judge_patterned` compares the matches of train
persons with those of control persons and with the number expected by chance. Other searches (`Collector`) read the
same rows.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from audits.attacks.identifiers.known_numbers import KnownNumbers
from audits.attacks.identifiers.locations import SearchTerms
from audits.attacks.identifiers.ownership import (
    MIN_CONTACTS,
    MIN_NUMBERS,
    KeyCollector,
    Keys,
    OwnedKeys,
    OwnerCounter,
    Owners,
    SingleOwnerCollector,
)
from audits.attacks.identifiers.patterns import CONTACT, DIRECT, QUASI, Entity, RowContent, number_key, read_content
from audits.attacks.identifiers.surprisal import Surprisal
from audits.core.stats import exceeds_chance, exceeds_control
from audits.core.types import AuditInputs, Bool, Int, persons
from audits.text.common_text import FEWEST

_MIN_CHARACTERS = 4  # `long_words` ignores shorter words
# if lambda (the number of matches expected by chance) is below this number, it does not explain a match
MAX_COINCIDENCES_OF_KIND = 0.05


class Collector(Protocol):
    """A search that reads first all rows of S and then all rows of the pool."""

    def read_synthetic(self, row: RowContent) -> None:
        """Add a row of S."""

    def read_other(self, row: RowContent, owner: int) -> None:
        """Add a row of the pool that belongs to `owner`."""


@dataclass(frozen=True, slots=True)
class People:
    """The pool. Owners are numbered in this order: train persons, control persons, public text, rows set aside."""

    tables: tuple[tuple[tuple[str, ...], Int], ...]  # (texts of a table, owner of each text), in the order of owners
    names: list[str]  # ids of the train persons
    n_control: int  # number of control persons
    n_synthetic: int  # number of rows of S

    @property
    def n_train(self) -> int:
        """Number of train persons."""
        return len(self.names)

    @property
    def n_persons(self) -> int:
        """Number of persons of train and control."""
        return self.n_train + self.n_control

    def are_of_train(self, owners: Iterable[Iterable[int]]) -> bool:
        """Return whether every owner in every list is a train person."""
        return all(owner < self.n_train for of_one in owners for owner in of_one)

    def rows(self) -> Iterator[tuple[str, int]]:
        """Yield every text with the number of its owner."""
        for texts, owners in self.tables:
            yield from zip(texts, owners.tolist(), strict=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticKeys:
    """The keys of identifiers, numbers and words in S."""

    by_kind: Mapping[str, Keys]  # identifiers of each kind
    numbers: Keys  # all numbers of at least six digits (`find_numbers`)
    bare: Keys  # numbers that are not the digits of an identifier in the same row
    entity_numbers: Keys  # digits of identifiers that are numbers (`number_key`)
    words: Keys  # words of at least four characters
    n_tokens: int  # number of all words, including repetitions


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolContent:
    """Identifiers, numbers and words of the pool, with their owners."""

    entities: Mapping[Entity, Owners]  # identifiers that also occur in S, as an identifier or by their digits
    numbers: Mapping[str, Owners]  # numbers that also occur in S, as a number or as the digits of an identifier
    words: OwnedKeys  # words of at least four characters
    quasi: Mapping[str, OwnedKeys]  # dates, postal codes and ages, by kind
    shared_contacts: Mapping[str, int]  # by kind: number of contacts that exactly two train or control persons have
    # number of different identifiers, by kind (direct identifiers and contacts) and table: True for train, False for
    # control and rows set aside, None for public text
    n_of_kind: Mapping[tuple[str, bool | None], int]
    known_numbers: KnownNumbers  # direct identifiers that are numbers


def read_people(inputs: AuditInputs) -> People:
    """Return the texts of all tables except S, with the number of the owner of each text."""
    train, train_owner = persons(inputs.train.groups)
    control, control_owner = persons(inputs.control.groups)
    tables = [(inputs.train.texts, train_owner), (inputs.control.texts, control_owner + len(train))]
    n = len(train) + len(control)
    remaining = ((n, inputs.reference), (n + 1, inputs.set_aside))
    tables += [(table.texts, np.full(len(table), owner)) for owner, table in remaining if table is not None]
    return People(tuple(tables), train, len(control), len(inputs.synthetic))


def long_words(words: Iterable[str]) -> set[str]:
    """Return the words of at least four characters; shorter words do not count as rare words."""
    return {word for word in words if len(word) >= _MIN_CHARACTERS}


def read_synthetic(texts: Iterable[str], collectors: Sequence[Collector]) -> SyntheticKeys:
    """Return the keys of the synthetic texts, and pass each row to the collectors."""
    by_kind = {kind: KeyCollector() for kind in (*DIRECT, *CONTACT, *QUASI)}
    numbers, bare, entity_numbers, words = (KeyCollector() for _ in range(4))
    n_tokens = 0
    for row in map(read_content, texts):
        for entity in row.entities:
            by_kind[entity.kind].add([entity])
        labelled = {key for key in map(number_key, row.entities) if key is not None}
        numbers.add(entity.key for entity in row.numbers)
        bare.add({entity.key for entity in row.numbers} - labelled)
        entity_numbers.add(labelled)
        words.add(long_words(row.words))
        n_tokens += len(row.words)
        for collector in collectors:
            collector.read_synthetic(row)
    return SyntheticKeys(
        by_kind={kind: keys.collected() for kind, keys in by_kind.items()},
        numbers=numbers.collected(),
        bare=bare.collected(),
        entity_numbers=entity_numbers.collected(),
        words=words.collected(),
        n_tokens=n_tokens,
    )


def read_pool(people: People, synthetic: SyntheticKeys, collectors: Sequence[Collector]) -> PoolContent:
    """Return the contents of the pool, and pass each row to the collectors."""
    entities: dict[Entity, Owners] = {}
    numbers: dict[str, Owners] = {}
    words, quasi = SingleOwnerCollector(), {kind: SingleOwnerCollector() for kind in QUASI}
    contacts, known_numbers = {kind: OwnerCounter() for kind in CONTACT}, KnownNumbers()
    by_kind = {(kind, in_train): KeyCollector() for kind in (*DIRECT, *CONTACT) for in_train in (True, False, None)}
    for text, owner in people.rows():
        row = read_content(text)
        in_train = None if owner == people.n_persons else owner < people.n_train
        for entity in row.entities:
            digits = number_key(entity)
            if entity.kind in QUASI:
                quasi[entity.kind].add([entity], owner)
            else:
                by_kind[entity.kind, in_train].add([entity])
            if entity.kind in CONTACT and owner < people.n_persons:
                contacts[entity.kind].add(entity, owner)
            if entity.kind in DIRECT and digits is not None:
                known_numbers.add(digits, owner)
            if entity in synthetic.by_kind[entity.kind] or (digits is not None and digits in synthetic.numbers):
                entities.setdefault(entity, Owners()).add(owner)
        for _, digits in row.numbers:
            if digits in synthetic.numbers or digits in synthetic.entity_numbers:
                numbers.setdefault(digits, Owners()).add(owner)
        words.add(long_words(row.words), owner)
        for collector in collectors:
            collector.read_other(row, owner)
    return PoolContent(
        entities=entities,
        numbers=numbers,
        words=words.collected(),
        quasi={kind: owners.collected() for kind, owners in quasi.items()},
        shared_contacts={kind: int((owners.n_owners() == 2).sum()) for kind, owners in contacts.items()},
        n_of_kind={kind_and_side: len(keys.collected()) for kind_and_side, keys in by_kind.items()},
        known_numbers=known_numbers,
    )


@dataclass(frozen=True, slots=True)
class PatternedHits:
    """The result of `judge_patterned`."""

    hit: Bool  # whether each person has a hit, (n_persons,)
    n_leaks: int  # number of identifiers that are leaks
    # by kind: [number of identifiers in S that only train persons have, number that only control persons have]
    by_kind: Mapping[str, list[int]]
    shared_contacts: Mapping[str, int]  # number of shared contacts (`judge_patterned`) of each kind
    terms: SearchTerms  # the leaks with their owners


def judge_patterned(
    people: People, synthetic: SyntheticKeys, pool: PoolContent, surprisal: Surprisal
) -> PatternedHits:
    """Return which persons have a hit, and which identifiers in both S and the pool are leaks.

    An identifier is ignored if more than ten persons have it or if it occurs in public text. Direct identifiers that
    may match by chance (`_unexplained`) are ignored, too, and so are contacts with a lambda of at least
    `MAX_COINCIDENCES_OF_KIND`. lambda is the number of matches that are expected by chance (formula:
    `identifiers_audit.Identifiers`). Each kind, such as phone numbers, is judged separately:

    - A direct identifier or contact is a hit of each of its owners if all of them are in train or all in control.
    - A direct identifier of a train person is a leak, even if control persons also have it.
    - A contact of a train person is a leak, with two exceptions. A contact of three or more persons, some in train
      and some in control, is no leak, because it may belong to a front desk. If a kind has at least four shared
      contacts, contacts of this kind are leaks only if significantly more train persons have one in S than the number
      of shared contacts predicts (`exceeds_control`). The number of shared contacts is the number of contacts that
      exactly two persons have, plus the number of control persons with a contact in S that no train person has.
    - A date, postal code or high age in S is a leak if its only owner is a train person, and if significantly more
      train than control persons are the only owner of such a value in S (`exceeds_control`).
    """
    # the last two entries, for public text and rows set aside, are cut off below
    hit = np.zeros(people.n_persons + 2, dtype=bool)
    by_kind: dict[str, list[int]] = {kind: [0, 0] for kind in (*DIRECT, *CONTACT, *QUASI)}
    leaks: list[tuple[Entity, Sequence[int]]] = []
    compared, direct = _ComparedLeaks(), list[_DirectMatch]()
    for entity, owners in pool.entities.items():
        digits = number_key(entity)
        all_owners = Owners((*owners, *pool.numbers.get(digits or "", ())))
        train, control = all_owners.split(people.n_train, people.n_persons)
        is_one_sided = not (train and control)
        if not train and not control:
            continue
        if is_one_sided:
            by_kind[entity.kind][bool(control)] += 1
        if entity.kind in QUASI:
            compared.add(entity, train, control, is_counted=len(train) + len(control) == 1)
            continue
        n_pairs = _places(entity, digits, synthetic) * pool.n_of_kind.get((entity.kind, bool(train)), 0)
        expected = n_pairs * 2.0 ** -surprisal.entity_bits(entity)
        if entity.kind in DIRECT:
            direct.append(_DirectMatch(entity, train, control, expected, entity in synthetic.by_kind[entity.kind]))
        elif expected < MAX_COINCIDENCES_OF_KIND:
            hit[[*train, *control]] |= is_one_sided
            compared.add(entity, train, control, is_counted=is_one_sided or len(train) + len(control) < FEWEST)
    for match in _unexplained(direct, pool):
        hit[[*match.train, *match.control]] |= not (match.train and match.control)
        if match.train:
            leaks.append((match.entity, match.train))
    n_shared = {kind: len(compared.control[kind]) + pool.shared_contacts[kind] for kind in CONTACT}
    leaks += compared.leaks(people, n_shared)
    return PatternedHits(hit[: people.n_persons], len(leaks), by_kind, n_shared, _search_terms(leaks))


class _DirectMatch(NamedTuple):
    """A direct identifier that occurs in both S and the pool, with its owners in train and in control."""

    entity: Entity
    train: Sequence[int]
    control: Sequence[int]
    expected: float  # lambda: number of identifiers of this kind that are expected to match by chance
    is_labelled: bool  # whether S has the identifier as a pattern finds it ("MRN 123456"), and not only its digits


def _unexplained(direct: Iterable[_DirectMatch], pool: PoolContent) -> Iterator[_DirectMatch]:
    """Yield the direct identifiers in S that do not match by chance.

    Identifiers of equal kind, length and number of digits are judged as one group, but those with a label in S (such
    as "MRN") are judged apart from those without. If no identifier of a group belongs to a train person, chance
    explains each match with a lambda of at least .05. Otherwise, chance explains all matches of the group in two
    cases:
    - The highest lambda of an identifier of train is at least .05, and the number of matches of train is not
      significantly higher than this lambda (`exceeds_chance`).
    - At least two identifiers of the group belong to no train person, and those of train persons are not
      significantly more (`exceeds_control`). This happens if many numbers begin with equal digits.
    """
    groups = defaultdict[tuple[str, int, int, bool], list[_DirectMatch]](list)
    for match in direct:
        kind, key = match.entity
        groups[kind, len(key), sum(map(str.isdecimal, key)), match.is_labelled].append(match)
    for (kind, *_), group in groups.items():
        train_matches = [match for match in group if match.train]
        if not train_matches:
            yield from (match for match in group if match.expected < MAX_COINCIDENCES_OF_KIND)
            continue
        n, n_not_train = len(train_matches), len(group) - len(train_matches)
        expected = max(match.expected for match in train_matches)
        n_t, n_h = (pool.n_of_kind.get((kind, in_train), 0) for in_train in (True, False))
        exceeds_lambda = exceeds_chance(n, expected, negligible=MAX_COINCIDENCES_OF_KIND)
        if exceeds_lambda and exceeds_control(n, n_not_train, n_t / max(n_t + n_h, 1), minimum=MIN_NUMBERS):
            yield from group


class _ComparedLeaks:
    """Contacts, dates, postal codes and ages in S, by kind.

    The identifiers of a kind are leaks if chance does not explain how many train persons have one of them in S.
    """

    def __init__(self) -> None:
        # by kind: (identifier in S, its train persons) for each identifier that a train person has
        self.train: Mapping[str, list[tuple[Entity, Sequence[int]]]] = {kind: [] for kind in (*CONTACT, *QUASI)}
        # by kind: the control persons with an identifier in S that no train person has
        self.control: Mapping[str, set[int]] = {kind: set() for kind in (*CONTACT, *QUASI)}

    def add(self, entity: Entity, train: Sequence[int], control: Sequence[int], *, is_counted: bool) -> None:
        """Add an identifier and its owners if `is_counted`; otherwise, the identifier is ignored."""
        if is_counted and train:
            self.train[entity.kind].append((entity, train))
        elif is_counted:
            self.control[entity.kind].update(control)

    def leaks(self, people: People, n_shared: Mapping[str, int]) -> Iterator[tuple[Entity, Sequence[int]]]:
        n_t, n_h, n_s = people.n_train, people.n_control, people.n_synthetic
        # the expected share of train if all pairs of a person and a row of S, and all pairs of persons, are equally
        # likely to match
        share = n_t * n_s / (n_t * n_s + n_h * n_s + (n_t + n_h) ** 2 / 2)
        for kind, identifiers in self.train.items():
            n_train = len({owner for _, owners in identifiers for owner in owners})
            if kind in CONTACT:
                is_leak = exceeds_control(n_train, n_shared[kind], share, minimum=MIN_CONTACTS)
            else:
                n_control, share_of_persons = len(self.control[kind]), n_t / (n_t + n_h)
                is_leak = exceeds_control(n_train, n_control, share_of_persons, minimum=0, n_tests=len(QUASI))
            if is_leak:
                yield from identifiers


def _places(entity: Entity, number: str | None, synthetic: SyntheticKeys) -> int:
    """Return how many strings of S may equal the identifier by chance: the smallest of these counts.

    - If a pattern finds the identifier in S: the number of identifiers of its kind in S.
    - If it is a number (`number`): the number of bare numbers in S if it is one of these, else of all numbers in S.
    """
    counts = [len(synthetic.by_kind[entity.kind])] if entity in synthetic.by_kind[entity.kind] else []
    if number is not None:
        counts.append(len(synthetic.bare) if number in synthetic.bare else len(synthetic.numbers))
    return min(counts)


def _search_terms(leaks: Sequence[tuple[Entity, Sequence[int]]]) -> SearchTerms:
    """Return the leaks as terms to locate in S; an identifier that is a number is also located without its label."""
    entities: dict[Entity, tuple[str, Sequence[int]]] = {}
    for entity, owners in leaks:
        number = number_key(entity)
        for form in [entity] if number is None else [entity, Entity("number", number)]:
            entities[form] = (DIRECT | CONTACT | QUASI)[entity.kind], owners
    return SearchTerms(entities, {})
