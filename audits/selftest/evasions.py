"""Recipes that build releases with a hidden leak, to test whether the audits detect the leak.

A recipe hides texts of train persons among clean rows (rows of persons who are in neither train nor control), or
changes the tables so that the leak is hard to detect. It raises NotMeasurable if too few persons have suitable texts.
Most recipes require texts with 30 consecutive words that no other person has (`copyable`).
"""

import codecs
import math
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise, zip_longest

import numpy as np

from audits.core.errors import NotMeasurable
from audits.core.inputs import take
from audits.core.types import AuditInputs, Int, Rng, Table, persons
from audits.selftest.clean_release import Population, as_synthetic, copyable, stack_tables
from audits.selftest.recipes import append, hide, lacking_own_words, number_rows, paste

HIDDEN = 4  # number of persons whose texts are hidden in a release
NEAR_EVERY = 10  # in a near copy, one word in this many is replaced
PIECE = 20  # number of words per row of a record that is cut into several rows
# range of `own_run` of a short record, in tokens. In `memorization`, a copied passage of fewer than 13 tokens
# (FLOOR_TOKENS) never proves a leak, and one of 30 or more (CEILING_TOKENS) always prevents a pass.
SHORTEST, LONGEST = 13, 29
N_SHORT = 11  # number of short records that are copied
BOILERPLATE = 0.6  # share of a record's words that are from TEMPLATE
MIN_MISSPELLED = 4  # letters are exchanged in words of at least this many characters
SHARED_WORDS = 50  # number of words of a passage that two persons share
PASSAGE = 40  # number of words of a passage that one control person quotes from another
REPEATED_SHARE = 0.11  # share of the control rows that repeat a train row
TEMPLATE = (
    "The person was seen on the date given above and the purpose of the visit was explained.",
    "Consent was asked for and given, and a copy of this letter has been sent to the address on file.",
    "There were no further questions at the end of the conversation and the next steps were agreed.",
    "This record was prepared from dictation and may contain errors that were not seen before it was signed.",
    "Please contact the office during working hours if anything in this document is not clear.",
    "All findings were discussed at the weekly meeting and the plan was confirmed by everyone who was present.",
    "The history was taken from the person, from the papers brought along and from earlier letters.",
    "Nothing else of note was found and the remainder of the examination was within the usual limits.",
    "It was recommended to return sooner if there should be any change for the worse in the meantime.",
    "The risks and the benefits of every choice were described in plain words and written down.",
    "No part of this text may be given to others without the permission of those who are named in it.",
    "Further details are kept in the main file and can be had on request from the records department.",
)
ACCENT = "\u0301"  # combining acute accent
# code point of a letter or digit: the Unicode tag character for it, which is invisible
_TAGS = {ord(c): chr(0xE0000 + ord(c)) for c in string.ascii_letters + string.digits}
_CYRILLIC, _FULL_WIDTH = "\u0430\u0441\u0435\u043e\u0440\u0445\u0443", "".join(chr(0xFF10 + i) for i in range(10))
_CONFUSABLE = str.maketrans("aceopxy" + string.digits, _CYRILLIC + _FULL_WIDTH)
DISGUISES: Mapping[str, Callable[[str], str]] = {  # key: name of the case; value: function that disguises a text
    "accented": lambda text: " ".join(f"{word[:1]}{ACCENT}{word[1:]}" for word in text.split()),
    # after the first character of every word, its tag character; after other symbols, the tag character for "A"
    "invisible": lambda text: " ".join(f"{w[:1]}{_TAGS.get(ord(w[0]), chr(0xE0041))}{w[1:]}" for w in text.split()),
    "underscored": lambda text: "_".join(text.split()),
    "confusable": lambda text: text.translate(_CONFUSABLE),
    "glued": lambda text: "".join(text.split()),
    # the second and third letter of long words are exchanged
    "misspelled": lambda text: " ".join(
        w[0] + w[2] + w[1] + w[3:] if len(w) >= MIN_MISSPELLED else w for w in text.split()
    ),
}
_NAMES = ("Aurelia Quistgaard", "Theodric Vanhoutte", "Ottoline Brackenridge", "Leopold Zwanziger")


def disguised(population: Population, rng: Rng, *, how: str) -> AuditInputs:
    """Return clean rows; four of them end with texts of four train persons, disguised by `DISGUISES[how]`."""
    train, rows = _numbered_persons(population, HIDDEN, rng)
    return population.inputs(
        hide(population.unseen, [DISGUISES[how](train.texts[row]) for row in rows], rng), train=train
    )


