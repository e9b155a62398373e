"""Find disguised identifiers in the synthetic table S, such as "M.a.r.g.u.e.r.i.t.e" or digits in reverse order.

Numbers are searched for by their digits, and names by their letters or by one long word of the name.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
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
from audits.text.spans import tokens_in

MIN_NAME_LETTERS = 10  # shorter names are not searched for by their letters
MAX_NAME_WORDS = 4  # in `leaked_parts`, an identifier of 2 to 4 words, all of letters, counts as a name
MIN_USERS = 3  # a word is common if at least this number of persons, other than the owners of the name, write it
MIN_COMMON_LETTERS = 2  # shorter words are common only if they are words of the name, so that J o h n is found
MAX_TOUCHED = 2  # a name overlaps a longer word only if the name covers more than this number of the word's letters
MIN_WORD_LETTERS = 7  # shorter words of names are not searched for on their own
_Places = defaultdict[int, list[Place]]  # places by row of S


class NameOccurrence(NamedTuple):
    """An occurrence of a name in a text."""

    name_index: int  # key of the name in the argument `names` of `find_known_names`
    spelling: str  # the letters found
    row: int
    start: int  # first character in the normalised text
    end: int  # end, exclusive
    words: tuple[str, ...]  # the words of the text that the name overlaps (`MAX_TOUCHED`)


def judge_disguised(
    texts: Sequence[str],
    occurrences: Occurrences,
    pool: PoolContent,
    people: People,
    surprisal: Surprisal,
    undisguised_digits: set[str],
) -> tuple[int, Mapping[int, Sequence[Place]], set[str]]:
    """Return how many identifiers leak only in disguise, their places by row, and the digits of the leaked numbers.

    The search covers recorded identifiers (`recorded`), and direct identifiers that patterns find in the texts. An
    occurrence is a leak if
    - at most ten persons have the identifier, at least one of them is in train, and public text does not contain it;
    - no control person has it. This condition does not apply to personal numbers;
    - fewer than .01 such occurrences are expected by chance (for numbers, see `find_known_numbers`);
    - for a name, at least one of the words that the name overlaps is not common (`MIN_USERS`). Common words can
      contain the letters of a name: "Christian sect" contains the letters of "Christian's";
    - fewer than two control persons have an identifier that occurs in disguise, or significantly more train than
      control persons have one (`exceeds_control`). If no identifier of control is recorded, the train persons with an
      identifier that occurs in disguise in control texts are counted instead of control persons.

    `undisguised_digits` are the digits of numbers that leak without a disguise; they are not counted again.
    """
    places: _Places = defaultdict(list)
    numbers = _disguised_numbers(texts, occurrences, pool, people, places, undisguised_digits)
    return len(numbers) + _disguised_names(texts, occurrences, people, surprisal, places), places, numbers


def _disguised_numbers(
    texts: Sequence[str],
    occurrences: Occurrences,
    pool: PoolContent,
    people: People,
    places: _Places,
    undisguised_digits: set[str],
) -> set[str]:
    """Add the places of disguised numbers to `places`, and return the digits of the numbers that leak."""
    recorded, contacts, leaked = occurrences.recorded, set(), set()
    for form, i in recorded.forms.items():
        if form.kind == "number" and i not in recorded.dates:
            for owner in (*recorded.owners[i], *occurrences.form_owners.get(form, ())):
                pool.known_numbers.add(form.key, owner)
            if (
                i not in recorded.personal_numbers
            ):  # such as a telephone number, which train and control persons may share
                contacts.add(form.key[:MAX_DIGITS])
    control_texts, sizes = people.tables[1][0], (people.n_train, people.n_persons)
    for hit in find_known_numbers(pool.known_numbers, texts, control_texts, *sizes):
        train, control = Owners(pool.known_numbers.owners(hit.digits)).split(*sizes)
        is_shared_contact = control and hit.digits in contacts
        is_undisguised = any(hit.digits in other or other in hit.digits for other in undisguised_digits)
        if not train or is_shared_contact or is_undisguised:
            continue
        leaked.add(hit.digits)
        places[hit.row].append(Place(hit.start, hit.end, f"known number, {hit.form}", train))
    # a part of a longer leaked number does not count
    return {a for a in leaked if not any(a != b and a in b for b in leaked)}


def _disguised_names(
    texts: Sequence[str], occurrences: Occurrences, people: People, surprisal: Surprisal, places: _Places
) -> int:
    """Add the places of disguised names and e-mail addresses to `places`, and return how many of them leak."""
    recorded = occurrences.recorded
    spellings: dict[int, list[Sequence[str]]] = {
        i: [value]
        for i, value in enumerate(recorded.values)
        if i not in recorded.personal_numbers | recorded.dates | occurrences.values
        and not any(map(str.isdecimal, value))
    }
    for form, i in recorded.forms.items():
        if form.kind == "email" and form not in occurrences.forms and i not in occurrences.values:
            spellings[i] = [tokens(form.key), tokens(form.key.replace("@", " at ").replace(".", " dot "))]
    of_train: dict[int, list[int]] = {}
    of_control: set[int] = set()
    hits: list[NameOccurrence] = []
    for hit, owners in _uncommon_hits(spellings, texts, occurrences, people, surprisal):
        i = hit.name_index
        train, control = owners.split(people.n_train, people.n_persons)
        if train and not control:
            of_train[i] = train
            hits.append(hit)
        elif control and not train:
            of_control.update(control)
    if people.are_of_train(recorded.owners):
        in_control = _uncommon_hits(spellings, people.tables[1][0], occurrences, people, surprisal)
        of_control = {owner for hit, _ in in_control for owner in recorded.owners[hit.name_index]}
    n_train, share = len(_persons(of_train.values())), people.n_train / people.n_persons
    if not exceeds_control(n_train, len(of_control), share, minimum=MIN_NAMES):
        return 0
    for hit in hits:
        places[hit.row].append(Place(hit.start, hit.end, "known identifier, disguised", of_train[hit.name_index]))
    return len(of_train)


def _uncommon_hits(
    spellings: Mapping[int, Sequence[Sequence[str]]],
    texts: Sequence[str],
    occurrences: Occurrences,
    people: People,
    surprisal: Surprisal,
) -> Iterator[tuple[NameOccurrence, Owners]]:
    """Yield the rare hits that overlap at least one word that is not common, with the owners of the name."""
    recorded, rare = occurrences.recorded, rare_hits(spellings, texts, surprisal)
    users = users_of({word for hit in rare for word in hit.words}, people)
    for hit in rare:
        value = recorded.values[hit.name_index]
        owners = Owners((*recorded.owners[hit.name_index], *occurrences.value_owners.get(value, ())))
        if not has_only_common_words(hit, value, set(owners), users):
            yield hit, owners


def rare_hits(
    names: Mapping[int, Sequence[Sequence[str]]], texts: Sequence[str], surprisal: Surprisal
) -> list[NameOccurrence]:
    """Return the rare occurrences of names (`find_known_names`): fewer than .01 are expected by chance (lambda).

    lambda = (characters of the texts) × (names) × 2^-(surprisal of the spelling in bits)
    """
    n_places = sum(map(len, texts)) * max(len(names), 1)
    found = find_known_names(names, texts)
    return [hit for hit in found if n_places * math.exp2(-surprisal.bits(hit.spelling)) < MAX_COINCIDENCES]


def has_only_common_words(
    hit: NameOccurrence, value: Sequence[str], owners: set[int], users: Mapping[str, set[int]]
) -> bool:
    """Return whether all words that the hit overlaps are common (`MIN_USERS`); `value` has the words of the name."""
    return all(
        (len(word) >= MIN_COMMON_LETTERS or word in value) and len(users.get(word, set()) - owners) >= MIN_USERS
        for word in hit.words
    )


def users_of(words: set[str], people: People) -> Mapping[str, set[int]]:
    """Return for each word the train and control persons whose texts contain it."""
    users = defaultdict[str, set[int]](set)
    for text, owner in people.rows() if words else ():
        if owner < people.n_persons:
            for word in words.intersection(tokens(text)):
                users[word].add(owner)
    return users


def _persons(owners: Iterable[Sequence[int]]) -> set[int]:
    return {person for persons in owners for person in persons}


def find_known_names(names: Mapping[int, Sequence[Sequence[str]]], texts: Sequence[str]) -> Iterator[NameOccurrence]:
    """Yield each occurrence of the letters of a name in a text: "Jane Abernathy" in "to j-a-n-e.abernathy".

    The words of the name may be in reverse order, and the letters of the whole name or of each word may be backwards.
    Characters of the text other than letters and digits are ignored. The texts need not be normalised.

    `names` has the spellings of each name by its index. A spelling is a sequence of words.

    Cost: O(characters + hits).
    """
    automaton = ahocorasick.Automaton()
    for name_index, spellings in names.items():
        in_order = {"".join(words) for words in spellings} | {"".join(reversed(words)) for words in spellings}
        for spelling in in_order | {letters[::-1] for letters in in_order}:
            if len(spelling) >= MIN_NAME_LETTERS:
                automaton.add_word(spelling, (*automaton.get(spelling, ()), (name_index, spelling)))
    if len(automaton) == 0:
        return
    automaton.make_automaton()
    for row, text in enumerate(texts):
        words = tokens_in(normalise(text))
        letters = "".join(word.word for word in words)
        place: list[tuple[int, int]] = []  # for each letter, the index of its word, and its position in the text
        for last, names_here in automaton.iter(letters):
            place = place or [(at, word.start + i) for at, word in enumerate(words) for i in range(len(word.word))]
            for name_index, spelling in names_here:
                (at, start), (end_at, end) = place[last + 1 - len(spelling)], place[last]
                overlapped = tuple(
                    word.word
                    for word in words[at : end_at + 1]
                    if min(end + 1, word.end) - max(start, word.start) > min(MAX_TOUCHED, len(word.word) - 1)
                )
                yield NameOccurrence(name_index, spelling, row, start, end + 1, overlapped)


def leaked_parts(
    texts: Sequence[str], recorded: RecordedIdentifiers, people: People, surprisal: Surprisal, found: set[int]
) -> Mapping[tuple[str, ...], Sequence[int]]:
    """Return the long words of recorded names that identify train persons, with the numbers of these persons.

    For example, "Mrs. Abernathy" identifies Marguerite Abernathy if nobody else has this surname. A word is returned
    if
    - it occurs in S, and public text does not contain it;
    - at most ten persons have it in a recorded name or a text, and all of them are in train;
    - fewer than .01 occurrences in S are expected by chance;
    - fewer than two control persons have such a word, or significantly more train persons do (`exceeds_control`);
    - at least one person with the word is not in `found`, the persons whom earlier searches identified.

    If no identifier of control is recorded, the train persons whose words occur in control texts but not in S are
    counted instead of control persons. In this case, the numbers of words are compared as well: one word of ten
    persons is one coincidence. If an identifier of control is recorded, words that are ordinary (such as "mountain")
    and never follow a title are judged by the stricter `ordinary_words_leak` instead of `exceeds_control`.
    """
    owners = _long_parts(recorded)
    if not owners:
        return {}
    synthetic_words = [tokens(text) for text in texts]
    occurring = _rare_words(owners, synthetic_words, surprisal)
    has_control = not people.are_of_train(recorded.owners)
    control_words = [] if has_control else [tokens(text) for text in people.tables[1][0]]
    only_in_control = _rare_words(owners, control_words, surprisal) - occurring
    recorded_for = {word: set(owners[word]) for word in only_in_control}
    for text, owner in people.rows() if occurring else ():
        for word in (occurring | only_in_control).intersection(tokens(text)):
            owners[word].add(owner)
    persons = {word: owners[word].split(people.n_train, people.n_persons) for word in sorted(occurring)}
    in_control = [word for word in only_in_control if any(owners[word].split(people.n_train, people.n_persons))]
    by_chance = set[int]().union(*(recorded_for[word] for word in in_control))
    n_tokens, n_control_tokens = (sum(map(len, texts)) for texts in (synthetic_words, control_words))
    share_of_synthetic = n_tokens / max(n_tokens + n_control_tokens, 1)
    share = people.n_train / people.n_persons if has_control else share_of_synthetic
    titled = {word for words in synthetic_words for at, word in enumerate(words) if is_titled(words, at)}
    leaks: dict[tuple[str, ...], Sequence[int]] = {}
    for are_ordinary in (False, True):
        alike = {
            word: train_and_control
            for word, train_and_control in persons.items()
            if (has_control and is_ordinary(word) and word not in titled) == are_ordinary
        }
        of_train = {(word,): train for word, (train, control) in alike.items() if train and not control}
        of_control = {person for train, control in alike.values() if not train for person in control}
        has_more_words = has_control or exceeds_control(len(of_train), len(in_control), share, minimum=MIN_NAMES)
        test = ordinary_words_leak if are_ordinary else partial(exceeds_control, minimum=MIN_NAMES)
        has_more_persons = test(len(_persons(of_train.values())), len(of_control | by_chance), share)
        if has_more_persons and has_more_words:
            leaks |= {word: train for word, train in of_train.items() if not found.issuperset(train)}
    return leaks


def _rare_words(words: Mapping[str, Owners], texts: Sequence[Sequence[str]], surprisal: Surprisal) -> set[str]:
    """Return the words in the texts (lists of tokens) of which fewer than .01 occurrences are expected by chance."""
    n_places = sum(map(len, texts)) * len(words)
    occurring = words.keys() & {word for text in texts for word in text}
    return {word for word in occurring if n_places * math.exp2(-surprisal.bits(word)) < MAX_COINCIDENCES}


def _long_parts(recorded: RecordedIdentifiers) -> dict[str, Owners]:
    """Return the long words of recorded names, each with the persons for whom a name with this word is recorded."""
    owners: dict[str, Owners] = {}
    for value, owners_of_value in zip(recorded.values, recorded.owners, strict=True):
        if 1 < len(value) <= MAX_NAME_WORDS and all(map(str.isalpha, value)):
            for word in value:
                if len(word) >= MIN_WORD_LETTERS:
                    owners[word] = Owners((*owners.get(word, ()), *owners_of_value))
    return owners
