"""Where in the synthetic table the identifiers stand that give a person away."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from audits.core.findings import MAX_FINDINGS
from audits.core.types import Finding
from audits.identifiers.patterns import Entity, find_entities, find_numbers
from audits.text.normalise import normalise, tokens
from audits.text.phrases import Phrases
from audits.text.spans import located, words_in


class SearchTerms(NamedTuple):
    """What is to be located, with the kind that is told of it and the numbers of the persons it belongs to.

    Args:
        entities: identifiers by pattern, and bare numbers.
        phrases: sequences of tokens.
    """

    entities: Mapping[Entity, tuple[str, Sequence[int]]]
    phrases: Mapping[tuple[str, ...], tuple[str, Sequence[int]]]


class _Place(NamedTuple):
    start: int
    end: int
    kind: str
    owners: Sequence[int]


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
    if not terms.entities and not terms.phrases:
        return findings, n_left
    phrases = list(terms.phrases)
    search = Phrases(phrases)
    whose = [terms.phrases[phrase] for phrase in phrases]
    lengths = [len(phrase) for phrase in phrases]
    for row, text in enumerate(texts):
        normalised = normalise(text)
        places = list(_entities(normalised, terms.entities))
        standing = list(search.standing(tokens(normalised)))
        if standing:
            words = words_in(normalised)
            places += [_Place(words[at].start, words[at + lengths[i] - 1].end, *whose[i]) for i, at in standing]
        outer = _widest(places)
        room = MAX_FINDINGS - len(findings)
        n_left += max(0, len(outer) - room)
        findings += _written(row, text, outer[:room], names)
    return findings, n_left


def _entities(normalised: str, terms: Mapping[Entity, tuple[str, Sequence[int]]]) -> Iterator[_Place]:
    for match in chain(find_entities(normalised), find_numbers(normalised)):
        if match.entity in terms:
            yield _Place(match.start, match.end, *terms[match.entity])


def _widest(places: Sequence[_Place]) -> list[_Place]:
    """Return the places that lie in no other of the same person, in order."""
    kept: list[_Place] = []
    for place in sorted(places, key=lambda p: (p.start, -p.end)):
        if not any(other.owners == place.owners and other.end >= place.end for other in kept):
            kept.append(place)
    return kept


def _written(row: int, text: str, places: Sequence[_Place], names: Sequence[str]) -> Iterator[Finding]:
    """Yield the findings of a row, with the characters of the text as it is written."""
    if not places:
        return
    found = located(text)
    for place in places:
        start, end = found.span(place.start, place.end)
        for owner in place.owners:
            yield Finding(row=row, start=start, end=end, kind=place.kind, person=names[owner])
