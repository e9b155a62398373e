"""The words a vector lies nearest to: what of it can be said in a few words of a public vocabulary."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from synthgen.core.errors import ModelError
from synthgen.core.types import Float32

FILE = "words.safetensors"
POOL = 200  # the words nearest to a vector among which its few are chosen
PRIOR = 0.02  # of cosine, for each e-fold more passages that hold a word
LIKENESS = 0.2  # of cosine, taken from a word that is all like one already chosen


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WordReader:
    """Words of a vocabulary by their vectors.

    A vector of a text lies near those of its telling words. Of the nearest, those are taken one by one that are near,
    not rare, and not like one taken before (maximal marginal relevance):

        w_j = argmax_w  cos(x − x̄, w − w̄) + PRIOR · log f_w − LIKENESS · max(0, max_{i<j} cos(w − w̄, w_i − w̄))

    Args:
        words: v words.
        frequency: float32 (v), f, the share of public passages that hold each word; above 0.
        table: float32 (v, d), the word's own vectors less their mean, of unit length.
        centre: float32 (d), x̄, the mean vector of public passages.

    Privacy: k words of a vocabulary of v carry at most k log2 v bits of the vector, and say them in plain sight. That
        is a bound on what crosses over and no privacy: a few words can name a person's illness.

    Source: Carbonell & Goldstein, "The Use of MMR, Diversity-Based Reranking", SIGIR 1998, for the choice; the prior
        is ours.
    """

    words: tuple[str, ...]
    frequency: Float32
    table: Float32
    centre: Float32

    def read(self, vectors: Float32, k: int) -> tuple[tuple[str, ...], ...]:
        """Return k words of each vector, the most telling first.

        Args:
            vectors: float32 (n, d).
            k: how many; at most `POOL` and the number of words.

        Random: none; of words that score the same, the one that stands first in the vocabulary is taken.
        """
        away = vectors - self.centre
        lengths = np.linalg.norm(away, axis=1, keepdims=True)
        away = np.divide(away, lengths, out=np.zeros_like(away), where=lengths > 0)
        prior = (PRIOR * np.log(self.frequency)).astype(np.float32)
        found = []
        for row in away:  # one at a time: a row's words depend on no other row
            score = self.table @ row + prior
            pool = np.argsort(-score, kind="stable")[:POOL]
            found.append(tuple(self.words[i] for i in pool[_diverse(score[pool], self.table[pool], k)]))
        return tuple(found)

    def bits(self, k: int) -> float:
        """Return the most bits of a vector that k of its words can carry."""
        return k * float(np.log2(len(self.words)))


def _diverse(score: Float32, table: Float32, k: int) -> list[int]:
    """Return k rows, each the best by its score less its likeness to those taken."""
    taken: list[int] = []
    likeness = np.zeros(len(score), dtype=np.float32)
    for _ in range(k):
        worth = score - LIKENESS * likeness
        worth[taken] = -np.inf
        taken.append(int(worth.argmax()))
        likeness = np.maximum(likeness, table @ table[taken[-1]])
    return taken


def make_reader(frequency: Mapping[str, float], vectors: Float32, centre: Float32) -> WordReader:
    """Return the reader of a vocabulary.

    Args:
        frequency: of v words, in the order of `vectors`.
        vectors: float32 (v, d), the vector of each word as a text of its own.
        centre: float32 (d), the mean vector of public passages.
    """
    table = vectors - vectors.mean(axis=0)
    table /= np.linalg.norm(table, axis=1, keepdims=True)
    return WordReader(
        words=tuple(frequency),
        frequency=np.array(list(frequency.values()), dtype=np.float32),
        table=table,
        centre=centre,
    )


def save_words(reader: WordReader, path: Path) -> None:
    """Write a vocabulary; its table with one byte a number, whose error is far below what tells words apart."""
    scale = np.abs(reader.table).max(axis=1) / 127
    tensors = {
        "table": np.round(reader.table / scale[:, None]).astype(np.int8),
        "scale": scale.astype(np.float32),
        "frequency": reader.frequency,
        "centre": reader.centre,
    }
    save_file(tensors, path, metadata={"words": "\n".join(reader.words)})


def load_words(path: Path) -> WordReader:
    """Return the vocabulary of a file.

    Raises:
        ModelError: when the file is damaged, a part is missing, or the parts do not fit one another.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            words = tuple((file.metadata() or {}).get("words", "").split("\n"))
            table, scale, frequency, centre = (
                file.get_tensor(name) for name in ("table", "scale", "frequency", "centre")
            )
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path}: damaged, or no vocabulary", hint="Fetch or make it again.") from error
    v, d = len(words), centre.shape[-1]
    if (table.shape, scale.shape, frequency.shape) != ((v, d), (v,), (v,)):
        raise ModelError(
            f"{path}: the parts do not fit: {v} words, table {table.shape}, scale {scale.shape}, "
            f"frequency {frequency.shape}, centre {centre.shape}"
        )
    wide = table * scale[:, None]
    wide /= np.linalg.norm(wide, axis=1, keepdims=True)  # what rounding changed
    return WordReader(words=words, frequency=frequency, table=wide, centre=centre)
