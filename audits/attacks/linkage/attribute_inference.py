"""Attribute inference: guess a hidden fact of a record from the synthetic rows nearest to the record's known part.

The known part is the first half of the record, or its profile: quasi-identifiers such as age (`clinical_fields`). A
guess is an item: a word, or a clinical fact such as "drug:warfarin". The nearest rows vote for the items that they
contain. A vote for an item that fewer persons have counts more. A guess is right if the item is in the hidden part of
the record and not in the known part. The reference is a table of persons who are not attacked: public texts, or
control persons who were set aside. "All persons" are those of train, control and reference.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from scipy import sparse
from sklearn.preprocessing import normalize

from audits.attacks.linkage.clinical_fields import sensitive_attributes
from audits.attacks.linkage.view_retrieval import NearestRows, nearest_rows, split_halves
from audits.core.holdout import HoldoutTables
from audits.core.types import Bool, Float, Int, persons
from audits.embeddings.similarity import incidence
from audits.text.ngrams import numbered_words

RARE_PERSONS = 10  # an item that at most this many persons have is rare
FEW_SHARE = 0.01  # a word that at most this share of the persons have is also rare
MIN_KNOWN = 2  # a profile is attacked only if it has at least this many quasi-identifiers
MAX_SHARE = 0.5  # an item that more than this share of the persons have is not guessed
SMALLEST_WEIGHT = 0.1  # bits added to the weight of every quasi-identifier, so that common ones count as well
Items = Sequence[frozenset[str]]  # the items of each row


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """The items that rows and records contain, as matrices of 0 and 1 with one column for each of I items."""

    stated: sparse.csr_matrix  # (m, I): items of each synthetic row
    stated_by_reference: sparse.csr_matrix  # (r, I): items of each reference row
    known: sparse.csr_matrix  # (n, I): items of the known part of each attacked record, train first
    target: sparse.csr_matrix  # (n, I): items of each attacked record's hidden part, without those of its known part
    bits: Float  # (I,): -log2 of the share of all persons who have the item
    n_persons: Int  # (I,): number of all persons who have the item

    def select(self, items: Int) -> "Secrets":
        """Return the secrets restricted to the columns in `items`."""
        return Secrets(**{column.name: getattr(self, column.name)[..., items] for column in fields(self)})

    def of_at_most(self, n_persons: int) -> "Secrets":
        """Return the secrets restricted to items that at most `n_persons` persons have."""
        return self.select(np.flatnonzero(self.n_persons <= n_persons))


@dataclass(frozen=True, slots=True, kw_only=True)
class Guesses:
    """At most one guess for each of n records."""

    is_trial: Bool  # (n,): whether the record can be attacked; in this module: whether it has an item in `target`
    correct: Bool  # (n,): whether the guess is right; False without a guess
    confidence: Float  # (n,): confidence of the attacker, at least 0; 0 without a guess


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    """The most confident guess about each of the p persons who have a record that can be attacked."""

    person: Int  # (p,): index of the person
    correct: Bool  # (p,): whether the guess is right
    confidence: Float  # (p,): confidence of the attacker


def guess_by_vote(nearest: NearestRows, secrets: Secrets, k: int, ties: Int, *, reference: bool = False) -> Guesses:
    """Guess for each record the item with the largest weighted vote of the k nearest rows.

        share(i)   = (sum of w over those of the k rows that have item i) / (sum of w over all k rows)
        guess      = argmax of share(i) · bits(i) over the items i that the known part lacks
        confidence = share(guess) · bits(guess) · w of the nearest row

    w is the similarity of a row to the known part, or 0 if it is negative. If all shares are 0, there is no guess.
    Ties go to the item with the lowest rank in `ties` (I,); these ranks must not depend on who is in train. If
    `reference` is true, `nearest` has reference rows instead of synthetic rows.
    """
    items = secrets.stated_by_reference if reference else secrets.stated
    n, m = nearest.rows.shape[0], items.shape[0]
    k = min(k, nearest.rows.shape[1])
    weights = np.maximum(nearest.similarities[:, :k].astype(np.float64), 0)
    total = weights.sum(axis=1)
    shares = weights / np.where(total > 0, total, 1)[:, None]
    votes = sparse.csr_matrix((shares.ravel(), nearest.rows[:, :k].ravel(), np.arange(0, n * k + 1, k)), shape=(n, m))
    voted = sparse.csr_matrix(votes @ items)
    voted = sparse.csr_matrix(voted - voted.multiply(secrets.known))
    voted.eliminate_zeros()
    record = np.repeat(np.arange(n), np.diff(voted.indptr))
    weighted = voted.data * secrets.bits[voted.indices]
    order = np.lexsort((ties[voted.indices], -weighted, record))
    best = order[np.unique(record[order], return_index=True)[1]]
    confidence = np.zeros(n)
    confidence[record[best]] = weighted[best] * weights[record[best], 0]
    guessed = sparse.csr_matrix((np.ones(len(best)), (record[best], voted.indices[best])), shape=voted.shape)
    correct = np.asarray(guessed.multiply(secrets.target).sum(axis=1)).ravel() > 0
    return Guesses(is_trial=np.diff(secrets.target.indptr) > 0, correct=correct, confidence=confidence)


def guess_most_frequent(secrets: Secrets) -> Guesses:
    """Guess for every record the item that most persons have; this baseline needs no synthetic table."""
    n = secrets.target.shape[0]
    correct = np.zeros(n, dtype=np.bool_)
    if len(secrets.n_persons) > 0:
        correct = secrets.target[:, [int(np.argmax(secrets.n_persons))]].toarray().ravel() > 0
    return Guesses(is_trial=np.diff(secrets.target.indptr) > 0, correct=correct, confidence=np.zeros(n))


def person_trials(guesses: Guesses, row_person: Int) -> Trials:
    """Return the most confident guess about each person who has a record that can be attacked.

    Of equally confident guesses about a person, the one about the first record is returned.
    """
    trials = np.flatnonzero(guesses.is_trial)
    order = trials[np.lexsort((trials, -guesses.confidence[trials], row_person[trials]))]
    person, firsts = np.unique(row_person[order], return_index=True)
    chosen = order[firsts]
    return Trials(person=person, correct=guesses.correct[chosen], confidence=guesses.confidence[chosen])


def word_secrets(holdout: HoldoutTables) -> Secrets:
    """Return the secrets of rare words: the first half of a record is known, and the second half is hidden.

    A word is rare if at most ten persons have it, or at most 1 % of all persons (rounded up).
    """
    sequences, n_words = numbered_words(_halved_texts(holdout))
    n_all = sum(len(set(table.groups)) for table in (holdout.train, holdout.control, holdout.reference))
    max_persons = max(RARE_PERSONS, math.ceil(FEW_SHARE * n_all))
    occurrences = [
        incidence(np.repeat(np.arange(len(s)), np.diff(s.starts)), s.symbols, (len(s), max(1, n_words)))
        for s in sequences
    ]
    return _build_secrets(occurrences, holdout).of_at_most(max_persons)


def field_secrets(holdout: HoldoutTables, stated: Items) -> Secrets:
    """Return the secrets of clinical facts: the first half of a record is known, and the second half is hidden.

    `stated` has the clinical facts of each synthetic row.
    """
    _, *real = _halved_texts(holdout)
    tables = [stated, *([sensitive_attributes(text) for text in texts] for texts in real)]
    return _build_secrets(_item_tables(tables), holdout)


def profile_secrets(holdout: HoldoutTables, stated: Items, profiles: Items) -> Secrets:
    """Return the secrets of clinical facts for an attacker who knows only the quasi-identifiers of a record.

    Records with fewer than two quasi-identifiers have no secrets. `stated` has the facts of each synthetic row.
    `profiles` has the quasi-identifiers of each record, train first.
    """
    real = [sensitive_attributes(text) for text in (*holdout.train.texts, *holdout.control.texts)]
    hidden = [items if len(p) >= MIN_KNOWN else frozenset() for items, p in zip(real, profiles, strict=True)]
    tables = [stated, [frozenset()] * len(real), hidden, [sensitive_attributes(t) for t in holdout.reference.texts]]
    return _build_secrets(_item_tables(tables), holdout)


def profile_neighbours(profiles: Items, rows: Items, reference: Items) -> NearestRows:
    """Return the rows nearest to each profile, by the cosine of weighted quasi-identifiers.

    A quasi-identifier in r_i of the r reference rows has the weight log2((1 + r) / (1 + r_i)) + `SMALLEST_WEIGHT`.
    """
    profile_items, row_items, reference_items = _item_tables([profiles, rows, reference])
    counts = np.bincount(reference_items.indices, minlength=profile_items.shape[1])
    weight = sparse.diags_array(np.log2((1 + reference_items.shape[0]) / (1 + counts)) + SMALLEST_WEIGHT)
    queries, keys = (
        sparse.csr_matrix(normalize(sparse.csr_matrix(table @ weight)), dtype=np.float32)
        for table in (profile_items, row_items)
    )
    return nearest_rows([(queries, keys)])


def _halved_texts(holdout: HoldoutTables) -> list[Sequence[str]]:
    first, second = zip(*(split_halves(text) for text in (*holdout.train.texts, *holdout.control.texts)), strict=True)
    return [holdout.synthetic.texts, first, second, holdout.reference.texts]


def _build_secrets(tables: Sequence[sparse.csr_matrix], holdout: HoldoutTables) -> Secrets:
    """Return the secrets; `tables` has the items of synthetic rows, known parts, hidden parts and reference rows.

    Items that no person has, or that more than half of all persons have, are omitted.
    """
    stated, known, hidden, reference = tables
    owners = [*(f"t{g}" for g in holdout.train.groups), *(f"h{g}" for g in holdout.control.groups)]
    _, row_person = persons([*owners, *owners, *(f"r{g}" for g in holdout.reference.groups)])
    everything = sparse.coo_matrix(sparse.vstack([known, hidden, reference]))
    pairs = np.unique(np.stack([row_person[everything.row], everything.col]), axis=1)
    n_persons, n_all = np.bincount(pairs[1], minlength=stated.shape[1]), int(row_person.max()) + 1
    target = sparse.csr_matrix(hidden - hidden.multiply(known))
    target.eliminate_zeros()
    secrets = Secrets(
        stated=stated,
        stated_by_reference=reference,
        known=known,
        target=target,
        bits=-np.log2(np.maximum(n_persons, 1) / n_all),
        n_persons=n_persons,
    )
    return secrets.select(np.flatnonzero((n_persons > 0) & (n_persons <= MAX_SHARE * n_all)))


def _item_tables(tables: Sequence[Items]) -> list[sparse.csr_matrix]:
    """Return for each table a matrix of 0 and 1 with its items; all matrices have the same columns."""
    column_of: dict[str, int] = {}
    columns = [[column_of.setdefault(i, len(column_of)) for row in table for i in sorted(row)] for table in tables]
    return [
        sparse.csr_matrix(
            (np.ones(len(flat)), np.array(flat, dtype=np.int64), np.cumsum([0, *map(len, table)])),
            shape=(len(table), max(1, len(column_of))),
        )
        for flat, table in zip(columns, tables, strict=True)
    ]
