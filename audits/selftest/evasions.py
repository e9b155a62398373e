"""Releases that hide their leak, or blind those who look: every way round an audit that was once found.

Each takes some train persons' texts, with a made-up record number as records have, and puts them into fresh people's
rows in a disguise, or changes the tables so that a rule made for honest ones looks away.
"""

import codecs
import math
import string
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise, zip_longest

import numpy as np

from audits.core.errors import NotMeasurable
from audits.core.inputs import take
from audits.core.types import AuditInputs, Table, persons
from audits.selftest.clean_release import Population, as_synthetic, copyable, stack_tables
from audits.selftest.recipes import Int, Rng, hide, number_rows, paste

HIDDEN = 4  # persons whose texts are hidden in a release
NEAR_EVERY = 10  # of a near-copy every tenth word is another
PIECE = 20  # words of a record in each row where it is cut up
SHORTEST, LONGEST = 13, 29  # tokens of a short record: a run that no chance brings, and less than a long one
FEWEST_SHORT = 11
BOILERPLATE = 0.6  # share of a templated record's words that everybody's record has
PASSAGE = 40  # words that non-members quote of one another
REPEATED_SHARE = 0.11  # of control rows that repeat a train row
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
ACCENT = "\u0301"
_TAGS = {ord(c): chr(0xE0000 + ord(c)) for c in string.ascii_letters + string.digits}
_CYRILLIC, _FULL_WIDTH = "\u0430\u0441\u0435\u043e\u0440\u0445\u0443", "".join(chr(0xFF10 + i) for i in range(10))
_CONFUSABLE = str.maketrans("aceopxy" + string.digits, _CYRILLIC + _FULL_WIDTH)
_NAMES = ("Aurelia Quistgaard", "Theodric Vanhoutte", "Ottoline Brackenridge", "Leopold Zwanziger")


def disguised(population: Population, rng: Rng, *, disguise: Callable[[str], str]) -> AuditInputs:
    """Return fresh people's rows, four of them with a text of a train person behind their own, disguised.

    Raises:
        NotMeasurable: fewer than four train persons have 30 words in a row that are theirs alone.
    """
    train, rows = _numbered_persons(population, HIDDEN, rng)
    return population.inputs(hide(population.unseen, [disguise(train.texts[row]) for row in rows], rng), train=train)


def accented(text: str) -> str:
    """Return the text with one combining accent in every word."""
    return " ".join(f"{word[:1]}{ACCENT}{word[1:]}" for word in text.split())


def invisible(text: str) -> str:
    """Return the text with a tag character, which nobody sees, behind the first character of every word."""
    return " ".join(f"{word[:1]}{_TAGS.get(ord(word[0]), chr(0xE0041))}{word[1:]}" for word in text.split())


def underscored(text: str) -> str:
    """Return the text with underscores in the place of spaces."""
    return "_".join(text.split())


def confusable(text: str) -> str:
    """Return the text with Cyrillic letters and full-width digits that look like its own."""
    return text.translate(_CONFUSABLE)


