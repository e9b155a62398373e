"""Choose prompt words for new vectors: words of a public vocabulary that are typical of the vector's class.

Prompt words are inserted into the prompt for a text, so that the text contains words of its class. One DP query
counts, for each class and word, the persons who use the word in records of this class. `ClassWords.weights` selects
the words that a class uses more than other classes do, beyond what noise explains. `ClassWords.draw` draws the prompt
words of a vector from the selected words of its class. Only the query reads records, so the other steps consume no
additional privacy budget.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from audits.core.files import write_whole
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus, Float32, Float64, Int64, Latents
from synthgen.dp.gaussian import ClassModel
from synthgen.dp.method import QuerySpec
from synthgen.dp.noised_sums import Query, QueryMechanism

WORDS = "words"  # name of the DP query
QUERIES = {WORDS: QuerySpec(share=0.3)}
FILE = "words.safetensors"
MAX_WORDS = 32  # largest number of pairs (class, word) that are counted per person; the rarest words have priority
FALSE_DISCOVERIES = 0.2  # largest expected share of the selected words that are selected only because of the noise
# factor of the cosine in `ClassWords.weights`; a larger factor favours words near the direction of the class more
DIRECTION_FACTOR = 15.0
# divisor of the cosine in `ClassWords.draw`; a smaller divisor favours words near the vector more
TEMPERATURE = 0.1
BLOCK = 16  # number of persons whose rows are in memory at once; a row has an entry for every word of every class
_WORD = re.compile(r"[a-z][a-z'-]+")


class PublicWords(Protocol):
    """A public vocabulary of v words, such as the vocabulary that is stored with a bridge (the decoder's adapter)."""

    @property
    def words(self) -> tuple[str, ...]:
        """The words."""

    @property
    def frequency(self) -> Float32:
        """The share of public passages that contain each word, float32 (v,)."""

    @property
    def table(self) -> Float32:
        """The vectors of the words, centred, of unit length, float32 (v, d)."""

    @property
    def centre(self) -> Float32:
        """The mean vector of public passages, float32 (d,)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClassWords:
    """Noised word counts of the C classes: the result of a DP query, so using them consumes no additional budget."""

    vocabulary: PublicWords
    counts: Float64  # (C, v), the noised number of persons of each class who use each word
    error: float  # standard deviation of the noise of each count, in persons

    def weights(self, directions: Float64) -> Float64:
        """Return the weight q_cw of each word w for each class c, float64 (C, v); a row sums to 1 or is zero.

            p_cw = 1 - Φ((n_cw - n̄_w) / (s √(1 - 1/C)))
            h_cw ∝ exp(`DIRECTION_FACTOR` · cos(w, d_c)),   with mean 1 over words
            q_cw ∝ n_cw · log((n_cw + s) / (n̄_w + s))   for the selected words, else 0

        n_cw is the count of word w in class c, s = `error`, and Φ the standard normal distribution function. n̄_w is
        the mean of n_cw over classes, or 0 if this mean is negative. d_c, a row of `directions` (C, d), is the
        direction from the mean of all classes to the mean of class c. p_cw is the probability that noise alone raises
        n_cw this far above n̄_w. h_cw is large if the vector of word w is close to the direction d_c; such a word is
        selected more easily. The words of a class are selected by the Benjamini-Hochberg procedure on p_cw / h_cw,
        with the false discovery rate `FALSE_DISCOVERIES`.

        Reference: Genovese, Roeder and Wasserman, False discovery control with p-value weighting, Biometrika 2006.
        """
        from scipy.stats import norm

        c, v = self.counts.shape
        mean = np.maximum(self.counts.mean(axis=0), 0.0)
        p = norm.sf((self.counts - mean) / (self.error * np.sqrt(1 - 1 / c)))
        unit = directions / np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1e-12)
        expected = np.exp(DIRECTION_FACTOR * (unit @ self.vocabulary.table.T))  # h before the division by its mean
        p = p * expected.mean(axis=1, keepdims=True) / expected
        limits = FALSE_DISCOVERIES * np.arange(1, v + 1) / v
        ordered = np.sort(p, axis=1)
        largest = np.where(ordered <= limits, ordered, -1.0).max(axis=1)
        ratio = np.log((np.maximum(self.counts, 0.0) + self.error) / (mean + self.error))
        weights = np.where(p <= largest[:, None], self.counts * ratio, 0.0)
        return np.asarray(weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-300))

    def draw(
        self, weights: Float64, vectors: Float32, k: int, rng: np.random.Generator
    ) -> tuple[tuple[str, ...], ...]:
        """Draw k different words for each of n vectors of one class; fewer if fewer words have a weight above 0.

        For a vector x, words are drawn without replacement with probability ∝ q_w · exp(cos(x - x̄, w) /
        `TEMPERATURE`), by the Gumbel trick. Here q_w is the weight of the word for the class, x̄ the mean vector of
        public passages, and w the vector of the word. `weights` has shape (v,); `vectors`, float32, has shape (n, d).
        """
        selected = np.flatnonzero(weights > 0)
        centred = vectors - self.vocabulary.centre
        centred = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12)
        score = np.log(weights[selected]) + (centred @ self.vocabulary.table[selected].T) / TEMPERATURE
        drawn = np.argsort(-(score + rng.gumbel(size=score.shape)), axis=1)[:, :k]
        return tuple(tuple(self.vocabulary.words[selected[i]] for i in row) for row in drawn)

    def save(self, folder: Path) -> None:
        """Write the counts into a folder. The vocabulary is public and is not written."""
        from safetensors.numpy import save

        tensors = {"counts": np.ascontiguousarray(self.counts), "error": np.array([self.error])}
        write_whole(folder / FILE, save(tensors))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PromptWords:
    """Draws new vectors, and prompt words for each vector."""

    learned: ClassModel  # the model from which vectors are drawn
    words: ClassWords
    labels: tuple[str, ...]  # the labels that the configuration declares (`source.labels`), sorted
    words_per_vector: int  # largest number of prompt words of a vector

    def sample(self, counts: Mapping[str, int], rng: SeedTree) -> Latents:
        """Return `counts[label]` new vectors of each label, with prompt words for each vector.

        Randomness: `rng.child(label)` for the vectors of a label, and `rng.child(label, "words")` for their words.
        """
        latents, chosen = self.learned.sample(counts, rng), dict[int, tuple[str, ...]]()
        weights = self.words.weights(self.learned.directions())
        for label in sorted(counts):
            rows = [i for i, name in enumerate(latents.labels) if name == label]
            stream = rng.child(label, "words").generator()
            words = self.words.draw(
                weights[self.labels.index(label)], latents.vectors[rows], self.words_per_vector, stream
            )
            chosen |= dict(zip(rows, words, strict=True))
        return replace(latents, prompt_words=tuple(chosen[i] for i in range(len(latents))))


def read_words(folder: Path, vocabulary: PublicWords) -> ClassWords:
    """Return the counts that `ClassWords.save` wrote."""
    from safetensors.numpy import load_file

    arrays = load_file(folder / FILE)
    return ClassWords(vocabulary=vocabulary, counts=arrays["counts"], error=float(arrays["error"][0]))


def words_by_person(corpus: Corpus, labels: Sequence[str], vocabulary: PublicWords) -> list[Int64]:
    """Return for each person, sorted by id, at most `MAX_WORDS` pairs (number of a class, number of a word).

    A pair means that a record of the person has this class and contains this word. If a person has more than
    `MAX_WORDS` pairs, those with the words that are rarest in public passages are kept. Each array is int64 (k, 2).
    """
    place = {word: i for i, word in enumerate(vocabulary.words)}
    number = {label: i for i, label in enumerate(sorted(labels))}
    pairs_of: dict[str, set[tuple[int, int]]] = {}
    for record in corpus.records:
        word_numbers = {place[word] for word in _WORD.findall(record.text.lower()) if word in place}
        pairs_of.setdefault(record.group, set()).update((number[record.label], word) for word in word_numbers)
    ordered = (
        sorted(pairs_of[group], key=lambda pair: (vocabulary.frequency[pair[1]], pair)) for group in sorted(pairs_of)
    )
    return [np.array(pairs[:MAX_WORDS], dtype=np.int64).reshape(-1, 2) for pairs in ordered]


def query_words(
    pairs_by_person: Sequence[Int64], n_classes: int, vocabulary: PublicWords, query: Query, mechanism: QueryMechanism
) -> ClassWords:
    """Return the noised number of persons who have each pair of class and word.

    `pairs_by_person` is the result of `words_by_person`. The row of a person has an entry for each pair:
    1/√`MAX_WORDS` if the person has the pair, else 0. The norm of a row is therefore at most 1.

    Privacy: one Gaussian query over all words of all classes.
    """
    v = len(vocabulary.words)

    def rows() -> Iterator[Float64]:
        for first in range(0, len(pairs_by_person), BLOCK):
            block = pairs_by_person[first : first + BLOCK]
            placed = np.zeros((len(block), n_classes * v))
            for row, pairs in zip(placed, block, strict=True):
                row[pairs[:, 0] * v + pairs[:, 1]] = MAX_WORDS**-0.5
            yield placed

    counts = mechanism(rows(), query).reshape(n_classes, v) * MAX_WORDS**0.5
    return ClassWords(vocabulary=vocabulary, counts=counts, error=query.noise_multiplier * MAX_WORDS**0.5)
