"""Membership scores: from the synthetic table alone, how much does a text look like one the generator was fitted on?

Each score is computed for every train and control record in the same way without looking at which it is; higher
means more likely a member. No single score sees every leak, so all of them are computed.

    bigram, trigram     likelihood under a model of the synthetic text against one of the reference text
    top1, top3, top25   mean similarity to the nearest synthetic records: shared runs of 3 words, and each encoder
    containment         share of the record's runs of 3 words that stand in one synthetic record
    coverage            share of its runs of 3 words unknown to the reference that stand in the synthetic text
    density5, density10 how much denser synthetic records lie round it than reference records do
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from audits.core.errors import NotMeasurable
from audits.core.holdout import HoldoutTables
from audits.space.distances import stack_arms
from audits.space.encoders import Encoded, principal
from audits.space.similarity import BLOCK, Float32, highest, top
from audits.text.ngrams import Int, Sequences, UInt, runs, words

Float = NDArray[np.float64]

TOP = (1, 3, 25)
SHINGLE = 3
DENSITY_NEIGHBOURS = (5, 10)
DENSITY_DIMENSIONS = 32
SMALLEST_DISTANCE = 1e-3

# weights of the runs of k, k - 1, ..., 1 words and of the uniform model
INTERPOLATION: Mapping[int, tuple[float, ...]] = {2: (0.8, 0.19, 0.01), 3: (0.6, 0.25, 0.14, 0.01)}


def membership_scores(holdout: HoldoutTables, encoded: tuple[Encoded, ...]) -> dict[str, Float]:
    """Return every score of every record, train first and then control; each (n_train + n_control,).

    Privacy: per-record scores; they stay in memory.
    """
    (synthetic, real, reference), n_words = words(
        [holdout.synthetic.texts, (*holdout.train.texts, *holdout.control.texts), holdout.reference.texts]
    )
    scores = {
        "bigram": model_ratio(synthetic, real, reference, k=2, n_words=n_words),
        "trigram": model_ratio(synthetic, real, reference, k=3, n_words=n_words),
        "coverage": coverage(synthetic, real, reference),
        **shared_runs(synthetic, real),
    }
    for one in encoded:
        similar = highest(stack_arms(one), one.synthetic, TOP[-1])
        scores |= {f"{one.name}_top{k}": similar[:, :k].mean(axis=1).astype(np.float64) for k in TOP}
        if not sparse.issparse(one.synthetic):
            scores |= {f"{one.name}_{name}": score for name, score in density_ratio(one).items()}
    return scores


def model_ratio(synthetic: Sequences, real: Sequences, reference: Sequences, *, k: int, n_words: int) -> Float:
    """Return for each record the mean over its words of log P_S(w | k - 1 words before) - log P_R(w | ...).

        P(w_i | ...) = l_k c(w_{i-k+1}..w_i) / c(w_{i-k+1}..w_{i-1}) + ... + l_1 c(w_i) / N + l_0 / V

    with the weights l of `INTERPOLATION`; 0 for a record of fewer than k words.

    Source: the bigram model attack of Meeus et al., "The Canary's Echo", 2025; against a reference model, ours.
    """
    rows = runs(real, k)[1]
    log_ratio = np.log(_probabilities(synthetic, real, k, n_words)) - np.log(
        _probabilities(reference, real, k, n_words)
    )
    return np.bincount(rows, log_ratio, minlength=len(real)) / np.maximum(np.bincount(rows, minlength=len(real)), 1)


def coverage(synthetic: Sequences, real: Sequences, reference: Sequences) -> Float:
    """Return for each record the share of its runs of 3 words unknown to the reference that the synthetic text has.

    0 for a record without such runs. After Hallinan et al., "The Surprising Effectiveness of Membership Inference
    with Simple N-Gram Coverage", COLM 2025, restricted to what the domain does not say anyway.
    """
    keys, rows = runs(real, SHINGLE)
    new = ~np.isin(keys, runs(reference, SHINGLE)[0])
    found = np.isin(keys, runs(synthetic, SHINGLE)[0]) & new
    n_new = np.bincount(rows, new, minlength=len(real))
    return np.asarray(np.bincount(rows, found, minlength=len(real)) / np.maximum(n_new, 1), dtype=np.float64)


def shared_runs(synthetic: Sequences, real: Sequences) -> dict[str, Float]:
    """Return Jaccard's index of distinct runs of 3 words with the nearest synthetic rows, and containment in one.

    jaccard_topk: mean of the k highest |x ∩ s| / |x ∪ s|; containment: highest |x ∩ s| / |x|; 0 without such runs.

    Cost: O(pairs of records that share a run) time, O(256 · m) memory.
    """
    theirs, mine = _incidence(runs(synthetic, SHINGLE), runs(real, SHINGLE), len(synthetic), len(real))
    size_theirs, size_mine = (np.asarray(t.sum(axis=1)).ravel() for t in (theirs, mine))
    used = np.intersect1d(theirs.indices, mine.indices)
    transposed = sparse.csr_matrix(theirs[:, used].T)
    jaccard = np.zeros((len(real), min(TOP[-1], len(synthetic))), dtype=np.float32)
    containment = np.zeros(len(real))
    for start in range(0, len(real), BLOCK):
        block = slice(start, min(start + BLOCK, len(real)))
        common = (mine[block][:, used] @ transposed).toarray()
        union = size_mine[block, None] + size_theirs[None, :] - common
        jaccard[block] = -np.sort(-top(common / np.maximum(union, 1), jaccard.shape[1]), axis=1)
        containment[block] = common.max(axis=1) / np.maximum(size_mine[block], 1)
    means = {f"jaccard_top{k}": jaccard[:, :k].mean(axis=1).astype(np.float64) for k in TOP}
    return {**means, "containment": containment}


def density_ratio(encoded: Encoded) -> dict[str, Float]:
    """Return d · (log r_k(reference) - log r_k(synthetic)), r_k the distance to the k-th neighbour on d axes.

    A nearest-neighbour estimate of log p_S(x) - log p_R(x), up to a constant. Distances below .001 count as .001,
    the precision of float32 products.

    Raises:
        NotMeasurable: if synthetic or reference has fewer records than the neighbours asked for.

    Source: van Breugel et al., "Membership inference attacks against synthetic data through overfitting detection"
        (DOMIAS), AISTATS 2023; the density estimate is ours.
    """
    axes = principal(encoded, DENSITY_DIMENSIONS)
    real = np.vstack([axes["train"], axes["control"]])
    k = max(DENSITY_NEIGHBOURS)
    for name in ("synthetic", "reference"):
        if len(axes[name]) < k:
            raise NotMeasurable(f"the density attack needs {k} records in the {name} table, it has {len(axes[name])}")
    near_synthetic, near_reference = (_distances(real, axes[name], k) for name in ("synthetic", "reference"))
    return {
        f"density{k}": np.asarray(
            real.shape[1] * (np.log(near_reference[:, k - 1]) - np.log(near_synthetic[:, k - 1])), dtype=np.float64
        )
        for k in DENSITY_NEIGHBOURS
    }


def _distances(queries: Float32, keys: Float32, k: int) -> Float32:
    found = np.empty((len(queries), k), dtype=np.float32)
    squares = (keys**2).sum(axis=1)
    for start in range(0, len(queries), BLOCK):
        rows = slice(start, min(start + BLOCK, len(queries)))
        closeness = queries[rows] @ keys.T * 2 - squares
        nearest = -np.sort(-top(closeness, k), axis=1)
        found[rows] = (queries[rows] ** 2).sum(axis=1)[:, None] - nearest
    return np.sqrt(np.maximum(found, SMALLEST_DISTANCE**2))


def _probabilities(model: Sequences, real: Sequences, k: int, n_words: int) -> Float:
    """Return the model's probability of the last word of each run of k words of `real`."""
    weights = INTERPOLATION[k]
    p = np.full(len(runs(real, k)[0]), weights[-1] / n_words)
    starts = _run_starts(real, k)
    for length, weight in zip(range(k, 0, -1), weights, strict=False):
        at = starts + (k - length)
        together = _count(runs(model, length)[0], _runs_at(real, at, length))
        before = _count(runs(model, length - 1)[0], _runs_at(real, at, length - 1)) if length > 1 else None
        total = np.full(len(at), max(1, len(model.symbols))) if before is None else np.maximum(before, 1)
        p += weight * together / total
    return p


