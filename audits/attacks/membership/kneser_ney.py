"""Membership scores that compare the probabilities of a record under models of synthetic and of reference text.

The models are Kneser-Ney language models, which predict each word from the four words before it. Each word is
replaced by a number, its symbol. Each run (sequence) of one to five words is replaced by a 64-bit key, and the runs
are counted by sorting their keys, which takes seconds for a million words. The context of a run is the run without
its last word. If the rows have classes, a second model counts each class separately: in this model, the same word has
a different symbol in each class.
"""

from dataclasses import dataclass

import numpy as np

from audits.core.types import Bool, Float, Int, UInt
from audits.text.ngrams import Sequences, find_keys, runs

ORDER = 5  # number of words in the longest counted runs: a predicted word and the four words before it
MIN_OF_CLASS = 10  # ratios are standardised within a class with at least this many records in a half of the reference
MIN_DEVIATION = 1e-9  # ratios are divided by at least this number; the standard deviation of equal ratios is 0


@dataclass(frozen=True, slots=True)
class _Counts:
    """Counts of the runs of k words; `log_likelihood` defines c, N and D_k."""

    keys: UInt  # sorted keys of the counted runs hw: context h and last word w
    count: Float  # c(hw) of each run
    contexts: UInt  # sorted keys of the contexts h of these runs
    total: Float  # c(h.) of each context
    followers: Float  # N(h.) of each context
    discount: float  # D_k


@dataclass(frozen=True, slots=True)
class WordRows:
    """The words and the class of each of n rows."""

    words: Sequences  # the symbols of the words
    classes: Int | None  # (n,), class of each row; classes are numbered from 0; None if the rows have no classes


def log_likelihood(model: WordRows, texts: WordRows, n_words: int) -> Float:
    """Return for each text the mean of log P(w | h) over its words w, where h is the four words before w.

        P_k(w | h) = max(c(hw) - D_k, 0) / c(h.) + D_k · N(h.) / c(h.) · P_(k-1)(w | h')    if c(h.) is above 0
        P_k(w | h) = P_(k-1)(w | h')                                                        if c(h.) is 0
        P_0 = 1 / V,   D_k = n_1 / (n_1 + 2 · n_2), or .5 if n_1 is 0

    P is P_5. If fewer than four words precede w in the text, P is P_k, where k - 1 is the number of these words.

    - In P_k, h is the k - 1 words before w, and h' is h without its first word.
    - c counts runs in the rows of `model`. For a run of five words, c is the number of times it occurs. For a shorter
      run, c is the number of different words that precede it.
    - c(h.) is the sum of c over the runs that extend h by one word. N(h.) is the number of these runs with c above 0.
    - n_i is the number of runs of k words with c = i. V (`n_words`) is the number of different words.

    If `model` and `texts` have classes, P is the mean of two models. The first ignores the classes. In the second,
    equal words of different classes are different words. The result has shape (texts,), with 0 for texts without
    words.

    Reference: interpolated Kneser-Ney smoothing, Kneser and Ney 1995, Chen and Goodman 1999.
    """
    p = symbol_probabilities(model.words, texts.words, n_words)
    if model.classes is not None and texts.classes is not None:
        p = (p + symbol_probabilities(_by_class(model, n_words), _by_class(texts, n_words), n_words)) / 2
    rows = np.repeat(np.arange(len(texts.words)), np.diff(texts.words.starts))
    n = np.maximum(np.bincount(rows, minlength=len(texts.words)), 1)
    return np.asarray(np.bincount(rows, np.log(p), minlength=len(texts.words)) / n, dtype=np.float64)


def calibrated_ratio(synthetic: WordRows, real: WordRows, reference: WordRows, n_words: int) -> Float:
    """Return the score rmia(x) of each record x in `real`: its log likelihood ratio r(x), standardised.

        r(x) = log P_S(x) - log P_R(x),   rmia(x) = (r(x) - mean of r(z)) / standard deviation of r(z)

    log P(x) is the `log_likelihood` of x. P_S is counted on the synthetic text, and P_R on one half of the reference.
    The z are the records of the other half. Then the halves swap their roles, and both results are averaged. The mean
    and standard deviation are over the z of the class of x if there are at least ten, otherwise over all z. The
    result has shape (records,).

    The published attack RMIA returns the share of the z with r(z) < r(x). This share is 1 for all copied records, so
    it does not rank them.

    Reference: ratio as a membership score, Meeus et al., "The Canary's Echo", 2025; calibration, Zarifzadeh, Liu and
        Shokri, "Low-cost high-power membership inference attacks" (RMIA), ICML 2024. Standardising the ratios, and
        replacing the attacked model of RMIA by a model of the synthetic text, were designed for this project.
    """
    log_p_s = log_likelihood(synthetic, real, n_words)
    place = np.arange(len(reference.words))
    halves = [_rows(reference, place % 2 == i) for i in (0, 1)]
    score = np.zeros(len(real.words))
    for z_half, model_half in (halves, halves[::-1]):
        r_z = log_likelihood(synthetic, z_half, n_words) - log_likelihood(model_half, z_half, n_words)
        r_x = log_p_s - log_likelihood(model_half, real, n_words)
        score += _standardised(r_z, r_x, z_half.classes, real.classes) / 2
    return score


