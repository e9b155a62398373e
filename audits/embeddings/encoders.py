"""Encode the texts of all tables as vectors, whose similarity the audits measure.

Two encoders, of words and of characters, are fitted on the reference table: texts of persons who are not compared.
They detect similar wording, but not paraphrases. The caller can add vectors of another encoder that attackers may
have, such as the generator's encoder.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.decomposition import TruncatedSVD
from sklearn.preprocessing import normalize

from audits.core.errors import InputError
from audits.core.holdout import Arms, HoldoutTables, arms, hold_out
from audits.core.types import AuditInputs, Int, Rng, Table
from audits.embeddings.similarity import Float32, Matrix
from audits.text.ngrams import characters, numbered_words, runs

ROLES = ("synthetic", "train", "control", "reference")
CHARACTER_RUNS = (3, 4)  # lengths of the character n-grams
CHARACTER_COLUMNS = 1 << 16  # number of columns to which the character n-grams are hashed
LATENT_DIMENSIONS = 128  # largest number of dimensions of the character vectors
MAX_FIT_ROWS = 2000  # largest number of reference rows on which the singular value decomposition (SVD) is fitted


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """The rows of all tables as vectors of one encoder, dense or sparse float32; each vector has length 1 or 0."""

    name: str
    synthetic: Matrix
    train: Matrix
    control: Matrix
    reference: Matrix


def encode(holdout: HoldoutTables, rng: Rng) -> tuple[Encoded, ...]:
    """Return the tables encoded by words, by characters, and by each encoder whose vectors the caller passed.

    Raise InputError with all problems if passed vectors are missing for a table or do not fit its rows.

    Randomness: the seed of the truncated SVD and the rows on which it is fitted.
    Privacy: reads all texts; frequencies, projections and means are computed from the reference only.
    """
    return (encode_words(holdout), encode_characters(holdout, rng), *_encoded_by_caller(holdout))


def encode_words(holdout: HoldoutTables) -> Encoded:
    """Return the rows as TF-IDF vectors: a word has the weight (1 + ln tf) · (1 + ln((1 + N) / (1 + df))).

    tf is the number of times that the word occurs in the row, and df is the number of reference rows, out of N, that
    contain the word. Words that are not in the reference have the highest weight, because a synthetic row may be a
    copy if it shares such a word with a person.
    """
    sequences, n_words = numbered_words([t.texts for t in _tables(holdout).values()])
    rows = [np.repeat(np.arange(len(s)), np.diff(s.starts)) for s in sequences]
    counts = [_counts(row, s.symbols, (len(s), n_words)) for row, s in zip(rows, sequences, strict=True)]
    return Encoded(name="words", **_tf_idf(dict(zip(ROLES, counts, strict=True))))


def encode_characters(holdout: HoldoutTables, rng: Rng) -> Encoded:
    """Return the rows as vectors of at most 128 dimensions, computed from their character 3- and 4-grams.

    A truncated SVD reduces the TF-IDF weights of the hashed n-grams, and the mean vector is subtracted. SVD and mean
    are computed from the reference. All vectors have a large common component; without the subtraction, a few short
    texts would be the nearest neighbours of most texts.

    Reference: Deerwester et al., JASIS 1990 (latent semantic analysis).
    """
    weighted = _tf_idf({role: _character_counts(table) for role, table in _tables(holdout).items()})
    reference = weighted["reference"]
    n_fit = min(MAX_FIT_ROWS, reference.shape[0])
    fit_on = reference[np.sort(rng.permutation(reference.shape[0])[:n_fit])]
    svd = TruncatedSVD(min(LATENT_DIMENSIONS, n_fit - 1), random_state=int(rng.integers(2**31))).fit(fit_on)
    dense = {role: np.asarray(w @ svd.components_.T.astype(np.float32)) for role, w in weighted.items()}
    centre = dense["reference"].mean(axis=0)
    return Encoded(name="characters", **{role: _unit(rows - centre) for role, rows in dense.items()})


def _tables(holdout: HoldoutTables) -> dict[str, Table]:
    return {role: getattr(holdout, role) for role in ROLES}


def _counts(rows: Int, columns: NDArray[np.integer], shape: tuple[int, int]) -> sparse.csr_matrix:
    return sparse.csr_matrix((np.ones(len(columns), dtype=np.float32), (rows, columns)), shape=shape)


def _character_counts(table: Table) -> sparse.csr_matrix:
    sequences = characters(table.texts)
    keys, rows = (np.concatenate(both) for both in zip(*(runs(sequences, k) for k in CHARACTER_RUNS), strict=True))
    columns = (keys % np.uint64(CHARACTER_COLUMNS)).astype(np.int64)
    return _counts(rows, columns, (len(table), CHARACTER_COLUMNS))


def _tf_idf(counts: dict[str, sparse.csr_matrix]) -> dict[str, sparse.csr_matrix]:
    reference = counts["reference"]
    df = np.bincount(reference.indices, minlength=reference.shape[1])
    idf = (1 + np.log((1 + reference.shape[0]) / (1 + df))).astype(np.float32)
    weighted = {}
    for role, table in counts.items():
        rows = table.copy()
        rows.data = (1 + np.log(rows.data)) * idf[rows.indices]
        weighted[role] = normalize(rows, copy=False)
    return weighted


def _unit(rows: Float32) -> Float32:
    return np.asarray(normalize(rows), dtype=np.float32)


def _encoded_by_caller(holdout: HoldoutTables) -> tuple[Encoded, ...]:
    tables = _tables(holdout)
    names = sorted({name for table in tables.values() for name in table.vectors})
    problems = []
    for name in names:
        matrices = {role: table.vectors[name] for role, table in tables.items() if name in table.vectors}
        if missing := tables.keys() - matrices:
            problems.append(f"the vectors '{name}' are missing for: {', '.join(r for r in ROLES if r in missing)}")
        elif any(v.ndim != 2 or len(v) != len(tables[role]) for role, v in matrices.items()):
            problems.append(f"the vectors '{name}' do not have one row per record in every table")
        elif len({v.shape[1] for v in matrices.values()}) > 1:
            problems.append(f"the vectors '{name}' have different numbers of columns in different tables")
        elif not all(np.isfinite(v).all() for v in matrices.values()):
            problems.append(f"the vectors '{name}' contain values that are not finite (NaN or infinity)")
    if problems:
        raise InputError("the vectors passed to the audit cannot be used", problems=problems)
    return tuple(
        Encoded(name=f"vectors:{name}", **{role: _unit(table.vectors[name]) for role, table in tables.items()})
        for name in names
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedTables:
    """The tables, the compared persons, and the vectors of all rows by each encoder."""

    holdout: HoldoutTables
    people: Arms
    encoded: tuple[Encoded, ...]


TableEncoder = Callable[[AuditInputs, Rng], EncodedTables]


def encode_tables(inputs: AuditInputs, rng: Rng) -> EncodedTables:
    """Return the encoded tables; randomness and errors are those of `hold_out` and `encode`."""
    holdout = hold_out(inputs, rng)
    return EncodedTables(holdout=holdout, people=arms(holdout), encoded=encode(holdout, rng))


def encode_once(rng: Rng) -> TableEncoder:
    """Return a variant of `encode_tables` that encodes at its first call, and returns the same result later.

    The variant uses `rng` instead of its random argument, so that it does not matter which audit calls it first. It
    raises ValueError if a later call passes a different `AuditInputs` object.
    """
    first: list[tuple[AuditInputs, EncodedTables]] = []

    def cached(inputs: AuditInputs, _rng: Rng) -> EncodedTables:
        if not first:
            first.append((inputs, encode_tables(inputs, rng)))
        encoded_inputs, tables = first[0]
        if encoded_inputs is not inputs:
            raise ValueError("audits that share encoded tables must use the same inputs")
        return tables

    return cached
