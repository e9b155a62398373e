"""Whether a text is written in the language of these people, so that looking for their words in it means anything.

What is encoded, reversed or in another language is like nobody, and to be like nobody is no proof of being safe.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audits.core.errors import NotMeasurable
from audits.text.normalise import normalise

ALPHABET = 127  # the commonest characters; all others count as one
PRIOR = 5.0
BETWEEN = 2 / 3  # of the way from real text to the same text with the letters of each word in random order
SHORT = 40  # characters; shorter rows say too little each and are judged together
WINDOW = 50  # characters
PARTLY = 1 / 3  # of a row's windows
MAX_CHARACTERS = 4_000_000  # that the model learns from, and as many that it is held against
LEAST_DIFFERENCE = 0.5  # nats a character between real and scrambled text, or the instrument tells nothing
_START = "\n\n"

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Rng = np.random.Generator


@dataclass(frozen=True, slots=True, kw_only=True)
class Legibility:
    """How well a table's rows can be read."""

    illegible: NDArray[np.bool_]  # bool (rows), whether a row, or all short rows together, lie below the bound
    partly: NDArray[np.bool_]  # bool (rows), whether a third of a row's windows of 50 characters do
    bound: float  # nats a character
    real: float  # the median of rows of real people
    scrambled: float  # the median of the same rows, letters of each word in random order


def legibility(judged: Sequence[str], known: Sequence[str], held_out: Sequence[str], rng: Rng) -> Legibility:
    """Return which rows are not written in the language of `known`.

    The score of a row is its mean log-likelihood a character under a model of three characters,

        p(c | ab) = (n_abc + 5 p(c | b)) / (n_ab + 5),   p(c | b) = (n_bc + 5 p(c)) / (n_b + 5),
        p(c) = (n_c + 1) / (n + |alphabet|)

    and the bound lies two thirds of the way from the median of the rows held out to that of the same rows with the
    letters of each word in random order. A language model's text lies near the first, rot13 and base64 beyond the
    second.

    Args:
        judged: synthetic texts.
        known: texts of train, and of other control persons than those held out.
        held_out: texts of control persons, which the model has not seen.
        rng: orders the letters.

    Raises:
        NotMeasurable: real and scrambled text score alike, so nothing is told by the order of letters.

    Privacy: reads texts; returns a bound and one bit a row.
    Source: interpolation of lower orders by a prior count, MacKay and Bauman Peto, Nat. Lang. Eng. 1 (1995).
    """
    model = _Model(_upto(known))
    sample = [normalise(text) for text in _upto(held_out)]
    real = float(np.median([model.score(text) for text in sample]))
    scrambled = float(np.median([model.score(_scrambled(text, rng)) for text in sample]))
    if real - scrambled < LEAST_DIFFERENCE:
        raise NotMeasurable(
            "the order of letters tells nothing of these texts, so nobody knows whether others are read"
        )
    bound = real - BETWEEN * (real - scrambled)
    texts = [normalise(text) for text in judged]
    is_short = np.array([len(text) < SHORT for text in texts], dtype=np.bool_)
    illegible = np.array([model.score(text) < bound for text in texts], dtype=np.bool_)
    partly = np.array([model.share_below(text, bound) >= PARTLY for text in texts], dtype=np.bool_)
    if is_short.any():
        together = " ".join(text for text, short in zip(texts, is_short, strict=True) if short)
        illegible[is_short] = partly[is_short] = bool(model.score(together) < bound)
    return Legibility(illegible=illegible, partly=partly | illegible, bound=bound, real=real, scrambled=scrambled)


class _Model:
    """Counts of one, two and three characters of some texts, as the logarithm of a table (a, b, c)."""

    def __init__(self, texts: Sequence[str]) -> None:
        everything = "".join(f"{_START}{normalise(text)}" for text in texts)
        codes = _codes(everything)
        found, counts = np.unique(codes, return_counts=True)
        common = np.sort(found[np.argsort(-counts, kind="stable")[:ALPHABET]])
        self.common, size = common, len(common) + 1
        letters = self.letters(everything)
        one = np.bincount(letters, minlength=size).astype(np.float64)
        two = np.bincount(letters[:-1] * size + letters[1:], minlength=size**2).reshape(size, size)
        of_three = (letters[:-2] * size + letters[1:-1]) * size + letters[2:]
        three = np.bincount(of_three, minlength=size**3).reshape(size, size, size)
        p_one = (one + 1) / (one.sum() + size)
        p_two = (two + PRIOR * p_one) / (two.sum(axis=1, keepdims=True) + PRIOR)
        p_three = (three + PRIOR * p_two) / (three.sum(axis=2, keepdims=True) + PRIOR)
        self.log = np.log(p_three)

    def letters(self, text: str) -> Int:
        """Return the number of each character, (characters); those that are not common have one number together."""
        codes = _codes(text)
        place = np.minimum(np.searchsorted(self.common, codes), len(self.common) - 1)
        return np.where(self.common[place] == codes, place, len(self.common))

    def score(self, text: str) -> float:
        """Return the mean log-likelihood a character of a normalised text, in nats; minus infinity of none."""
        each = self._each(text)
        return float(each.mean()) if len(each) > 0 else -np.inf

    def share_below(self, text: str, bound: float) -> float:
        """Return the share of a normalised text's windows whose mean lies below the bound."""
        each = self._each(text)
        windows = np.array_split(each, max(1, len(each) // WINDOW))
        return float(np.mean([window.mean() < bound for window in windows])) if len(each) > 0 else 1.0

    def _each(self, text: str) -> Float:
        x = self.letters(f"{_START}{text}")
        return np.asarray(self.log[x[:-2], x[1:-1], x[2:]], dtype=np.float64)


def _codes(text: str) -> Int:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.int64)


def _upto(texts: Sequence[str]) -> list[str]:
    """Return as many of the first texts as hold `MAX_CHARACTERS` characters together, one at least."""
    taken: list[str] = []
    n = 0
    for text in texts:
        if taken and n + len(text) > MAX_CHARACTERS:
            break
        taken.append(text)
        n += len(text)
    return taken


def _scrambled(text: str, rng: Rng) -> str:
    return " ".join("".join(rng.permutation(list(word))) for word in text.split())
