"""Decide which names of persons in the synthetic table S are leaks.

A form is a way in which a text writes a name, such as "Abernathy, M." for Marguerite Jane Abernathy. The names come
from a list (recorded names, which were replaced in real records) or from the real texts. Their forms are searched for
in S and in the texts outside S. Then the train persons with a form in S are compared with the persons who match by
chance: control persons with a form in S, and train persons with a form in control texts.
"""

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

from audits.attacks.identifiers.ownership import MIN_NAMES, Owners
from audits.attacks.identifiers.patterns import RowContent
from audits.attacks.identifiers.person_names import FormSearch, NameForm, NameSearch, PersonName, Tokens, read_name
from audits.attacks.identifiers.surprisal import Surprisal
from audits.attacks.identifiers.tables import People
from audits.core.stats import exceeds_control
from audits.text.clinical_terms import is_ordinary
from audits.text.name_lists import SHORT_FORMS

MIN_USERS = 3  # a word is ordinary if at least 3 persons without the name write it in lower case
MAX_COINCIDENCES = 0.01  # a form can be rare only if fewer than .01 occurrences of it are expected by chance

_LETTERS = re.compile(r"[^\W\d_]+")
_WORDS = re.compile(r"[^\W_]+")
_MARKS = re.compile(r"[\u0300-\u036f\u00ad\u200b-\u200f\u2060\ufeff]")  # accents and invisible characters
_SENTENCE_END = re.compile(r"[.!?;:]")
_Forms = dict[NameForm, list[int]]  # key: a form; value: numbers of the persons who have the form


class NameLeaks(NamedTuple):
    """The result of `judge_names`."""

    found: int  # number of train persons with a form in S
    by_chance: int  # control persons with a form in S, plus train persons with a form in control texts but not in S
    # key: words of a leak in S; value: (kind to report, numbers of the train persons whom the leak identifies)
    phrases: Mapping[Tokens, tuple[str, Sequence[int]]]

    def without(self, persons: set[int]) -> Mapping[Tokens, tuple[str, Sequence[int]]]:
        """Return the leaks that identify a person who is not in `persons`."""
        return {phrase: leak for phrase, leak in self.phrases.items() if not persons.issuperset(leak[1])}


class CapitalizedWords:
    """The number of texts in which each word, and each phrase (the words of a name), is capitalized.

    A phrase is capitalized if each of its words begins with a capital letter.
    """

    def __init__(self) -> None:
        self._n_texts: Counter[str] = Counter()  # by word: number of texts in which the word is capitalized
        self._n_with_phrase: Counter[Tokens] = Counter()  # by phrase: number of texts in which it is capitalized

    def read(self, text: str, phrases: Iterable[Tokens]) -> None:
        """Count the capitalized words of a text, and those of `phrases` that are capitalized in it.

        A phrase across the end of a sentence does not count. A phrase in a text whose other words are mostly
        capitalized does not count either, because capital letters do not distinguish names there.
        """
        plain = _MARKS.sub("", unicodedata.normalize("NFKD", text))
        words = list(_WORDS.finditer(plain))
        capitalized = [match.group()[0].isupper() for match in words]
        folded = [match.group().casefold() for match in words]
        self._n_texts.update({word for word, is_capital in zip(folded, capitalized, strict=True) if is_capital})
        for phrase in phrases:
            n = len(phrase)
            if 2 * (sum(capitalized) - n) > len(words) - n:
                continue
            self._n_with_phrase[phrase] += any(
                tuple(folded[i : i + n]) == phrase
                and all(capitalized[i : i + n])
                and not _ends_sentence(plain, words[i : i + n])
                for i in range(len(words) - n + 1)
            )

    def n_expected(self, phrase: Tokens, n_tokens: int) -> float:
        """Return how often the capitalized words of a phrase are expected to stand side by side by chance.

        The result is (product over the words w of (1 + n_w)) / `n_tokens`^(number of words - 1), where n_w is the
        number of texts in which w, but not the phrase, is capitalized. It is infinite if the phrase is capitalized in
        no text. `n_tokens` is the number of tokens of all texts.
        """
        n_together = self._n_with_phrase[phrase]
        if n_together == 0:
            return math.inf
        n_apart = [max(0, self._n_texts[word] - n_together) + 1 for word in phrase]
        return math.prod(n_apart) / float(n_tokens) ** (len(phrase) - 1)


