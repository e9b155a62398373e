"""Find the rows and characters of the synthetic table in which leaked identifiers occur.

An owner is the index of a train person who has the identifier.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from types import MappingProxyType
from typing import NamedTuple

from audits.attacks.identifiers.codes import find_codes
from audits.attacks.identifiers.patterns import Entity, find_entities, find_numbers
from audits.core.findings import MAX_FINDINGS
from audits.core.types import Finding
from audits.text.normalise import normalise, tokens
from audits.text.phrases import Phrases
from audits.text.spans import located, tokens_in


class Place(NamedTuple):
    """The characters [start, end) of an identifier in a normalised text."""

    start: int
    end: int
    kind: str  # the kind to report
    owners: Sequence[int]


class SearchTerms(NamedTuple):
    """The identifiers to locate. The pairs in `entities` and `phrases` are (kind to report, owners)."""

    entities: Mapping[Entity, tuple[str, Sequence[int]]]  # identifiers found by pattern, and bare numbers
    phrases: Mapping[tuple[str, ...], tuple[str, Sequence[int]]]  # sequences of tokens
    places: Mapping[int, Sequence[Place]] = MappingProxyType({})  # places that are already known, by row number
    codes: Mapping[str, Sequence[int]] = MappingProxyType({})  # owners of codes, by `Code.key`
    rows: Mapping[int, Sequence[int]] = MappingProxyType({})  # owners of combinations of facts, by row number

    def persons(self) -> set[int]:
        """Return the indices of all owners."""
        all_owners = [owners for _, owners in (*self.entities.values(), *self.phrases.values())]
        all_owners += [*self.codes.values(), *self.rows.values()]
        all_owners += [place.owners for places in self.places.values() for place in places]
        return {owner for owners in all_owners for owner in owners}


def locate_identifiers(texts: Iterable[str], terms: SearchTerms, names: Sequence[str]) -> tuple[list[Finding], int]:
    """Return a finding for each place and owner, and the number of findings omitted because of `MAX_FINDINGS`.

    A place inside another place of the same owners is not listed. `texts` are the texts of the synthetic rows, and
    `names[i]` is the id of the train person with index i.
    """
    findings: list[Finding] = []
    n_omitted = 0
    if not any(terms):
        return findings, n_omitted
    phrases = list(terms.phrases.items())
    search = Phrases([phrase for phrase, _ in phrases])
    for row, text in enumerate(texts):
        normalised = normalise(text)
        places = [
            *terms.places.get(row, ()),
            *(
                Place(match.start, match.end, *terms.entities[match.entity])
                for match in chain(find_entities(normalised), find_numbers(normalised))
                if match.entity in terms.entities
            ),
        ]
        codes = find_codes(normalised) if terms.codes else ()
        places += [Place(c.start, c.end, "number or code", terms.codes[c.key]) for c in codes if c.key in terms.codes]
        if row in terms.rows:
            places.append(Place(0, len(normalised), "combination of facts", terms.rows[row]))
        occurrences = list(search.occurrences(tokens(normalised)))
        words = tokens_in(normalised) if occurrences else []
        for i, at in occurrences:
            phrase, kind_and_owners = phrases[i]
            places.append(Place(words[at].start, words[at + len(phrase) - 1].end, *kind_and_owners))
        widest = _widest(places)
        n_free = MAX_FINDINGS - len(findings)
        n_omitted += max(0, sum(len(place.owners) for place in widest) - n_free)
        findings += islice(_findings(row, text, widest, names), n_free)
    return findings, n_omitted


def _widest(places: Sequence[Place]) -> list[Place]:
    """Return the places of a row that lie in no other place of the same owners."""
    kept: list[Place] = []
    for place in sorted(places, key=lambda p: (p.start, -p.end)):
        if not any(other.owners == place.owners and other.end >= place.end for other in kept):
            kept.append(place)
    return kept


def _findings(row: int, text: str, places: Sequence[Place], names: Sequence[str]) -> Iterator[Finding]:
    if not places:
        return
    original = located(text)
    for place in places:
        start, end = original.span(place.start, place.end)
        for owner in place.owners:
            yield Finding(row=row, start=start, end=end, kind=place.kind, person=names[owner])
