"""Learning a secret from what is known: the rows nearest to the known part vote on the part that is not known.

Facts are items: a word, or a field's value. Nobody says beforehand which fact of a text is secret; an item is asked
for where it stands in the hidden part of a record and not in the known part, and counts the more the fewer have it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.preprocessing import normalize

from audits.attacks.linkage.clinical_fields import sensitive_attributes
from audits.attacks.linkage.view_retrieval import NearestRows, nearest_rows, split_halves
from audits.core.holdout import HoldoutTables
from audits.core.types import persons
from audits.text.ngrams import Sequences, words

RARE_PERSONS = 10
FEW_SHARE = 0.01
MIN_KNOWN = 2
MAX_SHARE = 0.5
SMALLEST_WEIGHT = 0.1  # bits that an item everybody has still counts

Int = NDArray[np.int64]
Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """What could be learnt, as 0/1 rows of items.

    Args:
        stated: items of each synthetic row; (m, I).
        stated_by_reference: items of each row of the reference; (r, I).
        auxiliary: items of the known part of each real record; (n, I).
        target: items of its hidden part that the known part lacks; (n, I).
        worth: what an item tells, -log2 of the share of all persons who have it; (I,).
        n_persons: how many persons have each item, train, control and reference together, without looking at roles.
    """

    stated: sparse.csr_matrix
    stated_by_reference: sparse.csr_matrix
    auxiliary: sparse.csr_matrix
    target: sparse.csr_matrix
    worth: Float
    n_persons: Int

    def of_at_most(self, n_persons: int) -> "Secrets":
        """Return only the items that at most so many persons have."""
        keep = np.flatnonzero(self.n_persons <= n_persons)
        return Secrets(
            stated=self.stated[:, keep],
            stated_by_reference=self.stated_by_reference[:, keep],
            auxiliary=self.auxiliary[:, keep],
            target=self.target[:, keep],
            worth=self.worth[keep],
            n_persons=self.n_persons[keep],
        )

    def for_reference(self) -> "Secrets":
        """Return the same questions put to the rows of the reference."""
        return replace(self, stated=self.stated_by_reference)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guesses:
    """One guess for each record.

    Args:
        is_trial: whether the record hides anything; where not, it is no trial.
        correct: whether the guess stands in the hidden part; False where there is no guess.
        confidence: how sure the attacker is, at least 0; 0 where there is no guess.
    """

    is_trial: NDArray[np.bool_]
    correct: NDArray[np.bool_]
    confidence: Float


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    """One trial for each person who can be asked: the record on which the attacker is most confident.

    Args:
        person: the persons, by number; (p,).
        correct: whether the attack was right; (p,).
        confidence: how sure it was; (p,).
    """

    person: Int
    correct: NDArray[np.bool_]
    confidence: Float


def guess_by_vote(found: NearestRows, secrets: Secrets, k: int, ties: Int) -> Guesses:
    """Return for each record the item on which the k nearest rows agree most, weighed by what it tells.

        share(i) = sum of max(0, cos) over the k rows that have item i / sum over all k rows
        guess    = argmax_i share(i) · worth(i) over items the known part lacks
        confidence = share(guess) · worth(guess) · cos to the nearest row

    With worth, the attacker goes for what few have; without, he would win by saying what everybody has. The runner-up
    takes nothing off the confidence: several items of one record are true at once.

    Args:
        found: the rows nearest to the known part of each record.
        secrets: what they tell and what is asked.
        k: how many rows vote.
        ties: a rank of each item that decides between equal votes; must not depend on roles.
    """
    n, m = found.rows.shape[0], secrets.stated.shape[0]
    k = min(k, found.rows.shape[1])
    weights = np.maximum(found.similarities[:, :k].astype(np.float64), 0)
    total = weights.sum(axis=1)
    shares = weights / np.where(total > 0, total, 1)[:, None]
    votes = sparse.csr_matrix((shares.ravel(), found.rows[:, :k].ravel(), np.arange(0, n * k + 1, k)), shape=(n, m))
    stated = sparse.csr_matrix(votes @ secrets.stated)
    stated = sparse.csr_matrix(stated - stated.multiply(secrets.auxiliary))
    stated.eliminate_zeros()
    row = np.repeat(np.arange(n), np.diff(stated.indptr))
    value = stated.data * secrets.worth[stated.indices]
    order = np.lexsort((ties[stated.indices], -value, row))
    best = order[np.unique(row[order], return_index=True)[1]]
    confidence = np.zeros(n)
    confidence[row[best]] = value[best] * weights[row[best], 0]
    guessed = sparse.csr_matrix((np.ones(len(best)), (row[best], stated.indices[best])), shape=stated.shape)
    correct = np.asarray(guessed.multiply(secrets.target).sum(axis=1)).ravel() > 0
    return Guesses(is_trial=np.diff(secrets.target.indptr) > 0, correct=correct, confidence=confidence)


def guess_most_frequent(secrets: Secrets) -> Guesses:
    """Return the guess of somebody who looks nothing up: the item that most persons have, the same for everybody."""
    n = secrets.target.shape[0]
    is_trial = np.diff(secrets.target.indptr) > 0
    if len(secrets.n_persons) == 0:
        return Guesses(is_trial=is_trial, correct=np.zeros(n, dtype=np.bool_), confidence=np.zeros(n))
    column = secrets.target[:, [int(np.argmax(secrets.n_persons))]].toarray().ravel()
    return Guesses(is_trial=is_trial, correct=column > 0, confidence=np.zeros(n))


def person_trials(guesses: Guesses, row_person: Int) -> Trials:
    """Return one trial for each person who has a record that can be asked: the most confident, the first if equal."""
    rows = np.flatnonzero(guesses.is_trial)
    order = rows[np.lexsort((rows, -guesses.confidence[rows], row_person[rows]))]
    person, first = np.unique(row_person[order], return_index=True)
    chosen = order[first]
    return Trials(person=person, correct=guesses.correct[chosen], confidence=guesses.confidence[chosen])


def word_secrets(holdout: HoldoutTables) -> Secrets:
    """Return what the second halves tell in words that few persons use and the first half lacks.

    Few are one in a hundred, or ten where that is more. Any text has such words, so this question can be put to any
    text; a fixed ten would leave a large corpus of a small language, such as clinical notes, with none.
    """
    halved = [split_halves(text) for text in (*holdout.train.texts, *holdout.control.texts)]
    tables = [holdout.synthetic.texts, [h[0] for h in halved], [h[1] for h in halved], holdout.reference.texts]
    sequences, n_words = words(tables)
    n_all = sum(len(set(table.groups)) for table in (holdout.train, holdout.control, holdout.reference))
    few = max(RARE_PERSONS, math.ceil(FEW_SHARE * n_all))
    return _build_secrets([_incidence(s, n_words) for s in sequences], holdout).of_at_most(few)


def field_secrets(holdout: HoldoutTables, stated: Sequence[frozenset[str]]) -> Secrets:
    """Return what the second halves tell of clinical fields and the first half lacks.

    Args:
        holdout: the tables.
        stated: the facts of each synthetic row.
    """
    halved = [split_halves(text) for text in (*holdout.train.texts, *holdout.control.texts)]
    tables = [
        stated,
        *([sensitive_attributes(h[i]) for h in halved] for i in (0, 1)),
        [sensitive_attributes(t) for t in holdout.reference.texts],
    ]
    return _build_secrets(_item_tables(tables), holdout)


def profile_secrets(
    holdout: HoldoutTables, stated: Sequence[frozenset[str]], profiles: Sequence[frozenset[str]]
) -> Secrets:
    """Return what whole records tell of clinical fields, asked where the outsider knows two facts or more.

    Args:
        holdout: the tables.
        stated: the facts of each synthetic row.
        profiles: the quasi-identifiers of each real record, train first.
    """
    real = [sensitive_attributes(text) for text in (*holdout.train.texts, *holdout.control.texts)]
    askable = [items if len(p) >= MIN_KNOWN else frozenset() for items, p in zip(real, profiles, strict=True)]
    tables = [stated, [frozenset()] * len(real), askable, [sensitive_attributes(t) for t in holdout.reference.texts]]
    return _build_secrets(_item_tables(tables), holdout)


def profile_neighbours(
    profiles: Sequence[frozenset[str]], rows: Sequence[frozenset[str]], reference: Sequence[frozenset[str]]
) -> NearestRows:
    """Return the rows whose quasi-identifiers fit best: cosine of 0/1 items weighed by -log2 of their share.

    Args:
        profiles: of each real record.
        rows: of each row that is searched.
        reference: of the persons on whom the shares are counted; an item they lack counts as the rarest.
    """
    mine, theirs, others = _item_tables([profiles, rows, reference])
    counts = np.bincount(others.indices, minlength=mine.shape[1])
    weight = sparse.diags_array(np.log2((1 + others.shape[0]) / (1 + counts)) + SMALLEST_WEIGHT)
    queries, keys = (
        sparse.csr_matrix(normalize(sparse.csr_matrix(table @ weight)), dtype=np.float32) for table in (mine, theirs)
    )
    return nearest_rows([(queries, keys)])


def _build_secrets(tables: Sequence[sparse.csr_matrix], holdout: HoldoutTables) -> Secrets:
    """Return the questions, from the items told, known, hidden and told by the reference.

    Items that no person has are left out, because a guess of them cannot be right, and items that more than half of
    the persons have, because they are no secret.
    """
    stated, auxiliary, hidden, reference = tables
    owners = [*(f"t{g}" for g in holdout.train.groups), *(f"h{g}" for g in holdout.control.groups)]
    _, row_person = persons([*owners, *owners, *(f"r{g}" for g in holdout.reference.groups)])
    everything = sparse.coo_matrix(sparse.vstack([auxiliary, hidden, reference]))
    pairs = np.unique(np.stack([row_person[everything.row], everything.col]), axis=1)
    n_persons, n_all = np.bincount(pairs[1], minlength=stated.shape[1]), int(row_person.max()) + 1
    keep = np.flatnonzero((n_persons > 0) & (n_persons <= MAX_SHARE * n_all))
    target = sparse.csr_matrix(hidden - hidden.multiply(auxiliary))
    target.eliminate_zeros()
    return Secrets(
        stated=stated[:, keep],
        stated_by_reference=reference[:, keep],
        auxiliary=auxiliary[:, keep],
        target=sparse.csr_matrix(target[:, keep]),
        worth=-np.log2(n_persons[keep] / n_all),
        n_persons=n_persons[keep],
    )


def _incidence(sequences: Sequences, n_columns: int) -> sparse.csr_matrix:
    rows = np.repeat(np.arange(len(sequences)), np.diff(sequences.starts))
    table = sparse.csr_matrix(
        (np.ones(len(rows)), (rows, sequences.symbols)), shape=(len(sequences), max(1, n_columns))
    )
    table.data[:] = 1
    return table


def _item_tables(tables: Sequence[Sequence[frozenset[str]]]) -> list[sparse.csr_matrix]:
    """Return each table's items as rows of 0 and 1 over the items of all of them."""
    number: dict[str, int] = {}
    columns = [[[number.setdefault(i, len(number)) for i in sorted(items)] for items in table] for table in tables]
    return [
        sparse.csr_matrix(
            (
                np.ones(sum(map(len, table))),
                np.array([i for items in table for i in items], dtype=np.int64),
                np.concatenate([[0], np.cumsum([len(items) for items in table])]),
            ),
            shape=(len(table), max(1, len(number))),
        )
        for table in columns
    ]
