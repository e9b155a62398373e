"""Contents of the tables: keys of what occurs in S, owners of what occurs in other texts, and patterned leaks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audits.attacks.identifiers.known_numbers import KnownNumbers
from audits.attacks.identifiers.locations import SearchTerms
from audits.attacks.identifiers.ownership import (
    MIN_CONTACTS,
    KeyCollector,
    Keys,
    OwnedKeys,
    OwnerCollector,
    Owners,
    SharingCollector,
    exceeds_control,
)
from audits.attacks.identifiers.patterns import CONTACT, DIRECT, QUASI, Entity, number_key, read_content
from audits.attacks.identifiers.recorded import Occurrences
from audits.attacks.identifiers.surprisal import Surprisal
from audits.core.types import AuditInputs, persons

_RARE_CHARACTERS = 4
MAX_COINCIDENCES_OF_KIND = 0.05  # expected chance occurrences of all identifiers of a kind: one clean table in twenty


@dataclass(frozen=True, slots=True)
class People:
    """The texts and their owners: train persons come first, then control, public text, and rows set aside."""

    tables: tuple[tuple[tuple[str, ...], NDArray[np.int64]], ...]  # texts and owners of train, control and others
    names: list[str]  # of train persons
    n_control: int
    n_synthetic: int  # rows of the synthetic table

    @property
    def n_train(self) -> int:
        """Number of train persons."""
        return len(self.names)

    @property
    def n_persons(self) -> int:
        """Number of persons of train and control."""
        return self.n_train + self.n_control

    def rows(self) -> Iterator[tuple[str, int]]:
        """Yield every text with the number of its owner."""
        for texts, owners in self.tables:
            yield from zip(texts, owners.tolist(), strict=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticKeys:
    """The keys of what occurs in the synthetic table."""

    by_kind: Mapping[str, Keys]  # identifiers
    numbers: Keys
    bare: Keys  # numbers that are no part of an identifier of their row
    entity_numbers: Keys  # identifiers as bare numbers
    words: Keys
    n_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolContent:
    """What the texts of persons, public text and set-aside rows contain."""

    entities: Mapping[Entity, Owners]  # identifiers that also occur in S
    numbers: Mapping[str, Owners]  # bare numbers that also occur in S
    words: OwnedKeys  # rare words
    quasi: Mapping[str, OwnedKeys]  # dates, postal codes and ages, by kind
    shared_contacts: Mapping[str, int]  # number of contacts of each kind that exactly two persons have
    n_of_kind: Mapping[tuple[str, bool], int]  # different identifiers of each kind, of train (True) and of others
    numbered: KnownNumbers  # direct identifiers that are numbers


def read_people(inputs: AuditInputs) -> People:
    """Return the tables with numbered owners."""
    train, train_owner = persons(inputs.train.groups)
    control, control_owner = persons(inputs.control.groups)
    tables = [(inputs.train.texts, train_owner), (inputs.control.texts, control_owner + len(train))]
    n = len(train) + len(control)
    others = ((n, inputs.reference), (n + 1, inputs.set_aside))
    tables += [(table.texts, np.full(len(table), owner)) for owner, table in others if table is not None]
    return People(tuple(tables), train, len(control), len(inputs.synthetic))


def rare_words(words: Iterable[str]) -> set[str]:
    """Return the words that are long enough to belong to a single person."""
    return {word for word in words if len(word) >= _RARE_CHARACTERS}


def read_synthetic(texts: Iterable[str], occurrences: Occurrences) -> SyntheticKeys:
    """Return the keys of what occurs in the synthetic texts, and add recorded identifiers to `occurrences`."""
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
        words.add(rare_words(row.words))
        n_tokens += len(row.words)
        occurrences.read_synthetic(row)
    return SyntheticKeys(
        by_kind={kind: keys.collected() for kind, keys in by_kind.items()},
        numbers=numbers.collected(),
        bare=bare.collected(),
        entity_numbers=entity_numbers.collected(),
        words=words.collected(),
        n_tokens=n_tokens,
    )


def read_pool(people: People, synthetic: SyntheticKeys, occurrences: Occurrences) -> PoolContent:
    """Return what all other texts contain, and add their recorded identifiers to `occurrences`."""
    entities: dict[Entity, Owners] = {}
    numbers: dict[str, Owners] = {}
    words, quasi = OwnerCollector(), {kind: OwnerCollector() for kind in QUASI}
    contacts, numbered = {kind: SharingCollector() for kind in CONTACT}, KnownNumbers()
    different = {(kind, side): KeyCollector() for kind in (*DIRECT, *CONTACT) for side in (True, False)}
    for text, owner in people.rows():
        row = read_content(text)
        for entity in row.entities:
            digits = number_key(entity)
            if entity.kind in QUASI:
                quasi[entity.kind].add([entity], owner)
            else:
                different[entity.kind, owner < people.n_train].add([entity])
            if entity.kind in CONTACT and owner < people.n_persons:
                contacts[entity.kind].add(entity, owner)
            if entity.kind in DIRECT and digits is not None:
                numbered.add(digits, owner)
            if entity in synthetic.by_kind[entity.kind] or (digits is not None and digits in synthetic.numbers):
                entities.setdefault(entity, Owners()).add(owner)
        for _, digits in row.numbers:
            if digits in synthetic.numbers or digits in synthetic.entity_numbers:
                numbers.setdefault(digits, Owners()).add(owner)
        words.add(rare_words(row.words), owner)
        occurrences.read_other(row, owner)
    return PoolContent(
        entities=entities,
        numbers=numbers,
        words=words.collected(),
        quasi={kind: owners.collected() for kind, owners in quasi.items()},
        shared_contacts={kind: int((owners.n_owners() == 2).sum()) for kind, owners in contacts.items()},
        n_of_kind={place: len(keys.collected()) for place, keys in different.items()},
        numbered=numbered,
    )


@dataclass(frozen=True, slots=True)
class PatternedHits:
    """Identifiers found by pattern."""

    hit: NDArray[np.bool_]  # (n,): an identifier of the person that only their side has occurs in S
    hard: int  # number of leaks
    by_kind: Mapping[str, list[int]]  # identifiers of each kind in S that only train, and only control, has
    passed_on: Mapping[str, int]  # contacts of each kind that people share: of control found in S, or of two persons
    terms: SearchTerms  # the leaks, to locate them


def judge_patterned(
    people: People, synthetic: SyntheticKeys, pool: PoolContent, surprisal: Surprisal
) -> PatternedHits:
    """Judge every patterned identifier that occurs in S and that at most ten persons have.

    A direct identifier belongs to one person by its kind, so one that two persons have (a mother and her child, or
    persons of train and control) is a leak as well. A contact that control has too is exempt, because it belongs to a
    front desk. The other contacts of train are leaks unless people share contacts of their kind and those of train
    occur no more often: shared telephone numbers of a town exempt no e-mail address.
    """
    hit = np.zeros(people.n_persons + 2, dtype=bool)
    by_kind: dict[str, list[int]] = {kind: [0, 0] for kind in (*DIRECT, *CONTACT, *QUASI)}
    hard: list[tuple[Entity, Sequence[int]]] = []
    contacts: dict[str, list[tuple[Entity, Sequence[int]]]] = {kind: [] for kind in CONTACT}
    of_control: dict[str, set[int]] = {kind: set() for kind in CONTACT}
    for entity, owners in pool.entities.items():
        number = number_key(entity)
        whose = Owners((*owners, *pool.numbers.get(number or "", ())))
        train, control = whose.sides(people.n_train, people.n_persons)
        one_side = not (train and control)
        if not train and not control:
            continue
        if one_side:
            by_kind[entity.kind][bool(control)] += 1
        pairs = _places(entity, number, synthetic) * pool.n_of_kind.get((entity.kind, bool(train)), 0)
        if entity.kind in QUASI or pairs * 2.0 ** -surprisal.entity_bits(entity) >= MAX_COINCIDENCES_OF_KIND:
            continue
        hit[[*train, *control]] |= one_side
        if train and entity.kind in DIRECT:
            hard.append((entity, train))
        elif train and one_side:
            contacts[entity.kind].append((entity, train))
        elif entity.kind in CONTACT and one_side:
            of_control[entity.kind] |= set(control)
    passed_on = {kind: len(of_control[kind]) + pool.shared_contacts[kind] for kind in CONTACT}
    # share of train and S among all pairs of texts that may share a contact
    n_t, n_h, n_s = people.n_train, people.n_control, people.n_synthetic
    share = n_t * n_s / (n_t * n_s + n_h * n_s + (n_t + n_h) ** 2 / 2)
    for kind, found in contacts.items():
        n_found = len({owner for _, owners in found for owner in owners})
        if exceeds_control(n_found, passed_on[kind], share, minimum=MIN_CONTACTS):
            hard += found
    return PatternedHits(hit[: people.n_persons], len(hard), by_kind, passed_on, _search_terms(hard))


def _places(entity: Entity, number: str | None, synthetic: SyntheticKeys) -> int:
    """Return the number of places of S where an identifier could occur in the form in which it occurs there."""
    forms = [len(synthetic.by_kind[entity.kind])] if entity in synthetic.by_kind[entity.kind] else []
    if number is not None:
        forms.append(len(synthetic.bare) if number in synthetic.bare else len(synthetic.numbers))
    return min(forms)


def _search_terms(hard: Sequence[tuple[Entity, Sequence[int]]]) -> SearchTerms:
    """Return the leaks, each also as the bare number that it may occur as."""
    entities: dict[Entity, tuple[str, Sequence[int]]] = {}
    for entity, owners in hard:
        number = number_key(entity)
        for form in [entity] if number is None else [entity, Entity("number", number)]:
            entities[form] = (DIRECT | CONTACT)[entity.kind], owners
    return SearchTerms(entities, {})
