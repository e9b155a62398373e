"""Membership scores: from the synthetic table alone, how much does a text look like one the generator was fitted on?

Each score is computed for every train and control record in the same way without looking at which it is; higher
means more likely a member. No single score sees every leak, and each that is asked costs persons, because a pass
needs all of them inside; so there are few, one for each way of leaking.

    rmia        likelihood under a model of the synthetic text against models of the reference text, among its like
    coverage    share of the record's runs of 3 words unknown to the reference that the synthetic text has
    ..._top1    cosine to the nearest synthetic record, by words and by vectors that were passed
    ..._mass    how much of the synthetic records, as mixtures of real ones, is made up of this one

What was measured and left out: a bigram and a trigram model, shared runs with the nearest rows and similarity by
characters, which see what these see; means over 25 neighbours and densities, which see less
(docs/studies/membership-scores.md).
"""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from audits.attacks.membership.kneser_ney import WordRows, calibrated_ratio, likelihood_ratio
from audits.core.holdout import HoldoutTables
from audits.embeddings.combinations import MIN_DETERMINANT, best_pairs, candidate_cosines
from audits.embeddings.distances import stack_arms
from audits.embeddings.encoders import Encoded
from audits.embeddings.similarity import BLOCK, similarity_blocks, top
from audits.text.ngrams import Int, Sequences, UInt, runs, words

Float = NDArray[np.float64]

NEAREST = 3
SHINGLE = 3
LEFT_OUT = "characters"
CANDIDATES = 12  # among which the two records that a row lies between are looked for


def membership_scores(holdout: HoldoutTables, encoded: tuple[Encoded, ...]) -> dict[str, Float]:
    """Return every score of every record, train first and then control; each (n_train + n_control,).

    Privacy: per-record scores; they stay in memory.
    """
    (synthetic, real, reference), n_words = _words(holdout)
    scores = {
        "rmia": calibrated_ratio(*_corpora((synthetic, real, reference), holdout), n_words),
        "coverage": coverage(synthetic, real, reference),
    }
    for one in (e for e in encoded if e.name != LEFT_OUT):
        scores |= {f"{one.name}_{name}": score for name, score in nearest_and_mass(one).items()}
    return scores


def _words(holdout: HoldoutTables) -> tuple[tuple[Sequences, Sequences, Sequences], int]:
    """Return the words of the synthetic, real (train first) and reference texts, and how many different ones."""
    (synthetic, real, reference), n_words = words(
        [holdout.synthetic.texts, (*holdout.train.texts, *holdout.control.texts), holdout.reference.texts]
    )
    return (synthetic, real, reference), n_words


def _corpora(
    texts: tuple[Sequences, Sequences, Sequences], holdout: HoldoutTables
) -> tuple[WordRows, WordRows, WordRows]:
    """Return synthetic, real and reference words with the classes of their rows, where every table has them."""
    synthetic, real, reference = texts
    tables = (holdout.synthetic, holdout.train, holdout.control, holdout.reference)
    columns = [table.labels for table in tables if table.labels is not None]
    if len(columns) < len(tables):
        return WordRows(synthetic, None), WordRows(real, None), WordRows(reference, None)
    number = {label: i for i, label in enumerate(sorted({label for column in columns for label in column}))}
    of_synthetic, of_train, of_control, of_reference = (
        np.array([number[label] for label in column], dtype=np.int64) for column in columns
    )
    return (
        WordRows(synthetic, of_synthetic),
        WordRows(real, np.concatenate([of_train, of_control])),
        WordRows(reference, of_reference),
    )


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


def further_scores(holdout: HoldoutTables, encoded: tuple[Encoded, ...]) -> dict[str, Float]:
    """Return the scores that `membership` leaves out because each costs persons, in the order of `membership_scores`.

    For audits whose evidence can be made, canaries and shadow: they see with all of them.

    Privacy: per-record scores; they stay in memory.
    """
    (synthetic, real, reference), n_words = _words(holdout)
    found = {
        "kneser_ney": likelihood_ratio(*_corpora((synthetic, real, reference), holdout), n_words),
        **shared_runs(synthetic, real),
    }
    for one in (e for e in encoded if e.name == LEFT_OUT):
        found |= {f"{one.name}_{name}": score for name, score in nearest_and_mass(one).items()}
    return found


def shared_runs(synthetic: Sequences, real: Sequences) -> dict[str, Float]:
    """Return Jaccard's index of distinct runs of 3 words with the nearest synthetic rows, and containment in one.

    jaccard_top3: mean of the 3 highest |x ∩ s| / |x ∪ s|; containment: highest |x ∩ s| / |x|; 0 without such runs.

    Cost: O(pairs of records that share a run) time, O(256 · m) memory.
    """
    theirs, mine = _incidence(runs(synthetic, SHINGLE), runs(real, SHINGLE), len(synthetic), len(real))
    size_theirs, size_mine = (np.asarray(t.sum(axis=1)).ravel() for t in (theirs, mine))
    used = np.intersect1d(theirs.indices, mine.indices)
    transposed = sparse.csr_matrix(theirs[:, used].T)
    jaccard, containment = np.zeros(len(real)), np.zeros(len(real))
    for start in range(0, len(real), BLOCK):
        block = slice(start, min(start + BLOCK, len(real)))
        common = (mine[block][:, used] @ transposed).toarray()
        union = size_mine[block, None] + size_theirs[None, :] - common
        jaccard[block] = top(common / np.maximum(union, 1), min(NEAREST, len(synthetic))).mean(axis=1)
        containment[block] = common.max(axis=1) / np.maximum(size_mine[block], 1)
    return {f"jaccard_top{NEAREST}": jaccard, "containment": containment}


def nearest_and_mass(encoded: Encoded) -> dict[str, Float]:
    """Return for each record the cosine of the nearest synthetic row, and its mass as a parent of synthetic rows.

        top1(x) = max over s of cos(x, s)
        mass(x) = sum over s of the weight of x in the non-negative combination a P + b Q nearest to s, P and Q among
                  the 12 records most similar to s

    A row mixed from two records adds to the mass of both, however it was mixed, and a record's mass adds up over all
    rows: what gave a little to many is seen as well as what gave all to one.

    Cost: O(m · n · d + m · 12² · d) time; O(256 · n) memory.
    Source: parents as in `audits/attacks/parent_recovery`; their mass as a membership score, ours.
    """
    real = stack_arms(encoded)
    nearest = np.full(real.shape[0], -np.inf)
    mass = np.zeros(real.shape[0])
    k = min(CANDIDATES, real.shape[0])
    for _, similar in similarity_blocks(encoded.synthetic, real):
        nearest = np.maximum(nearest, similar.max(axis=0))
        among = np.argpartition(similar, real.shape[0] - k, axis=1)[:, -k:]
        cosines = np.take_along_axis(similar, among, axis=1)
        gram = candidate_cosines(real, among)
        pair = best_pairs(cosines, gram, among, np.ones((1, *among.shape), dtype=np.bool_))[0]
        row = np.arange(len(among))
        g = gram[row, pair[:, 0], pair[:, 1]]
        s = np.take_along_axis(cosines, pair, axis=1)
        room = np.maximum(1 - g * g, MIN_DETERMINANT)
        for mine, other in ((0, 1), (1, 0)):
            weight = np.clip((s[:, mine] - g * s[:, other]) / room, 0, 1)
            np.add.at(mass, among[row, pair[:, mine]], weight)
    return {"top1": nearest, "mass": mass}


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
