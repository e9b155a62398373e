"""Contents of the tables: the keys of what occurs in S, and the owners of what occurs in other texts."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audits.attacks.identifiers.known_numbers import KnownNumbers
from audits.attacks.identifiers.ownership import (
    KeyCollector,
    Keys,
    OwnedKeys,
    OwnerCollector,
    Owners,
    SharingCollector,
)
from audits.attacks.identifiers.patterns import CONTACT, DIRECT, QUASI, Entity, number_key, read_content
from audits.attacks.identifiers.recorded import Occurrences
from audits.core.types import AuditInputs, persons

_RARE_CHARACTERS = 4


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
