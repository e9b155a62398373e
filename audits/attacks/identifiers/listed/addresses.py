"""Find recorded addresses and codes that the synthetic table S contains in another form.

For example, the address jane.abernathy61@mail.example in "her mail is jane abernathy61", 107 Chapel Lane in "Chapel
Ln, number 107", and 31.153.253.225 in "31 dot 153 dot 253 dot 225".
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from audits.attacks.identifiers.listed.canonical_words import STREETS, canonical
from audits.attacks.identifiers.locations import Place
from audits.attacks.identifiers.ownership import MIN_NAMES, Owners
from audits.attacks.identifiers.patterns import RowContent, find_entities
from audits.attacks.identifiers.surprisal import Surprisal
from audits.attacks.identifiers.tables import People
from audits.core.stats import exceeds_control
from audits.text.normalise import normalise, tokens
from audits.text.phrases import Phrases
from audits.text.spans import words_in

MAX_COINCIDENCES = 0.01  # an address counts only if fewer than .01 occurrences are expected by chance
MIN_CHARACTERS = 6  # smallest number of letters and digits of an address
_MAX_DOMAIN = 2  # parts of a host with at most two letters, such as "co", are no name of a provider
_MAX_TOKENS = 8  # a longer identifier has no other forms
_MAX_STREET_WORDS = 3  # largest number of words between the number of a house and a word such as "lane"
Words = tuple[str, ...]


class Address(NamedTuple):
    """A form of a recorded address."""

    words: Words  # in canonical form
    providers: frozenset[str] = frozenset()  # words of which S must contain one in the same row; empty for none


class AddressLeaks(NamedTuple):
    """The result of `judge_addresses`."""

    places: Mapping[int, Sequence[Place]]  # places of the addresses, by row of S
    persons: set[int]  # train persons whom they identify


def forms_of(text: str) -> Iterator[Address]:
    """Yield the canonical forms of a recorded identifier; none if it is no address or code with a digit.

    - The local part of an e-mail address is the address if the row contains the name of the provider. A local part
      with a digit needs no provider. Dates have no other forms.
    - The number of a house may follow the street.
    - Words such as "dot" may stand between the parts of any identifier with a digit.
    """
    normalised = normalise(text)
    for match in find_entities(normalised):
        if match.entity.kind == "email":
            local, _, host = match.entity.key.partition("@")
            words = _canonical_words(local)
            if _is_long(words):
                has_digit = any(map(str.isdecimal, local))
                provider = frozenset(part for part in host.split(".")[:-1] if len(part) > _MAX_DOMAIN)
                yield Address(words, frozenset() if has_digit else provider)
            return
        if match.entity.kind == "date":
            return
    words = _canonical_words(normalised)
    for end, word in enumerate(words):
        first = max(0, end - _MAX_STREET_WORDS - 1)
        number = next((at for at in range(end - 2, first - 1, -1) if words[at][0].isdecimal()), None)
        if word in STREETS and number is not None and _is_long(words[number : end + 1]):
            yield Address(words[number : end + 1])
            yield Address((*words[number + 1 : end + 1], words[number]))
    if 1 < len(words) <= _MAX_TOKENS and _is_long(words) and any(c.isdecimal() for word in words for c in word):
        yield Address(words)


class AddressOccurrences:
    """The recorded addresses in S and in other texts, in canonical form."""

    def __init__(self, lists: Iterable[tuple[Sequence[str], int]], people: People) -> None:
        self._people = people
        self.owners: dict[Address, Owners] = {}  # persons for whom each address is recorded
        self._recorded: dict[Address, set[Words]] = defaultdict(set)  # tokens of the identifiers of each address
        for values, owner in lists:
            for value in values:
                for address in forms_of(value):
                    self.owners.setdefault(address, Owners()).add(owner)
                    self._recorded[address].add(tuple(tokens(value)))
        self._with_words: dict[Words, list[Address]] = defaultdict(list)
        for address in self.owners:
            self._with_words[address.words].append(address)
        self._words = list(self._with_words)
        self._phrases = Phrases(self._words)
        self.rows: list[list[tuple[Address, int, int]]] = []  # addresses in each row of S, with their tokens
        self.n_tokens = 0  # number of tokens of S
        # owners of the texts outside S with the words of each address in any order (`_key`)
        self.writers: dict[Words, Owners] = defaultdict(Owners)

    def read_synthetic(self, row: RowContent) -> None:
        """Add the addresses in a row of S that are not written as they are recorded."""
        self.n_tokens += len(row.words)
        self.rows.append(
            [
                (address, start, end)
                for address, start, end in self._in(row.words)
                if tuple(row.words[start:end]) not in self._recorded[address]
            ]
        )

    def read_other(self, row: RowContent, owner: int) -> None:
        """Add the addresses in a row that is not in S and belongs to `owner`."""
        for address, _, _ in self._in(row.words):
            self.writers[_key(address)].add(owner)

    def persons(self, address: Address) -> tuple[list[int], list[int]]:
        """Return the train persons and the control persons who have an address, recorded or in their texts."""
        owners = Owners((*self.owners[address], *self.writers.get(_key(address), ())))
        return owners.split(self._people.n_train, self._people.n_persons)

    def rare(self, found: Iterable[Address], surprisal: Surprisal) -> set[Address]:
        """Return the addresses of which fewer than .01 occurrences in S are expected by chance."""
        max_share = MAX_COINCIDENCES / max(self.n_tokens, 1)
        return {a for a in found if math.exp2(-sum(map(surprisal.bits, a.words))) < max_share}

    def has_control(self) -> bool:
        """Return whether an address is recorded for a person who is not in train."""
        return any(owner >= self._people.n_train for owners in self.owners.values() for owner in owners)

    def train_in_control(self, surprisal: Surprisal) -> set[int]:
        """Return the persons for whom a rare address is recorded that control texts contain."""
        control = range(self._people.n_train, self._people.n_persons)
        in_control = [a for a in self.owners if any(owner in control for owner in self.writers.get(_key(a), ()))]
        return {owner for address in self.rare(in_control, surprisal) for owner in self.owners[address]}

    def _in(self, words: Sequence[str]) -> Iterator[tuple[Address, int, int]]:
        if not self._words:
            return
        row = canonical(words)
        for i, at in self._phrases.occurrences([word.word for word in row]):
            for address in self._with_words[self._words[i]]:
                if not address.providers or not address.providers.isdisjoint(words):
                    yield address, row[at].start, row[at + len(address.words) - 1].end


def judge_addresses(
    texts: Sequence[str], addresses: AddressOccurrences, people: People, surprisal: Surprisal
) -> AddressLeaks:
    """Return the recorded addresses of train persons in S that are not written as recorded and that are leaks.

    An address counts if at most ten persons have it, recorded or in their texts, and all of them are in train. Public
    text must not contain it, and lambda, the expected number of occurrences by chance, must be below .01:

        lambda = (tokens of S) × 2^-(bits of its words)

    The addresses of train persons are leaks if S contains addresses of fewer than two control persons in this way, or
    those of significantly more train persons (`exceeds_control`). If no address of control is recorded, the train
    persons whose addresses occur in control texts are counted instead of control persons.
    """
    of_train: dict[Address, list[int]] = {}
    by_chance: set[int] = set()
    in_synthetic = {address for row in addresses.rows for address, _, _ in row}
    for address in addresses.rare(in_synthetic, surprisal):
        train, control = addresses.persons(address)
        by_chance.update([] if train else control)
        if train and not control:
            of_train[address] = train
    if not addresses.has_control():
        by_chance = addresses.train_in_control(surprisal)
    persons = {owner for owners in of_train.values() for owner in owners}
    if not exceeds_control(len(persons), len(by_chance), people.n_train / people.n_persons, minimum=MIN_NAMES):
        return AddressLeaks({}, set())
    places = defaultdict[int, list[Place]](list)
    for row, in_row in enumerate(addresses.rows):
        for address, start, end in in_row:
            if address in of_train:
                words = words_in(normalise(texts[row]))
                kind = "known address, other form"
                places[row].append(Place(words[start].start, words[end - 1].end, kind, of_train[address]))
    return AddressLeaks(places, persons)


def _key(address: Address) -> Words:
    return tuple(sorted(address.words))


def _is_long(words: Words) -> bool:
    return sum(map(len, words)) >= MIN_CHARACTERS


def _canonical_words(text: str) -> Words:
    return tuple(word.word for word in canonical(tokens(text)))