def _standardised(r_z: Float, r_x: Float, class_z: Int | None, class_x: Int | None) -> Float:
    """Return rmia(x) for one half of the reference, given the ratios and classes of its records z and of all x."""

    def standardise(values: Float, sample: Float) -> Float:
        return np.asarray((values - sample.mean()) / max(float(sample.std()), MIN_DEVIATION), dtype=np.float64)

    standardised = standardise(r_x, r_z)
    for c in np.unique(class_z) if class_z is not None and class_x is not None else ():
        if (class_z == c).sum() >= MIN_OF_CLASS:
            standardised[class_x == c] = standardise(r_x[class_x == c], r_z[class_z == c])
    return standardised


def _rows(corpus: WordRows, chosen: Bool) -> WordRows:
    """Return the rows for which `chosen` is true."""
    lengths = np.diff(corpus.words.starts)
    starts = np.concatenate([[0], np.cumsum(lengths[chosen])]).astype(np.int64)
    words = Sequences(symbols=corpus.words.symbols[np.repeat(chosen, lengths)], starts=starts)
    return WordRows(words, None if corpus.classes is None else corpus.classes[chosen])


def _by_class(corpus: WordRows, n_words: int) -> Sequences:
    """Return the words with different symbols in each class, so that runs of two classes have different keys."""
    shift = np.repeat(np.asarray(corpus.classes), np.diff(corpus.words.starts)) * n_words
    return Sequences(symbols=corpus.words.symbols + shift, starts=corpus.words.starts)


def symbol_probabilities(model: Sequences, texts: Sequences, n_words: int) -> Float:
    """Return P(w | h) of `log_likelihood` for each symbol w of `texts`, counted on `model`, with shape (symbols,)."""
    p = np.full(len(texts.symbols), 1 / n_words)
    for length, counts in enumerate(_all_counts(model), start=1):
        ends, keys, contexts = _runs_by_end(texts, length)
        (count,) = _look_up(counts.keys, keys, counts.count)
        total, followers = _look_up(counts.contexts, contexts, counts.total, counts.followers)
        d, is_context = counts.discount, total > 0
        n = np.where(is_context, total, 1)
        p[ends] = np.where(is_context, (np.maximum(count - d, 0) + d * followers * p[ends]) / n, p[ends])
    return p


def _all_counts(model: Sequences) -> list[_Counts]:
    """Return the counts of the runs of 1, 2, ..., ORDER words, in this order."""
    counts_by_length = []
    for length in range(1, ORDER + 1):
        ends, keys, context_keys = _runs_by_end(model, length)
        counted = np.arange(len(ends))
        if length < ORDER:
            # c of a run of fewer than ORDER words is the number of different words before it; each different run of
            # `length + 1` words therefore adds 1 to c of its last `length` words
            longer_ends, longer_keys, _ = _runs_by_end(model, length + 1)
            counted = np.searchsorted(ends, longer_ends[np.unique(longer_keys, return_index=True)[1]])
        counted_keys, first, count = np.unique(keys[counted], return_index=True, return_counts=True)
        contexts, inverse = np.unique(context_keys[counted[first]], return_inverse=True)
        once, twice = int((count == 1).sum()), int((count == 2).sum())
        counts_by_length.append(
            _Counts(
                keys=counted_keys,
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
    contexts = np.zeros(len(sequences.symbols), dtype=np.uint64)
    contexts[place[place + length - 1 <= np.repeat(sequences.starts[1:], lengths)]] = runs(sequences, length - 1)[0]
    return starts + length - 1, keys, contexts[starts]


def _look_up(keys: UInt, searched_keys: UInt, *values: Float) -> list[Float]:
    """Return each array of `values` (one entry per key of `keys`) at the searched keys; 0 for keys not in `keys`."""
    if len(keys) == 0:
        return [np.zeros(len(searched_keys)) for _ in values]
    place, is_key = find_keys(keys, searched_keys)
    return [np.where(is_key, value[place], 0.0) for value in values]
