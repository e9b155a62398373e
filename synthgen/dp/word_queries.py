"""What classes say: public words that more persons of one class use than noise and the other classes explain."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus, Float32, Latents
from synthgen.dp.gaussian import ClassModel
from synthgen.dp.method import Asked
from synthgen.dp.noise import Int64
from synthgen.dp.noised_sums import Ask, Float64, Query

WORDS = "words"
ASKED = {WORDS: Asked(share=0.3)}
FILE = "words.safetensors"
MOST = 32  # words of a person that count, the rarest in public text
SURE = 3.0  # standard deviations of the noise above which a word was said
MORE = 2.0  # of them above the mean of the classes, or a word tells none
NEARNESS = 0.1  # of cosine to the vector that weighs as much as a word's being e times as telling
BLOCK = 16  # persons whose rows are in memory at once: each has a place for every word of every class
_WORD = re.compile(r"[a-z][a-z'-]+")


class PublicWords(Protocol):
    """A public vocabulary, such as a bridge's.

    Attributes:
        words: v words.
        frequency: float32 (v,), in how many public passages each stands, as a share.
        table: float32 (v, d), their vectors, centred, of unit length.
        centre: float32 (d,), the mean vector of public passages.
    """

    @property
    def words(self) -> tuple[str, ...]: ...  # noqa: D102 - documented above
    @property
    def frequency(self) -> Float32: ...  # noqa: D102
    @property
    def table(self) -> Float32: ...  # noqa: D102
    @property
    def centre(self) -> Float32: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClassWords:
    """The words of the classes, noised, so whatever is computed from them costs nothing more.

    Args:
        vocabulary: public.
        counts: float64 (C, v), persons of each class who use each word, noised.
        error: standard deviation of that noise.
    """

    vocabulary: PublicWords
    counts: Float64
    error: float

    def telling(self) -> Float64:
        """Return how telling each word is of each class, float64 (C, v), rows summing to 1, or 0 where none is.

            q_cw ∝ n_cw log (n_cw + s) / (n̄_w + s),   where n_cw > `SURE` s and n_cw - n̄_w > `MORE` s, else 0

        with s the noise's standard deviation and n̄ the mean over classes of what is above `SURE` s.
        """
        said = np.where(self.counts > SURE * self.error, self.counts, 0.0)
        usual = said.mean(axis=0)
        more = np.where(said - usual > MORE * self.error, np.log((said + self.error) / (usual + self.error)), 0.0)
        weights = said * more
        return np.asarray(weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-300))

    def draw(self, code: int, vectors: Float32, k: int, rng: np.random.Generator) -> tuple[tuple[str, ...], ...]:
        """Return k different words for each vector of a class, or as many as the class has.

        Drawn without replacement with chances ∝ q_cw exp(cos(x - x̄, w) / `NEARNESS`), by the Gumbel trick.
        """
        telling = self.telling()[code]
        known = np.flatnonzero(telling > 0)
        away = vectors - self.vocabulary.centre
        away = away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-12)
        score = np.log(telling[known]) + (away @ self.vocabulary.table[known].T) / NEARNESS
        best = np.argsort(-(score + rng.gumbel(size=score.shape)), axis=1)[:, :k]
        return tuple(tuple(self.vocabulary.words[known[i]] for i in row) for row in best)

    def save(self, folder: Path) -> None:
        """Write the counts into a folder; the vocabulary is public and not in it."""
        from safetensors.numpy import save_file

        save_file({"counts": np.ascontiguousarray(self.counts), "error": np.array([self.error])}, folder / FILE)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Telling:
    """Vectors of a method, each with words of its class that the text is to say.

    Args:
        learned: what vectors are drawn from.
        words: of the classes.
        labels: as declared, sorted.
        told: how many words each vector is given.
    """

    learned: ClassModel
    words: ClassWords
    labels: tuple[str, ...]
    told: int

    def sample(self, counts: Mapping[str, int], rng: SeedTree) -> Latents:
        """Return new vectors with their words; see `ClassModel.sample`."""
        latents, told = self.learned.sample(counts, rng), dict[int, tuple[str, ...]]()
        for label in sorted(counts):
            rows = [i for i, name in enumerate(latents.labels) if name == label]
            draws = rng.child(label, "words").generator()
            words = self.words.draw(self.labels.index(label), latents.vectors[rows], self.told, draws)
            told |= dict(zip(rows, words, strict=True))
        return replace(latents, told=tuple(told[i] for i in range(len(latents))))


def read_words(folder: Path, vocabulary: PublicWords) -> ClassWords:
    """Return what `ClassWords.save` wrote."""
    from safetensors.numpy import load_file

    held = load_file(folder / FILE)
    return ClassWords(vocabulary=vocabulary, counts=held["counts"], error=float(held["error"][0]))


def said_by(corpus: Corpus, labels: Sequence[str], vocabulary: PublicWords) -> list[Int64]:
    """Return of each person the `MOST` rarest words that stand in any record, each with its record's class.

    Each person's are int64 (k, 2), class and word, told by that person's records alone.
    """
    place = {word: i for i, word in enumerate(vocabulary.words)}
    number = {label: i for i, label in enumerate(sorted(labels))}
    said: dict[str, set[tuple[int, int]]] = {}
    for record in corpus.records:
        found = {place[word] for word in _WORD.findall(record.text.lower()) if word in place}
        said.setdefault(record.group, set()).update((number[record.label], word) for word in found)
    return [
        np.array(
            sorted(pairs, key=lambda pair: (vocabulary.frequency[pair[1]], pair))[:MOST], dtype=np.int64
        ).reshape(-1, 2)
        for _, pairs in sorted(said.items())
    ]


def made_up_words(n: int, n_classes: int, n_words: int, rng: np.random.Generator) -> list[Int64]:
    """Return what n persons who do not exist say; one in ten would say far more than counts, if the clip let it."""
    sizes = np.where(np.arange(n) % 10 == 0, 10 * MOST, rng.integers(0, MOST + 1, n))
    most = np.array([n_classes, n_words])
    return [np.unique(rng.integers(0, most, (size, 2)), axis=0) for size in sizes]


def ask_words(said: Sequence[Int64], n_classes: int, vocabulary: PublicWords, query: Query, ask: Ask) -> ClassWords:
    """Return how many persons of each class use each word of the vocabulary.

    A person's row has 1/√`MOST` in the place of each word and class, so its norm is at most 1.

    Privacy: one Gaussian query over all words of all classes.
    """
    v = len(vocabulary.words)

    def rows() -> Iterator[Float64]:
        for first in range(0, len(said), BLOCK):
            block = said[first : first + BLOCK]
            placed = np.zeros((len(block), n_classes * v))
            for row, pairs in zip(placed, block, strict=True):
                row[pairs[:, 0] * v + pairs[:, 1]] = MOST**-0.5
            yield placed

    counts = ask(rows(), query).reshape(n_classes, v) * MOST**0.5
    return ClassWords(vocabulary=vocabulary, counts=counts, error=query.noise_multiplier * MOST**0.5)