def near_copies(population: Population, rng: Rng) -> AuditInputs:
    """Return fresh people's rows and near-copies of four train texts: other numbers, and every tenth word another's.

    The other words are those of fresh people, so that nothing but the words around them tells of the person.

    Raises:
        NotMeasurable: as `disguised`.
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

    extra = as_synthetic(take(train, rows))
    copies = replace(extra, texts=tuple(map(changed, extra.texts)))
    return population.inputs(as_synthetic(stack_tables(population.unseen, copies)), train=train)


def cut_up(population: Population, rng: Rng) -> AuditInputs:
    """Return fresh people's rows and four train texts cut into pieces of twenty words, each a row of its own.

    Raises:
        NotMeasurable: as `disguised`.
    """
    train, rows = _numbered_persons(population, HIDDEN, rng)
    pieces = [
        (int(row), " ".join(words[start : start + PIECE]))
        for row, words in ((row, train.texts[row].split()) for row in rows)
        for start in range(0, len(words), PIECE)
    ]
    copies = as_synthetic(take(train, np.array([row for row, _ in pieces])))
    copies = replace(copies, texts=tuple(piece for _, piece in pieces))
    return population.inputs(as_synthetic(stack_tables(population.unseen, copies)), train=train)


def in_turn(population: Population, rng: Rng) -> AuditInputs:
    """Return fresh people's rows and four train texts, the words of two of them in turn in one row.

    Raises:
        NotMeasurable: as `disguised`.
    """
    train, rows = _numbered_persons(population, HIDDEN, rng)
    texts = [train.texts[row].split() for row in rows]
    mixed = [
        " ".join(word for words in zip_longest(*pair, fillvalue="") for word in words if word)
        for pair in zip(texts[::2], texts[1::2], strict=True)
    ]
    return population.inputs(hide(population.unseen, mixed, rng), train=train)


def short_copies(population: Population, rng: Rng) -> AuditInputs:
    """Return fresh people's rows and copies of eleven short train records, of 13 to 29 words of their own.

    Raises:
        NotMeasurable: fewer than eleven train persons have such a record.
    """
    own, person = population.own_run, persons(population.train.groups)[1]
    short = np.flatnonzero((own >= SHORTEST) & (own <= LONGEST))
    rows = short[np.unique(person[short], return_index=True)[1]]
    if len(rows) < FEWEST_SHORT:
        raise NotMeasurable(f"{FEWEST_SHORT} train persons with a short record are needed, there are {len(rows)}")
    rows = rng.choice(rows, size=FEWEST_SHORT, replace=False)
    copies = as_synthetic(take(population.train, rows))
    return population.inputs(as_synthetic(stack_tables(population.unseen, copies)))


def rotated(population: Population, _rng: Rng) -> AuditInputs:
    """Return train with every letter exchanged for the one thirteen places on: nothing is lost, nothing is alike."""
    texts = tuple(codecs.encode(text, "rot13") for text in population.train.texts)
    return population.inputs(as_synthetic(replace(population.train, texts=texts)))


def one_class(population: Population, _rng: Rng) -> AuditInputs:
    """Return fresh people's rows of every class but the largest, and of that one all of train's.

    Raises:
        NotMeasurable: there are not two classes.
    """
    labels = population.train.labels
    if labels is None or population.unseen.labels is None or len(set(labels)) < 2:
        raise NotMeasurable("two classes are needed, so that one can leak and the others not")
    copied = max(sorted(set(labels)), key=labels.count)
    fresh = [i for i, label in enumerate(population.unseen.labels) if label != copied]
    rows = [i for i, label in enumerate(labels) if label == copied]
    made = stack_tables(take(population.unseen, np.array(fresh)), take(population.train, np.array(rows)))
    return population.inputs(as_synthetic(made))


def shared_desk(population: Population, rng: Rng) -> AuditInputs:
    """Return fresh people's rows, one with the e-mail address of one train person; a desk's address stands in many.

    The desk's address is in the texts of four persons of train and four of control, and in four fresh rows.
    """
    desk, own = "front.desk@clinic-office.example", "mw.haverkamp.1961@letters.example"
    train, control = (_tagged(t, _first_rows(t, HIDDEN, rng), f"Contact: {desk}") for t in _both(population))
    row = int(rng.integers(len(train)))
    train = _tagged(train, np.array([row]), f"E-mail: {own}")
    release = hide(population.unseen, [f"Contact: {desk}"] * HIDDEN, rng)
    return population.inputs(paste(release, f"write to {own}", rng), train=train, control=control)


def two_ids(population: Population, rng: Rng) -> AuditInputs:
    """Return fresh people's rows, one with a record number of two train persons, and one with their common text.

    A mother and her child, or a patient who was merged: owned by two is not nobody's.
    """
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
    """Return fresh people's rows, two with a train person's recorded name, one with a control person's long one."""
    train_rows, control_rows = (_first_rows(table, HIDDEN, rng) for table in _both(population))
    long_name = "Count Maximilian Ferdinand von Hohenstauffen-Lichtenberg zu Ostermundingen"
    names = dict(zip(train_rows.tolist(), _NAMES, strict=True))
    of_train = tuple((names[i],) if i in names else () for i in range(len(population.train)))
    of_control = tuple((long_name,) if i == control_rows[0] else () for i in range(len(population.control)))
    release = hide(population.unseen, [f"seen with {n}" for n in (*_NAMES[:2], long_name)], rng)
    return replace(population.inputs(release), identifiers=of_train, control_identifiers=of_control)


