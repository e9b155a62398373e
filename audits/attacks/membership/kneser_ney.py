"""A Kneser-Ney model of five words: how much likelier does the synthetic text make a record?

Runs of words are 64-bit keys (`audits/text/ngrams.py`); all counting is sorting, so a model of a million words takes
seconds.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audits.text.ngrams import Int, Sequences, UInt, runs

Float = NDArray[np.float64]

ORDER = 5
MIN_OF_CLASS = 10  # reference records, for a mean and a deviation of their own
MIN_DEVIATION = 1e-9  # of a reference that says one thing over and over


@dataclass(frozen=True, slots=True)
class _Counts:
    """Runs of one length and their first words, sorted by key, each with its counts."""

    keys: UInt
    count: Float
    contexts: UInt
    total: Float
    followers: Float
    discount: float


@dataclass(frozen=True, slots=True)
class WordRows:
    """Words of rows, and the class of each row, numbered from 0; None where classes are not known."""

    words: Sequences
    classes: Int | None


def log_likelihood(model: WordRows, texts: WordRows, n_words: int) -> Float:
    """Return for each text the mean over its words of log P(w | 4 words before) under a model of other rows.

        P_k(w | h) = max(c(hw) - D_k, 0) / c(h.) + D_k N(h.) / c(h.) P_(k-1)(w | h'),   P_0 = 1 / V
        D_k = n_1 / (n_1 + 2 n_2)

    with c the counts of runs of five words and, of shorter ones, how many different words stand before them; c(h.)
    and N(h.) the sum and the number of what follows h, n_i the runs counted i times, h' without its first word. Where
    classes are known, P is the mean of the model of all rows and of the one of the text's class.

    Args:
        model: the rows whose language it is.
        texts: whose likelihood is asked for.
        n_words: V, how many different words there are.

    Source: interpolated Kneser-Ney smoothing, Kneser and Ney 1995, Chen and Goodman 1999.
    """
    p = symbol_probabilities(model.words, texts.words, n_words)
    if model.classes is not None and texts.classes is not None:
        p = (p + symbol_probabilities(_by_class(model, n_words), _by_class(texts, n_words), n_words)) / 2
    rows = np.repeat(np.arange(len(texts.words)), np.diff(texts.words.starts))
    n = np.maximum(np.bincount(rows, minlength=len(texts.words)), 1)
    return np.asarray(np.bincount(rows, np.log(p), minlength=len(texts.words)) / n, dtype=np.float64)


def likelihood_ratio(synthetic: WordRows, real: WordRows, reference: WordRows, n_words: int) -> Float:
    """Return for each record log P_S(x) - log P_R(x): how much likelier the synthetic text makes it.

    Source: of `log_likelihood`; as a membership score, Meeus et al., "The Canary's Echo", 2025.
    """
    return log_likelihood(synthetic, real, n_words) - log_likelihood(reference, real, n_words)


def calibrated_ratio(synthetic: WordRows, real: WordRows, reference: WordRows, n_words: int) -> Float:
    """Return for each record how much likelier the synthetic text makes it than the reference does, among its like.

        r(x) = log P_S(x) - log P_R(x),   rmia(x) = (r(x) - mean of r(z)) / deviation of r(z)

    of `log_likelihood`, over the reference records z of the class of x where classes are known and ten of them are
    there. The reference is halved: z of one half are held against a model of the other, as x is, and both are
    averaged. RMIA takes the share of z below x; this is that share read off a normal curve, so that those who lie
    above every z have an order still, and the few who are copied stand at its top.

    Source: the ratio as a membership score as in Meeus et al., "The Canary's Echo", 2025; Zarifzadeh, Liu and Shokri,
        "Low-cost high-power membership inference attacks" (RMIA), ICML 2024, with a model of the synthetic text in
        the place of the model attacked. By class, on a normal curve and for text, ours.
    """
    by_synthetic = log_likelihood(synthetic, real, n_words)
    place = np.arange(len(reference.words))
    halves = [_rows(reference, place % 2 == i) for i in (0, 1)]
    above = np.zeros(len(real.words))
    for half, other in (halves, halves[::-1]):
        of_z = log_likelihood(synthetic, half, n_words) - log_likelihood(other, half, n_words)
        of_x = by_synthetic - log_likelihood(other, real, n_words)
        above += _among(of_z, of_x, half.classes, real.classes) / 2
    return above


def _among(z: Float, x: Float, class_z: Int | None, class_x: Int | None) -> Float:
    """Return how many deviations x lies above the mean of the z of its class; of all z where these are few."""
    placed = (x - z.mean()) / max(float(z.std()), MIN_DEVIATION)
    if class_z is None or class_x is None:
        return np.asarray(placed, dtype=np.float64)
    for c in np.unique(class_z):
        of_class = z[class_z == c]
        if len(of_class) >= MIN_OF_CLASS:
            mine = class_x == c
            placed[mine] = (x[mine] - of_class.mean()) / max(float(of_class.std()), MIN_DEVIATION)
    return np.asarray(placed, dtype=np.float64)


def _rows(corpus: WordRows, chosen: NDArray[np.bool_]) -> WordRows:
    lengths = np.diff(corpus.words.starts)
    starts = np.concatenate([[0], np.cumsum(lengths[chosen])]).astype(np.int64)
    kept = Sequences(symbols=corpus.words.symbols[np.repeat(chosen, lengths)], starts=starts)
    return WordRows(kept, None if corpus.classes is None else corpus.classes[chosen])


def _by_class(corpus: WordRows, n_words: int) -> Sequences:
    """Return the words of each class under numbers of their own: runs of a class are then counted by themselves."""
    shift = np.repeat(np.asarray(corpus.classes), np.diff(corpus.words.starts)) * n_words
    return Sequences(symbols=corpus.words.symbols + shift, starts=corpus.words.starts)


def symbol_probabilities(model: Sequences, real: Sequences, n_words: int) -> Float:
    """Return the model's probability of each symbol of `real` after up to four before it; (symbols,).

    The formula is that of `log_likelihood`; symbols are words there, and may be characters.
    """
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
    """Return the counts of the runs of one to five words: of the longest as often as they stand, of others by N."""
    found = []
    for length in range(1, ORDER + 1):
        ends, keys, before = _runs_by_end(model, length)
        counted = np.arange(len(ends))
        if length < ORDER:
            # one place of each different run that is one word longer: its last words count once for each first word
            longer_ends, longer, _ = _runs_by_end(model, length + 1)
            counted = np.searchsorted(ends, longer_ends[np.unique(longer, return_index=True)[1]])
        ordered, first, count = np.unique(keys[counted], return_index=True, return_counts=True)
        first = counted[first]
        contexts, inverse = np.unique(before[first], return_inverse=True)
        once, twice = int((count == 1).sum()), int((count == 2).sum())
        found.append(
            _Counts(
                keys=ordered,
                count=count.astype(np.float64),
                contexts=contexts,
                total=np.bincount(inverse, count, len(contexts)).astype(np.float64),
                followers=np.bincount(inverse, minlength=len(contexts)).astype(np.float64),
                discount=once / (once + 2 * twice) if once > 0 else 0.5,
            )
        )
    return found


def _runs_by_end(sequences: Sequences, length: int) -> tuple[Int, UInt, UInt]:
    """Return of each run of so many words the place of its last word, its key, and the key of all but the last."""
    lengths = np.diff(sequences.starts)
    place = np.arange(len(sequences.symbols))
    starts = place[place + length <= np.repeat(sequences.starts[1:], lengths)]
    keys = runs(sequences, length)[0]
    if length == 1:
        return starts, keys, np.zeros(len(starts), dtype=np.uint64)
    shorter = np.zeros(len(sequences.symbols), dtype=np.uint64)
    shorter[place[place + length - 1 <= np.repeat(sequences.starts[1:], lengths)]] = runs(sequences, length - 1)[0]
    return starts + length - 1, keys, shorter[starts]


def _look_up(keys: UInt, wanted: UInt, *values: Float) -> list[Float]:
    """Return of each table of values that of each wanted key; 0 where the key is not there."""
    if len(keys) == 0:
        return [np.zeros(len(wanted)) for _ in values]
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    found = keys[at] == wanted
    return [np.where(found, value[at], 0.0) for value in values]
