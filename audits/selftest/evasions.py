"""Recipes that build releases with leaks that are hard to detect.

A recipe returns the inputs of the audits; their synthetic table is the release. Train has the persons on whom the
simulated generator was trained, control has other persons, and the reference has public text. Clean rows are rows of
persons in neither train nor control. Most recipes add texts of train persons to clean rows. Some also change train,
control or the reference to hide the leak. `templated` and `quoting` can also make a release without a leak.

Most recipes copy copyable rows: train rows with 30 consecutive tokens that at most a few persons share (`copyable`).
A recipe raises NotMeasurable if the tables have too few suitable persons, texts or classes.
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

HIDDEN = 4  # number of train persons whose text, name or facts are hidden in a release
NEAR_EVERY = 10  # in a near copy, every tenth word of the copied text is replaced
PIECE = 20  # number of words per row of a record that is cut into several rows
# A record is short if its longest passage that at most a few persons share (`own_run`) has 13 to 29 tokens.
# `memorization` never counts a shorter passage as a leak, and never passes a table with a longer copied passage.
SHORTEST, LONGEST = 13, 29
N_SHORT = 11  # number of short records that are copied
BOILERPLATE = 0.6  # smallest share of a record's words that are from TEMPLATE in `templated`
MIN_MISSPELLED = 4  # `misspelled` changes words of at least this many characters
SHARED_WORDS = 50  # number of words of the passage in `shared_passage`
PASSAGE = 40  # number of words of a passage that one control person quotes from another in `quoting`
REPEATED_SHARE = 0.11  # share of the control rows that `repeating_control` replaces by a copy of a train row
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
# code point of a letter or digit -> its Unicode tag character, which is invisible
_TAGS = {ord(c): chr(0xE0000 + ord(c)) for c in string.ascii_letters + string.digits}
_CYRILLIC, _FULL_WIDTH = "\u0430\u0441\u0435\u043e\u0440\u0445\u0443", "".join(chr(0xFF10 + i) for i in range(10))
_CONFUSABLE = str.maketrans("aceopxy" + string.digits, _CYRILLIC + _FULL_WIDTH)
DISGUISES: Mapping[str, Callable[[str], str]] = {  # name of the case -> function that disguises a text
    "accented": lambda text: " ".join(f"{word[:1]}{ACCENT}{word[1:]}" for word in text.split()),
    # after the first character of each word, its tag character is inserted (that of "A" if it has none)
    "invisible": lambda text: " ".join(f"{w[:1]}{_TAGS.get(ord(w[0]), chr(0xE0041))}{w[1:]}" for w in text.split()),
    "underscored": lambda text: "_".join(text.split()),
    "confusable": lambda text: text.translate(_CONFUSABLE),
    "glued": lambda text: "".join(text.split()),
    # in each word of at least four characters, the second and third are exchanged
    "misspelled": lambda text: " ".join(
        w[0] + w[2] + w[1] + w[3:] if len(w) >= MIN_MISSPELLED else w for w in text.split()
    ),
}
_NAMES = ("Aurelia Quistgaard", "Theodric Vanhoutte", "Ottoline Brackenridge", "Leopold Zwanziger")


def disguised(population: Population, rng: Rng, *, how: str) -> AuditInputs:
    """Return clean rows; four also have the text and record number of a train person, disguised by DISGUISES[how]."""
    train, rows = _numbered_persons(population, HIDDEN, rng)
    return population.inputs(
        hide(population.unseen, [DISGUISES[how](train.texts[row]) for row in rows], rng), train=train
    )


def shared_passage(population: Population, rng: Rng) -> AuditInputs:
    """Return clean rows; the same fifty random words are added to one clean, one train and one control row."""
    words = sorted({word for text in population.train.texts for word in text.split()})
    passage = " ".join(rng.choice(words, size=SHARED_WORDS))
    train, control = (paste(table, passage, rng) for table in (population.train, population.control))
    return population.inputs(paste(population.unseen, passage, rng), train=train, control=control)


def near_copies(population: Population, rng: Rng) -> AuditInputs:
    """Return clean rows and four changed train texts.

    Every tenth word of these texts is replaced by a random word of the clean rows, and every digit in their other
    words by a random digit.
    """
    train, rows = _numbered_persons(population, HIDDEN, rng)
    words = [word for text in population.unseen.texts[:200] for word in text.split()]

    def changed(text: str) -> str:
        changed_words = []
        for i, word in enumerate(text.split()):
            replacement = words[int(rng.integers(len(words)))]
            digits = "".join(str(rng.integers(10)) if c.isdigit() else c for c in word)
            changed_words.append(replacement if i % NEAR_EVERY == NEAR_EVERY - 1 else digits)
        return " ".join(changed_words)

    copies = take(train, rows)
    return _with_copies(population, replace(copies, texts=tuple(map(changed, copies.texts))), train=train)


def cut_up(population: Population, rng: Rng) -> AuditInputs:
    """Return clean rows and four train texts, cut into rows of at most twenty words."""
    train, rows = _numbered_persons(population, HIDDEN, rng)
    pieces = [
        (int(row), " ".join(words[start : start + PIECE]))
        for row, words in ((row, train.texts[row].split()) for row in rows)
        for start in range(0, len(words), PIECE)
    ]
    copies = take(train, np.array([row for row, _ in pieces]))
    return _with_copies(population, replace(copies, texts=tuple(piece for _, piece in pieces)), train=train)


def in_turn(population: Population, rng: Rng) -> AuditInputs:
    """Return clean rows; two of them each end with two train texts whose words alternate."""
    train, rows = _numbered_persons(population, HIDDEN, rng)
    texts = [train.texts[row].split() for row in rows]
    mixed = [
        " ".join(word for words in zip_longest(*pair, fillvalue="") for word in words if word)
        for pair in zip(texts[::2], texts[1::2], strict=True)
    ]
    return population.inputs(hide(population.unseen, mixed, rng), train=train)


def short_copies(population: Population, rng: Rng) -> AuditInputs:
    """Return clean rows and one short record (see SHORTEST) of each of eleven train persons."""
    own_run, person = population.own_run, persons(population.train.groups)[1]
    short = np.flatnonzero((own_run >= SHORTEST) & (own_run <= LONGEST))
    rows = short[np.unique(person[short], return_index=True)[1]]
    if len(rows) < N_SHORT:
        raise NotMeasurable(f"{N_SHORT} train persons with a short record are required; there are {len(rows)}")
    rows = rng.choice(rows, size=N_SHORT, replace=False)
    return _with_copies(population, take(population.train, rows))


def rotated(population: Population, _rng: Rng) -> AuditInputs:
    """Return train in ROT13: anyone can decode it, but the encoded texts are not similar to train texts."""
    texts = tuple(codecs.encode(text, "rot13") for text in population.train.texts)
    return population.inputs(as_synthetic(replace(population.train, texts=texts)))


def one_class(population: Population, _rng: Rng) -> AuditInputs:
    """Return the clean rows of every class except the largest train class, and all train rows of this class."""
    labels = population.train.labels
    if labels is None or population.unseen.labels is None or len(set(labels)) < 2:
        raise NotMeasurable("at least two classes are required, so that only one of them leaks")
    leaking_class = max(sorted(set(labels)), key=labels.count)
    clean = take(population.unseen, np.flatnonzero(np.array(population.unseen.labels) != leaking_class))
    leaking = take(population.train, np.flatnonzero(np.array(labels) == leaking_class))
    return population.inputs(as_synthetic(stack_tables(clean, leaking)))


def shared_desk(population: Population, rng: Rng) -> AuditInputs:
    """Return clean rows: one has a train person's e-mail address, four have an office address of eight persons."""
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
    second_person_row = int(rng.choice(np.flatnonzero(np.array(train.groups) != train.groups[row])))
    text = train.texts[row]
    train = replace(
        train,
        texts=(*train.texts, text),
        groups=(*train.groups, train.groups[second_person_row]),
        labels=None if train.labels is None else (*train.labels, train.labels[row]),
    )
    release = paste(population.unseen, text.rsplit(" MRN ", maxsplit=1)[-1], rng)
    return population.inputs(paste(release, text, rng), train=train)


