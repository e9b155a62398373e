"""Find the synthetic rows nearest to the views of a record: its first half, its second half, and the whole record.

A view is the part of the record that an attacker knows. The reference is a table of persons who are not attacked:
public texts, or some of the control persons, whom the generator never saw.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from audits.core.holdout import HoldoutTables
from audits.core.types import Int, Rng, Table
from audits.embeddings.distances import stack_arms
from audits.embeddings.encoders import Encoded, encode
from audits.embeddings.similarity import Float32, Matrix, similarity_blocks

NEAREST = 10  # number of nearest rows that `nearest_rows` returns
VIEWS = 3  # number of views: first half, second half and whole record


@dataclass(frozen=True, slots=True, kw_only=True)
class NearestRows:
    """The k rows nearest to each of n queries, the nearest first."""

    rows: Int  # (n, k): row numbers
    similarities: Float32  # (n, k): mean of the encoders' cosines, at most 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewMatches:
    """The rows nearest to each view of each real record. Train records come first, then control records."""

    first: NearestRows  # synthetic rows nearest to the first half
    second: NearestRows  # synthetic rows nearest to the second half
    first_in_reference: NearestRows  # rows of the reference nearest to the first half
    full: dict[str, NearestRows]  # by encoder: the synthetic row nearest to the whole record
    reverse: dict[str, Int]  # by encoder: the real record nearest to each synthetic row, (m,)


def split_halves(text: str) -> tuple[str, str]:
    """Return both halves of a text; if the number of words is odd, the first half has one word more."""
    words = text.split()
    middle = (len(words) + 1) // 2
    return " ".join(words[:middle]), " ".join(words[middle:])


def match_views(holdout: HoldoutTables, rng: Rng) -> ViewMatches:
    """Return the synthetic rows nearest to each view of each record.

    For halves, the similarity is the mean of the cosines of the word vectors and of the character vectors.
    Whole records are searched with each encoder separately, including encoders whose vectors the caller passed.

    Randomness: the encoders' seeds; one order of the real records, so that ties favour neither train nor control.
    """
    encoded = encode(_with_views(holdout), rng)
    text_encoders = [e for e in encoded if not e.name.startswith("vectors:")]
    n_train, n_control = len(holdout.train), len(holdout.control)
    n = n_train + n_control
    # row numbers in `stack_arms`: first halves, second halves and whole records of train, then the same of control
    first, second, full = (
        np.concatenate(
            [view * n_train + np.arange(n_train), VIEWS * n_train + view * n_control + np.arange(n_control)]
        )
        for view in range(VIEWS)
    )
    order = rng.permutation(n)
    matches = {e.name: _nearest_both_ways(e, full[order]) for e in encoded}
    place_in_order = np.argsort(order)
    return ViewMatches(
        first=nearest_rows([(stack_arms(e)[first], e.synthetic) for e in text_encoders]),
        second=nearest_rows([(stack_arms(e)[second], e.synthetic) for e in text_encoders]),
        first_in_reference=nearest_rows([(stack_arms(e)[first], e.reference) for e in text_encoders]),
        full={
            name: NearestRows(rows=found.rows[place_in_order], similarities=found.similarities[place_in_order])
            for name, (found, _) in matches.items()
        },
        reverse={name: order[reverse] for name, (_, reverse) in matches.items()},
    )


def _with_views(holdout: HoldoutTables) -> HoldoutTables:
    """Return the tables; in train and control, all first halves are followed by all second halves and all records."""

    def table(real: Table) -> Table:
        first, second = zip(*(split_halves(text) for text in real.texts), strict=True)
        return replace(
            real,
            texts=(*first, *second, *real.texts),
            labels=None,
            groups=real.groups * VIEWS,
            vectors={name: np.vstack([v] * VIEWS) for name, v in real.vectors.items()},
        )

    return replace(holdout, train=table(holdout.train), control=table(holdout.control))


def nearest_rows(pairs: Sequence[tuple[Matrix, Matrix]]) -> NearestRows:
    """Return the ten rows nearest to each query by mean cosine over the encoders, or all rows if there are fewer.

    `pairs` has (vectors of the queries, vectors of the rows) for each encoder.
    """
    n, m = pairs[0][0].shape[0], pairs[0][1].shape[0]
    k = min(NEAREST, m)
    nearest = NearestRows(rows=np.empty((n, k), np.int64), similarities=np.empty((n, k), np.float32))
    for blocks in zip(*(similarity_blocks(queries, keys) for queries, keys in pairs), strict=True):
        at = blocks[0][0]
        mean = np.mean([similarities for _, similarities in blocks], axis=0, dtype=np.float32)
        best = np.argpartition(mean, m - k, axis=1)[:, m - k :]
        values = np.take_along_axis(mean, best, axis=1)
        order = np.argsort(-values, axis=1, kind="stable")
        nearest.rows[at] = np.take_along_axis(best, order, axis=1)
        nearest.similarities[at] = np.take_along_axis(values, order, axis=1)
    return nearest


def _nearest_both_ways(encoded: Encoded, rows: Int) -> tuple[NearestRows, Int]:
    """Return the synthetic row nearest to each real row, and the real row nearest to each synthetic row.

    `rows` has the numbers of the real rows in `stack_arms`. The nearest real rows are returned as indices in `rows`.
    """
    m = encoded.synthetic.shape[0]
    nearest = NearestRows(rows=np.empty((len(rows), 1), np.int64), similarities=np.empty((len(rows), 1), np.float32))
    reverse, closest = np.zeros(m, dtype=np.int64), np.full(m, -np.inf, dtype=np.float32)
    for at, similarities in similarity_blocks(stack_arms(encoded)[rows], encoded.synthetic):
        nearest.rows[at, 0] = similarities.argmax(axis=1)
        nearest.similarities[at, 0] = similarities.max(axis=1)
        best = similarities.argmax(axis=0)
        value = similarities[best, np.arange(m)]
        closer = value > closest
        reverse[closer], closest[closer] = at.start + best[closer], value[closer]
    return nearest, reverse
