"""Identifiers that stand in S, but not as they are written: numbers by their digits, names by their letters."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from audits.attacks.identifiers.known_names import NameHit, find_known_names
from audits.attacks.identifiers.known_numbers import MAX_COINCIDENCES, MOST_DIGITS, find_known_numbers
from audits.attacks.identifiers.locations import Place
from audits.attacks.identifiers.ownership import Owners
from audits.attacks.identifiers.phantoms import FEW_NAMES, beyond_phantoms
from audits.attacks.identifiers.recorded import OtherOccurrences, RecordedIdentifiers, SyntheticOccurrences
from audits.attacks.identifiers.surprisal import Surprisal
from audits.attacks.identifiers.tables import People, PoolContent
from audits.text.normalise import tokens


@dataclass(frozen=True, slots=True)
class DisguisedHits:
    """What was found in another form only.

    Args:
        hard: identifiers that are leaks.
        places: where they stand in the normalised rows, by row.
    """

    hard: int = 0
    places: Mapping[int, Sequence[Place]] = field(default_factory=dict)


def judge_disguised(
    texts: Sequence[str],
    known: tuple[RecordedIdentifiers, SyntheticOccurrences, OtherOccurrences],
    pool: PoolContent,
    people: People,
    surprisal: Surprisal,
    seen: Iterable[str],
) -> DisguisedHits:
    """Return the identifiers on record, and the direct ones of train texts, that stand in S in a disguise.

    Whose they are and what control explains is judged as of those that stand there openly; chance must bring none.

    Args:
        texts: the synthetic table.
        known: what is on record, what of it stands openly in S, and where else it stands.
        pool: what the texts of persons hold.
        people: who they are.
        surprisal: how rare letters are.
        seen: digits of leaks that were found openly.
    """
    places: dict[int, list[Place]] = defaultdict(list)
    hard = _numbers(texts, known, pool, people, (frozenset(seen), places))
    hard += _names(texts, known, people, surprisal, places)
    return DisguisedHits(hard, dict(places))


def _numbers(
    texts: Sequence[str],
    known: tuple[RecordedIdentifiers, SyntheticOccurrences, OtherOccurrences],
    pool: PoolContent,
    people: People,
    found: tuple[frozenset[str], dict[int, list[Place]]],
) -> int:
    recorded, _, in_others = known
    seen, places = found
    contacts = set()
    for form, i in recorded.forms.items():
        if form.kind == "number" and i not in recorded.dates:
            for owner in (*recorded.owners[i], *in_others.forms.get(form, ())):
                pool.numbered.add(form.key, owner)
            if i not in recorded.numbers:
                contacts.add(form.key[:MOST_DIGITS])
    hard = set()
    for hit in find_known_numbers(pool.numbered, texts, (people.control_texts(), people.n_train)):
        train, control = Owners(pool.numbered.owners(hit.digits)).sides(people.n_train, people.n_persons)
        exempt = control and hit.digits in contacts
        if not train or exempt or any(hit.digits in other or other in hit.digits for other in seen):
            continue
        hard.add(hit.digits)
        places[hit.row].append(Place(hit.start, hit.end, f"known number, {hit.form}", train))
    return sum(not any(a != b and a in b for b in hard) for a in hard)


def _names(
    texts: Sequence[str],
    known: tuple[RecordedIdentifiers, SyntheticOccurrences, OtherOccurrences],
    people: People,
    surprisal: Surprisal,
    places: dict[int, list[Place]],
) -> int:
    recorded, in_synthetic, in_others = known
    wanted: dict[int, list[Sequence[str]]] = {
        i: [value]
        for i, value in enumerate(recorded.values)
        if i not in recorded.numbers | recorded.dates | in_synthetic.values and not any(map(str.isdecimal, value))
    }
    for form, i in recorded.forms.items():
        if form.kind == "email" and form not in in_synthetic.forms and i not in in_synthetic.values:
            wanted[i] = [tokens(form.key), tokens(form.key.replace("@", " at ").replace(".", " dot "))]
    n_places = sum(map(len, texts)) * max(len(wanted), 1)
    sides: tuple[dict[int, list[int]], dict[int, list[int]]] = {}, {}
    hits: list[NameHit] = []
    for hit in find_known_names(wanted, texts):
        if n_places * math.exp2(-surprisal.bits(hit.spelling)) >= MAX_COINCIDENCES:
            continue
        i = hit.number
        stands = in_others.values.get(recorded.values[i], ())
        train, control = Owners((*recorded.owners[i], *stands)).sides(people.n_train, people.n_persons)
        if train and not control:
            sides[0][i] = train
            hits.append(hit)
        elif control and not train:
            sides[1][i] = control
    n_train, n_control = (len({person for whose in side.values() for person in whose}) for side in sides)
    share = people.n_train / people.n_persons
    if not beyond_phantoms(n_train, n_control, share, few=FEW_NAMES):
        return 0
    for hit in hits:
        places[hit.row].append(Place(hit.start, hit.end, "known identifier, disguised", sides[0][hit.number]))
    return len(sides[0])
