"""What the tables hold of identifiers: the keys of what stands in S, and who else has what stands there."""

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
from audits.attacks.identifiers.recorded import OtherOccurrences, SyntheticOccurrences
from audits.core.types import AuditInputs, persons

_RARE_CHARACTERS = 4


@dataclass(frozen=True, slots=True)
class People:
    """Who wrote what: persons are numbered train first, then control; then public text, then rows set aside."""

    tables: tuple[tuple[tuple[str, ...], NDArray[np.int64]], ...]
    names: list[str]  # of train persons
    n_control: int
    n_synthetic: int  # rows of the synthetic table

    @property
    def n_train(self) -> int:
        """Train persons."""
        return len(self.names)

    @property
    def n_persons(self) -> int:
        """Persons of train and control."""
        return self.n_train + self.n_control

    def rows(self) -> Iterator[tuple[str, int]]:
        """Yield every text with the number of its owner."""
        for texts, owners in self.tables:
            yield from zip(texts, owners.tolist(), strict=True)

    def control_texts(self) -> tuple[str, ...]:
        """Return the texts of control."""
        return self.tables[1][0]

    def row_owners(self) -> Iterator[int]:
        """Yield the number of the owner of every text."""
        return (owner for _, owner in self.rows())


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticKeys:
    """The keys of what stands in the synthetic table."""

    by_kind: Mapping[str, Keys]
    numbers: Keys
    bare: Keys  # those that are no part of an identifier of their row
    entity_numbers: Keys  # identifiers as bare numbers
    words: Keys
    n_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolContent:
    """What people's texts hold.

    Args:
        entities: owners of each identifier that S holds too.
        numbers: the same of bare numbers.
        words: the only owner of each rare word.
        quasi: the only owner of each date, postal code and age, by kind.
        shared_contacts: how many contacts of each kind exactly two persons have.
        n_of_kind: different identifiers of each kind, of train and of others.
        numbered: direct identifiers that are numbers.
    """

    entities: Mapping[Entity, Owners]
    numbers: Mapping[str, Owners]
    words: OwnedKeys
    quasi: Mapping[str, OwnedKeys]
    shared_contacts: Mapping[str, int]
    n_of_kind: Mapping[tuple[str, bool], int]
    numbered: KnownNumbers


def read_people(inputs: AuditInputs) -> People:
    """Return the tables with their owners numbered."""
    train, train_owner = persons(inputs.train.groups)
    control, control_owner = persons(inputs.control.groups)
    tables = [(inputs.train.texts, train_owner), (inputs.control.texts, control_owner + len(train))]
    n = len(train) + len(control)
    others = ((n, inputs.reference), (n + 1, inputs.set_aside))
    tables += [(table.texts, np.full(len(table), owner)) for owner, table in others if table is not None]
    return People(tuple(tables), train, len(control), len(inputs.synthetic))


def rare_words(words: Iterable[str]) -> set[str]:
    """Return the words that are long enough to be somebody's alone."""
    return {word for word in words if len(word) >= _RARE_CHARACTERS}


def read_synthetic(texts: Iterable[str], in_synthetic: SyntheticOccurrences) -> SyntheticKeys:
    """Return the keys of what stands in the synthetic texts, and note in `in_synthetic` what is on record."""
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
        in_synthetic.read(row)
    return SyntheticKeys(
        by_kind={kind: keys.done() for kind, keys in by_kind.items()},
        numbers=numbers.done(),
        bare=bare.done(),
        entity_numbers=entity_numbers.done(),
        words=words.done(),
        n_tokens=n_tokens,
    )


def read_pool(people: People, synthetic: SyntheticKeys, in_others: OtherOccurrences) -> PoolContent:
    """Return what everybody's texts hold, and note in `in_others` what is on record for others."""
    entities: dict[Entity, Owners] = {}
    numbers: dict[str, Owners] = {}
    words, quasi = OwnerCollector(), {kind: OwnerCollector() for kind in QUASI}
    contacts, numbered = {kind: SharingCollector() for kind in CONTACT}, KnownNumbers()
    different = {(kind, side): KeyCollector() for kind in (*DIRECT, *CONTACT) for side in (True, False)}
    for text, owner in people.rows():
        row = read_content(text)
        for entity in row.entities:
            if entity.kind in QUASI:
                quasi[entity.kind].add([entity], owner)
            else:
                different[entity.kind, owner < people.n_train].add([entity])
            if entity.kind in CONTACT and owner < people.n_persons:
                contacts[entity.kind].add(entity, owner)
            if entity.kind in DIRECT and (digits := number_key(entity)) is not None:
                numbered.add(digits, owner)
            if _stands(entity, synthetic):
                entities.setdefault(entity, Owners()).add(owner)
        for _, digits in row.numbers:
            if digits in synthetic.numbers or digits in synthetic.entity_numbers:
                numbers.setdefault(digits, Owners()).add(owner)
        words.add(rare_words(row.words), owner)
        in_others.read(row, owner)
    return PoolContent(
        entities=entities,
        numbers=numbers,
        words=words.done(),
        quasi={kind: owners.done() for kind, owners in quasi.items()},
        shared_contacts={kind: int((owners.n_owners() == 2).sum()) for kind, owners in contacts.items()},
        n_of_kind={place: len(keys.done()) for place, keys in different.items()},
        numbered=numbered,
    )


def _stands(entity: Entity, synthetic: SyntheticKeys) -> bool:
    """Return whether an identifier stands in S, also without its label."""
    number = number_key(entity)
    return entity in synthetic.by_kind[entity.kind] or (number is not None and number in synthetic.numbers)
