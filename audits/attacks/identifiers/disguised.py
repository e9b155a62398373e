"""Find disguised identifiers in the synthetic table, such as "M.a.r.g.u.e.r.i.t.e" or digits in reverse order.

Numbers are searched for by their digits, and names by their letters or by one long word.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import ahocorasick  # type: ignore[import-not-found] # ships no types

from audits.attacks.identifiers.common_words import is_titled, ordinary_words_leak
from audits.attacks.identifiers.known_numbers import MAX_COINCIDENCES, MAX_DIGITS, find_known_numbers
from audits.attacks.identifiers.locations import Place
from audits.attacks.identifiers.ownership import MIN_NAMES, Owners
from audits.attacks.identifiers.recorded import Occurrences, RecordedIdentifiers
from audits.attacks.identifiers.surprisal import Surprisal
from audits.attacks.identifiers.tables import People, PoolContent
from audits.core.stats import exceeds_control
from audits.text.clinical_terms import is_ordinary
from audits.text.normalise import normalise, tokens
from audits.text.spans import words_in

MIN_NAME_LETTERS = 10  # a name is searched for by its letters only if it has at least this many
MAX_NAME_WORDS = 4  # in `leaked_parts`, an identifier of 2 to 4 words, all of letters, counts as a name
MIN_USERS = 3  # a word is common if at least this number of persons, other than the owners of the name, write it
MIN_COMMON_LETTERS = 2  # a single letter is common only if the name has it too, so that J o h n is found
MAX_TOUCHED = 2  # a name that covers at most this many letters of a longer word only touches it
MIN_WORD_LETTERS = 7  # a word of a name is searched for on its own only if it has at least this many letters
_Places = defaultdict[int, list[Place]]


class NameHit(NamedTuple):
    """A known name found in a synthetic text."""

    name_index: int  # key of the name in the names that were searched for
    spelling: str  # the letters found
    row: int
    start: int  # first character in the normalised text
    end: int  # end, exclusive
    words: tuple[str, ...]  # the words of the text that it overlaps, without words that it only touches


def judge_disguised(
    texts: Sequence[str],
    occurrences: Occurrences,
    pool: PoolContent,
    people: People,
    surprisal: Surprisal,
    found_openly: set[str],
) -> tuple[int, Mapping[int, Sequence[Place]], set[str]]:
    """Return the number of identifiers that leak only in a disguised form, their places, and the leaked numbers.

    The search covers identifiers recorded for each record (`recorded`), and direct identifiers that patterns find in
    the texts. An occurrence is a leak if
    - at most ten persons have the identifier, at least one of them is in train, and public text does not contain it;
    - no control person has it (this condition does not apply to numbers other than contacts);
    - fewer than .01 such occurrences are expected by chance (for numbers, see `find_known_numbers`);
    - for a name, at least one of the words that it overlaps is not common (`MIN_USERS`), because common words may
      contain its letters, as "Christian sect" contains those of "Christian's";
    - fewer than two identifiers of control occur in this way, or significantly more identifiers of train than of
      control do (`exceeds_control`).

    `found_openly` has the digits of undisguised leaks, which are not counted again.
    """
    places: _Places = defaultdict(list)
    numbers = _disguised_numbers(texts, occurrences, pool, people, places, found_openly)
    return len(numbers) + _disguised_names(texts, occurrences, people, surprisal, places), places, numbers


def _disguised_numbers(
    texts: Sequence[str],
    occurrences: Occurrences,
    pool: PoolContent,
    people: People,
    places: _Places,
    found_openly: set[str],
) -> set[str]:
    """Add the places of disguised numbers to `places`, and return the digits of the numbers that leak."""
    recorded = occurrences.recorded
    contacts = set()
    for form, i in recorded.forms.items():
        if form.kind == "number" and i not in recorded.dates:
            for owner in (*recorded.owners[i], *occurrences.form_owners.get(form, ())):
                pool.known_numbers.add(form.key, owner)
            if i not in recorded.numbers:
                contacts.add(form.key[:MAX_DIGITS])
    leaked = set()
    control_texts, sizes = people.tables[1][0], (people.n_train, people.n_persons)
    for hit in find_known_numbers(pool.known_numbers, texts, control_texts, *sizes):
        train, control = Owners(pool.known_numbers.owners(hit.digits)).split(*sizes)
        is_shared_contact = control and hit.digits in contacts
        was_found_openly = any(hit.digits in other or other in hit.digits for other in found_openly)
        if not train or is_shared_contact or was_found_openly:
            continue
        leaked.add(hit.digits)
        places[hit.row].append(Place(hit.start, hit.end, f"known number, {hit.form}", train))
    # a part of a longer leaked number does not count
    return {a for a in leaked if not any(a != b and a in b for b in leaked)}


def _disguised_names(
    texts: Sequence[str], occurrences: Occurrences, people: People, surprisal: Surprisal, places: _Places
) -> int:
    """Add the places of disguised names and e-mail addresses to `places`, and return how many values leak."""
    recorded = occurrences.recorded
    spellings: dict[int, list[Sequence[str]]] = {
        i: [value]
        for i, value in enumerate(recorded.values)
        if i not in recorded.numbers | recorded.dates | occurrences.values and not any(map(str.isdecimal, value))
    }
    for form, i in recorded.forms.items():
        if form.kind == "email" and form not in occurrences.forms and i not in occurrences.values:
            spellings[i] = [tokens(form.key), tokens(form.key.replace("@", " at ").replace(".", " dot "))]
    n_places = sum(map(len, texts)) * max(len(spellings), 1)
    rare = [
        hit
        for hit in find_known_names(spellings, texts)
        if n_places * math.exp2(-surprisal.bits(hit.spelling)) < MAX_COINCIDENCES
    ]
    users = _users({word for hit in rare for word in hit.words}, people)
    of_train: dict[int, list[int]] = {}
    of_control: set[int] = set()
    hits: list[NameHit] = []
    for hit in rare:
        i = hit.name_index
        text_owners = occurrences.value_owners.get(recorded.values[i], ())
        owners = Owners((*recorded.owners[i], *text_owners))
        if _has_only_common_words(hit, recorded.values[i], set(owners), users):
            continue
        train, control = owners.split(people.n_train, people.n_persons)
        if train and not control:
            of_train[i] = train
            hits.append(hit)
        elif control and not train:
            of_control.update(control)
    if not _exceed_control(of_train.values(), of_control, people):
        return 0
    for hit in hits:
        places[hit.row].append(Place(hit.start, hit.end, "known identifier, disguised", of_train[hit.name_index]))
    return len(of_train)


def _has_only_common_words(
    hit: NameHit, value: Sequence[str], owners: set[int], users: Mapping[str, set[int]]
) -> bool:
    """Return whether enough persons other than the owners of the name write each word that the hit overlaps."""
    return all(
        (len(word) >= MIN_COMMON_LETTERS or word in value) and len(users.get(word, set()) - owners) >= MIN_USERS
        for word in hit.words
    )


def _users(words: set[str], people: People) -> Mapping[str, set[int]]:
    users = defaultdict[str, set[int]](set)
    for text, owner in people.rows() if words else ():
        if owner < people.n_persons:
            for word in words.intersection(tokens(text)):
                users[word].add(owner)
    return users


def _exceed_control(
    of_train: Iterable[Sequence[int]], of_control: set[int], people: People, *, are_common: bool = False
) -> bool:
    n_train = len({person for train in of_train for person in train})
    share = people.n_train / people.n_persons
    if are_common:
        return ordinary_words_leak(n_train, len(of_control), share)
    return exceeds_control(n_train, len(of_control), share, minimum=MIN_NAMES)


def find_known_names(names: Mapping[int, Sequence[Sequence[str]]], texts: Sequence[str]) -> Iterator[NameHit]:
    """Yield each occurrence of the letters of a name: forwards, backwards, or with the words in reverse order.

    `names` has for each name one or more spellings, each given by its words. Characters other than letters and digits
    are ignored. The texts need not be normalised.

    Cost: O(characters + hits).
    """
    automaton = ahocorasick.Automaton()
    for name_index, spellings in names.items():
        forwards = {"".join(words) for words in spellings}
        in_reverse_order = {"".join(reversed(words)) for words in spellings}
        for spelling in forwards | {letters[::-1] for letters in forwards} | in_reverse_order:
            if len(spelling) >= MIN_NAME_LETTERS:
                automaton.add_word(spelling, (*automaton.get(spelling, ()), (name_index, spelling)))
    if len(automaton) == 0:
        return
    automaton.make_automaton()
    for row, text in enumerate(texts):
        words = words_in(normalise(text))
        letters = "".join(word.word for word in words)
        place: list[tuple[int, int]] = []  # for each letter, the word that contains it, and its position in the text
        for last, names_here in automaton.iter(letters):
            place = place or [(at, word.start + i) for at, word in enumerate(words) for i in range(len(word.word))]
            for name_index, spelling in names_here:
                (at, start), (end_at, end) = place[last + 1 - len(spelling)], place[last]
                overlapped = tuple(
                    word.word
                    for word in words[at : end_at + 1]
                    if min(end + 1, word.end) - max(start, word.start) > min(MAX_TOUCHED, len(word.word) - 1)
                )
                yield NameHit(name_index, spelling, row, start, end + 1, overlapped)


def leaked_parts(
    texts: Sequence[str], recorded: RecordedIdentifiers, people: People, surprisal: Surprisal, found: set[int]
) -> Mapping[tuple[str, ...], Sequence[int]]:
    """Return the long words of recorded names that identify train persons, with the numbers of these persons.

    For example, "Mrs. Abernathy" identifies Marguerite Abernathy if nobody else has this surname. A word is returned
    if
    - it occurs in the synthetic table;
    - at most ten persons have it in a recorded name or a text, and all of them are in train;
    - public text does not contain it;
    - fewer than .01 occurrences in the synthetic table are expected by chance;
    - fewer than two control persons have such a word, or significantly more train persons do (`exceeds_control`);
    - at least one of these persons has no other leaked identifier (`found` has the persons with a leaked identifier).

    Words that are ordinary (such as "mountain") and never follow a title are judged together by the stricter
    `common_words.ordinary_words_leak` instead of `exceeds_control`. If no control person has a recorded name, these
    words are judged like the other words.
    """
    owners = _long_parts(recorded)
    if not owners:
        return {}
    synthetic_words = [tokens(text) for text in texts]
    n_places = sum(map(len, synthetic_words)) * len(owners)
    occurring = {
        word
        for word in owners.keys() & {word for words in synthetic_words for word in words}
        if n_places * math.exp2(-surprisal.bits(word)) < MAX_COINCIDENCES
    }
    if occurring:
        for text, owner in people.rows():
            for word in occurring.intersection(tokens(text)):
                owners[word].add(owner)
    persons = {word: owners[word].split(people.n_train, people.n_persons) for word in sorted(occurring)}
    titled = {word for words in synthetic_words for at, word in enumerate(words) if is_titled(words, at)}
    has_control = any(owner >= people.n_train for owners_of_value in recorded.owners for owner in owners_of_value)
    leaks: dict[tuple[str, ...], Sequence[int]] = {}
    for are_common in (False, True):
        alike = {
            word: train_and_control
            for word, train_and_control in persons.items()
            if (has_control and is_ordinary(word) and word not in titled) == are_common
        }
        of_train = {(word,): train for word, (train, control) in alike.items() if train and not control}
        of_control = {person for train, control in alike.values() if not train for person in control}
        if _exceed_control(of_train.values(), of_control, people, are_common=are_common):
            leaks |= {word: train for word, train in of_train.items() if not found.issuperset(train)}
    return leaks


def _long_parts(recorded: RecordedIdentifiers) -> dict[str, Owners]:
    """Return the long words of recorded names, each with the persons who have it in a recorded name."""
    owners: dict[str, Owners] = {}
    for value, owners_of_value in zip(recorded.values, recorded.owners, strict=True):
        if 1 < len(value) <= MAX_NAME_WORDS and all(map(str.isalpha, value)):
            for word in value:
                if len(word) >= MIN_WORD_LETTERS:
                    owners[word] = Owners((*owners.get(word, ()), *owners_of_value))
    return owners