def shared_passage(population: Population, rng: Rng) -> AuditInputs:
    """Return clean rows; one contains a passage of fifty words that one train and one control person share."""
    words = sorted({word for text in population.train.texts for word in text.split()})
    passage = " ".join(rng.choice(words, size=SHARED_WORDS))
    train, control = (paste(table, passage, rng) for table in (population.train, population.control))
    return population.inputs(paste(population.unseen, passage, rng), train=train, control=control)


def near_copies(population: Population, rng: Rng) -> AuditInputs:
    """Return clean rows and four changed train texts.

    Every digit of these texts is replaced by a random digit, and every tenth word by a random word of the clean rows.
    """
    train, rows = _numbered_persons(population, HIDDEN, rng)
    words = [word for text in population.unseen.texts[:200] for word in text.split()]

    def changed(text: str) -> str:
        copied = []
        for i, word in enumerate(text.split()):
            other = words[int(rng.integers(len(words)))]
            digits = "".join(str(rng.integers(10)) if c.isdigit() else c for c in word)
            copied.append(other if i % NEAR_EVERY == NEAR_EVERY - 1 else digits)
        return " ".join(copied)

    copies = take(train, rows)
    return _with_copies(population, replace(copies, texts=tuple(map(changed, copies.texts))), train=train)


def cut_up(population: Population, rng: Rng) -> AuditInputs:
    """Return clean rows and four train texts cut into rows of twenty words."""
    train, rows = _numbered_persons(population, HIDDEN, rng)
    pieces = [
        (int(row), " ".join(words[start : start + PIECE]))
        for row, words in ((row, train.texts[row].split()) for row in rows)
        for start in range(0, len(words), PIECE)
    ]
    copies = take(train, np.array([row for row, _ in pieces]))
    return _with_copies(population, replace(copies, texts=tuple(piece for _, piece in pieces)), train=train)


def in_turn(population: Population, rng: Rng) -> AuditInputs:
    """Return clean rows; two of them each end with the alternating words of two train texts."""
    train, rows = _numbered_persons(population, HIDDEN, rng)
    texts = [train.texts[row].split() for row in rows]
    mixed = [
        " ".join(word for words in zip_longest(*pair, fillvalue="") for word in words if word)
        for pair in zip(texts[::2], texts[1::2], strict=True)
    ]
    return population.inputs(hide(population.unseen, mixed, rng), train=train)


def short_copies(population: Population, rng: Rng) -> AuditInputs:
    """Return clean rows and eleven short train records (`own_run` of 13 to 29 tokens)."""
    own, person = population.own_run, persons(population.train.groups)[1]
    short = np.flatnonzero((own >= SHORTEST) & (own <= LONGEST))
    rows = short[np.unique(person[short], return_index=True)[1]]
    if len(rows) < N_SHORT:
        raise NotMeasurable(f"{N_SHORT} train persons with a short record are required; there are {len(rows)}")
    rows = rng.choice(rows, size=N_SHORT, replace=False)
    return _with_copies(population, take(population.train, rows))


def rotated(population: Population, _rng: Rng) -> AuditInputs:
    """Return train in ROT13: no information is lost, but the encoded texts are not similar to train texts."""
    texts = tuple(codecs.encode(text, "rot13") for text in population.train.texts)
    return population.inputs(as_synthetic(replace(population.train, texts=texts)))


def one_class(population: Population, _rng: Rng) -> AuditInputs:
    """Return clean rows of every class except the largest, and all train rows of the largest class."""
    labels = population.train.labels
    if labels is None or population.unseen.labels is None or len(set(labels)) < 2:
        raise NotMeasurable("at least two classes are required, so that only one of them leaks")
    copied = max(sorted(set(labels)), key=labels.count)
    clean = take(population.unseen, np.flatnonzero(np.array(population.unseen.labels) != copied))
    leaked = take(population.train, np.flatnonzero(np.array(labels) == copied))
    return population.inputs(as_synthetic(stack_tables(clean, leaked)))


def shared_desk(population: Population, rng: Rng) -> AuditInputs:
    """Return clean rows: one has the e-mail address of a train person, four have that of a shared office."""
    desk, personal = "front.desk@clinic-office.example", "mw.haverkamp.1961@letters.example"
    train, control = (
        append(table, dict.fromkeys(_first_rows(table, HIDDEN, rng).tolist(), f"Contact: {desk}"))
        for table in (population.train, population.control)
    )
    train = paste(train, f"E-mail: {personal}", rng)
    release = hide(population.unseen, [f"Contact: {desk}"] * HIDDEN, rng)
    return population.inputs(paste(release, f"write to {personal}", rng), train=train, control=control)


