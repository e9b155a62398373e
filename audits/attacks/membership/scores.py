"""Membership scores: how strongly the synthetic table suggests that a record was in the training data.

A score is computed in the same way for train records and for control records, which the generator never saw. The
reference consists of texts of other persons. The audit passes only if every score is within its limit, so each
additional score requires more persons. There is therefore only one score per kind of leak:

    rmia        likelihood ratio of models of the synthetic and the reference text, calibrated by class
    coverage    share of the record's new 3-word runs (not in the reference) that occur in the synthetic text
    ..._top1    cosine to the nearest synthetic record: one score for the word encoder, and one for each encoder
                whose vectors the caller passed
    ..._mass    total weight of the record when each synthetic record is explained as a mixture of two real records

Every other score that was tested detects only leaks that these scores detect too (docs/studies/membership-scores.md).
"""

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from audits.attacks.membership.kneser_ney import WordRows, calibrated_ratio, log_likelihood
from audits.core.holdout import HoldoutTables
from audits.core.types import Float, Int
from audits.embeddings import similarity
from audits.embeddings.distances import stack_arms
from audits.embeddings.encoders import Encoded
from audits.text.ngrams import Sequences, numbered_words, runs

NEAREST = 3  # number of highest Jaccard indices that are averaged
SHINGLE = 3  # number of words per run
LEFT_OUT = "characters"  # encoder that `membership_scores` leaves out and only `further_scores` uses
CANDIDATES = 12  # the two records that explain a synthetic row are searched among this many most similar records


def membership_scores(holdout: HoldoutTables, encoded: tuple[Encoded, ...]) -> dict[str, Float]:
    """Return the scores by name, each (n_train + n_control,): first the train records, then the control records.

    Privacy: the per-record scores stay in memory.
    """
    (synthetic, real, reference), n_words = _corpora(holdout)
    scores = {
        "rmia": calibrated_ratio(synthetic, real, reference, n_words),
        "coverage": coverage(synthetic.words, real.words, reference.words),
    }
    for table in (e for e in encoded if e.name != LEFT_OUT):
        scores |= {f"{table.name}_{name}": score for name, score in nearest_and_mass(table).items()}
    return scores


def _corpora(holdout: HoldoutTables) -> tuple[list[WordRows], int]:
    """Return the words of synthetic, real (train first) and reference rows, and the number of distinct words."""
    synthetic, train, control, reference = holdout.synthetic, holdout.train, holdout.control, holdout.reference
    texts, n_words = numbered_words([synthetic.texts, (*train.texts, *control.texts), reference.texts])
    labels = [synthetic.labels, train.labels, control.labels, reference.labels]
    all_labels = [label for column in labels for label in column or ()]
    code_of = {label: i for i, label in enumerate(sorted(set(all_labels)))}
    codes = np.array([code_of[label] for label in all_labels], dtype=np.int64)
    ends = np.cumsum([len(rows) for rows in texts])[:-1]
    classes: Sequence[Int | None] = [None] * 3 if None in labels else np.split(codes, ends)
    return [WordRows(rows, c) for rows, c in zip(texts, classes, strict=True)], n_words


def coverage(synthetic: Sequences, real: Sequences, reference: Sequences) -> Float:
    """Return for each record the share of its new runs of 3 words that occur in the synthetic text.

    New runs are those that the reference lacks. The share is 0 for a record without new runs.

    Reference: Hallinan et al., "The Surprising Effectiveness of Membership Inference with Simple N-Gram Coverage",
        COLM 2025; the restriction to runs that the reference lacks was designed for this project.
    """
    keys, rows = runs(real, SHINGLE)
    is_new = ~np.isin(keys, runs(reference, SHINGLE)[0])
    is_covered = np.isin(keys, runs(synthetic, SHINGLE)[0]) & is_new
    n_new = np.bincount(rows, is_new, minlength=len(real))
    return np.asarray(np.bincount(rows, is_covered, minlength=len(real)) / np.maximum(n_new, 1), dtype=np.float64)


