"""Find disguised identifiers in the synthetic table S, such as "M.a.r.g.u.e.r.i.t.e" or digits in reverse order.

A recorded identifier is a name, number or date that was replaced in a real record. In this module, a name is a
recorded e-mail address, or another recorded identifier without a token of digits. Dates and personal numbers
(`RecordedIdentifiers`) are not names. Numbers are searched for by their digits (`known_numbers`). Names are searched
for by their letters, and all characters of S except letters and digits are ignored. A match is discarded if chance
explains it, or if it overlaps only common words. Then the train persons with a disguised name in S are compared with
control persons, whom the generator never saw. In addition, S is searched for single long words of recorded names
(`leaked_parts`).
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
MAX_NAME_WORDS = 4  # `leaked_parts` reads only identifiers of 2 to 4 words that consist of letters
MIN_USERS = 3  # a word is common if it occurs in the texts of at least 3 persons without the name
MIN_COMMON_LETTERS = 2  # a shorter word is common only if it is also a word of the name, so that J o h n is found
MAX_TOUCHED = 2  # a name overlaps a word if it covers all letters of the word, or more than 2 of them
MIN_WORD_LETTERS = 7  # `leaked_parts` ignores shorter words of names
_Places = defaultdict[int, list[Place]]  # key: row of S; value: places of disguised identifiers in the row


class NameOccurrence(NamedTuple):
    """A match: an occurrence of the letters of a name in a text."""

    name_index: int  # key of the name in the argument `names` of `find_known_names`
    spelling: str  # the letters in the order of the text
    row: int  # index of the text
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

    The search covers recorded numbers, direct identifiers of at least six digits that patterns find in the texts
    (`PoolContent.known_numbers`), and names that S does not contain in their recorded form. A number or name is a
    leak if at most ten persons have it, at least one of them is in train, public text does not contain it, and all of
    these conditions hold:
    - For a number: `find_known_numbers` returns it. If it is the number of a recorded contact, no control person has
      it. It neither contains nor is part of one of `undisguised_digits` (numbers that leak without a disguise).
    - For a name: no control person has it. A match in S is rare (`rare_hits`) and overlaps at least one word that is
      not common. For example, "Christian sect" has the letters of "Christian's", but only common words. Fewer than
      two control persons have such a match, or significantly more train than control persons have one
      (`exceeds_control`). If only identifiers of train persons are recorded, the train persons with such a match in
      control texts are counted instead of control persons.
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
    """Return the digits of leaked numbers, extend `places`, and add recorded numbers to `pool.known_numbers`."""
    recorded, contacts, leaked = occurrences.recorded, set(), set()
    for form, i in recorded.forms.items():
        if form.kind == "number" and i not in recorded.dates:
            for owner in occurrences.owners_of_form(form):
                pool.known_numbers.add(form.key, owner)
            # train and control persons may share the number of a contact, such as a telephone number
            if i not in recorded.personal_numbers:
                contacts.add(form.key[:MAX_DIGITS])
    control_texts, sizes = people.tables[1][0], (people.n_train, people.n_persons)
    for match in find_known_numbers(pool.known_numbers, texts, control_texts, *sizes):
        train, control = Owners(pool.known_numbers.owners(match.digits)).split(*sizes)
        is_shared_contact = control and match.digits in contacts
        is_undisguised = any(
            match.digits in undisguised or undisguised in match.digits for undisguised in undisguised_digits
        )
        if not train or is_shared_contact or is_undisguised:
            continue
        leaked.add(match.digits)
        places[match.row].append(Place(match.start, match.end, f"known number, {match.form}", train))
    # a number that is part of a longer leaked number is not counted
    return {digits for digits in leaked if not any(digits != longer and digits in longer for longer in leaked)}


def _disguised_names(
    texts: Sequence[str], occurrences: Occurrences, people: People, surprisal: Surprisal, places: _Places
) -> int:
    """Return the number of disguised names that leak, and add their places to `places`."""
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
    train_of: dict[int, list[int]] = {}
    by_chance: set[int] = set()
    leaks: list[NameOccurrence] = []
    for match, name_owners in _uncommon_hits(spellings, texts, occurrences, people, surprisal):
        i = match.name_index
        train, control = name_owners.split(people.n_train, people.n_persons)
        if train and not control:
            train_of[i] = train
            leaks.append(match)
        elif control and not train:
            by_chance.update(control)
    if people.are_of_train(recorded.owners):
        control_matches = _uncommon_hits(spellings, people.tables[1][0], occurrences, people, surprisal)
        by_chance = {person for match, _ in control_matches for person in recorded.owners[match.name_index]}
    n_train, share = len(_persons(train_of.values())), people.n_train / people.n_persons
    if not exceeds_control(n_train, len(by_chance), share, minimum=MIN_NAMES):
        return 0
    for match in leaks:
        places[match.row].append(
            Place(match.start, match.end, "known identifier, disguised", train_of[match.name_index])
        )
    return len(train_of)


def _uncommon_hits(
    spellings: Mapping[int, Sequence[Sequence[str]]],
    texts: Sequence[str],
    occurrences: Occurrences,
    people: People,
    surprisal: Surprisal,
) -> Iterator[tuple[NameOccurrence, Owners]]:
    """Yield the rare matches that overlap at least one word that is not common, with the owners of the name."""
    recorded, rare = occurrences.recorded, rare_hits(spellings, texts, surprisal)
    users = users_of({word for match in rare for word in match.words}, people)
    for match in rare:
        value = recorded.values[match.name_index]
        owners = Owners((*recorded.owners[match.name_index], *occurrences.value_owners.get(value, ())))
        if not has_only_common_words(match, value, set(owners), users):
            yield match, owners


def rare_hits(
    names: Mapping[int, Sequence[Sequence[str]]], texts: Sequence[str], surprisal: Surprisal
) -> list[NameOccurrence]:
    """Return the matches of names (`find_known_names`) with an expected number of chance matches below .01.

    The number is (characters of the texts) × (names) × 2^-(surprisal of the spelling in bits).
    """
    n_places = sum(map(len, texts)) * max(len(names), 1)
    matches = find_known_names(names, texts)
    return [match for match in matches if n_places * math.exp2(-surprisal.bits(match.spelling)) < MAX_COINCIDENCES]


def has_only_common_words(
    match: NameOccurrence, value: Sequence[str], owners: set[int], users: Mapping[str, set[int]]
) -> bool:
    """Return whether all words that a match overlaps are common (`MIN_USERS`, `MIN_COMMON_LETTERS`).

    `value` has the words of the name, `owners` has the persons with the name, and `users` is from `users_of`.
    """
    return all(
        (len(word) >= MIN_COMMON_LETTERS or word in value) and len(users.get(word, set()) - owners) >= MIN_USERS
        for word in match.words
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
    """Yield each match of a name in a text: "Jane Abernathy" in "to j-a-n-e.abernathy".

    The words of the name may be in reverse order, and the letters of the whole name or of each word may be backwards.
    Characters of the text other than letters and digits are ignored, and names of fewer than ten letters are not
    searched for. `names` has the spellings of each name by its index; a spelling is a sequence of words. Cost:
    O(characters + matches).
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
        place: list[tuple[int, int]] = []  # for each of `letters`: (index of its word, position in normalised text)
        for last, spellings_here in automaton.iter(letters):
            place = place or [(at, word.start + i) for at, word in enumerate(words) for i in range(len(word.word))]
            for name_index, spelling in spellings_here:
                (at, start), (end_at, end) = place[last + 1 - len(spelling)], place[last]
                overlapped = tuple(
                    word.word
                    for word in words[at : end_at + 1]
                    if min(end + 1, word.end) - max(start, word.start) > min(MAX_TOUCHED, len(word.word) - 1)
                )
                yield NameOccurrence(name_index, spelling, row, start, end + 1, overlapped)


