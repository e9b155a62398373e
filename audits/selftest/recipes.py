"""Releases made up by named recipes, leaky ones and clean ones, out of the user's own people.

Every recipe takes the people and a random stream and returns what an audit gets. None of them is a good generator;
each leaks in one way that is known, so that what an audit says about it can be held against the truth.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from audits.core.errors import NotMeasurable
from audits.core.holdout import HoldoutTables
from audits.core.inputs import take
from audits.core.types import AuditInputs, Table, persons
from audits.embeddings.encoders import encode_characters, encode_words
from audits.embeddings.similarity import highest, similarity_blocks
from audits.selftest.clean_release import Population, as_synthetic, copyable, deal_persons, stack_tables

COPIED_SHARE = 0.01
MIN_COPIED = 11  # fewer copied persons than this cannot be proven by any ranking; only hard rules see them
CHUNK_WORDS = 8
SECRET_SHARE = 0.25
FILTERED_SHARE = 0.1
SMALL_LAMBDA = 0.05
MAX_WORDS = 400  # of a text written by the n-gram model
MAX_ROWS = 4000  # of a release that mixes rows

Int = NDArray[np.int64]
Rng = np.random.Generator


def verbatim(population: Population, _rng: Rng) -> AuditInputs:
    """Return train itself as the release."""
    return population.inputs(as_synthetic(population.train))


def verbatim_some(population: Population, rng: Rng) -> AuditInputs:
    """Return fresh people's rows and all rows of one train person in a hundred, of eleven at least.

    Each of them gets a made-up record number first, as records have: the words that only one person uses prove eleven
    copied persons only where all of them lead the ranking, and where texts are short they do not.

    Raises:
        NotMeasurable: fewer than eleven train persons have 30 words in a row that are theirs alone.
    """
    names, person = persons(population.train.groups)
    k = max(MIN_COPIED, math.ceil(COPIED_SHARE * len(names)))
    able = np.unique(person[copyable(population)])
    if len(able) < k:
        raise NotMeasurable(
            f"{k} train persons with a text of their own of 30 words are needed, there are {len(able)}"
        )
    rows = np.flatnonzero(np.isin(person, rng.choice(able, size=k, replace=False)))
    train = number_rows(population.train, rows[np.unique(person[rows], return_index=True)[1]], rng)
    return population.inputs(as_synthetic(stack_tables(population.unseen, take(train, rows))), train=train)


def verbatim_one(population: Population, rng: Rng) -> AuditInputs:
    """Return fresh people's rows, one of them with a text of one train person pasted behind its own.

    The text gets a made-up record number first, as in `verbatim_some`.

    Raises:
        NotMeasurable: no train person has 30 words in a row that are theirs alone.
    """
    rows = copyable(population)
    if len(rows) == 0:
        raise NotMeasurable("a train person with a text of their own of 30 words is needed, there is none")
    row = int(rng.choice(rows))
    train = number_rows(population.train, np.array([row]), rng)
    return population.inputs(paste(population.unseen, train.texts[row], rng), train=train)


def word_dropout(population: Population, rng: Rng, *, rate: float) -> AuditInputs:
    """Return train with each word left out with the given probability; one word of each text always stays."""
    texts = []
    for text in population.train.texts:
        words = text.split()
        kept = rng.random(len(words)) >= rate
        kept[int(rng.integers(len(words)))] = True
        texts.append(" ".join(w for w, stays in zip(words, kept, strict=True) if stays))
    return population.inputs(_written(texts, population.train.labels))


def interpolated(population: Population, rng: Rng, *, k: int, largest: float) -> AuditInputs:
    """Return the real train text nearest to each point drawn between a train vector and one of its neighbours.

        z = (1 - u) x_i + u x_j,  u ~ U(0, largest),  x_j one of the k nearest of x_i's class and of another person

    The vectors are those of the character encoder, so no model is needed. A row without such a neighbour makes none.

    Source: SMOTE, Chawla et al., JAIR 2002; the "decoder" returns the nearest text the generator knows, as the
        nearest thing to a perfect one.
    """
    x = encode_characters(_holdout(population), rng).train
    label, person = _codes(population.train.labels, len(population.train)), persons(population.train.groups)[1]
    base = _some_rows(len(population.train), rng)
    texts, rows = [], []
    for block, similar in similarity_blocks(x[base], x):
        mine = base[block]
        apart = (label[mine, None] != label[None, :]) | (person[mine, None] == person[None, :])
        similar[apart] = -np.inf
        among = np.argsort(-similar, axis=1, kind="stable")[:, :k]
        usable = np.isfinite(np.take_along_axis(similar, among, axis=1)).sum(axis=1)
        mine, among, usable = mine[usable > 0], among[usable > 0], usable[usable > 0]
        if len(mine) == 0:
            continue
        chosen = among[np.arange(len(mine)), rng.integers(usable)]
        u = rng.uniform(0, largest, size=(len(mine), 1)).astype(np.float32)
        z = (1 - u) * x[mine] + u * x[chosen]
        texts += [population.train.texts[i] for i in np.argmax(z @ x.T, axis=1)]
        rows += mine.tolist()
    return population.inputs(_written(texts, _labels(population.train, rows)))


def chunk_mix(population: Population, rng: Rng) -> AuditInputs:
    """Return texts of which a coin takes every eight words from one of two persons' train texts of one class."""
    label, person = _codes(population.train.labels, len(population.train)), persons(population.train.groups)[1]
    texts, rows = [], []
    for i in _some_rows(len(population.train), rng).tolist():
        others = np.flatnonzero((label == label[i]) & (person != person[i]))
        if len(others) == 0:
            continue
        parents = [population.train.texts[j].split() for j in (i, int(rng.choice(others)))]
        mixed = [
            word
            for start in range(0, max(map(len, parents)), CHUNK_WORDS)
            for word in parents[int(rng.integers(2))][start : start + CHUNK_WORDS]
        ]
        texts.append(" ".join(mixed or parents[0]))
        rows.append(i)
    return population.inputs(_written(texts, _labels(population.train, rows)))


