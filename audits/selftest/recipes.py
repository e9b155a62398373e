"""Recipes that build releases from the user's own data. Each release leaks in one known way, or not at all.

A recipe returns the inputs of the audits; their synthetic table is the release. Train has the persons on whom the
simulated generator was trained; control has other persons. Clean rows are rows of persons who are in neither train
nor control. A row is copyable if it has 30 consecutive tokens that at most a few persons share (`copyable`).

A recipe raises NotMeasurable if too few train persons have copyable rows, or if no texts can be mixed.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from audits.core.errors import NotMeasurable
from audits.core.holdout import HoldoutTables
from audits.core.inputs import take
from audits.core.types import AuditInputs, Int, Rng, Table, persons
from audits.embeddings.encoders import encode_characters, encode_words
from audits.embeddings.planted import drop_words
from audits.embeddings.similarity import highest, similarity_blocks
from audits.selftest.clean_release import Population, as_synthetic, copyable, deal_persons, stack_tables

COPIED_SHARE = 0.01  # share of the train persons copied by `verbatim_some`
# smallest number of persons copied by `verbatim_some`; audits that rank persons do not detect fewer copied persons
MIN_COPIED = 11
CHUNK_WORDS = 8  # number of words per chunk of `chunk_mix`
SECRET_SHARE = 0.25  # share of each text, at its end, that `permuted_secret` exchanges
FILTERED_SHARE = 0.1  # share of the rows that `filtered_release` removes
SMALL_LAMBDA = 0.05  # argument `largest` of `interpolated` in the case `smote_k1`
MAX_WORDS = 400  # the n-gram model writes at most this many words per text
MAX_ROWS = 4000  # `interpolated` and `chunk_mix` build releases of at most this many rows


def verbatim(population: Population, _rng: Rng) -> AuditInputs:
    """Return train itself as the release."""
    return population.inputs(as_synthetic(population.train))


def verbatim_some(population: Population, rng: Rng) -> AuditInputs:
    """Return clean rows and all rows of 1 % of the train persons (at least eleven persons with copyable rows).

    The first row of each copied person gets a random record number, because texts of other persons may contain all
    words of a short text.
    """
    names, person = persons(population.train.groups)
    n_copied = max(MIN_COPIED, math.ceil(COPIED_SHARE * len(names)))
    copyable_persons = np.unique(person[copyable(population)])
    if len(copyable_persons) < n_copied:
        raise lacking_own_words(n_copied, len(copyable_persons))
    rows = np.flatnonzero(np.isin(person, rng.choice(copyable_persons, size=n_copied, replace=False)))
    train = number_rows(population.train, rows[np.unique(person[rows], return_index=True)[1]], rng)
    return population.inputs(as_synthetic(stack_tables(population.unseen, take(train, rows))), train=train)


def verbatim_one(population: Population, rng: Rng) -> AuditInputs:
    """Return clean rows; one ends with a train text, including the random record number that it gets in train."""
    rows = copyable(population)
    if len(rows) == 0:
        raise lacking_own_words(1, 0)
    row = int(rng.choice(rows))
    train = number_rows(population.train, np.array([row]), rng)
    return population.inputs(paste(population.unseen, train.texts[row], rng), train=train)


def word_dropout(population: Population, rng: Rng, *, rate: float) -> AuditInputs:
    """Return train after removing each word with probability `rate`; each text keeps at least one word."""
    texts = [drop_words(text, rate, rng) for text in population.train.texts]
    return population.inputs(_as_release(texts, population.train.labels))


def interpolated(population: Population, rng: Rng, *, k: int, largest: float) -> AuditInputs:
    """Return, for each train vector x_i, the train text nearest to a point z between x_i and a neighbour x_j.

        z = (1 - u) × x_i + u × x_j,  u ~ U(0, largest)

    x_j is drawn from the k nearest vectors of other persons in the class of x_i; if there is none, x_i is skipped. If
    train has more than 4,000 rows, x_i runs over 4,000 random rows. The vectors are from the character encoder. The
    nearest text (highest inner product with z) stands for the result of an ideal decoder.

    Reference: SMOTE, Chawla et al., JAIR 2002.
    """
    x = encode_characters(_holdout(population), rng).train
    label, person = _labels_and_persons(population.train)
    base = _some_rows(len(population.train), rng)
    texts, rows = [], []
    for block, similar in similarity_blocks(x[base], x):
        base_rows = base[block]
        similar[(label[base_rows, None] != label) | (person[base_rows, None] == person)] = -np.inf
        neighbours = np.argsort(-similar, axis=1, kind="stable")[:, :k]
        n_usable = np.isfinite(np.take_along_axis(similar, neighbours, axis=1)).sum(axis=1)
        base_rows, neighbours, n_usable = base_rows[n_usable > 0], neighbours[n_usable > 0], n_usable[n_usable > 0]
        if len(base_rows) == 0:
            continue
        chosen = neighbours[np.arange(len(base_rows)), rng.integers(n_usable)]
        u = rng.uniform(0, largest, size=(len(base_rows), 1)).astype(np.float32)
        z = (1 - u) * x[base_rows] + u * x[chosen]
        texts += [population.train.texts[i] for i in np.argmax(z @ x.T, axis=1)]
        rows += base_rows.tolist()
    return population.inputs(_as_release(texts, _labels(population.train, rows)))


def chunk_mix(population: Population, rng: Rng) -> AuditInputs:
    """Return mixtures of two persons' train texts of one class: chunks of eight words, each from a random text."""
    label, person = _labels_and_persons(population.train)
    texts, rows = [], []
    for i in _some_rows(len(population.train), rng).tolist():
        others = np.flatnonzero((label == label[i]) & (person != person[i]))
        if len(others) == 0:
            continue
        parents = [population.train.texts[j].split() for j in (i, int(rng.choice(others)))]
        starts = range(0, max(map(len, parents)), CHUNK_WORDS)
        mixed = [word for s in starts for word in parents[int(rng.integers(2))][s : s + CHUNK_WORDS]]
        texts.append(" ".join(mixed or parents[0]))
        rows.append(i)
    return population.inputs(_as_release(texts, _labels(population.train, rows)))