def long_control_name(population: Population, rng: Rng) -> AuditInputs:
    """Return clean rows: two contain the name of a train person, one contains a long name of a control person.

    The inputs record these names as identifiers of the persons, but the texts of the persons do not contain them.
    """
    train_rows, control_rows = (_first_rows(table, HIDDEN, rng) for table in (population.train, population.control))
    long_name = "Count Maximilian Ferdinand von Hohenstauffen-Lichtenberg zu Ostermundingen"
    names = dict(zip(train_rows.tolist(), _NAMES, strict=True))
    train_identifiers = tuple((names[i],) if i in names else () for i in range(len(population.train)))
    control_names = tuple((long_name,) if i == control_rows[0] else () for i in range(len(population.control)))
    release = hide(population.unseen, [f"seen with {n}" for n in (*_NAMES[:2], long_name)], rng)
    return replace(population.inputs(release), identifiers=train_identifiers, control_identifiers=control_names)


def name_orders(population: Population, rng: Rng) -> AuditInputs:
    """Return clean rows; four have a train person's recorded name, with the surname first or an added initial."""
    rows = _first_rows(population.train, HIDDEN, rng).tolist()
    names = dict(zip(rows, _NAMES, strict=True))
    given, surnames = zip(*(name.split() for name in _NAMES), strict=True)
    written_names = [f"{b}, {a} was seen" for a, b in zip(given, surnames, strict=True)]
    written_names[1], written_names[2] = written_names[1].upper(), f"{given[2]} M. {surnames[2]} was seen"
    identifier_lists = tuple((names[i],) if i in names else () for i in range(len(population.train)))
    return replace(population.inputs(hide(population.unseen, written_names, rng)), identifiers=identifier_lists)