def ngram_model(population: Population, rng: Rng, *, n: int) -> AuditInputs:
    """Return one text for each train text, written word by word as the words before it continue in train.

    P(w | c) = count(c w) / count(c),  c the n - 1 words before, the beginning of a text among them
    """
    start = ("",) * (n - 1)
    following: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for text in population.train.texts:
        words = [*start, *text.split(), ""]
        for i in range(n - 1, len(words)):
            following[tuple(words[i - n + 1 : i])].append(words[i])
    texts = [_walk(following, start, rng) for _ in range(len(population.train))]
    return population.inputs(_written(texts, population.train.labels))


def one_identifier(population: Population, rng: Rng) -> AuditInputs:
    """Return fresh people's rows, in one of them the record number of one train person, written in another way.

    The number is made up and put into that person's text first, because not all texts hold one.
    """
    row = int(rng.integers(len(population.train)))
    train = number_rows(population.train, np.array([row]), rng)
    number = train.texts[row].split()[-1]
    return population.inputs(paste(population.unseen, f"ref. {number[:4]}-{number[4:]}", rng), train=train)


def permuted_secret(population: Population, rng: Rng) -> AuditInputs:
    """Return train with the last quarter of every text exchanged for another person's.

    Three quarters stay together, so one part of a person's text still finds the other; what is at the end of the row
    found, though, is somebody else's. Exchanging whole second halves would leave little of a person to link: on the
    fictional clinic the halves of a record then led to a common row no more often for train than for control (by
    -.015; by .40 with quarters), and a weaker attacker would be all that is calibrated.
    """
    names, person = persons(population.train.groups)
    place = rng.permutation(len(names))[person]
    order = np.argsort(place, kind="stable")
    shift = int(np.bincount(person).max())  # rows of a person lie together, so that so far on there is another
    words = [text.split() for text in population.train.texts]
    texts = [""] * len(words)
    for i, j in zip(order.tolist(), np.roll(order, -shift).tolist(), strict=True):
        texts[i] = " ".join([*words[i][: _cut(words[i])], *words[j][_cut(words[j]) :]])
    return population.inputs(_written(texts, population.train.labels))


