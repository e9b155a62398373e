"""Detect rows that are illegible: not written in the language of the real tables.

Encoded, reversed or translated text resembles no person's text, so the other audits find no leak in it. A row is
illegible if its characters follow each other in an order that is far less probable than in real text.
"""

import string
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, takewhile

import numpy as np

from audits.core.errors import NotMeasurable
from audits.core.types import Bool, Float, Int, Rng
from audits.text.ngrams import find_keys
from audits.text.normalise import normalise

ALPHABET = 127  # the model distinguishes the 127 most frequent characters; all others count as one character
PRIOR = 5.0  # weight of the shorter context in the trigram model, as a number of occurrences
# position of the bound on a scale from the score of real text (0) to the score of scrambled text (1)
BOUND_POSITION = 2 / 3
SHORT = 40  # a row with fewer characters is compared with windows of real text of the same length
RARE = 0.001  # a short row below the bound is illegible if at most this share of its windows has a lower score
CHANCE = 0.01  # significance level of the test for too many short rows below the bound
WINDOW = 50  # a row is cut into windows of 50 to 99 characters; a shorter row is one window
MIN_SHARE_BELOW = 1 / 3  # a row is partly illegible if at least this share of its windows scores below the bound
# only the first texts of `fitted` and of `held_out` are used: as many as have at most this total length
MAX_CHARACTERS = 4_000_000
MIN_DIFFERENCE = 0.5  # smallest difference of the scores of real and scrambled text, in nats per character
# ASCII punctuation is kept in a text if it is more than FEW_MARKS characters, and more than the share MAX_PUNCTUATION
# of all characters except spaces
MAX_PUNCTUATION, FEW_MARKS = 0.2, 2
_START = "\n\n"  # added before each text on which the model is fitted
# added before each scored text; the model has never seen "\n ", so it scores the first character c by p(c | " ")
_WORD = "\n "
_SPACES = str.maketrans(dict.fromkeys(string.punctuation, " "))


@dataclass(frozen=True, slots=True, kw_only=True)
class Legibility:
    """The legibility of the n rows of a table (see `legibility`)."""

    illegible: Bool  # whether each row is illegible, (n,)
    # whether each row is illegible, or has 40 characters or more and at least a third of its windows below the bound
    partly: Bool
    bound: float  # score in nats per character; a row of at least 40 characters is illegible if it scores lower


def legibility(rows: Sequence[str], fitted: Sequence[str], held_out: Sequence[str], rng: Rng) -> Legibility:
    """Return which rows are not written in the language of the real texts `fitted`.

    The score of a row is its mean log-likelihood per character, in nats, under a character trigram model,

        p(c | ab) = (n_abc + 5 × p(c | b)) / (n_ab + 5),   p(c | b) = (n_bc + 5 × p(c)) / (n_b + 5),
        p(c) = (n_c + 1) / (n + |alphabet|)

    where p(c | ab) is the probability of the character c after the characters a and b. n_x counts the occurrences of
    x in `fitted`, and n all characters of `fitted`. The alphabet has at most 128 characters: the ALPHABET most
    frequent ones, and one that stands for all others. All texts are normalised first. Spaces replace ASCII
    punctuation (`_without_punctuation`), because its use differs between tables of one language.

    `held_out` has real texts that are not in `fitted`. R is their median score, and S their median score with the
    letters of each word in random order (scrambled). The bound is two thirds of the way from R down to S. Texts of
    language models score near R; texts in rot13 or base64 score below S. A row of at least 40 characters is illegible
    if its score is below the bound.

    The score of a short row (fewer than 40 characters) varies strongly. Therefore, the row is compared with its
    windows: the parts of `held_out` that have the length of the row and begin with a word. A short row below the
    bound is illegible in two cases:

    - At most one in 1,000 of its windows has a lower score, or `held_out` is too short for a window.
    - More of the remaining short rows are below the bound than chance explains (binomial test at 1 %). The chance
      that a legible row is below the bound is the share of its windows below the bound, averaged over these rows.

    Raises:
        NotMeasurable: real and scrambled text have similar scores (R - S is below 0.5 nats per character).

    Privacy: reads texts; returns one score of the real tables, and two bits for each row.
    Randomness: the order of the letters in each word of the scrambled texts.
    Reference: interpolation by a prior count, MacKay and Bauman Peto, Nat. Lang. Eng. 1 (1995).
    """
    model = _Model(_first_texts(fitted))
    sample = [_without_punctuation(normalise(text)) for text in _first_texts(held_out)]
    real_score = float(np.median([model.score(text) for text in sample]))
    scrambled_score = float(np.median([model.score(_scrambled(text, rng)) for text in sample]))
    if real_score - scrambled_score < MIN_DIFFERENCE:
        raise NotMeasurable(
            "real texts and the same texts with the letters of each word in random order have similar legibility "
            "scores, so illegible rows cannot be detected"
        )
    bound = real_score - BOUND_POSITION * (real_score - scrambled_score)
    texts = [_without_punctuation(normalise(text)) for text in rows]
    illegible = np.array([model.score(text) < bound for text in texts], dtype=np.bool_)
    partly = np.array([model.share_below(text, bound) >= MIN_SHARE_BELOW for text in texts], dtype=np.bool_)
    short = [i for i, text in enumerate(texts) if len(text) < SHORT]
    illegible[short] = partly[short] = _illegible_short(model, [texts[i] for i in short], sample, bound)
    return Legibility(illegible=illegible, partly=partly | illegible, bound=bound)