def with_facts(population: Population, rng: Rng, *, make: Callable[[Rng], tuple[str, str]]) -> AuditInputs:
    """Return clean rows; four of them contain facts, each row about a different train person.

    `make` returns two texts with the same facts: one for a text of the person and one for a clean row.
    """
    rows = _first_rows(population.train, HIDDEN, rng).tolist()
    train_additions, release_additions = zip(*(make(rng) for _ in rows), strict=True)
    train = append(population.train, dict(zip(rows, train_additions, strict=True)))
    return population.inputs(hide(population.unseen, release_additions, rng), train=train)


def bare_code(rng: Rng) -> tuple[str, str]:
    """Return two texts with the same random eleven-digit number in different groupings, and no word for its kind."""
    number = str(rng.integers(10**10, 10**11))
    return f"The form says {number[:5]}-{number[5:]}.", f"with {number[:3]} {number[3:7]} {number[7:]}"


def combined_facts(rng: Rng) -> tuple[str, str]:
    """Return two wordings of the random age (90 to 98), date of birth and postal code of one woman."""
    age, day, month, year = (int(rng.integers(*limits)) for limits in ((90, 99), (13, 28), (1, 12), (1925, 1934)))
    code = f"Z{rng.integers(1, 99)} {rng.integers(1, 9)}{''.join(rng.choice(list(string.ascii_uppercase), size=2))}"
    born = f"{day}/{month}/{year}"
    return f"A {age} year old woman of {code}, born {born}.", f"woman, {code}, {born}, aged {age}"


def copied_reference(population: Population, rng: Rng) -> AuditInputs:
    """Return clean rows and eight train texts; the reference table contains these texts too."""
    train, rows = _numbered_persons(population, 2 * HIDDEN, rng)
    copies = take(train, rows)
    public = copies if population.reference is None else stack_tables(population.reference, copies)
    inputs = _with_copies(population, copies, train=train)
    return replace(inputs, reference=replace(public, labels=None, vectors={}))