def further_scores(holdout: HoldoutTables, encoded: tuple[Encoded, ...]) -> dict[str, Float]:
    """Return the scores that only the canary and shadow audits use, with records in the order of `membership_scores`.

    Privacy: the per-record scores stay in memory.
    Reference: the score `kneser_ney` is from Meeus et al., "The Canary's Echo", 2025.
    """
    (synthetic, real, reference), n_words = _corpora(holdout)
    ratio = log_likelihood(synthetic, real, n_words) - log_likelihood(reference, real, n_words)
    scores = {"kneser_ney": ratio, **shared_runs(synthetic.words, real.words)}
    for table in (e for e in encoded if e.name == LEFT_OUT):
        scores |= {f"{table.name}_{name}": score for name, score in nearest_and_mass(table).items()}
    return scores


def shared_runs(synthetic: Sequences, real: Sequences) -> dict[str, Float]:
    """Return two scores of each record, computed from the runs of 3 words that it shares with synthetic rows.

    x and s are the sets of runs of a record and of a synthetic row. jaccard_top3 is the mean of the 3 highest
    |x ∩ s| / |x ∪ s|, and containment is the highest |x ∩ s| / |x|. Both are 0 for a record without runs.
    """
    (synthetic_keys, synthetic_rows), (real_keys, real_rows) = runs(synthetic, SHINGLE), runs(real, SHINGLE)
    distinct, columns = np.unique(np.concatenate([synthetic_keys, real_keys]), return_inverse=True)
    n, n_runs = len(synthetic_keys), max(1, len(distinct))
    synthetic_runs = similarity.incidence(synthetic_rows, columns[:n], (len(synthetic), n_runs), np.float32)
    real_runs = similarity.incidence(real_rows, columns[n:], (len(real), n_runs), np.float32)
    synthetic_size, real_size = (np.asarray(t.sum(axis=1)).ravel() for t in (synthetic_runs, real_runs))
    shared_columns = np.intersect1d(synthetic_runs.indices, real_runs.indices)
    transposed = sparse.csr_matrix(synthetic_runs[:, shared_columns].T)
    jaccard, containment = np.zeros(len(real)), np.zeros(len(real))
    for start in range(0, len(real), similarity.BLOCK):
        block = slice(start, min(start + similarity.BLOCK, len(real)))
        common = (real_runs[block][:, shared_columns] @ transposed).toarray()
        union = real_size[block, None] + synthetic_size[None, :] - common
        jaccard[block] = similarity.top(common / np.maximum(union, 1), min(NEAREST, len(synthetic))).mean(axis=1)
        containment[block] = common.max(axis=1) / np.maximum(real_size[block], 1)
    return {f"jaccard_top{NEAREST}": jaccard, "containment": containment}


def nearest_and_mass(encoded: Encoded) -> dict[str, Float]:
    """Return two scores of each record x: cosine to the nearest synthetic row, and total weight in mixtures (mass).

        top1(x) = max over s of cos(x, s)
        mass(x) = sum over s of the weight of x, clipped to [0, 1], in the combination a · P + b · Q nearest to s

    s is a synthetic row. P and Q are chosen among the 12 real records that are most similar to s. The mass detects
    small contributions to many rows as well as a large contribution to one row.

    Reference: P and Q are found as in `audits/attacks/parent_recovery`. The mass as a score was designed for this
        project.
    """
    real = stack_arms(encoded)
    nearest = np.full(real.shape[0], -np.inf)
    mass = np.zeros(real.shape[0])
    k = min(CANDIDATES, real.shape[0])
    for _, similar in similarity.similarity_blocks(encoded.synthetic, real):
        nearest = np.maximum(nearest, similar.max(axis=0))
        candidates = np.argpartition(similar, real.shape[0] - k, axis=1)[:, -k:]
        cosines = np.take_along_axis(similar, candidates, axis=1)
        gram = similarity.candidate_cosines(real, candidates)
        pair = similarity.best_pairs(cosines, gram, candidates, np.ones((1, *candidates.shape), dtype=np.bool_))[0]
        row = np.arange(len(candidates))
        between = gram[row, pair[:, 0], pair[:, 1]]  # cosine between the parents P and Q
        to_parent = np.take_along_axis(cosines, pair, axis=1)  # cosine of the row to each parent
        determinant = np.maximum(1 - between * between, similarity.MIN_DETERMINANT)
        for parent, other in ((0, 1), (1, 0)):
            weight = np.clip((to_parent[:, parent] - between * to_parent[:, other]) / determinant, 0, 1)
            np.add.at(mass, candidates[row, pair[:, parent]], weight)
    return {"top1": nearest, "mass": mass}
