"""Identifiers (section C): does a number, a name or a rare word of one person stand in the synthetic table?"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audits.core.rates import difference, exact, one_person, share, tau_metric, tier, too_few
from audits.core.stats import FAIL_LEVEL, scan_test
from audits.core.types import AuditInputs, AuditResult, Estimate, Finding, Verdict, persons
from audits.identifiers.locations import SearchTerms, locate_identifiers
from audits.identifiers.ownership import MANY, KeyCollector, Keys, OwnedKeys, OwnerCollector, SharingCollector
from audits.identifiers.patterns import CONTACT, DIRECT, QUASI, Entity, number_key, read_content
from audits.identifiers.recorded import (
    OtherOccurrences,
    RecordedHits,
    SyntheticCounts,
    SyntheticOccurrences,
    index_identifiers,
    judge_recorded,
)
from audits.identifiers.surprisal import QUASI_BITS, Surprisal
from audits.text.normalise import normalise, tokens

_RARE_CHARACTERS = 4
_FEW = 10  # persons with one contact, up to whom they share it and it is nobody's desk
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
MAX_COINCIDENCES_OF_KIND = 0.05  # expected chance occurrences of all identifiers of a kind: one clean table in twenty

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _People:
    """Who wrote what: persons are numbered train first, then control; nobody's texts have one more number."""

    tables: tuple[tuple[tuple[str, ...], NDArray[np.int64]], ...]
    names: list[str]  # of train persons
    n_control: int
    n_synthetic: int  # rows of the synthetic table

    @property
    def n_train(self) -> int:
        return len(self.names)

    @property
    def n_persons(self) -> int:
        return self.n_train + self.n_control

    def rows(self) -> Iterator[tuple[str, int]]:
        """Yield every text with the number of its owner."""
        for texts, owners in self.tables:
            yield from zip(texts, owners.tolist(), strict=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _SyntheticKeys:
    """The keys of what stands in the synthetic table."""

    by_kind: Mapping[str, Keys]
    numbers: Keys
    bare: Keys  # those that are no part of an identifier of their row
    entity_numbers: Keys  # identifiers as bare numbers
    words: Keys
    n_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _PoolContent:
    """What people's texts hold: owners of what S holds too, of rare words and shared kinds; contacts; counts."""

    entities: Mapping[Entity, int]
    numbers: Mapping[str, int]
    words: OwnedKeys
    quasi: Mapping[str, OwnedKeys]
    shared_kinds: frozenset[str]
    n_of_kind: Mapping[tuple[str, bool], int]  # different identifiers of each kind, of train and of others


@dataclass(frozen=True, slots=True, kw_only=True)
class _Patterned:
    """What patterns found: strong hits per person, by kind, and the kinds that people share in public."""

    hit: NDArray[np.bool_]
    hard: int
    by_kind: Mapping[str, list[int]]
    shared_kinds: tuple[str, ...]
    terms: SearchTerms


class Identifiers:
    """Numbers, addresses, names and rare words that belong to one person.

    The attacker looks for anything in the release that can be looked up: a record number, an e-mail address, a
    misspelt name. One is enough. So everything that only one person of train or control has is searched for in the
    synthetic table, however it is written there; what only control persons have can occur by chance alone.

        w(t) = bits of surprise of t,  lambda(t) = (places in S where t could stand) (identifiers of its kind) 2^-w(t)
        excess = |{p in T: an identifier of p alone stands in S}| / n_T - the same for H

    Kinds: record number, national id, IBAN, card, NHS number (direct); e-mail, phone, URL (contact); date, postal
    code, age over 89 (shared by many); the identifiers known to have stood in train before they were replaced, also
    as bare digits, as a date in another form, and with one edit; and, needing no pattern, every word that only one
    person uses.

    lambda is what chance brings back of all identifiers of the kind that train has: with 8 digits for each of 10,000
    persons and in 10,000 synthetic rows, one is expected, and a single one is no proof; the excess then judges.

    Fails on: one direct identifier or contact of a train person with lambda < .05, or a known one with lambda < .01;
    an excess proven above tau; train persons crowding at, or missing from, the top of rare words and shared kinds
    (scan test).
    A contact kind counts singly only where nobody else shares such contacts: if control's own are found in S, or some
    stand with two to ten persons of the pool, people quote them, and only the excess judges them.

    Privacy: reads all texts; the result holds counts by kind, never a value, beside the findings: row, characters and
        person of each hard hit, for the private side.
    Random: none.
    Cost: O(N) in characters; the texts are read one by one, each synthetic one once or twice, each other one twice.
        Kept are 12 bytes for each different word or date and each contact, 8 for those of S, and the identifiers
        that both hold; beside them some hundred bytes for each known identifier.
    Source: expected coincidences as in exposure (Carlini et al. 2019); the control arm replaces a name recogniser's
        recall.
    """

    name = "identifiers"

    def run(self, inputs: AuditInputs, rng: np.random.Generator, confidence: float) -> AuditResult:  # noqa: ARG002
        """Return the verdict, the excess of persons with an identifier in the table, and the number of hard hits."""
        people = _people(inputs)
        recorded = index_identifiers(
            (*(inputs.identifiers or ()), *(inputs.control_identifiers or ())), _row_owners(people)
        )
        in_synthetic = SyntheticOccurrences(recorded)
        synthetic = _read_synthetic(inputs.synthetic.texts, in_synthetic)
        in_others = OtherOccurrences(recorded, in_synthetic)
        pool = _read_pool(people, synthetic, in_others)
        surprisal = _surprisal(inputs)
        patterned = _patterned(people, synthetic, pool, surprisal)
        counts = SyntheticCounts(
            n_tokens=synthetic.n_tokens, n_numbers=len(synthetic.numbers), n_dates=len(synthetic.by_kind["date"])
        )
        recorded_hits = judge_recorded(recorded, in_synthetic, in_others, (counts, surprisal), people.n_train)
        rare = _rare_scores(people, synthetic, pool, surprisal)
        terms = SearchTerms({**recorded_hits.terms.entities, **patterned.terms.entities}, recorded_hits.terms.phrases)
        findings = locate_identifiers(inputs.synthetic.texts, terms, people.names)
        return _judge(people, (patterned, recorded_hits, rare), findings, confidence)


def _people(inputs: AuditInputs) -> _People:
    train, train_owner = persons(inputs.train.groups)
    control, control_owner = persons(inputs.control.groups)
    tables = [(inputs.train.texts, train_owner), (inputs.control.texts, control_owner + len(train))]
    nobodys = (table for table in (inputs.reference, inputs.set_aside) if table is not None)
    tables += [(table.texts, np.full(len(table), len(train) + len(control))) for table in nobodys]
    return _People(tuple(tables), train, len(control), len(inputs.synthetic))


def _row_owners(people: _People) -> Iterator[int]:
    return (owner for _, owner in people.rows())


def _surprisal(inputs: AuditInputs) -> Surprisal:
    background = (
        [inputs.control.texts] if inputs.reference is None else [inputs.control.texts, inputs.reference.texts]
    )
    return Surprisal(normalise(text) for texts in background for text in texts)


def _rare_words(words: Iterable[str]) -> set[str]:
    return {word for word in words if len(word) >= _RARE_CHARACTERS}


def _read_synthetic(texts: Iterable[str], in_synthetic: SyntheticOccurrences) -> _SyntheticKeys:
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
        words.add(_rare_words(row.words))
        n_tokens += len(row.words)
        in_synthetic.read(row)
    return _SyntheticKeys(
        by_kind={kind: keys.done() for kind, keys in by_kind.items()},
        numbers=numbers.done(),
        bare=bare.done(),
        entity_numbers=entity_numbers.done(),
        words=words.done(),
        n_tokens=n_tokens,
    )


def _read_pool(people: _People, synthetic: _SyntheticKeys, in_others: OtherOccurrences) -> _PoolContent:
    entities: dict[Entity, int] = {}
    numbers: dict[str, int] = {}
    words, quasi = OwnerCollector(), {kind: OwnerCollector() for kind in QUASI}
    contacts = {kind: SharingCollector() for kind in CONTACT}
    different = {(kind, side): KeyCollector() for kind in (*DIRECT, *CONTACT) for side in (True, False)}
    for text, owner in people.rows():
        row = read_content(text)
        for entity in row.entities:
            if entity.kind in QUASI:
                quasi[entity.kind].add([entity], owner)
            else:
                different[entity.kind, owner < people.n_train].add([entity])
            if entity.kind in CONTACT:
                contacts[entity.kind].add(entity, owner)
            if _stands(entity, synthetic):
                entities[entity] = owner if entities.get(entity, owner) == owner else MANY
        for _, digits in row.numbers:
            if digits in synthetic.numbers or digits in synthetic.entity_numbers:
                numbers[digits] = owner if numbers.get(digits, owner) == owner else MANY
        words.add(_rare_words(row.words), owner)
        in_others.read(row, owner)
    return _PoolContent(
        entities=entities,
        numbers=numbers,
        words=words.done(),
        quasi={kind: owners.done() for kind, owners in quasi.items()},
        shared_kinds=frozenset(kind for kind, sharing in contacts.items() if _is_shared(sharing)),
        n_of_kind={place: len(keys.done()) for place, keys in different.items()},
    )


def _is_shared(sharing: SharingCollector) -> bool:
    n_owners = sharing.n_owners()
    return bool(((n_owners >= 2) & (n_owners <= _FEW)).any())


def _stands(entity: Entity, synthetic: _SyntheticKeys) -> bool:
    """Return whether an identifier stands in S, also without its label."""
    number = number_key(entity)
    return entity in synthetic.by_kind[entity.kind] or (number is not None and number in synthetic.numbers)


def _patterned(people: _People, synthetic: _SyntheticKeys, pool: _PoolContent, surprisal: Surprisal) -> _Patterned:
    """Judge every patterned identifier of exactly one person that stands in S."""
    hit = np.zeros(people.n_persons, dtype=bool)
    by_kind: dict[str, list[int]] = {kind: [0, 0] for kind in (*DIRECT, *CONTACT, *QUASI)}
    strong: list[tuple[Entity, int]] = []
    for entity, owner in pool.entities.items():
        number = number_key(entity)
        if not 0 <= owner < people.n_persons or (number is not None and pool.numbers.get(number, owner) != owner):
            continue
        by_kind[entity.kind][owner >= people.n_train] += 1
        if entity.kind in QUASI:
            continue
        pairs = _places(entity, number, synthetic) * pool.n_of_kind[entity.kind, owner < people.n_train]
        if pairs * 2.0 ** -surprisal.entity_bits(entity) < MAX_COINCIDENCES_OF_KIND:
            hit[owner] = True
            strong.append((entity, owner))
    shared = pool.shared_kinds | {e.kind for e, owner in strong if e.kind in CONTACT and owner >= people.n_train}
    hard = [(entity, owner) for entity, owner in strong if owner < people.n_train and entity.kind not in shared]
    return _Patterned(
        hit=hit, hard=len(hard), by_kind=by_kind, shared_kinds=tuple(sorted(shared)), terms=_search_terms(hard)
    )  # fmt: skip


def _places(entity: Entity, number: str | None, synthetic: _SyntheticKeys) -> int:
    """Return in how many places of S an identifier could stand in the form in which it stands there."""
    forms = [len(synthetic.by_kind[entity.kind])] if entity in synthetic.by_kind[entity.kind] else []
    if number is not None:
        forms.append(len(synthetic.bare) if number in synthetic.bare else len(synthetic.numbers))
    return min(forms)


def _search_terms(hard: Iterable[tuple[Entity, int]]) -> SearchTerms:
    """Return what is to be located of the hard hits: each identifier, also as the bare number it may stand as."""
    entities: dict[Entity, tuple[str, int]] = {}
    for entity, owner in hard:
        label_and_owner = _KIND_NAMES[entity.kind], owner
        entities[entity] = label_and_owner
        number = number_key(entity)
        if number is not None:
            entities[Entity("number", number)] = label_and_owner
    return SearchTerms(entities, {})


def _rare_scores(people: _People, synthetic: _SyntheticKeys, pool: _PoolContent, surprisal: Surprisal) -> Float:
    """Return for each person how much more of what is theirs alone stands in S than of everybody's.

        z(p) = (hits(p) - r total(p)) / sqrt(total(p) + 1),  r = hits of all / total of all

    over words and quasi-identifiers that only p has, each weighing its bits; computed without looking at the role.
    """
    n = people.n_persons
    hits, total = np.zeros(n), np.zeros(n)
    for kind, owned in pool.quasi.items():
        mine = (owned.owner >= 0) & (owned.owner < n)
        total += QUASI_BITS[kind] * np.bincount(owned.owner[mine], minlength=n)
        mine &= owned.stand_in(synthetic.by_kind[kind])
        hits += QUASI_BITS[kind] * np.bincount(owned.owner[mine], minlength=n)
    is_found = pool.words.stand_in(synthetic.words)
    is_counted = (pool.words.owner < 0) | (pool.words.owner >= n)  # or nobody's, never to be counted
    for text, owner in people.rows():
        words = sorted(_rare_words(tokens(text)))
        place = pool.words.place(words)
        for i in np.flatnonzero(~is_counted[place]).tolist():
            bits = surprisal.bits(words[i])
            total[owner] += bits
            hits[owner] += bits * is_found[place[i]]
        is_counted[place] = True
    rate = float(hits.sum() / max(total.sum(), 1.0))
    return np.asarray((hits - rate * total) / np.sqrt(total + 1.0), dtype=np.float64)


def _judge(
    people: _People,
    found: tuple[_Patterned, RecordedHits, Float],
    located: tuple[list[Finding], int],
    confidence: float,
) -> AuditResult:
    (patterned, recorded_hits, rare), (findings, n_left) = found, located
    n_t, n_h = people.n_train, people.n_control
    excess = difference(patterned.hit[:n_t], patterned.hit[n_t:], confidence=confidence)
    scan = scan_test(rare[:n_t], rare[n_t:])
    n_hard = patterned.hard + recorded_hits.hard
    n_persons = min(n_t, n_h)
    tau, needed = tier(n_persons)
    verdict, reason = _verdict(n_hard, excess, scan.p, tau, needed)
    return AuditResult(
        name="identifiers",
        verdict=verdict,
        status="measured",
        estimate=excess,
        control=share(patterned.hit[n_t:], confidence=confidence),
        threshold=tau,
        direction="lower_is_safer",
        metrics={
            "hard_hits": exact(n_hard, confidence=confidence, n=people.n_synthetic),
            "excess": excess,
            "scan_p": exact(scan.p, confidence=confidence, n=n_t + n_h),
            **tau_metric(tau, confidence=confidence, n=n_persons),
        },
        details={
            "n_train_persons": n_t,
            "n_control_persons": n_h,
            "tau": tau,
            "found_by_kind_train_control": dict(patterned.by_kind),
            "contact_kinds_people_share": list(patterned.shared_kinds),
            "known_identifiers_tested": recorded_hits.tested,
            "known_identifiers_found": recorded_hits.found,
            "known_identifiers_of_control_found": recorded_hits.phantoms,
            "scan_cut": [scan.cut, scan.n_train_in_cut],
            "findings_left_out": n_left,
            "power": one_person(n_t, n_h),
        },
        reason=reason,
        findings=tuple(findings),
    )


def _verdict(n_hard: int, excess: Estimate, scan_p: float, tau: float | None, needed: int) -> tuple[Verdict, str]:
    if n_hard > 0:
        return "fail", f"{n_hard} identifiers of single train persons stand in the synthetic table"
    if excess.low > (0.0 if tau is None else tau):
        return "fail", "identifiers of more train persons than control persons are found than chance allows"
    if scan_p <= FAIL_LEVEL:
        return "fail", "rare words of train persons crowd in, or are missing from, the synthetic table (scan test)"
    if tau is None:
        return "insufficient", too_few(excess.n)
    if excess.high > tau:
        return "insufficient", (
            f"the excess of train persons with an identifier found may be as large as {excess.high:.4f}, above "
            f"{tau:g}; {max(needed, 2 * excess.n)} persons in each of train and control would tell, or a reference "
            "table with the contacts that people quote"
        )
    return (
        "pass",
        f"identifiers of train persons are found no more often than of control persons, to a rate of {tau:g}",
    )