def repeating_control(population: Population, rng: Rng) -> AuditInputs:
    """Return clean rows and copies of train texts; these texts also replace up to 11 % of the control texts."""
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
    """Return clean rows; sentences of TEMPLATE are at least 60 % of the words of each clean, train and control row.

    If `pasted`, one clean row also contains the whole text of a train person; otherwise, nothing leaks.
    """
    train, rows = _numbered_persons(population, 1, rng)
    train, control, unseen = (
        replace(table, texts=tuple(_with_template(text.split(), rng) for text in table.texts))
        for table in (train, population.control, population.unseen)
    )
    release = paste(unseen, train.texts[rows[0]], rng) if pasted else unseen
    return population.inputs(release, train=train, control=control)


def quoting(population: Population, rng: Rng, *, copied: bool) -> AuditInputs:
    """Return clean rows; up to four of them end with a passage that one control person quotes from another.

    If `copied`, the release also has the texts and record numbers of five train persons; otherwise, nothing leaks.
    """
    chosen = _first_rows(population.control, HIDDEN, rng)
    quoted = [i for i in chosen.tolist() if len(population.control.texts[i].split()) >= PASSAGE] or chosen.tolist()
    texts = list(population.control.texts)
    passages = [" ".join(texts[i].split()[:PASSAGE]) for i in quoted]
    quoting_rows = np.roll(chosen, 1).tolist()
    for passage, quoting_row in zip(passages, quoting_rows, strict=False):
        texts[quoting_row] = f"{texts[quoting_row]} {passage}"
    release = hide(population.unseen, passages, rng)
    train = population.train
    if copied:
        train, rows = _numbered_persons(population, 5, rng)
        release = as_synthetic(stack_tables(release, take(train, rows)))
    return population.inputs(release, train=train, control=replace(population.control, texts=tuple(texts)))


def _numbered_persons(population: Population, k: int, rng: Rng) -> tuple[Table, Int]:
    """Return train with a record number added to one copyable row of each of k persons, and the rows' indices."""
    copyable_rows, person = copyable(population), persons(population.train.groups)[1]
    row_per_person = copyable_rows[np.unique(person[copyable_rows], return_index=True)[1]]
    if len(row_per_person) < k:
        raise lacking_own_words(k, len(row_per_person))
    rows = rng.choice(row_per_person, size=k, replace=False)
    return number_rows(population.train, rows, rng), rows


def _with_copies(
    population: Population, copies: Table, *, train: Table | None = None, control: Table | None = None
) -> AuditInputs:
    """Return the audit inputs whose release consists of the clean rows and the rows `copies`."""
    release = as_synthetic(stack_tables(population.unseen, copies))
    return population.inputs(release, train=train, control=control)


def _first_rows(table: Table, k: int, rng: Rng) -> Int:
    """Return the index of the first row of each of k random persons."""
    first_rows = np.unique(persons(table.groups)[1], return_index=True)[1]
    if len(first_rows) < k:
        raise NotMeasurable(f"{k} persons are required, but there are {len(first_rows)}")
    return np.asarray(rng.choice(first_rows, size=k, replace=False), dtype=np.int64)


def _with_template(words: Sequence[str], rng: Rng) -> str:
    """Return the words as a text, in pieces of equal length with a sentence of TEMPLATE before each piece."""
    n_template_words = len(words) * BOILERPLATE / (1 - BOILERPLATE)
    sentences: list[str] = []
    order = rng.permutation(len(TEMPLATE)).tolist()
    while sum(len(s.split()) for s in sentences) < n_template_words:
        sentences.append(TEMPLATE[order[len(sentences) % len(order)]])
    cuts = pairwise(np.linspace(0, len(words), len(sentences) + 1).astype(int).tolist())
    parts = [" ".join(words[a:b]) for a, b in cuts]
    return " ".join(f"{sentence} {piece}".strip() for sentence, piece in zip(sentences, parts, strict=True))
