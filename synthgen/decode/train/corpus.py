"""Make the training set of a bridge: public passages, their vectors, and their characteristic words.

With a bridge, a language model writes a text from a vector.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from audits.core.files import open_regular
from synthgen.core.digest import sha256_bytes
from synthgen.core.errors import DataError, ModelError
from synthgen.core.files import write_by
from synthgen.core.types import Float32
from synthgen.decode.prompts import token_ids

_SENTENCE_GAP = re.compile(r"(?<=[.!?])\s+")  # must not change: the built-in bridge was trained with this pattern
WORD = re.compile(r"[A-Za-z][a-z]{3,}")  # a word that can be characteristic of a passage
HINTS = 3  # largest number of characteristic words of a passage
NEIGHBOURS = 5  # the vector of a passage is mixed with one of this number of nearest vectors, as in SMOTE
VOCABULARY_WORD = re.compile(r"[a-z][a-z'-]{2,}")  # a word that can be in a vocabulary
Cut = tuple[str, list[int], bool]  # a text, its token ids, and whether the text ends with a complete sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Passages:
    """n passages ready for training."""

    texts: tuple[str, ...]  # the cut passages, from which the vectors are computed
    tokens: NDArray[np.int32]  # (n, t), token ids of each passage, padded with end-of-text tokens
    lengths: NDArray[np.int32]  # (n), number of tokens, including an end-of-text token if the text is complete
    hints: tuple[tuple[str, ...], ...]  # for each passage, at most `HINTS` words with the highest tf · idf
    sources: dict[str, int]  # number of passages of each source


def read_passages(
    folder: Path, *, exclude: Sequence[str], limit: int, max_per_source: int, seed: int
) -> tuple[list[str], dict[str, int]]:
    """Return at most `limit` passages of a folder of Parquet tables (`text`, `source`), and their number by source.

    At most `max_per_source` passages come from one source, and none from a source in `exclude`. The choice depends on
    a hash of `seed` and text, so the order of files does not matter.

    Raises:
        DataError: there is no table, a column or a value is missing, or no passage is left.
    """
    rows = _rows(folder, exclude)
    ranked = sorted((sha256_bytes(f"{seed}\0{text}".encode()), source, text) for text, source in rows)
    taken: Counter[str] = Counter()
    texts: list[str] = []
    for _, source, text in ranked:
        if taken[source] < max_per_source and len(texts) < limit:
            taken[source] += 1
            texts.append(" ".join(text.split()))
    if not texts:
        message = f"{folder}: the tables contain no passage, except passages of excluded sources"
        raise DataError(message, hint="Add passages, or remove sources from corpus.exclude_sources.")
    return texts, dict(sorted(taken.items()))


def _rows(folder: Path, exclude: Sequence[str]) -> Iterator[tuple[str, str]]:
    files = sorted(folder.glob("*.parquet"))
    if not files:
        hint = "Use a folder of Parquet tables with the columns `text` and `source`."
        raise DataError(f"{folder}: contains no Parquet table", hint=hint)
    for file in files:
        with open_regular(file) as opened:
            table = pq.read_table(opened)
        if missing := {"text", "source"} - set(table.column_names):
            raise DataError(f"{file}: the table lacks columns: {', '.join(sorted(missing))}")
        for text, source in zip(table["text"].to_pylist(), table["source"].to_pylist(), strict=True):
            if text is None or source is None:
                raise DataError(f"{file}: a row has no value in the column `text` or `source`")
            if source not in exclude:
                yield text, source


def word_frequencies(
    folder: Path, *, exclude: Sequence[str], names: Collection[str], words: int, least: int, skip: int
) -> dict[str, float]:
    """Choose a vocabulary; return each word with the share of passages that contain it, most frequent words first.

    The vocabulary has at most `words` words, and each word is in at least `least` passages. The `skip` most frequent
    words, such as "the", and the `names` of persons (in lower case) are omitted.

    Raises:
        DataError: there is no table, a column or a value is missing, or no word is left.
    """
    seen: Counter[str] = Counter()
    n = 0
    for n, (text, _) in enumerate(_rows(folder, exclude), start=1):  # noqa: B007 - used after the loop
        seen.update(set(VOCABULARY_WORD.findall(text.lower())))
    ranked = sorted((-count, word) for word, count in seen.items() if count >= least and word not in names)
    kept = {word: -count / n for count, word in ranked[skip : skip + words]}
    if not kept:
        found = f"only {len(ranked)} words are in at least {least} passages"
        message = f"{folder}: {found}, so no word is left after the {skip} most frequent words are omitted"
        raise DataError(message, hint="Lower vocabulary.least or vocabulary.skip.")
    return kept


def prepare(texts: Sequence[str], tokenizer: Any, max_tokens: int, sources: dict[str, int]) -> Passages:
    """Cut passages to whole sentences with at most `max_tokens` tokens, including the end-of-text token.

    If the first sentence of a passage has more tokens, only the beginning of this sentence is kept.

    Raises:
        ModelError: the tokenizer has no end-of-text token.
    """
    if tokenizer.eos_token_id is None:
        raise ModelError("the tokenizer has no end-of-text token", hint="Set eos_token in tokenizer_config.json.")
    return passages_of([_cut(text, tokenizer, max_tokens - 1) for text in texts], tokenizer, max_tokens, sources)


def passages_of(cut: Sequence[Cut], tokenizer: Any, max_tokens: int, sources: dict[str, int]) -> Passages:
    """Return cut texts as passages; each has at most `max_tokens` tokens, including the end-of-text token."""
    tokens = np.full((len(cut), max_tokens), int(tokenizer.eos_token_id), dtype=np.int32)
    for row, (_, ids, _) in enumerate(cut):
        tokens[row, : len(ids)] = ids
    lengths = np.array([len(ids) + is_complete for _, ids, is_complete in cut], dtype=np.int32)
    texts = tuple(text for text, _, _ in cut)
    return Passages(texts=texts, tokens=tokens, lengths=lengths, hints=_hints(texts), sources=sources)


def _cut(text: str, tokenizer: Any, limit: int) -> Cut:
    ids: list[int] = []
    kept = ""
    for sentence in _SENTENCE_GAP.split(text):
        longer = f"{kept} {sentence}" if kept else sentence
        longer_ids = token_ids(tokenizer, longer)
        if len(longer_ids) > limit:
            if not kept:  # the first sentence does not fit
                return tokenizer.decode(longer_ids[:limit]), longer_ids[:limit], False
            break
        kept, ids = longer, longer_ids
    return kept, ids, True


def _hints(texts: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    words = [Counter(w.lower() for w in WORD.findall(text)) for text in texts]
    seen = Counter(w for counts in words for w in counts)

    def best(counts: Counter[str]) -> tuple[str, ...]:
        # tf · idf of the words that three or more texts contain
        score = {w: c * np.log(len(texts) / seen[w]) for w, c in counts.items() if seen[w] >= 3}
        return tuple(sorted(score, key=lambda w: (-score[w], w))[:HINTS])

    return tuple(map(best, words))


def vectors_of(texts: Sequence[str], encode: Callable[[list[str]], Float32], cache: Path) -> Float32:
    """Return the vectors (n, d) of n texts.

    They are read from the .npy file `cache` if it has n rows. Otherwise, `encode` computes them, and they are written
    to this file.
    """
    if cache.exists():
        stored: Float32 = np.load(cache, allow_pickle=False)
        if stored.shape[0] == len(texts):
            return stored
    vectors = encode(list(texts))
    cache.parent.mkdir(parents=True, exist_ok=True)
    write_by(cache, lambda path: np.save(path, vectors, allow_pickle=False))
    return vectors


def mix_vectors(
    rows: NDArray[np.int64], pool: Float32, share: float, rng: np.random.Generator
) -> tuple[NDArray[np.int64], Float32]:
    """Return the row numbers of the passages to reproduce, int64 (b), and the vectors to read, float32 (b, d).

    `pool` (n, d) contains the vectors of all training passages, and `rows` (b) the row numbers of the passages of a
    training step. With probability `share`, the vector x_i of passage i is replaced by a mixed vector x̃. The passage
    to reproduce is then the passage whose vector is nearest to x̃; it is not always i or j.

        x̃ = x_i + λ (x_j − x_i),  j among the `NEIGHBOURS` nearest of i,  λ ~ U(0, 1)

    Randomness: draws 3 · b numbers from `rng`; none if `share` is 0.
    """
    if share <= 0:
        return rows, pool[rows]
    take = rng.random(len(rows)) < share
    nth = rng.integers(NEIGHBOURS, size=len(rows))
    lam = rng.random((len(rows), 1), dtype=np.float32)
    half_squares = (pool**2).sum(axis=1) / 2
    far = half_squares - pool[rows] @ pool.T  # half the squared distance, up to a constant per row
    far[np.arange(len(rows)), rows] = np.inf
    near = np.argsort(far, axis=1, kind="stable")[np.arange(len(rows)), nth % max(1, len(pool) - 1)]
    between = pool[rows] + lam * (pool[near] - pool[rows])
    nearest = (half_squares - between @ pool.T).argmin(axis=1)
    return np.where(take, nearest, rows), np.where(take[:, None], between, pool[rows])
