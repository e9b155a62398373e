"""Membership scores from word models: is a record more likely under a model of the synthetic text than in general?

The models are Kneser-Ney language models, which predict each word from the four words before it. Runs of words
(n-grams) are counted by sorting their 64-bit keys, which takes seconds for a million words. A symbol is the number
that stands for a word. If records have classes, further models count each class separately; for them, the same word
has a different symbol in each class.
"""

from dataclasses import dataclass

import numpy as np

from audits.core.types import Bool, Float, Int, UInt
from audits.text.ngrams import Sequences, find_keys, runs

ORDER = 5  # number of words in the longest counted runs: a predicted word and the four words before it
MIN_OF_CLASS = 10  # scores are standardised by class if the class has at least this many reference records
MIN_DEVIATION = 1e-9  # smallest standard deviation by which scores are divided; that of equal records is 0


@dataclass(frozen=True, slots=True)
class _Counts:
    """Counts of the runs of one length; `log_likelihood` defines the symbols."""

    keys: UInt  # sorted keys of the runs hw: context h and last word w
    count: Float  # c(hw) of each run
    contexts: UInt  # sorted keys of the contexts h
    total: Float  # c(h.) of each context
    followers: Float  # N(h.) of each context
    discount: float  # D_k


@dataclass(frozen=True, slots=True)
class WordRows:
    """The words of rows and the class of each row."""

    words: Sequences
    classes: Int | None  # class of each row, numbered from 0; None if a table has no classes


def log_likelihood(model: WordRows, texts: WordRows, n_words: int) -> Float:
    """Return for each text the mean over its words w of log P(w | h), with h the four preceding words.

        P_k(w | h) = max(c(hw) - D_k, 0) / c(h.) + D_k · N(h.) / c(h.) · P_(k-1)(w | h'),   P_0 = 1 / V
        D_k = n_1 / (n_1 + 2 · n_2), or .5 if n_1 is 0

    P is P_5, counted on the rows of `model`. For a run of five words, c is the number of times it occurs; for a
    shorter run, c is the number of different words that precede it. c(h.) is the sum of c over the runs that extend h
    by one word, and N(h.) is the number of these runs. n_i is the number of runs of k words with c = i. h' is h
    without its first word, and V (`n_words`) is the number of different words. If classes are known, P is the mean of
    two models: one of all rows, and one of the rows with the class of the text.

    Reference: interpolated Kneser-Ney smoothing, Kneser and Ney 1995, Chen and Goodman 1999.
    """
    p = symbol_probabilities(model.words, texts.words, n_words)
    if model.classes is not None and texts.classes is not None:
        p = (p + symbol_probabilities(_by_class(model, n_words), _by_class(texts, n_words), n_words)) / 2
    rows = np.repeat(np.arange(len(texts.words)), np.diff(texts.words.starts))
    n = np.maximum(np.bincount(rows, minlength=len(texts.words)), 1)
    return np.asarray(np.bincount(rows, np.log(p), minlength=len(texts.words)) / n, dtype=np.float64)


def calibrated_ratio(synthetic: WordRows, real: WordRows, reference: WordRows, n_words: int) -> Float:
    """Return the log likelihood ratio r(x) of each record, standardised by the ratios r(z) of reference records.

        r(x) = log P_S(x) - log P_R(x),   rmia(x) = (r(x) - mean of r(z)) / standard deviation of r(z)

    P_S is fitted on the synthetic text. The reference is split into halves: P_R is fitted on one half, and the other
    half has the records z. Then the halves swap their roles, and both results are averaged. If at least ten z have
    the class of x, only z of this class count. The published attack RMIA (see Reference) does not standardise r(x),
    but returns the share of the z with r(z) < r(x). That share is 1 for all copied records and does not rank them.

    Reference: ratio as a membership score, Meeus et al., "The Canary's Echo", 2025; calibration, Zarifzadeh, Liu and
        Shokri, "Low-cost high-power membership inference attacks" (RMIA), ICML 2024. Designed for this project:
        standardised values, classes, and models of the synthetic text that replace the attacked model.
    """
    by_synthetic = log_likelihood(synthetic, real, n_words)
    place = np.arange(len(reference.words))
    halves = [_rows(reference, place % 2 == i) for i in (0, 1)]
    score = np.zeros(len(real.words))
    for half, other in (halves, halves[::-1]):
        of_z = log_likelihood(synthetic, half, n_words) - log_likelihood(other, half, n_words)
        of_x = by_synthetic - log_likelihood(other, real, n_words)
        score += _standardised(of_z, of_x, half.classes, real.classes) / 2
    return score