def two_ids(population: Population, rng: Rng) -> AuditInputs:
    """Return clean rows: one has the record number that two train persons share, one has the text that they share."""
    train, (row,) = _numbered_persons(population, 1, rng)
    other = int(rng.choice(np.flatnonzero(np.array(train.groups) != train.groups[row])))
    text = train.texts[row]
    train = replace(
        train,
        texts=(*train.texts, text),
        groups=(*train.groups, train.groups[other]),
        labels=None if train.labels is None else (*train.labels, train.labels[row]),
    )
    release = paste(population.unseen, text.rsplit(" MRN ", maxsplit=1)[-1], rng)
    return population.inputs(paste(release, text, rng), train=train)


def long_control_name(population: Population, rng: Rng) -> AuditInputs:
    """Return clean rows: two contain the name of a train person, one contains a long name of a control person.

    The names are recorded for these persons in the inputs (`identifiers`), but not written in their texts.
    """
    train_rows, control_rows = (_first_rows(table, HIDDEN, rng) for table in (population.train, population.control))
    long_name = "Count Maximilian Ferdinand von Hohenstauffen-Lichtenberg zu Ostermundingen"
    names = dict(zip(train_rows.tolist(), _NAMES, strict=True))
    of_train = tuple((names[i],) if i in names else () for i in range(len(population.train)))
    of_control = tuple((long_name,) if i == control_rows[0] else () for i in range(len(population.control)))
    release = hide(population.unseen, [f"seen with {n}" for n in (*_NAMES[:2], long_name)], rng)
    return replace(population.inputs(release), identifiers=of_train, control_identifiers=of_control)


def name_orders(population: Population, rng: Rng) -> AuditInputs:
    """Return clean rows; four have a train person's recorded name, with the surname first or an added initial."""
    rows = _first_rows(population.train, HIDDEN, rng).tolist()
    names = dict(zip(rows, _NAMES, strict=True))
    given, surnames = zip(*(name.split() for name in _NAMES), strict=True)
    written = [f"{b}, {a} was seen" for a, b in zip(given, surnames, strict=True)]
    written[1], written[2] = written[1].upper(), f"{given[2]} M. {surnames[2]} was seen"
    lists = tuple((names[i],) if i in names else () for i in range(len(population.train)))
    return replace(population.inputs(hide(population.unseen, written, rng)), identifiers=lists)


def with_facts(population: Population, rng: Rng, *, make: Callable[[Rng], tuple[str, str]]) -> AuditInputs:
    """Return clean rows; four of them contain facts, each row about a different train person.

    `make` returns the words that are added to the person's text, and the words that are added to the clean row.
    """
    rows = _first_rows(population.train, HIDDEN, rng).tolist()
    own_additions, hidden = zip(*(make(rng) for _ in rows), strict=True)
    train = append(population.train, dict(zip(rows, own_additions, strict=True)))
    return population.inputs(hide(population.unseen, hidden, rng), train=train)


def bare_code(rng: Rng) -> tuple[str, str]:
    """Return a random number of eleven digits in two groupings, without a word that announces a number."""
    number = str(rng.integers(10**10, 10**11))
    return f"The form says {number[:5]}-{number[5:]}.", f"with {number[:3]} {number[3:7]} {number[7:]}"


def combined_facts(rng: Rng) -> tuple[str, str]:
    """Return two wordings of a random age above 89, date of birth and postal code of a woman."""
    age, day, month, year = (int(rng.integers(*limits)) for limits in ((90, 99), (13, 28), (1, 12), (1925, 1934)))
    code = f"Z{rng.integers(1, 99)} {rng.integers(1, 9)}{''.join(rng.choice(list(string.ascii_uppercase), size=2))}"
    born = f"{day}/{month}/{year}"
    return f"A {age} year old woman of {code}, born {born}.", f"woman, {code}, {born}, aged {age}"


def copied_reference(population: Population, rng: Rng) -> AuditInputs:
    """Return clean rows and eight train texts that the reference table also contains."""
    train, rows = _numbered_persons(population, 2 * HIDDEN, rng)
    copies = take(train, rows)
    public = copies if population.reference is None else stack_tables(population.reference, copies)
    inputs = _with_copies(population, copies, train=train)
    return replace(inputs, reference=replace(public, labels=None, vectors={}))