def _run_starts(sequences: Sequences, k: int) -> Int:
    lengths = np.diff(sequences.starts)
    place = np.arange(len(sequences.symbols))
    ends = np.repeat(sequences.starts[1:], lengths)
    return np.asarray(place[place + k <= ends], dtype=np.int64)


def _runs_at(sequences: Sequences, starts: Int, length: int) -> UInt:
    keys = np.zeros(len(sequences.symbols), dtype=np.uint64)
    keys[_run_starts(sequences, length)] = runs(sequences, length)[0]
    return keys[starts]


def _count(keys: UInt, wanted: UInt) -> Float:
    ordered = np.sort(keys)
    counts = np.searchsorted(ordered, wanted, side="right") - np.searchsorted(ordered, wanted, side="left")
    return counts.astype(np.float64)


def _incidence(
    theirs: tuple[UInt, Int], mine: tuple[UInt, Int], n_theirs: int, n_mine: int
) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    distinct, columns = np.unique(np.concatenate([theirs[0], mine[0]]), return_inverse=True)
    cut = len(theirs[0])
    tables = []
    for place, rows, n in ((columns[:cut], theirs[1], n_theirs), (columns[cut:], mine[1], n_mine)):
        table = sparse.csr_matrix(
            (np.ones(len(rows), dtype=np.float32), (rows, place)), shape=(n, max(1, len(distinct)))
        )
        table.data[:] = 1
        tables.append(table)
    return tables[0], tables[1]