def _standardised(z: Float, x: Float, class_z: Int | None, class_x: Int | None) -> Float:
    """Return the ratios x of records, standardised by the ratios z of reference records, by class where possible."""

    def standardise(values: Float, sample: Float) -> Float:
        return np.asarray((values - sample.mean()) / max(float(sample.std()), MIN_DEVIATION), dtype=np.float64)

    standardised = standardise(x, z)
    for c in np.unique(class_z) if class_z is not None and class_x is not None else ():
        if (class_z == c).sum() >= MIN_OF_CLASS:
            standardised[class_x == c] = standardise(x[class_x == c], z[class_z == c])
    return standardised


def _rows(corpus: WordRows, chosen: Bool) -> WordRows:
    """Return the rows for which `chosen` is true."""
    lengths = np.diff(corpus.words.starts)
    starts = np.concatenate([[0], np.cumsum(lengths[chosen])]).astype(np.int64)
    kept = Sequences(symbols=corpus.words.symbols[np.repeat(chosen, lengths)], starts=starts)
    return WordRows(kept, None if corpus.classes is None else corpus.classes[chosen])


def _by_class(corpus: WordRows, n_words: int) -> Sequences:
    """Return the words, numbered differently in each class, so that runs of different classes differ."""
    shift = np.repeat(np.asarray(corpus.classes), np.diff(corpus.words.starts)) * n_words
    return Sequences(symbols=corpus.words.symbols + shift, starts=corpus.words.starts)


def symbol_probabilities(model: Sequences, real: Sequences, n_words: int) -> Float:
    """Return the model's probability of each symbol of `real` (see `log_likelihood`); (symbols,)."""
    p = np.full(len(real.symbols), 1 / n_words)
    for length, counts in enumerate(_all_counts(model), start=1):
        ends, keys, before = _runs_by_end(real, length)
        (count,) = _look_up(counts.keys, keys, counts.count)
        total, followers = _look_up(counts.contexts, before, counts.total, counts.followers)
        d, known = counts.discount, total > 0
        n = np.where(known, total, 1)
        p[ends] = np.where(known, (np.maximum(count - d, 0) + d * followers * p[ends]) / n, p[ends])
    return p


def _all_counts(model: Sequences) -> list[_Counts]:
    """Return the counts of the runs of 1, 2, ..., ORDER words, in this order."""
    counts_by_length = []
    for length in range(1, ORDER + 1):
        ends, keys, before = _runs_by_end(model, length)
        counted = np.arange(len(ends))
        if length < ORDER:
            # c of a shorter run counts different preceding words, so each run of `length + 1` words is counted once
            longer_ends, longer, _ = _runs_by_end(model, length + 1)
            counted = np.searchsorted(ends, longer_ends[np.unique(longer, return_index=True)[1]])
        ordered, first, count = np.unique(keys[counted], return_index=True, return_counts=True)
        contexts, inverse = np.unique(before[counted[first]], return_inverse=True)
        once, twice = int((count == 1).sum()), int((count == 2).sum())
        counts_by_length.append(
            _Counts(
                keys=ordered,
                count=count.astype(np.float64),
                contexts=contexts,
                total=np.bincount(inverse, count, len(contexts)).astype(np.float64),
                followers=np.bincount(inverse, minlength=len(contexts)).astype(np.float64),
                discount=once / (once + 2 * twice) if once > 0 else 0.5,
            )
        )
    return counts_by_length


def _runs_by_end(sequences: Sequences, length: int) -> tuple[Int, UInt, UInt]:
    """Return for each run of `length` words: the position of its last word, its key, and the key of its context."""
    lengths = np.diff(sequences.starts)
    place = np.arange(len(sequences.symbols))
    starts = place[place + length <= np.repeat(sequences.starts[1:], lengths)]
    keys = runs(sequences, length)[0]
    if length == 1:
        return starts, keys, np.zeros(len(starts), dtype=np.uint64)
    shorter = np.zeros(len(sequences.symbols), dtype=np.uint64)
    shorter[place[place + length - 1 <= np.repeat(sequences.starts[1:], lengths)]] = runs(sequences, length - 1)[0]
    return starts + length - 1, keys, shorter[starts]


def _look_up(keys: UInt, searched_keys: UInt, *values: Float) -> list[Float]:
    """Return the value of each key in `searched_keys`, once for each array of `values`; 0 if `keys` lacks the key."""
    if len(keys) == 0:
        return [np.zeros(len(searched_keys)) for _ in values]
    place, found = find_keys(keys, searched_keys)
    return [np.where(found, value[place], 0.0) for value in values]
