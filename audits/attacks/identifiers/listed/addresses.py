"""Find recorded addresses that the synthetic table S contains in a form other than the recorded form.

For example, it finds
- jane.abernathy61@mail.example in "her mail is jane abernathy61";
- 107 Chapel Lane in "Chapel Ln, number 107";
- 31.153.253.225 in "31 dot 153 dot 253 dot 225".

An identifier is recorded if it was replaced in a real record. In this file, "address" means a recorded e-mail
address, a recorded street address, or another recorded identifier of several words with a digit, such as a code.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from audits.attacks.identifiers.listed.canonical_words import STREETS, canonical
from audits.attacks.identifiers.listed.other_forms import OtherForm, OtherFormLeaks, judge_other_forms
from audits.attacks.identifiers.ownership import Owners
from audits.attacks.identifiers.patterns import RowContent, find_entities
from audits.attacks.identifiers.surprisal import Surprisal
from audits.attacks.identifiers.tables import People
from audits.text.normalise import normalise, tokens
from audits.text.phrases import Phrases
from audits.text.spans import tokens_in

MAX_COINCIDENCES = 0.01  # an address counts only if fewer than .01 occurrences are expected by chance
MIN_CHARACTERS = 6  # smallest number of letters and digits of an address
_MAX_SUFFIX = 2  # parts of a domain with at most two letters, such as "co" and "uk", do not name the mail provider
_MAX_TOKENS = 8  # an identifier with more tokens is searched for only by its e-mail address or street
_MAX_STREET_WORDS = 3  # largest number of words between a house number and a word such as "lane"
Words = tuple[str, ...]


class Address(NamedTuple):
    """A form of a recorded address."""

    words: Words  # words of the address in the form that `canonical` returns
    providers: frozenset[str] = frozenset()  # if not empty, a row must also contain one of these words


def forms_of(text: str) -> Iterator[Address]:
    """Yield the forms in which S may contain a recorded identifier (`text`).

    - E-mail address: the part before the "@". If this part has no digit, the row must also contain the name of the
      provider: "jane.abernathy@mail.example" -> "jane abernathy" in a row with "mail".
    - Street: the house number before or after the name of the street.
    - Other identifier of two to eight words with a digit: all its words. S may have words such as "dot" between them.
      A street address has this form too.

    Dates, names and single words have none of these forms.
    """
    normalised = normalise(text)
    for match in find_entities(normalised):
        if match.entity.kind == "email":
            local, _, host = match.entity.key.partition("@")
            words = _canonical_words(local)
            if _is_long(words):
                has_digit = any(map(str.isdecimal, local))
                provider = frozenset(part for part in host.split(".")[:-1] if len(part) > _MAX_SUFFIX)
                yield Address(words, frozenset() if has_digit else provider)
            return
        if match.entity.kind == "date":
            return
    words = _canonical_words(normalised)
    for end, word in enumerate(words):
        first = max(0, end - _MAX_STREET_WORDS - 1)
        number_at = next((at for at in range(end - 2, first - 1, -1) if words[at][0].isdecimal()), None)
        if word in STREETS and number_at is not None and _is_long(words[number_at : end + 1]):
            yield Address(words[number_at : end + 1])
            yield Address((*words[number_at + 1 : end + 1], words[number_at]))
    if 1 < len(words) <= _MAX_TOKENS and _is_long(words) and any(c.isdecimal() for word in words for c in word):
        yield Address(words)


class AddressOccurrences:
    """The recorded addresses that S and the texts outside S contain.

    `lists` has pairs (recorded identifiers, number of the person for whom they are recorded). `read_synthetic` must
    be called for each row of S, and `read_other` for each text outside S. Addresses and texts are compared in the
    form of `canonical`.
    """

    def __init__(self, lists: Iterable[tuple[Sequence[str], int]], people: People) -> None:
        self._people = people
        self.owners: dict[Address, Owners] = {}  # persons for whom each address is recorded
        self._recorded: dict[Address, set[Words]] = defaultdict(set)  # tokens of each address as it is recorded
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
        # by row of S: each address that is not written as recorded, and its characters [start, end) in the normalised
        # text
        self.rows: list[list[tuple[Address, tuple[int, int]]]] = []
        self.n_tokens = 0  # number of tokens of S
        # key: words of an address in alphabetical order (`_key`); value: owners of texts outside S with the address
        self.writers: dict[Words, Owners] = defaultdict(Owners)

    def read_synthetic(self, row: RowContent) -> None:
        """Add the addresses in a row of S that are not written as they are recorded."""
        self.n_tokens += len(row.words)
        found = [
            (address, start, end)
            for address, start, end in self._in(row.words)
            if tuple(row.words[start:end]) not in self._recorded[address]
        ]
        words = tokens_in(row.normalised) if found else []
        self.rows.append([(address, (words[start].start, words[end - 1].end)) for address, start, end in found])

    def read_other(self, row: RowContent, owner: int) -> None:
        """Add the addresses in a row that is not in S and belongs to `owner`."""
        for address, _, _ in self._in(row.words):
            self.writers[_key(address)].add(owner)

    def all_owners(self, address: Address) -> Owners:
        """Return the persons for whom an address is recorded, or whose texts outside S contain it."""
        return Owners((*self.owners[address], *self.writers.get(_key(address), ())))

    def rare(self, found: Iterable[Address], surprisal: Surprisal) -> set[Address]:
        """Return those of the addresses for which fewer than .01 occurrences in S are expected by chance."""
        max_share = MAX_COINCIDENCES / max(self.n_tokens, 1)
        return {a for a in found if math.exp2(-sum(map(surprisal.bits, a.words))) < max_share}

    def owners_in_control(self, surprisal: Surprisal) -> set[int]:
        """Return the persons with a recorded address that is rare (`rare`) and occurs in control texts."""
        control = range(self._people.n_train, self._people.n_persons)
        found = [a for a in self.owners if any(owner in control for owner in self.writers.get(_key(a), ()))]
        return {owner for address in self.rare(found, surprisal) for owner in self.owners[address]}

    def _in(self, words: Sequence[str]) -> Iterator[tuple[Address, int, int]]:
        """Yield each address in a text, with its tokens [start, end)."""
        row = canonical(words) if self._words else []
        for i, at in self._phrases.occurrences([word.word for word in row]):
            for address in self._with_words[self._words[i]]:
                if not address.providers or not address.providers.isdisjoint(words):
                    yield address, row[at].start, row[at + len(address.words) - 1].end


def judge_addresses(addresses: AddressOccurrences, people: People, surprisal: Surprisal) -> OtherFormLeaks:
    """Return the leaks among the addresses that S contains in a form other than the recorded form.

    The addresses of train persons are leaks if S contains addresses of fewer than two control persons, or of
    significantly more train than control persons (`judge_other_forms`). An address counts only if lambda, the
    expected number of occurrences by chance, is below .01:

        lambda = (tokens of S) × 2^-(surprisal of the words of the address in bits)

    If no address of control is recorded, the control persons are replaced by the train persons whose addresses occur
    in control texts, because such occurrences are due to chance.
    """
    rare = addresses.rare({address for row in addresses.rows for address, _ in row}, surprisal)
    found = (
        OtherForm(addresses.all_owners(address), row, [span])
        for row, in_row in enumerate(addresses.rows)
        for address, span in in_row
        if address in rare
    )
    by_chance = addresses.owners_in_control(surprisal) if people.are_of_train(addresses.owners.values()) else set()
    return judge_other_forms(found, by_chance, people, "known address, other form")


def _key(address: Address) -> Words:
    return tuple(sorted(address.words))


def _is_long(words: Words) -> bool:
    return sum(map(len, words)) >= MIN_CHARACTERS


def _canonical_words(text: str) -> Words:
    return tuple(word.word for word in canonical(tokens(text)))