def ngram_model(population: Population, rng: Rng, *, n: int) -> AuditInputs:
    """Return as many texts as train has, generated by an n-gram model of the words of train without smoothing."""
    start = ("",) * (n - 1)
    next_words: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for text in population.train.texts:
        words = [*start, *text.split(), ""]
        for i in range(n - 1, len(words)):
            next_words[tuple(words[i - n + 1 : i])].append(words[i])
    texts = [_generated_text(next_words, start, rng) for _ in range(len(population.train))]
    return population.inputs(_as_release(texts, population.train.labels))


def one_identifier(population: Population, rng: Rng) -> AuditInputs:
    """Return clean rows; one has the record number of a train person, formatted differently than in train."""
    row = int(rng.integers(len(population.train)))
    train = number_rows(population.train, np.array([row]), rng)
    number = train.texts[row].split()[-1]
    return population.inputs(paste(population.unseen, f"ref. {number[:4]}-{number[4:]}", rng), train=train)


def permuted_secret(population: Population, rng: Rng) -> AuditInputs:
    """Return train with the last quarter of every text replaced by the last quarter of another person's text.

    Someone who knows a part of the first three quarters can still find the rest of these quarters. On the notes of
    the fictional clinic (`examples/clinic`), the linkage audit measures an advantage of 0.40 over control persons (0:
    no leak). If this recipe exchanged the second halves of the texts, the audit would measure -0.015.
    """
    names, person = persons(population.train.groups)
    person_rank = rng.permutation(len(names))[person]
    order = np.argsort(person_rank, kind="stable")
    shift = int(np.bincount(person).max())  # a person's rows are adjacent in `order`; the shift skips all of them
    words = [text.split() for text in population.train.texts]
    cuts = [math.ceil((1 - SECRET_SHARE) * len(row)) for row in words]
    texts = [""] * len(words)
    for i, j in zip(order.tolist(), np.roll(order, -shift).tolist(), strict=True):
        texts[i] = " ".join([*words[i][: cuts[i]], *words[j][cuts[j] :]])
    return population.inputs(_as_release(texts, population.train.labels))


def clean_release(population: Population, _rng: Rng) -> AuditInputs:
    """Return clean rows only."""
    return population.inputs(population.unseen)