def _ends_sentence(text: str, words: Sequence[re.Match[str]]) -> bool:
    """Return whether a sentence ends between two of the words; a point after an initial ends no sentence."""
    return any(
        _SENTENCE_END.search(text[a.end() : b.start()]) is not None and len(a.group()) > 1 for a, b in pairwise(words)
    )


class NameOccurrences:
    """Occurrences of names in S and in texts outside S.

    `listed` has pairs (strings that may be names, owner). `are_recorded` is true if the strings are recorded
    identifiers, and false if they come from texts.
    """

    def __init__(self, listed: Iterable[tuple[Sequence[str], int]], people: People, *, are_recorded: bool) -> None:
        self.are_recorded = are_recorded
        owners: dict[tuple[PersonName, ...], Owners] = {}
        for values, owner in listed:
            words_alone = [value for value in values if value.isalpha()]
            # given name and surname may be two successive values, in either order
            pairs = [name for a, b in pairwise(words_alone) for name in (f"{a}, {b}", f"{b}, {a}")]
            for readings in filter(None, map(read_name, (*values, *pairs))):
                owners.setdefault(readings, Owners()).add(owner)
        self.names, self.owners = list(owners), list(owners.values())
        self._n_train, self._n_persons = people.n_train, people.n_persons
        self._search = NameSearch(self.names)
        self.forms: dict[NameForm, set[int]] = defaultdict(set)  # by form in S: indices in `names` of matching names
        # by form: phrases with which S (first mapping) and the control texts (second mapping) write the form
        self.phrases: tuple[dict[NameForm, set[Tokens]], ...] = (defaultdict(set), defaultdict(set))
        # phrases that S writes at least once with a capital letter or a punctuation mark, as in "Brown, Mark"
        self.written_as_names: set[Tokens] = set()
        # by form in S: owners of the texts outside S that possibly contain the name (`agrees`)
        self.text_owners: dict[NameForm, Owners] = defaultdict(Owners)
        # by form in control texts: indices in `names` of matching names
        self.in_control: dict[NameForm, set[int]] = defaultdict(set)
        self.n_tokens = [0, 0]  # number of tokens of S, and of control texts
        self.capitalized = CapitalizedWords(), CapitalizedWords()  # of S, and of control texts
        self._forms_outside: FormSearch | None = None  # search for the forms in S; made by the first `read_other`

    def read_synthetic(self, row: RowContent) -> None:
        """Add the names in a row of S."""
        words = row.words
        self.n_tokens[0] += len(words)
        starts: dict[Tokens, set[int]] = defaultdict(set)  # positions of each phrase in this row
        for match in self._search.matches(words):
            phrase = tuple(words[match.start : match.end])
            self.forms[match.form].update(match.names)
            self.phrases[0][match.form].add(phrase)
            starts[phrase].add(match.start)
        self.written_as_names |= {p for p, at in starts.items() if _n_in_lower_case(row.text, p) < len(at)}
        if self.are_recorded:
            self.capitalized[0].read(row.text, starts)

    def read_other(self, row: RowContent, owner: int) -> None:
        """Add the names in a row that is not in S and belongs to `owner`."""
        words = row.words
        if self._forms_outside is None:
            # later rows only add owners, so a form that does not count now cannot count later
            self._forms_outside = FormSearch(form for form in self.forms if self.counts(form))
        for form in self._forms_outside.forms_in(words):
            self.text_owners[form].add(owner)
        if self.are_recorded and self._n_train <= owner < self._n_persons:
            self.n_tokens[1] += len(words)
            phrases = set()
            for match in self._search.matches(words):
                self.in_control[match.form].update(match.names)
                phrases.add(phrase := tuple(words[match.start : match.end]))
                self.phrases[1][match.form].add(phrase)
            self.capitalized[1].read(row.text, phrases)

    def counts(self, form: NameForm) -> bool:
        """Return whether a form in S counts; see `judge_names`."""
        train, control = self.persons(form)
        if self.are_recorded:
            return bool(train) != bool(control)
        return len(train) + len(control) == 1 and form.has_given_name

    def persons(self, form: NameForm) -> tuple[list[int], list[int]]:
        """Return the train persons and the control persons to whom a form in S can refer."""
        name_owners = (owner for number in self.forms[form] for owner in self.owners[number])
        return Owners((*name_owners, *self.text_owners.get(form, ()))).split(self._n_train, self._n_persons)

    def is_rare(self, form: NameForm, surprisal: Surprisal, texts: Literal[0, 1]) -> bool:
        """Return whether a form has a full given name and fewer than .01 occurrences of it are expected by chance.

        `texts` is 0 for the texts of S, and 1 for the texts of control. See `judge_names`.
        """
        n_tokens = self.n_tokens[texts]
        # 2 orders × 3 spellings of the surname × (full, initial, omitted, or one of the short forms) per given name
        n_ways = 2 * 3 * math.prod(3 + len(SHORT_FORMS.get(word, ())) for word in form.given)
        n_expected = [n_tokens * math.exp2(-sum(map(surprisal.bits, (*form.surname, *form.given))))]
        n_expected += [self.capitalized[texts].n_expected(phrase, n_tokens) for phrase in self.phrases[texts][form]]
        return form.has_given_name and n_ways * min(n_expected) < MAX_COINCIDENCES

    def n_names(self) -> tuple[int, int]:
        """Return the number of names that only train persons have, and the number of all other names."""
        n_train = sum(max(owners, default=0) < self._n_train for owners in map(list, self.owners))
        return n_train, len(self.owners) - n_train