def copied_reference(population: Population, rng: Rng) -> AuditInputs:
    """Return fresh people's rows and eight train texts, which a table given as public text holds as well."""
    train, rows = _numbered_persons(population, 2 * HIDDEN, rng)
    copies = take(train, rows)
    public = copies if population.reference is None else stack_tables(population.reference, copies)
    release = as_synthetic(stack_tables(population.unseen, copies))
    return replace(population.inputs(release, train=train), reference=replace(public, labels=None, vectors={}))


def repeating_control(population: Population, rng: Rng) -> AuditInputs:
    """Return fresh people's rows and the train texts that one in nine control rows repeats."""
    n = max(1, math.ceil(REPEATED_SHARE * len(population.control)))
    able = copyable(population)
    if len(able) == 0:
        raise NotMeasurable("train texts with 30 words of their own are needed, there are none")
    rows = rng.choice(able, size=min(n, len(able)), replace=False)
    texts = list(population.control.texts)
    for place, row in zip(rng.choice(len(texts), size=len(rows), replace=False).tolist(), rows.tolist(), strict=True):
        texts[place] = population.train.texts[row]
    control = replace(population.control, texts=tuple(texts))
    copies = as_synthetic(take(population.train, rows))
    return population.inputs(as_synthetic(stack_tables(population.unseen, copies)), control=control)


def templated(population: Population, rng: Rng, *, pasted: bool) -> AuditInputs:
    """Return fresh people's rows where six words in ten of everybody's record are of one template.

    Args:
        population: as it is; the template is put into all its tables.
        rng: draws each record's sentences of the template.
        pasted: whether one row holds one train person's whole record, template and all, as well.
    """
    train, rows = _numbered_persons(population, 1, rng)
    train, control, unseen = (_on_template(t, rng) for t in (train, population.control, population.unseen))
    release = paste(unseen, train.texts[rows[0]], rng) if pasted else unseen
    return population.inputs(release, train=train, control=control)


def quoting(population: Population, rng: Rng, *, copied: bool) -> AuditInputs:
    """Return fresh people's rows, some of which quote passages that pairs of control persons share.

    Args:
        population: as it is; four control persons come to repeat one another.
        rng: draws who quotes whom.
        copied: whether five whole records of train persons stand in the release as well.
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


def _both(population: Population) -> tuple[Table, Table]:
    return population.train, population.control


def _numbered_persons(population: Population, k: int, rng: Rng) -> tuple[Table, Int]:
    """Return train with record numbers in one text of each of k persons, texts with 30 words of their own; and which.

    Raises:
        NotMeasurable: there are not so many such persons.
    """
    able, person = copyable(population), persons(population.train.groups)[1]
    one_each = able[np.unique(person[able], return_index=True)[1]]
    if len(one_each) < k:
        raise NotMeasurable(
            f"{k} train persons with a text of their own of 30 words are needed, there are {len(one_each)}"
        )
    rows = rng.choice(one_each, size=k, replace=False)
    return number_rows(population.train, rows, rng), rows


def _first_rows(table: Table, k: int, rng: Rng) -> Int:
    """Return one row of each of k persons.

    Raises:
        NotMeasurable: there are not so many persons.
    """
    firsts = np.unique(persons(table.groups)[1], return_index=True)[1]
    if len(firsts) < k:
        raise NotMeasurable(f"{k} persons are needed, there are {len(firsts)}")
    return np.asarray(rng.choice(firsts, size=k, replace=False), dtype=np.int64)


def _tagged(table: Table, rows: Int, what: str) -> Table:
    texts = list(table.texts)
    for row in rows.tolist():
        texts[row] = f"{texts[row]} {what}"
    return replace(table, texts=tuple(texts))


def _on_template(table: Table, rng: Rng) -> Table:
    """Return the table with sentences of the template between pieces of each text: six words in ten are theirs."""
    return replace(table, texts=tuple(_with_template(text.split(), rng) for text in table.texts))


def _with_template(words: Sequence[str], rng: Rng) -> str:
    wanted = len(words) * BOILERPLATE / (1 - BOILERPLATE)
    sentences: list[str] = []
    order = rng.permutation(len(TEMPLATE)).tolist()
    while sum(len(s.split()) for s in sentences) < wanted:
        sentences.append(TEMPLATE[order[len(sentences) % len(order)]])
    cuts = pairwise(np.linspace(0, len(words), len(sentences) + 1).astype(int).tolist())
    pieces = [" ".join(words[a:b]) for a, b in cuts]
    return " ".join(f"{sentence} {piece}".strip() for sentence, piece in zip(sentences, pieces, strict=True))