def filtered_release(population: Population, _rng: Rng) -> AuditInputs:
    """Return the clean rows except the 10 % that are most similar to a train row by the word encoder.

    Such a filter looks like a precaution, but it reveals who is in train: no row similar to a train row is left.
    """
    encoded = encode_words(_holdout(population))
    nearness = highest(encoded.synthetic, encoded.train, 1)[:, 0]
    kept = np.sort(np.argsort(nearness, kind="stable")[: math.ceil((1 - FILTERED_SHARE) * len(nearness))])
    return population.inputs(as_synthetic(take(population.unseen, kept)))


def permuted_roles(population: Population, rng: Rng) -> AuditInputs:
    """Return clean rows as the release, and randomly reassign all persons to train and control: nothing leaks."""
    train, control = deal_persons(population.train, population.control, rng)
    return population.inputs(population.unseen, train=train, control=control)


def _holdout(population: Population) -> HoldoutTables:
    """Return the tables for the encoders, which are fitted on `reference`; here, `reference` is control."""
    train, control = population.train, population.control
    return HoldoutTables(
        synthetic=population.unseen, train=train, control=control, reference=control, reference_is_control=False
    )


def _as_release(texts: Sequence[str], labels: tuple[str, ...] | None) -> Table:
    """Return the texts as a release; raise NotMeasurable if there is no text, because no texts could be mixed."""
    if len(texts) == 0:
        raise NotMeasurable("no two train persons have records of the same class, so nothing can be mixed")
    return as_synthetic(Table(texts=tuple(texts), labels=labels, groups=tuple(texts), has_groups=False))


def lacking_own_words(needed: int, n: int) -> NotMeasurable:
    """Return an error which states that `needed` train persons with a copyable row are required, but only n exist."""
    own_words = "30 consecutive words that no other person has"
    return NotMeasurable(f"{needed} train persons with {own_words} are required, but there are {n}")


def paste(table: Table, text: str, rng: Rng) -> Table:
    """Return the table with a text appended to one random row."""
    return append(table, {int(rng.integers(len(table))): text})


def hide(table: Table, texts: Sequence[str], rng: Rng) -> Table:
    """Return the table with the texts appended to random rows, at most one text to each row."""
    rows = rng.choice(len(table), size=len(texts), replace=False).tolist()
    return append(table, dict(zip(rows, texts, strict=True)))


def number_rows(table: Table, rows: Int, rng: Rng) -> Table:
    """Return the table with a random record number of eight digits appended to each of the rows."""
    return append(table, {row: f"MRN {rng.integers(10**7, 10**8)}" for row in rows.tolist()})


def append(table: Table, additions: Mapping[int, str]) -> Table:
    """Return the table with a text appended to each row that is a key of `additions`."""
    texts = [f"{text} {additions[row]}" if row in additions else text for row, text in enumerate(table.texts)]
    return replace(table, texts=tuple(texts))


def _labels(table: Table, rows: Sequence[int]) -> tuple[str, ...] | None:
    """Return the labels of the rows with these indices, or None if the table has no labels."""
    return None if table.labels is None else tuple(table.labels[i] for i in rows)


def _labels_and_persons(table: Table) -> tuple[Int, Int]:
    """Return the index of each row's label (0 if there are no labels) and of its person, both int64 (n,)."""
    labels = [""] * len(table) if table.labels is None else table.labels
    return np.unique(labels, return_inverse=True)[1], persons(table.groups)[1]


def _some_rows(n: int, rng: Rng) -> Int:
    """Return the indices of all n rows, or of MAX_ROWS random rows if n is larger, in increasing order."""
    return np.arange(n) if n <= MAX_ROWS else np.sort(rng.permutation(n)[:MAX_ROWS])


def _generated_text(next_words: Mapping[tuple[str, ...], Sequence[str]], start: tuple[str, ...], rng: Rng) -> str:
    """Return a text of an n-gram model; `next_words` has the words of train after each sequence of n - 1 words."""
    context, written = start, []
    for u in rng.random(MAX_WORDS).tolist():
        possible_words = next_words[context]
        word = possible_words[int(u * len(possible_words))]
        if word == "":  # end of the text; it is never drawn first, because every train text has a word
            break
        written.append(word)
        context = (*context[1:], word)
    return " ".join(written)