def judge_names(occurrences: NameOccurrences, surprisal: Surprisal, people: People) -> NameLeaks:
    """Return the names of train persons in S that are leaks.

    A form counts if at most ten persons have it, all in train or all in control, and public text does not contain it.
    A form is rare if it has a full given name and fewer than .01 occurrences of it in S are expected by chance. Forms
    of ordinary words (`_of_ordinary_words`) that S writes only in lower case are never rare. The expected number
    of occurrences is lambda_1 or, if S writes the form with capital letters, the smaller of lambda_1 and lambda_2:

        lambda_1 = (ways to write the name) × n × 2^-(surprisal of its words in bits),   n = number of tokens of S
        lambda_2 = (ways to write the name) × n × product over the words w of (1 + n_w) / n

    n_w is the number of rows of S in which w, but not the name, is capitalized (`CapitalizedWords`). lambda_1 is
    large for short names and names of frequent letters. For these, lambda_2 distinguishes the name "Brown, Mark" from
    the words "brown" and "mark".

    - Rare forms of train persons are leaks if fewer than two control persons have rare forms in S, or if
      significantly more train than control persons have rare forms in S (`exceeds_control`). If only train persons
      have recorded names, the train persons with rare forms in control texts but not in S are counted instead of
      control persons. The numbers of rare forms must then pass the same test.
    - All other forms, such as initials with a surname, are common. Common forms of train persons are leaks if the
      number of train persons with common forms in S is significantly larger than the number of chance matches. Chance
      matches are control persons with common forms in S, and train persons with forms in control texts but not in S.

    If the names were read from texts (`NameOccurrences.are_recorded` is false), a form counts only if exactly one
    person has it and it has a full given name. All forms are common, and control texts do not count.
    """
    rare, common, are_recorded = *_by_rarity(occurrences, surprisal, people), occurrences.are_recorded
    n_by_chance, share = 0, people.n_train / people.n_persons
    (rare_train, rare_control), (common_train, common_control) = map(_persons, rare), map(_persons, common)
    n_rare_by_chance, share_of_rare, exceeds_in_forms = len(rare_control), share, True
    if are_recorded:
        (n_train_names, n_other_names), (n_s, n_c) = occurrences.n_names(), occurrences.n_tokens
        control_forms = occurrences.in_control.keys() - occurrences.forms  # forms in control texts but not in S
        n_by_chance = len(_train_in_control(occurrences, control_forms, people.n_train))
        # Without a leak, all pairs of a name and a token are equally likely to match. Names that only train persons
        # have are searched for in S and in control texts, and the matches of other names are counted only in S.
        share = n_train_names * n_s / max(n_train_names * (n_s + n_c) + n_other_names * n_s, 1)
        share_of_rare = n_train_names / max(n_train_names + n_other_names, 1)
        if n_other_names == 0:
            forms = {form for form in control_forms if occurrences.is_rare(form, surprisal, 1)}
            n_rare_by_chance, share_of_rare = len(_train_in_control(occurrences, forms, people.n_train)), share
            exceeds_in_forms = exceeds_control(len(rare[0]), len(forms), share, minimum=MIN_NAMES)
    leaks: dict[NameForm, list[int]] = {}
    kind = "known name, other form" if are_recorded else "name"
    if exceeds_in_forms and exceeds_control(len(rare_train), n_rare_by_chance, share_of_rare, minimum=MIN_NAMES):
        leaks |= rare[0]
    if exceeds_control(len(common_train), len(common_control) + n_by_chance, share, minimum=0):
        leaks |= common[0]
    return NameLeaks(
        found=len(rare_train | common_train),
        by_chance=len(rare_control | common_control) + n_by_chance,
        phrases={phrase: (kind, owners) for form, owners in leaks.items() for phrase in occurrences.phrases[0][form]},
    )


