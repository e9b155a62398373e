"""Which patterned identifiers of train persons stand in S, and which of these are leaks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audits.attacks.identifiers.locations import SearchTerms
from audits.attacks.identifiers.ownership import Owners
from audits.attacks.identifiers.patterns import CONTACT, DIRECT, QUASI, Entity, number_key
from audits.attacks.identifiers.phantoms import FEW_CONTACTS, beyond_phantoms
from audits.attacks.identifiers.surprisal import Surprisal
from audits.attacks.identifiers.tables import People, PoolContent, SyntheticKeys

MAX_COINCIDENCES_OF_KIND = 0.05  # expected chance occurrences of all identifiers of a kind: one clean table in twenty
_KIND_NAMES = {
    "mrn": "record number",
    "ssn": "national id",
    "iban": "bank account",
    "card": "card number",
    "nhs": "NHS number",
    "email": "e-mail address",
    "phone": "phone number",
    "url": "URL",
}


@dataclass(frozen=True, slots=True)
class PatternedHits:
    """What patterns found.

    Args:
        hit: persons of whom an identifier stands in S that only their side has, (n,).
        hard: identifiers that are leaks.
        by_kind: how many identifiers of each kind stand in S that only train, or only control, has.
        passed_on: contacts of each kind that are seen to pass between people: of control found in S, or two persons'.
        terms: where the leaks are to be looked for.
    """

    hit: NDArray[np.bool_]
    hard: int
    by_kind: Mapping[str, list[int]]
    passed_on: Mapping[str, int]
    terms: SearchTerms


def judge_patterned(
    people: People, synthetic: SyntheticKeys, pool: PoolContent, surprisal: Surprisal
) -> PatternedHits:
    """Judge every patterned identifier that stands in S and that at most ten persons have.

    A direct identifier is one person's by its kind, so one that two have (a mother and her child, train and control)
    is a leak as well. A contact that control has too is a desk's, and exempt; the others of train are leaks unless
    contacts of their kind are seen to pass between people and those of train return no more often: that a town's
    telephones coincide excuses no e-mail address.
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
        alone = not (train and control)
        if not train and not control:
            continue
        if alone:
            by_kind[entity.kind][bool(control)] += 1
        pairs = _places(entity, number, synthetic) * pool.n_of_kind.get((entity.kind, bool(train)), 0)
        if entity.kind in QUASI or pairs * 2.0 ** -surprisal.entity_bits(entity) >= MAX_COINCIDENCES_OF_KIND:
            continue
        hit[[*train, *control]] |= alone
        if train and entity.kind in DIRECT:
            hard.append((entity, train))
        elif train and alone:
            contacts[entity.kind].append((entity, train))
        elif entity.kind in CONTACT and alone:
            of_control[entity.kind] |= set(control)
    passed_on = {kind: len(of_control[kind]) + pool.shared_contacts[kind] for kind in CONTACT}
    for kind, found in contacts.items():
        n_found = len({owner for _, owners in found for owner in owners})
        if beyond_phantoms(n_found, passed_on[kind], _share(people), few=FEW_CONTACTS):
            hard += found
    return PatternedHits(hit[: people.n_persons], len(hard), by_kind, passed_on, _search_terms(hard))


def _share(people: People) -> float:
    """Return of all pairs of texts between which a contact is seen to pass how many are of train and S.

    n_T n_S / (n_T n_S + n_H n_S + (n_T + n_H)^2 / 2)
    """
    n_t, n_h, n_s = people.n_train, people.n_control, people.n_synthetic
    return n_t * n_s / (n_t * n_s + n_h * n_s + (n_t + n_h) ** 2 / 2)


def _places(entity: Entity, number: str | None, synthetic: SyntheticKeys) -> int:
    """Return in how many places of S an identifier could stand in the form in which it stands there."""
    forms = [len(synthetic.by_kind[entity.kind])] if entity in synthetic.by_kind[entity.kind] else []
    if number is not None:
        forms.append(len(synthetic.bare) if number in synthetic.bare else len(synthetic.numbers))
    return min(forms)


def _search_terms(hard: Iterable[tuple[Entity, Sequence[int]]]) -> SearchTerms:
    """Return what is to be located of the hard hits: each identifier, also as the bare number it may stand as."""
    entities: dict[Entity, tuple[str, Sequence[int]]] = {}
    for entity, owners in hard:
        label_and_owners = _KIND_NAMES[entity.kind], owners
        entities[entity] = label_and_owners
        number = number_key(entity)
        if number is not None:
            entities[Entity("number", number)] = label_and_owners
    return SearchTerms(entities, {})
