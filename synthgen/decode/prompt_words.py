"""Choose words of a public vocabulary that describe the vector of a text, for a prompt."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from synthgen.core.errors import ModelError
from synthgen.core.types import Float32

FILE = "words.safetensors"
POOL = 200  # the prompt words of a vector are chosen from this number of words with the best scores
PRIOR = 0.02  # weight, in `WordReader.read`, of the logarithm of a word's frequency in public passages
LIKENESS = 0.2  # weight, in `WordReader.read`, of a word's largest similarity to a word that was already chosen
PLAN_PRIOR = 0.06  # like `PRIOR`, but for `WordReader.plan`
GET_AGAIN = "Use an intact copy of the bridge, or train the bridge again."  # hint if a file of a bridge is damaged
SAME_WORD = 10.0  # penalty for the plural or singular of a chosen word; exceeds every difference of two scores


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WordReader:
    """The v words of a vocabulary with their vectors.

    A text's vector is near the vectors of its characteristic words. `read` chooses such words for a bridge (trained
    tensors with which a language model reads a vector), because the bridge was trained with words from `read`.
    `plan` chooses words for a prompt without a bridge.

    Privacy: k of v words carry at most k · log2 v bits of the vector, but a few words can name a person's illness.
    """

    words: tuple[str, ...]
    frequency: Float32  # (v), share of the public passages that contain each word; above 0
    table: Float32  # (v, d), the vectors of the words minus their mean, scaled to unit length
    centre: Float32  # (d), mean vector of public passages

    def read(self, vectors: Float32, k: int) -> tuple[tuple[str, ...], ...]:
        """Return k words for each vector, float32 (n, d); k is at most `POOL` and at most v.

        The words are chosen one after another. Each step prefers words near the vector, frequent words, and words
        that differ from the words chosen before (maximal marginal relevance):

            w_j = argmax_w  cos(x − x̄, w − w̄) + PRIOR · log f_w − LIKENESS · max(0, max_{i<j} cos(w − w̄, w_i − w̄))

        w_j is word j of the result, x the vector, x̄ the `centre`, w a word's vector, w̄ the mean of all w, and f_w
        the word's `frequency`. Only the `POOL` words with the largest sum of the first two terms are considered. In
        a tie, this sum decides, and then the order of the vocabulary.

        Reference: Carbonell & Goldstein, "The Use of MMR, Diversity-Based Reranking", SIGIR 1998. The PRIOR term is
            an addition of this project.
        """
        words = []
        for _, score in self._scores(vectors):
            pool = np.argsort(-score, kind="stable")[:POOL]
            words.append(tuple(self.words[i] for i in pool[_greedy_diverse(score[pool], self.table[pool], k)]))
        return tuple(words)

    def plan(self, vectors: Float32, k: int) -> tuple[tuple[str, ...], ...]:
        """Return k words for each vector, float32 (n, d); the sum of their vectors has about the vector's direction.

        The words nearest to a vector can all describe the same part of the text, so this method compares the sum
        with the vector. Each step adds a word to the set S of chosen words, so that F(S) becomes as large as
        possible. For the symbols, the `POOL` words and the limits of k, see `read`.

            F(S) = cos(x − x̄, Σ_{w∈S} (w − w̄) / |w − w̄|) + PLAN_PRIOR · mean_{w∈S} log f_w

        The singular and the plural of a word are chosen together only if no other word is left. The first words of
        the result do not depend on k.

        Reference: the greedy step of matching pursuit (Mallat & Zhang, IEEE Trans. Signal Processing 1993) with equal
            weights, because a prompt cannot state weights. The PLAN_PRIOR term is an addition of this project.
        """
        plans = []
        for row, score in self._scores(vectors):
            pool = np.argsort(-score, kind="stable")[:POOL]
            forms = [self.words[i].removesuffix("s") for i in pool]
            log_frequency = np.log(self.frequency[pool]).astype(np.float32)
            plans.append(
                tuple(self.words[i] for i in pool[_greedy_sum(row, self.table[pool], log_frequency, forms, k)])
            )
        return tuple(plans)

    def _scores(self, vectors: Float32) -> Iterator[tuple[Float32, Float32]]:
        """Yield each vector's direction from the centre (d), and the sum of the first two terms in `read` (v)."""
        centred = vectors - self.centre
        lengths = np.linalg.norm(centred, axis=1, keepdims=True)
        centred = np.divide(centred, lengths, out=np.zeros_like(centred), where=lengths > 0)
        prior = (PRIOR * np.log(self.frequency)).astype(np.float32)
        for row in centred:  # one product per row, so that the rounding does not depend on the number of rows
            yield row, self.table @ row + prior


