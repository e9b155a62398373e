"""Search the synthetic table S for a given name and the surname of one person as letters: "#JaneAbernathy".

`disguised` searches for whole recorded names by their letters. A name is also written without its middle names.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import ahocorasick  # type: ignore[import-not-found] # ships no types

from audits.attacks.identifiers.disguised import (
    MIN_NAME_LETTERS,
    NameHit,
    exceed_control,
    has_only_common_words,
    rare_hits,
    users_of,
)
from audits.attacks.identifiers.locations import Place
from audits.attacks.identifiers.ownership import Owners
from audits.attacks.identifiers.person_names import PersonName
from audits.attacks.identifiers.surprisal import Surprisal
from audits.attacks.identifiers.tables import People
from audits.text.normalise import tokens

Pair = tuple[str, str]  # a given name and a surname, in one word each


class GluedNames(NamedTuple):
    """The result of `judge_glued_names`."""

    places: Mapping[int, Sequence[Place]]  # places of the leaks, by row of S
    persons: set[int]  # train persons whom the leaks identify


class NamePairs:
    """The pairs of a given name and the surname of recorded names.

    The name Marguerite Jane Abernathy has the pairs (marguerite, abernathy), (jane, abernathy) and
    (marguerite, janeabernathy), because its surname may have two words. Two given names are no pair.
    """

    def __init__(self, names: Iterable[tuple[Sequence[PersonName], Iterable[int]]]) -> None:
        self.owners: dict[Pair, Owners] = {}  # persons for whom a name with the pair is recorded
        self._words: dict[Pair, set[str]] = defaultdict(set)  # words and initials of the names with the pair
        self._spellings: dict[Pair, set[tuple[str, ...]]] = defaultdict(set)
        for readings, owners in names:
            all_given = {word for reading in readings for word in reading.given}
            for reading in readings:
                self._add(reading, all_given, list(owners))

    def _add(self, name: PersonName, all_given: set[str], owners: Sequence[int]) -> None:
        for surname in {"".join(words) for words in name.surnames} - all_given:
            for i, given in enumerate(name.given):
                if len(given) == 1 or len(given) + len(surname) < MIN_NAME_LETTERS:
                    continue
                pair = given, surname
                self.owners[pair] = Owners((*self.owners.get(pair, ()), *owners))
                parts = {part for words in name.surnames for part in words}
                self._words[pair] |= {*name.given, *(word[0] for word in name.given), *parts, surname}
                self._spellings[pair] |= {pair, *((given, other[0], surname) for other in name.given[i + 1 :])}

    def hits(self, texts: Sequence[str], surprisal: Surprisal) -> list[tuple[Pair, NameHit]]:
        """Return the rare occurrences of pairs (`rare_hits`) in which they are not written as separate words.

        A pair may have an initial in between ("janeqabernathy"). The beginning of a longer word after a separate word
        is no part of a pair: "Jane Rodgers" does not contain the name Jane Rod.
        """
        pairs = list(self._spellings)
        spellings = {i: [*self._spellings[pair]] for i, pair in enumerate(pairs)}
        found = ((pairs[hit.name_index], hit) for hit in rare_hits(spellings, texts, surprisal))
        return [(pair, hit) for pair, hit in found if _is_disguised(pair, hit.words, self._words[pair])]


def _is_disguised(pair: Pair, written: Sequence[str], words_of_name: set[str]) -> bool:
    """Return whether the written words contain a pair other than as separate words or as part of a word."""
    others = [word for word in written if word not in words_of_name]
    if len(written) > 1 and len(others) == 1 and others[0].isalpha():
        return not any(others[0].startswith(part) or others[0].endswith(part) for part in pair)
    return len(others) > 0


def judge_glued_names(texts: Sequence[str], pairs: NamePairs, people: People, surprisal: Surprisal) -> GluedNames:
    """Return the leaks among the pairs of given name and surname that S contains as letters.

    A pair counts in every form that `find_known_names` finds, except as two words, which `judge_names` judges. A pair
    is a leak if
    - at most ten persons have it, recorded or as letters in their texts, and all of them are in train;
    - public text does not contain its letters;
    - fewer than .01 such occurrences are expected by chance;
    - at least one of the words that it overlaps is not common (`has_only_common_words`);
    - fewer than two pairs of control occur in this way, or significantly more pairs of train do (`exceeds_control`).
      If no name of control is recorded, the pairs of train that occur in this way in control texts are counted
      instead.
    """
    hits = pairs.hits(texts, surprisal)
    if not hits:
        return GluedNames({}, set())
    sizes = people.n_train, people.n_persons
    users = users_of({word for _, hit in hits for word in hit.words}, people)
    writers = _writers(hits, people)
    of_train: dict[Pair, list[int]] = {}
    by_chance: set[int] = set()
    leaks: list[tuple[Pair, NameHit]] = []
    for pair, hit in hits:
        owners = Owners((*pairs.owners[pair], *writers.get(pair, ())))
        train, control = owners.split(*sizes)
        if bool(train) == bool(control) or has_only_common_words(hit, pair, set(owners), users):
            continue
        by_chance.update(control)
        if train:
            of_train[pair] = train
            leaks.append((pair, hit))
    if all(owner < people.n_train for owners in pairs.owners.values() for owner in owners):
        in_control = pairs.hits(people.tables[1][0], surprisal)
        by_chance = {owner for pair, _ in in_control for owner in pairs.owners[pair]}
    if not exceed_control(of_train.values(), by_chance, people.n_train / people.n_persons):
        return GluedNames({}, set())
    places = defaultdict[int, list[Place]](list)
    for pair, hit in leaks:
        places[hit.row].append(Place(hit.start, hit.end, "known name, disguised", of_train[pair]))
    return GluedNames(places, {owner for owners in of_train.values() for owner in owners})


def _writers(hits: Sequence[tuple[Pair, NameHit]], people: People) -> Mapping[Pair, Owners]:
    """Return the owners of the texts outside S that contain the letters of a pair, in either order."""
    automaton = ahocorasick.Automaton()
    for pair in {pair for pair, _ in hits}:
        for spelling in {"".join(pair), "".join(reversed(pair))}:
            automaton.add_word(spelling, (*automaton.get(spelling, ()), pair))
    automaton.make_automaton()
    writers: dict[Pair, Owners] = {}
    for text, owner in people.rows():
        for _, pairs in automaton.iter("".join(tokens(text))):
            for pair in pairs:
                writers.setdefault(pair, Owners()).add(owner)
    return writers
