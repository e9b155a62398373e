"""Where in the synthetic table the identifiers stand that give a person away."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from types import MappingProxyType
from typing import NamedTuple

from audits.attacks.identifiers.patterns import Entity, find_entities, find_numbers
from audits.core.findings import MAX_FINDINGS
from audits.core.types import Finding
from audits.text.normalise import normalise, tokens
from audits.text.phrases import Phrases
from audits.text.spans import located, words_in


class Place(NamedTuple):
    """Characters of a normalised text, what stands there, and whose it is."""

    start: int
    end: int
    kind: str
    owners: Sequence[int]


class SearchTerms(NamedTuple):
    """What is to be located, with the kind that is told of it and the numbers of the persons it belongs to.

    Args:
        entities: identifiers by pattern, and bare numbers.
        phrases: sequences of tokens.
        places: what was placed already, by row.
    """

    entities: Mapping[Entity, tuple[str, Sequence[int]]]
    phrases: Mapping[tuple[str, ...], tuple[str, Sequence[int]]]
    places: Mapping[int, Sequence[Place]] = MappingProxyType({})

    def persons(self) -> set[int]:
        """Return the persons to whom any of it belongs."""
        terms = [*self.entities.values(), *self.phrases.values()]
        placed = (place.owners for places in self.places.values() for place in places)
        return {owner for owners in (*(whose for _, whose in terms), *placed) for owner in owners}


def locate_identifiers(texts: Iterable[str], terms: SearchTerms, names: Sequence[str]) -> tuple[list[Finding], int]:
    """Return what stands where, a finding for each place and person, and how many places are left out.

    Of places of one person that lie in one another the widest is listed.

    Args:
        texts: of the synthetic table; read once, and not at all where nothing is wanted.
        terms: what is looked for.
        names: the group of each person.
    """
    findings: list[Finding] = []
    n_left = 0
    if not any(terms):
        return findings, n_left
    phrases = list(terms.phrases)
    search = Phrases(phrases)
    whose = [terms.phrases[phrase] for phrase in phrases]
    lengths = [len(phrase) for phrase in phrases]
    for row, text in enumerate(texts):
        normalised = normalise(text)
        places = [*terms.places.get(row, ()), *_entities(normalised, terms.entities)]
        standing = list(search.occurrences(tokens(normalised)))
        if standing:
            words = words_in(normalised)
            places += [Place(words[at].start, words[at + lengths[i] - 1].end, *whose[i]) for i, at in standing]
        outer = _widest(places)
        room = MAX_FINDINGS - len(findings)
        n_left += max(0, len(outer) - room)
        findings += _written(row, text, outer[:room], names)
    return findings, n_left


def _entities(normalised: str, terms: Mapping[Entity, tuple[str, Sequence[int]]]) -> Iterator[Place]:
    for match in chain(find_entities(normalised), find_numbers(normalised)):
        if match.entity in terms:
            yield Place(match.start, match.end, *terms[match.entity])


def _widest(places: Sequence[Place]) -> list[Place]:
    """Return the places that lie in no other of the same person, in order."""
    kept: list[Place] = []
    for place in sorted(places, key=lambda p: (p.start, -p.end)):
        if not any(other.owners == place.owners and other.end >= place.end for other in kept):
            kept.append(place)
    return kept


def _written(row: int, text: str, places: Sequence[Place], names: Sequence[str]) -> Iterator[Finding]:
    """Yield the findings of a row, with the characters of the text as it is written."""
    if not places:
        return
    found = located(text)
    for place in places:
        start, end = found.span(place.start, place.end)
        for owner in place.owners:
            yield Finding(row=row, start=start, end=end, kind=place.kind, person=names[owner])