def _illegible_short(model: "_Model", rows: Sequence[str], held_out: Sequence[str], bound: float) -> Bool:
    """Return which short `rows` are illegible (see `legibility`), as bool (rows,); all texts are normalised."""
    if len(rows) == 0:
        return np.zeros(0, dtype=np.bool_)
    from scipy.stats import binom  # here, because scipy.stats takes half a second to import

    text = " ".join(held_out)
    sums = np.append(0.0, np.cumsum(model.per_character(text)))
    starts = np.array([0, *(i + 1 for i, c in enumerate(text) if c == " ")])
    scores = np.array([model.score(row) for row in rows])
    is_below = scores < bound
    lowest, by_chance = np.empty(len(rows)), np.empty(len(rows))
    sizes = np.array([len(row) for row in rows], dtype=np.int64)
    for size in np.unique(sizes).tolist():
        window_starts = starts[starts + size <= len(text)]
        windows = (sums[window_starts + size] - sums[window_starts]) / max(size, 1)
        # without a window, every row below the bound is illegible
        lowest[sizes == size] = np.quantile(windows, RARE) if len(windows) > 0 else bound
        by_chance[sizes == size] = np.mean(windows < bound) if len(windows) > 0 else 0.0
    is_rare = is_below & (scores < lowest)
    n_below, n_not_rare = (is_below & ~is_rare).sum(), (~is_rare).sum()
    are_too_many = n_below > 0 and binom.sf(n_below - 1, n_not_rare, by_chance[~is_rare].mean()) <= CHANCE
    return np.asarray(is_below & (are_too_many | is_rare))


class _Model:
    """Character trigram model.

    `log[a, b, c]` is log p(c | ab) in nats for the indices a, b and c of characters (`indices`). `common` has the
    code points of the most frequent characters, sorted.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        joined = "".join(f"{_START}{_without_punctuation(normalise(text))}" for text in texts)
        codes, counts = np.unique(_codes(joined), return_counts=True)
        self.common = np.sort(codes[np.argsort(-counts, kind="stable")[:ALPHABET]])
        size = len(self.common) + 1
        indices = self.indices(joined)
        pairs = indices[:-1] * size + indices[1:]
        one = np.bincount(indices, minlength=size).astype(np.float64)
        two = np.bincount(pairs, minlength=size**2).reshape(size, size)
        three = np.bincount(pairs[:-1] * size + indices[2:], minlength=size**3).reshape(size, size, size)
        p_one = (one + 1) / (one.sum() + size)
        p_two = (two + PRIOR * p_one) / (two.sum(axis=1, keepdims=True) + PRIOR)
        p_three = (three + PRIOR * p_two) / (three.sum(axis=2, keepdims=True) + PRIOR)
        self.log = np.log(p_three)

    def indices(self, text: str) -> Int:
        """Return the index of each character, int64 (characters,); all rare characters share the last index."""
        codes = _codes(text)
        place, is_common = find_keys(self.common, codes)
        return np.where(is_common, place, len(self.common))

    def score(self, text: str) -> float:
        """Return the mean log-likelihood per character of a normalised text, in nats; -inf for an empty text."""
        values = self.per_character(text)
        return float(values.mean()) if len(values) > 0 else -np.inf

    def share_below(self, text: str, bound: float) -> float:
        """Return the share of a normalised text's windows with a mean score below the bound; 1 for an empty text."""
        values = self.per_character(text)
        windows = np.array_split(values, max(1, len(values) // WINDOW))
        return float(np.mean([window.mean() < bound for window in windows])) if len(values) > 0 else 1.0

    def per_character(self, text: str) -> Float:
        """Return the log-likelihood of each character of a normalised text, in nats, float64 (characters,)."""
        x = self.indices(f"{_WORD}{text}")
        return np.asarray(self.log[x[:-2], x[1:-1], x[2:]], dtype=np.float64)


def _codes(text: str) -> Int:
    """Return the code points of a text, int64 (characters,)."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.int64)


def _first_texts(texts: Sequence[str]) -> list[str]:
    """Return the first texts with at most `MAX_CHARACTERS` characters in total, but at least one text."""
    n_characters = accumulate(map(len, texts))
    n_texts = sum(1 for _ in takewhile(lambda n: n <= MAX_CHARACTERS, n_characters))
    return list(texts[: max(1, n_texts)])


def _without_punctuation(text: str) -> str:
    """Return a normalised text with spaces in place of ASCII punctuation: "pain, mild" -> "pain mild".

    A text with much punctuation (more than two characters, and more than a fifth of all characters except spaces) may
    be a cipher, and is returned unchanged.
    """
    words = " ".join(text.translate(_SPACES).split())
    n, n_kept = (len(part) - part.count(" ") for part in (text, words))
    return words if n - n_kept <= max(FEW_MARKS, MAX_PUNCTUATION * n) else text


def _scrambled(text: str, rng: Rng) -> str:
    """Return a text with the characters of each word in random order."""
    return " ".join("".join(rng.permutation(list(word))) for word in text.split())