def repeating_control(population: Population, rng: Rng) -> AuditInputs:
    """Return clean rows and copies of train texts; one control row in nine is replaced by one of these texts."""
    n = max(1, math.ceil(REPEATED_SHARE * len(population.control)))
    copyable_rows = copyable(population)
    if len(copyable_rows) == 0:
        raise lacking_own_words(1, 0)
    rows = rng.choice(copyable_rows, size=min(n, len(copyable_rows)), replace=False)
    texts = list(population.control.texts)
    for place, row in zip(rng.choice(len(texts), size=len(rows), replace=False).tolist(), rows.tolist(), strict=True):
        texts[place] = population.train.texts[row]
    control = replace(population.control, texts=tuple(texts))
    return _with_copies(population, take(population.train, rows), control=control)


def templated(population: Population, rng: Rng, *, pasted: bool) -> AuditInputs:
    """Return clean rows; template sentences are added to every text of all tables and make up 60 % of its words.

    If `pasted`, one clean row also contains the whole record of a train person, including the template sentences.
    """
    train, rows = _numbered_persons(population, 1, rng)
    train, control, unseen = (
        replace(table, texts=tuple(_with_template(text.split(), rng) for text in table.texts))
        for table in (train, population.control, population.unseen)
    )
    release = paste(unseen, train.texts[rows[0]], rng) if pasted else unseen
    return population.inputs(release, train=train, control=control)


def quoting(population: Population, rng: Rng, *, copied: bool) -> AuditInputs:
    """Return clean rows, some of which quote passages that four control persons quote from each other.

    If `copied`, the release also contains five whole records of train persons.
    """
    first = _first_rows(population.control, HIDDEN, rng)
    long = [i for i in first.tolist() if len(population.control.texts[i].split()) >= PASSAGE] or first.tolist()
    texts = list(population.control.texts)
    passages = [" ".join(texts[i].split()[:PASSAGE]) for i in long]
    others = np.roll(first, 1).tolist()
    for passage, other in zip(passages, others, strict=False):
        texts[other] = f"{texts[other]} {passage}"
    release = hide(population.unseen, passages, rng)
    train = population.train
    if copied:
        train, rows = _numbered_persons(population, 5, rng)
        release = as_synthetic(stack_tables(release, take(train, rows)))
    return population.inputs(release, train=train, control=replace(population.control, texts=tuple(texts)))


def _numbered_persons(population: Population, k: int, rng: Rng) -> tuple[Table, Int]:
    """Return train with a record number added to one copyable row of each of k persons, and the row indices."""
    copyable_rows, person = copyable(population), persons(population.train.groups)[1]
    one_each = copyable_rows[np.unique(person[copyable_rows], return_index=True)[1]]
    if len(one_each) < k:
        raise lacking_own_words(k, len(one_each))
    rows = rng.choice(one_each, size=k, replace=False)
    return number_rows(population.train, rows, rng), rows


def _with_copies(
    population: Population, copies: Table, *, train: Table | None = None, control: Table | None = None
) -> AuditInputs:
    release = as_synthetic(stack_tables(population.unseen, copies))
    return population.inputs(release, train=train, control=control)


def _first_rows(table: Table, k: int, rng: Rng) -> Int:
    """Return the index of the first row of each of k random persons."""
    firsts = np.unique(persons(table.groups)[1], return_index=True)[1]
    if len(firsts) < k:
        raise NotMeasurable(f"{k} persons are required, but there are {len(firsts)}")
    return np.asarray(rng.choice(firsts, size=k, replace=False), dtype=np.int64)


def _with_template(words: Sequence[str], rng: Rng) -> str:
    """Return the words as a text, cut into pieces with a sentence of TEMPLATE before each piece."""
    n_template_words = len(words) * BOILERPLATE / (1 - BOILERPLATE)
    sentences: list[str] = []
    order = rng.permutation(len(TEMPLATE)).tolist()
    while sum(len(s.split()) for s in sentences) < n_template_words:
        sentences.append(TEMPLATE[order[len(sentences) % len(order)]])
    cuts = pairwise(np.linspace(0, len(words), len(sentences) + 1).astype(int).tolist())
    parts = [" ".join(words[a:b]) for a, b in cuts]
    return " ".join(f"{sentence} {piece}".strip() for sentence, piece in zip(sentences, parts, strict=True))
