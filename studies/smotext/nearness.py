"""Run two simple attacks on synthetic records: finding the real records they come from, and membership inference."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from synthgen.core.errors import DataError
from synthgen.core.types import Float32

Float64 = NDArray[np.float64]
BLOCK_ROWS = 256


def unit_cosines(synthetic: Float32, real: Float32) -> Float32:
    """Return the cosines, float32 (m, n), of vectors (m, d) and (n, d); a zero vector has the cosine 0 with all."""
    one, other = (v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-12) for v in (synthetic, real))
    found: Float32 = (one @ other.T).astype(np.float32)
    return found


def character_cosines(synthetic: Sequence[str], real: Sequence[str]) -> Float32:
    """Return the cosines of TF-IDF vectors of character 4-grams within words, float32 (m, n).

    The vocabulary and its weights are computed from the real texts, so this attack uses no model that the generator
    uses.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(4, 4), sublinear_tf=True, dtype=np.float32)
    theirs = vectorizer.fit_transform(real).T.tocsr()
    ours = vectorizer.transform(synthetic)
    found = np.empty((len(synthetic), len(real)), dtype=np.float32)
    for start in range(0, len(synthetic), BLOCK_ROWS):
        found[start : start + BLOCK_ROWS] = (ours[start : start + BLOCK_ROWS] @ theirs).toarray()
    return found


def parent_nearest(likeness: Float32, parents: Sequence[tuple[int, ...]]) -> float:
    """Return the share of synthetic records whose most similar real record is one of their parents.

    The parents of a synthetic record are the train records that it was made from.

    Args:
        likeness: float32 (m, n), similarity of each synthetic record to all real records, parents and others.
        parents: (m), the columns in `likeness` of the parents of each synthetic record.

    Raises:
        DataError: if there are no synthetic records, or if a synthetic record has no parents.
    """
    if not len(likeness) or any(not of for of in parents):
        raise DataError("the share of records nearest to a parent requires records with parents")
    first = likeness.argmax(axis=1).tolist()
    return float(np.mean([row in of for row, of in zip(first, parents, strict=True)]))


def membership_auc(likeness: Float32, n_members: int) -> float:
    """Return how well the similarity to the nearest synthetic record separates members from held-out records, as AUC.

        s_i = max_j cos(real_i, synthetic_j);   AUC = P(s_member > s_held out) + ½ P(s_member = s_held out)

    Members are the train records. 0.5 is chance; 1 means that every member scores above every held-out record.

    Args:
        likeness: float32 (m, n), similarity of synthetic records (rows) and real records (columns, members first).
        n_members: number of members among the n real records.

    Raises:
        DataError: if there are no synthetic records, no members or no held-out records.

    Reference: the attack of Chen et al., GAN-Leaks, CCS 2020, section 4.1 (arXiv 1909.03935), here with the cosine as
    similarity.
    """
    from scipy.stats import rankdata

    n_out = likeness.shape[1] - n_members
    if not len(likeness) or n_members < 1 or n_out < 1:
        raise DataError("membership needs synthetic records, members and held-out records")
    ranks = rankdata(likeness.max(axis=0))
    return float((ranks[:n_members].sum() - n_members * (n_members + 1) / 2) / (n_members * n_out))
