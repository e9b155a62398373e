"""Identifiers (section C): does a number, a name or a rare word of one person stand in the synthetic table?"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.base import AuditInputs, AuditResult, Estimate, Verdict, persons
from audits.normalise import normalise, tokens
from audits.patterns import CONTACT, DIRECT, QUASI, Entity, entities, number_key, numbers
from audits.rates import difference, exact, share, tier, too_few
from audits.surprisal import DIGIT_BITS, Surprisal

MAX_COINCIDENCES = 0.01  # expected number of chance occurrences below which an occurrence is a leak
_BITS = {"date": 15.0, "postal": 17.0, "age": 3.0}  # 100 years of days; 1.7 million postcodes; a handful of ages
_CHECKED = {"card": 1, "nhs": 1, "iban": 2}  # digits that the others determine
_RARE_CHARACTERS = 4
_PHANTOM_BITS = 10.0  # rarer than the rarest phantom by this much: chance does it once in 2^10
_MAX_TOKENS = 8  # of a known identifier; a longer one is cut

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Row:
    """What one text holds: patterned identifiers, bare numbers, and tokens."""

    entities: set[Entity]
    numbers: set[str]
    words: list[str]


@dataclass(frozen=True, slots=True)
class _Tables:
    synthetic: list[_Row]
    pool: list[_Row]
    owners: list[int]
    n_train: int
    n_control: int
    surprisal: Surprisal


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """Recorded identifiers of train tested, found in S and leaked; and those of control found, which are phantoms."""

    tested: int
    found: int
    phantoms: int
    hard: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Patterned:
    """What patterns found: strong hits per person, by kind, and the kinds that people share in public."""

    hit: NDArray[np.bool_]
    hard: int
    by_kind: Mapping[str, list[int]]
    shared_kinds: tuple[str, ...]


class Identifiers:
    """Numbers, addresses, names and rare words that belong to one person.

    The attacker looks for anything in the release that can be looked up: a record number, an e-mail address, a
    misspelt name. One is enough. So everything that only one person of train or control has is searched for in the
    synthetic table, however it is written there; what only control persons have can occur by chance alone.

        w(t) = bits of surprise of t,  lambda(t) = (places in S where t could stand) 2^-w(t)
        excess = |{p in T: an identifier of p alone stands in S}| / n_T - the same for H

    Kinds: record number, national id, IBAN, card, NHS number (direct); e-mail, phone, URL (contact); date, postal
    code, age over 89 (shared by many); the identifiers known to have stood in train before they were replaced; and,
    needing no pattern, every word that only one person uses.

    Fails on: one direct or known identifier, or one contact, of one train person with lambda < .01; an excess
    proven above tau; train persons crowding at, or missing from, the top of rare words and shared kinds (scan test).
    A contact kind counts singly only where nobody else shares such contacts: if control's own are found in S, or some
    stand with two to ten persons of the pool, people quote them, and only the excess judges them.

    Privacy: reads all texts; the result holds counts by kind, never a value.
    Random: none.
    Cost: O(N) in characters.
    Source: expected coincidences as in exposure (Carlini et al. 2019); the control arm replaces a name recogniser's
        recall.
    """

    name = "identifiers"

    def run(self, inputs: AuditInputs, rng: np.random.Generator, confidence: float) -> AuditResult:  # noqa: ARG002
        """Return the verdict, the excess of persons with an identifier in the table, and the number of hard hits."""
        tables = _tables(inputs)
        patterned = _patterned(tables)
        known = _known(inputs, tables)
        rare = _rare_scores(tables)
        return _judge(tables, patterned, known, rare, confidence)


def _tables(inputs: AuditInputs) -> _Tables:
    train, train_owner = persons(inputs.train.groups)
    control, control_owner = persons(inputs.control.groups)
    texts = inputs.train.texts + inputs.control.texts
    owners = [*train_owner.tolist(), *(control_owner + len(train)).tolist()]
    background = list(inputs.control.texts)
    for nobody in (inputs.reference, inputs.set_aside):
        if nobody is not None:
            texts += nobody.texts
            owners += [len(train) + len(control)] * len(nobody)
    if inputs.reference is not None:
        background += inputs.reference.texts
    return _Tables(
        _rows(inputs.synthetic.texts),
        _rows(texts),
        owners,
        len(train),
        len(control),
        Surprisal(normalise(text) for text in background),
    )


def _rows(texts: Iterable[str]) -> list[_Row]:
    return [_Row(entities(text), numbers(text), tokens(text)) for text in texts]


def _owners_of(items: Iterable[tuple[Any, int]]) -> dict[Any, set[int]]:
    found: dict[Any, set[int]] = defaultdict(set)
    for item, owner in items:
        found[item].add(owner)
    return found


def _patterned(tables: _Tables) -> _Patterned:
    """Search the synthetic rows for every patterned identifier of exactly one person."""
    rows = list(zip(tables.pool, tables.owners, strict=True))
    owners = _owners_of((entity, owner) for row, owner in rows for entity in row.entities)
    number_owners = _owners_of((number, owner) for row, owner in rows for number in row.numbers)
    present = {entity for row in tables.synthetic for entity in row.entities}
    present_numbers = {number for row in tables.synthetic for number in row.numbers}
    per_kind = Counter(entity.kind for entity in present)

    n_persons = tables.n_train + tables.n_control
    hit = np.zeros(n_persons, dtype=bool)
    by_kind: dict[str, list[int]] = {kind: [0, 0] for kind in (*DIRECT, *CONTACT, *QUASI)}
    shared = {e.kind for e, who in owners.items() if e.kind in CONTACT and 2 <= len(who) <= 10}
    strong: list[tuple[str, int]] = []
    for entity, who in owners.items():
        number = number_key(entity)
        everyone = who if number is None else who | number_owners.get(number, set())
        owner = next(iter(everyone))
        if len(everyone) > 1 or owner == n_persons or not (entity in present or number in present_numbers):
            continue
        by_kind[entity.kind][owner >= tables.n_train] += 1
        places = max(per_kind[entity.kind], 0 if number is None else len(present_numbers))
        if entity.kind not in QUASI and places * 2.0 ** -_bits(entity, tables.surprisal) < MAX_COINCIDENCES:
            hit[owner] = True
            strong.append((entity.kind, owner))
    shared |= {kind for kind, owner in strong if kind in CONTACT and owner >= tables.n_train}
    hard = sum(owner < tables.n_train and kind not in shared for kind, owner in strong)
    return _Patterned(hit=hit, hard=hard, by_kind=by_kind, shared_kinds=tuple(sorted(shared)))


def _bits(entity: Entity, surprisal: Surprisal) -> float:
    if entity.kind in _BITS:
        return _BITS[entity.kind]
    if entity.key.isdecimal():
        return DIGIT_BITS * (len(entity.key) - _CHECKED.get(entity.kind, 0))
    return surprisal.bits(entity.key)


def _known(inputs: AuditInputs, tables: _Tables) -> _Known:
    """Return how many identifiers recorded before replacement can be tested, how many stand in S, how many are leaks.

    Tested are those that no other person's text or list holds and that chance would put into S less than .01 times.
    What a pattern or a long number finds is a leak. A name or date may be one that the language itself repeats, such
    as a town's, however rare its spelling looks; control's own recorded identifiers say how rare such phantoms can
    look, and a train person's counts where it is rarer by 10 bits, so that chance exceeds them once in a thousand.
    Without any phantom of control, everything found counts.
    """
    if inputs.identifiers is None:
        return _Known(tested=0, found=0, phantoms=0, hard=0)
    lists = (*inputs.identifiers, *(inputs.control_identifiers or ()))
    listed = _owners_of(
        (value, owner)
        for row, owner in zip(lists, tables.owners, strict=False)
        for value in {_known_key(text) for text in row}
        if len(value) > 0
    )
    wanted = {value: next(iter(who)) for value, who in listed.items() if len(who) == 1}
    by_first: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for value in wanted:
        by_first[value[0]].append(value)
    elsewhere = {
        value
        for row, owner in zip(tables.pool, tables.owners, strict=True)
        for value in _standing(row.words, by_first)
        if wanted[value] != owner
    }
    n_places = sum(len(row.words) for row in tables.synthetic)
    bits = {value: _known_bits(value, tables.surprisal) for value in wanted if value not in elsewhere}
    testable = {value for value, rarity in bits.items() if n_places * 2.0**-rarity < MAX_COINCIDENCES}
    present_entities = {entity for row in tables.synthetic for entity in row.entities if entity.kind not in QUASI}
    present_numbers = {number for row in tables.synthetic for number in row.numbers}
    standing = {value for row in tables.synthetic for value in _standing(row.words, by_first)}
    direct = {
        value
        for value in testable
        if not present_entities.isdisjoint(entities(" ".join(value)))
        or not present_numbers.isdisjoint(numbers(" ".join(value)))
    }
    found = {value for value in testable if value in standing or value in direct}
    of_train = {value for value in found if wanted[value] < tables.n_train}
    phantoms = [bits[value] for value in found - of_train]
    rare = max(phantoms, default=-math.inf) + _PHANTOM_BITS
    return _Known(
        tested=sum(wanted[value] < tables.n_train for value in testable),
        found=len(of_train),
        phantoms=len(phantoms),
        hard=sum(value in direct or bits[value] > rare for value in of_train),
    )


def _known_key(text: str) -> tuple[str, ...]:
    return tuple(tokens(text)[:_MAX_TOKENS])


def _known_bits(value: Sequence[str], surprisal: Surprisal) -> float:
    return sum(surprisal.bits(word) for word in value)


def _standing(words: Sequence[str], by_first: Mapping[str, Sequence[tuple[str, ...]]]) -> Iterable[tuple[str, ...]]:
    """Yield the wanted token sequences that stand in a row."""
    for i, word in enumerate(words):
        for value in by_first.get(word, ()):
            if tuple(words[i : i + len(value)]) == value:
                yield value


def _rare_scores(tables: _Tables) -> Float:
    """Return for each person how much more of what is theirs alone stands in S than of everybody's.

        z(p) = (hits(p) - r total(p)) / sqrt(total(p) + 1),  r = hits of all / total of all

    over words and quasi-identifiers that only p has, each weighing its bits; computed without looking at the role.
    """
    rows = list(zip(tables.pool, tables.owners, strict=True))
    owners = _owners_of((item, owner) for row, owner in rows for item in _rare_items(row))
    present = {item for row in tables.synthetic for item in _rare_items(row)}
    n_persons = tables.n_train + tables.n_control
    hits, total = np.zeros(n_persons), np.zeros(n_persons)
    for item, who in owners.items():
        owner = next(iter(who))
        if len(who) > 1 or owner == n_persons:
            continue
        weight = tables.surprisal.bits(item) if isinstance(item, str) else _BITS[item.kind]
        total[owner] += weight
        hits[owner] += weight * (item in present)
    rate = float(hits.sum() / max(total.sum(), 1.0))
    return np.asarray((hits - rate * total) / np.sqrt(total + 1.0), dtype=np.float64)


def _rare_items(row: _Row) -> set[Any]:
    words = {word for word in row.words if len(word) >= _RARE_CHARACTERS}
    return words | {entity for entity in row.entities if entity.kind in QUASI}


def _judge(tables: _Tables, patterned: _Patterned, known: _Known, rare: Float, confidence: float) -> AuditResult:
    from audits.stats import scan_test

    n_t, n_h = tables.n_train, tables.n_control
    excess = difference(patterned.hit[:n_t], patterned.hit[n_t:], confidence=confidence)
    scan = scan_test(rare[:n_t], rare[n_t:])
    n_hard = patterned.hard + known.hard
    n_persons = min(n_t, n_h)
    tau, needed = tier(n_persons, confidence=confidence)
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
            "hard_hits": exact(n_hard, confidence=confidence, n=len(tables.synthetic)),
            "excess": excess,
            "scan_p": exact(scan.p, confidence=confidence, n=n_t + n_h),
        },
        details={
            "n_train_persons": n_t,
            "n_control_persons": n_h,
            "tau": tau,
            "found_by_kind_train_control": dict(patterned.by_kind),
            "contact_kinds_people_share": list(patterned.shared_kinds),
            "known_identifiers_tested": known.tested,
            "known_identifiers_found": known.found,
            "known_identifiers_of_control_found": known.phantoms,
            "scan_cut": [scan.cut, scan.n_train_in_cut],
        },
        reason=reason,
    )


def _verdict(n_hard: int, excess: Estimate, scan_p: float, tau: float | None, needed: int) -> tuple[Verdict, str]:
    confidence = excess.confidence
    if n_hard > 0:
        return "fail", f"{n_hard} identifiers of single train persons stand in the synthetic table"
    if excess.low > (0.0 if tau is None else tau):
        return "fail", "identifiers of more train persons than control persons are found than chance allows"
    if scan_p <= 1 - confidence:
        return "fail", "rare words of train persons crowd in, or are missing from, the synthetic table (scan test)"
    if tau is None:
        return "insufficient", too_few(excess.n, confidence=confidence)
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