def leaked_parts(
    texts: Sequence[str], recorded: RecordedIdentifiers, people: People, surprisal: Surprisal, identified: set[int]
) -> Mapping[tuple[str, ...], Sequence[int]]:
    """Return the long words of recorded names that identify train persons: {(word,): numbers of these persons}.

    For example, "Mrs. Abernathy" identifies Marguerite Abernathy if nobody else has this surname. Conditions:
    - The word occurs in S, and public text does not contain it.
    - At most ten persons have it in a recorded name or a text, and all of them are in train.
    - Fewer than .01 occurrences in S are expected by chance.
    - Fewer than two control persons have such a word in S, or significantly more train than control persons have one
      (`exceeds_control`). Ordinary words (such as "mountain") that never follow a title in S are compared separately,
      by the stricter `ordinary_words_leak`.
    - At least one person with the word is not in `identified`, the persons whom earlier searches identified.

    If no identifier of control is recorded, the train persons whose words are in control texts but not in S are
    counted instead of control persons, and ordinary words are compared together with all others. In this case, the
    numbers of words must also pass the test, because one word of ten persons is one coincidence.
    """
    word_owners = _long_parts(recorded)
    if not word_owners:
        return {}
    synthetic_texts = [tokens(text) for text in texts]
    occurring = _rare_words(word_owners, synthetic_texts, surprisal)
    has_control = not people.are_of_train(recorded.owners)
    control_texts = [] if has_control else [tokens(text) for text in people.tables[1][0]]
    control_words = _rare_words(word_owners, control_texts, surprisal) - occurring
    recorded_for = {word: set(word_owners[word]) for word in control_words}
    for text, owner in people.rows() if occurring else ():
        for word in (occurring | control_words).intersection(tokens(text)):
            word_owners[word].add(owner)
    word_arms = {word: word_owners[word].split(people.n_train, people.n_persons) for word in sorted(occurring)}
    chance_words = [word for word in control_words if any(word_owners[word].split(people.n_train, people.n_persons))]
    chance_persons = set[int]().union(*(recorded_for[word] for word in chance_words))
    n_tokens, n_control_tokens = (sum(map(len, texts)) for texts in (synthetic_texts, control_texts))
    share_of_synthetic = n_tokens / max(n_tokens + n_control_tokens, 1)
    share = people.n_train / people.n_persons if has_control else share_of_synthetic
    titled = {word for words in synthetic_texts for at, word in enumerate(words) if is_titled(words, at)}
    leaks: dict[tuple[str, ...], Sequence[int]] = {}
    for are_ordinary in (False, True):
        group = {
            word: train_and_control
            for word, train_and_control in word_arms.items()
            if (has_control and is_ordinary(word) and word not in titled) == are_ordinary
        }
        train_words = {(word,): train for word, (train, control) in group.items() if train and not control}
        control_persons = {person for train, control in group.values() if not train for person in control}
        more_words = has_control or exceeds_control(len(train_words), len(chance_words), share, minimum=MIN_NAMES)
        test = ordinary_words_leak if are_ordinary else partial(exceeds_control, minimum=MIN_NAMES)
        more_persons = test(len(_persons(train_words.values())), len(control_persons | chance_persons), share)
        if more_persons and more_words:
            leaks |= {word: train for word, train in train_words.items() if not identified.issuperset(train)}
    return leaks


def _rare_words(words: Mapping[str, Owners], texts: Sequence[Sequence[str]], surprisal: Surprisal) -> set[str]:
    """Return the words that occur in the texts, but of which fewer than .01 occurrences are expected by chance."""
    n_places = sum(map(len, texts)) * len(words)
    occurring = words.keys() & {word for text in texts for word in text}
    return {word for word in occurring if n_places * math.exp2(-surprisal.bits(word)) < MAX_COINCIDENCES}


def _long_parts(recorded: RecordedIdentifiers) -> dict[str, Owners]:
    """Return the long words of recorded names, each with the owners of the names that contain it."""
    owners: dict[str, Owners] = {}
    for value, owners_of_value in zip(recorded.values, recorded.owners, strict=True):
        if 1 < len(value) <= MAX_NAME_WORDS and all(map(str.isalpha, value)):
            for word in value:
                if len(word) >= MIN_WORD_LETTERS:
                    owners[word] = Owners((*owners.get(word, ()), *owners_of_value))
    return owners