def _greedy_sum(x: Float32, table: Float32, log_frequency: Float32, forms: Sequence[str], k: int) -> list[int]:
    """Return the rows of the k words that `WordReader.plan` chooses for a vector with the direction x.

    `table`, `log_frequency` and `forms` have one row per word; `forms` are the words without a final s.
    """
    chosen: list[int] = []
    total, total_log_frequency = np.zeros_like(x), np.float32(0)
    penalty = np.zeros(len(table), dtype=np.float32)
    for size in range(1, k + 1):
        sums = table + total
        lengths = np.linalg.norm(sums, axis=1)
        cosine = np.divide(sums @ x, lengths, out=np.zeros_like(lengths), where=lengths > 0)
        value = cosine + PLAN_PRIOR * (log_frequency + total_log_frequency) / size - penalty
        value[chosen] = -np.inf
        chosen.append(int(value.argmax()))
        total = total + table[chosen[-1]]
        total_log_frequency += log_frequency[chosen[-1]]
        penalty[[form == forms[chosen[-1]] for form in forms]] = SAME_WORD
    return chosen


def _greedy_diverse(score: Float32, table: Float32, k: int) -> list[int]:
    """Return the rows of the k words that `WordReader.read` chooses; `score` and `table` have one row per word."""
    chosen: list[int] = []
    likeness = np.zeros(len(score), dtype=np.float32)
    for _ in range(k):
        value = score - LIKENESS * likeness
        value[chosen] = -np.inf
        chosen.append(int(value.argmax()))
        likeness = np.maximum(likeness, table @ table[chosen[-1]])
    return chosen


def make_reader(frequency: Mapping[str, float], vectors: Float32, centre: Float32) -> WordReader:
    """Return the reader of a vocabulary.

    `frequency` maps each word to the share of public passages with the word. `vectors` (v, d) are the vectors of the
    words in this order, and `centre` (d) is the mean vector of the passages.
    """
    table = vectors - vectors.mean(axis=0)
    table /= np.linalg.norm(table, axis=1, keepdims=True)
    shares = np.array(list(frequency.values()), dtype=np.float32)
    return WordReader(words=tuple(frequency), frequency=shares, table=table, centre=centre)


def save_words(reader: WordReader, path: Path) -> None:
    """Write a vocabulary; each number of the table is rounded to one byte."""
    scale = np.abs(reader.table).max(axis=1) / 127
    tensors = {
        "table": np.round(reader.table / scale[:, None]).astype(np.int8),
        "scale": scale.astype(np.float32),
        "frequency": reader.frequency,
        "centre": reader.centre,
    }
    save_file(tensors, path, metadata={"words": "\n".join(reader.words)})


def load_words(path: Path) -> WordReader:
    """Return the vocabulary in a file; raise ModelError if the file is damaged."""
    try:
        with safe_open(path, framework="numpy") as file:
            words = tuple((file.metadata() or {}).get("words", "").split("\n"))
            names = ("table", "scale", "frequency", "centre")
            table, scale, frequency, centre = (file.get_tensor(name) for name in names)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path}: cannot be read as the vocabulary of a bridge", hint=GET_AGAIN) from error
    v, d = len(words), centre.shape[-1]
    if (table.shape, scale.shape, frequency.shape) != ((v, d), (v,), (v,)):
        sizes = f"{v} words, table {table.shape}, scale {scale.shape}, frequency {frequency.shape}"
        message = (
            f"{path}: the sizes of the parts of the vocabulary contradict each other: {sizes}, centre {centre.shape}"
        )
        raise ModelError(message, hint=GET_AGAIN)
    wide = table * scale[:, None]
    wide /= np.linalg.norm(wide, axis=1, keepdims=True)  # restores the unit length, which rounding changed
    return WordReader(words=words, frequency=frequency, table=wide, centre=centre)