def _by_rarity(
    occurrences: NameOccurrences, surprisal: Surprisal, people: People
) -> tuple[tuple[_Forms, _Forms], tuple[_Forms, _Forms]]:
    """Return the rare forms and the common forms that count, each as (forms of train, forms of control)."""
    rare: tuple[_Forms, _Forms] = ({}, {})
    common: tuple[_Forms, _Forms] = ({}, {})
    for form in occurrences.forms:
        if not occurrences.counts(form):
            continue
        train, control = occurrences.persons(form)
        is_rare = occurrences.are_recorded and occurrences.is_rare(form, surprisal, 0)
        (rare if is_rare else common)[bool(control)][form] = [*train, *control]
    for rare_side, common_side in zip(rare, common, strict=True):
        in_lower_case = [f for f in rare_side if occurrences.written_as_names.isdisjoint(occurrences.phrases[0][f])]
        for form in _of_ordinary_words({form: rare_side[form] for form in in_lower_case}, people):
            common_side[form] = rare_side.pop(form)
    return rare, common


def _persons(forms: _Forms) -> set[int]:
    return {owner for owners in forms.values() for owner in owners}


def _n_in_lower_case(text: str, phrase: Tokens) -> int:
    """Return how often a text writes a phrase in lower case with single spaces, as in "hockey may be played"."""
    spaced = " ".join(phrase)
    return len(re.findall(rf"(?<!\w){re.escape(spaced)}(?!\w)", text)) if spaced in text else 0


def _of_ordinary_words(forms: _Forms, people: People) -> list[NameForm]:
    """Return the forms whose words are all ordinary.

    A word is ordinary if `is_ordinary` is true, or if at least three persons without the form write it in lower case.
    """
    words = {form: {*form.surname, *form.given} for form in forms}
    searched = {word for words_of_form in words.values() for word in words_of_form if not is_ordinary(word)}
    users: dict[str, set[int]] = {word: set() for word in searched}
    for text, owner in people.rows() if searched else ():
        if owner < people.n_persons:
            for word in searched.intersection(_LETTERS.findall(text)):
                users[word].add(owner)
    return [
        form
        for form, owners in forms.items()
        if all(is_ordinary(word) or len(users[word].difference(owners)) >= MIN_USERS for word in words[form])
    ]


def _train_in_control(occurrences: NameOccurrences, forms: Iterable[NameForm], n_train: int) -> set[int]:
    """Return the owners of the names that match one of `forms` in control texts and that only train persons have."""
    return {
        owner
        for form in forms
        for number in occurrences.in_control[form]
        for owner in occurrences.owners[number]
        if max(occurrences.owners[number]) < n_train
    }
