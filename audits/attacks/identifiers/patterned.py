"""Determine which patterned identifiers of train persons occur in S, and which of these are leaks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audits.attacks.identifiers.locations import SearchTerms
from audits.attacks.identifiers.ownership import MIN_CONTACTS, Owners, exceeds_control
from audits.attacks.identifiers.patterns import CONTACT, DIRECT, QUASI, Entity, number_key
from audits.attacks.identifiers.surprisal import Surprisal
from audits.attacks.identifiers.tables import People, PoolContent, SyntheticKeys

MAX_COINCIDENCES_OF_KIND = 0.05  # expected chance occurrences of all identifiers of a kind: one clean table in twenty


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