def clean_release(population: Population, _rng: Rng) -> AuditInputs:
    """Return fresh people's rows: a release that is clean."""
    return population.inputs(population.unseen)


def filtered_release(population: Population, _rng: Rng) -> AuditInputs:
    """Return fresh people's rows without the tenth that is most similar, in words, to a train row.

    It looks like a precaution and is a leak: nothing near a train person is left, while control persons keep theirs.
    """
    encoded = encode_words(_holdout(population))
    nearness = highest(encoded.synthetic, encoded.train, 1)[:, 0]
    kept = np.sort(np.argsort(nearness, kind="stable")[: math.ceil((1 - FILTERED_SHARE) * len(nearness))])
    return population.inputs(as_synthetic(take(population.unseen, kept)))


def permuted_roles(population: Population, rng: Rng) -> AuditInputs:
    """Return fresh people's rows, and train and control persons dealt anew: whatever is found now is chance."""
    train, control = deal_persons(population.train, population.control, rng)
    return population.inputs(population.unseen, train=train, control=control)


def _holdout(population: Population) -> HoldoutTables:
    return HoldoutTables(
        synthetic=population.unseen,
        train=population.train,
        control=population.control,
        reference=population.control,
        reference_is_control=False,
    )


def _written(texts: Sequence[str], labels: tuple[str, ...] | None) -> Table:
    if len(texts) == 0:
        raise NotMeasurable("no two train persons have a record of one class, so nothing can be mixed")
    return as_synthetic(Table(texts=tuple(texts), labels=labels, groups=tuple(texts), has_groups=False))


def paste(table: Table, what: str, rng: Rng) -> Table:
    """Return the table with a text behind that of one row."""
    texts = list(table.texts)
    row = int(rng.integers(len(texts)))
    texts[row] = f"{texts[row]} {what}"
    return replace(table, texts=tuple(texts))


def hide(table: Table, what: Sequence[str], rng: Rng) -> Table:
    """Return the table with each of the texts behind that of a row of its own."""
    texts = list(table.texts)
    for row, text in zip(rng.choice(len(texts), size=len(what), replace=False).tolist(), what, strict=True):
        texts[row] = f"{texts[row]} {text}"
    return replace(table, texts=tuple(texts))


def number_rows(table: Table, rows: Int, rng: Rng) -> Table:
    """Return the table with a record number, of eight digits, behind the text of each of the rows."""
    texts = list(table.texts)
    for row in rows.tolist():
        texts[row] = f"{texts[row]} MRN {rng.integers(10**7, 10**8)}"
    return replace(table, texts=tuple(texts))


def _labels(table: Table, rows: Sequence[int]) -> tuple[str, ...] | None:
    return None if table.labels is None else tuple(table.labels[i] for i in rows)


def _codes(labels: tuple[str, ...] | None, n: int) -> Int:
    return np.zeros(n, dtype=np.int64) if labels is None else np.unique(labels, return_inverse=True)[1]


def _some_rows(n: int, rng: Rng) -> Int:
    return np.arange(n) if n <= MAX_ROWS else np.sort(rng.permutation(n)[:MAX_ROWS])


def _cut(words: Sequence[str]) -> int:
    return math.ceil((1 - SECRET_SHARE) * len(words))


def _walk(following: Mapping[tuple[str, ...], Sequence[str]], start: tuple[str, ...], rng: Rng) -> str:
    context, written = start, []
    for u in rng.random(MAX_WORDS).tolist():
        among = following[context]
        word = among[int(u * len(among))]
        if word == "":  # a text has one word at least, so the first one is never the end
            break
        written.append(word)
        context = (*context[1:], word)
    return " ".join(written)
