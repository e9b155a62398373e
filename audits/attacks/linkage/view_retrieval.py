"""What an attacker knows of a person, as views of their records, and the synthetic rows nearest to each view.

A record has three views: its first half, its second half, and the whole. The rows nearest to a half are what an
attacker who knows only that half would open first.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from audits.core.holdout import HoldoutTables
from audits.core.types import Table
from audits.embeddings.distances import stack_arms
from audits.embeddings.encoders import Encoded, encode
from audits.embeddings.similarity import Float32, Matrix, similarity_blocks

NEAREST = 10
VIEWS = 3
MIN_HALF_WORDS = 3

Int = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class NearestRows:
    """The synthetic rows nearest to each query, the nearest first.

    Args:
        rows: (n, k) numbers of rows.
        similarities: float32 (n, k), at most 1; the mean of the encoders' cosines.
    """

    rows: Int
    similarities: Float32

    def take(self, queries: Int) -> "NearestRows":
        """Return what was found for these queries."""
        return NearestRows(rows=self.rows[queries], similarities=self.similarities[queries])


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewMatches:
    """What each view of each real record (train first, then control) leads to.

    Args:
        first: found from the first half.
        second: found from the second half.
        first_in_reference: rows of the reference table found from the first half.
        full: for each encoder, found from the whole record, one row each.
        reverse: for each encoder, the real record nearest to each synthetic row; (m,).
    """

    first: NearestRows
    second: NearestRows
    first_in_reference: NearestRows
    full: dict[str, NearestRows]
    reverse: dict[str, Int]


def split_halves(text: str) -> tuple[str, str]:
    """Return the first half of a text's words, the larger where they are odd, and the rest."""
    words = text.split()
    middle = (len(words) + 1) // 2
    return " ".join(words[:middle]), " ".join(words[middle:])


def has_two_halves(texts: tuple[str, ...]) -> NDArray[np.bool_]:
    """Return for each text whether each of its halves has at least three words."""
    return np.array([len(text.split()) >= 2 * MIN_HALF_WORDS for text in texts], dtype=np.bool_)


def match_views(holdout: HoldoutTables, rng: np.random.Generator) -> ViewMatches:
    """Return the synthetic rows that each view of each record leads to.

    Halves are searched by words and characters together, the mean of both cosines, so that one attack has the sharp
    eye of the one and the patience of the other. Whole records are searched by each encoder for itself, among them
    the matrices passed by the caller.

    Random: the encoders' seeds and one order of the real records, so that equal similarities favour no role.
    Cost: O(views · n · m · d) time for each encoder, O(256 · m) memory beside the encoded tables.
    """
    encoded = encode(_with_views(holdout), rng)
    text_encoders = [e for e in encoded if not e.name.startswith("vectors:")]
    n = len(holdout.train) + len(holdout.control)
    first, second, full = (_view_rows(holdout, view) for view in range(VIEWS))
    order = rng.permutation(n)
    matches = {e.name: _mutual_nearest(e, full[order]) for e in encoded}
    placed = np.empty(n, dtype=np.int64)
    placed[order] = np.arange(n)
    return ViewMatches(
        first=nearest_rows([(stack_arms(e)[first], e.synthetic) for e in text_encoders]),
        second=nearest_rows([(stack_arms(e)[second], e.synthetic) for e in text_encoders]),
        first_in_reference=nearest_rows([(stack_arms(e)[first], e.reference) for e in text_encoders]),
        full={name: found.take(placed) for name, (found, _) in matches.items()},
        reverse={name: order[reverse] for name, (_, reverse) in matches.items()},
    )


def _with_views(holdout: HoldoutTables) -> HoldoutTables:
    """Return the tables with the first halves, the second halves and the whole of every real record.

    Passed vectors describe whole records; they are repeated, and only the whole view of them is used.
    """

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


def _view_rows(holdout: HoldoutTables, view: int) -> Int:
    """Return the rows of a view in the joined matrix, train first and then control."""
    n_train, n_control = len(holdout.train), len(holdout.control)
    train = np.arange(view * n_train, (view + 1) * n_train)
    return np.concatenate([train, VIEWS * n_train + np.arange(view * n_control, (view + 1) * n_control)])


def nearest_rows(pairs: Sequence[tuple[Matrix, Matrix]]) -> NearestRows:
    """Return the ten rows with the highest mean cosine over the pairs of (queries, rows searched)."""
    n, m = pairs[0][0].shape[0], pairs[0][1].shape[0]
    k = min(NEAREST, m)
    found = NearestRows(rows=np.empty((n, k), np.int64), similarities=np.empty((n, k), np.float32))
    for blocks in zip(*(similarity_blocks(queries, keys) for queries, keys in pairs), strict=True):
        at = blocks[0][0]
        mean = np.mean([similarities for _, similarities in blocks], axis=0, dtype=np.float32)
        best = np.argpartition(mean, m - k, axis=1)[:, m - k :]
        values = np.take_along_axis(mean, best, axis=1)
        order = np.argsort(-values, axis=1, kind="stable")
        found.rows[at] = np.take_along_axis(best, order, axis=1)
        found.similarities[at] = np.take_along_axis(values, order, axis=1)
    return found


def _mutual_nearest(encoded: Encoded, rows: Int) -> tuple[NearestRows, Int]:
    """Return for each real record its nearest synthetic row, and for each synthetic row its nearest real record."""
    m = encoded.synthetic.shape[0]
    there = NearestRows(rows=np.empty((len(rows), 1), np.int64), similarities=np.empty((len(rows), 1), np.float32))
    reverse, closest = np.zeros(m, dtype=np.int64), np.full(m, -np.inf, dtype=np.float32)
    for at, similarities in similarity_blocks(stack_arms(encoded)[rows], encoded.synthetic):
        there.rows[at, 0] = similarities.argmax(axis=1)
        there.similarities[at, 0] = similarities.max(axis=1)
        best = similarities.argmax(axis=0)
        value = similarities[best, np.arange(m)]
        closer = value > closest
        reverse[closer], closest[closer] = at.start + best[closer], value[closer]
    return there, reverse
