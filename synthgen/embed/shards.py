"""Encode texts in parts that different processes can compute. The vectors of a part are stored in a file (a shard).

The batch in which a text is encoded changes the rounding of its vector. The size of a shard is a multiple of the
batch size of every encoder, so the batches are the same as in one call with all texts. The stored vectors are
therefore bitwise equal to the vectors of that call.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from synthgen.core.errors import InternalError
from synthgen.core.files import write_by
from synthgen.core.shards import Division, rows_name
from synthgen.core.stage import StageContext
from synthgen.core.types import Float32
from synthgen.core.workers import usable_cores
from synthgen.embed.base import Encoder, Progress, in_batches
from synthgen.embed.segmented import SegmentedEncoder

SHARD_TEXTS = 2048  # number of texts of a shard; the last shard can have fewer
CORES_PER_SHARD = 16  # a process with n cores encodes max(1, n // `CORES_PER_SHARD`) shards together


class StoredVectors:
    """An encoder that reads the vectors of texts from finished shards instead of computing them.

    `shards` are the texts of each shard. `folder` contains one file of vectors for each shard.
    """

    def __init__(self, encoder: Encoder, shards: Sequence[Sequence[str]], folder: Path) -> None:
        self.name, self.digest, self.dim = encoder.name, encoder.digest, encoder.dim
        self.max_tokens, self.normalized = encoder.max_tokens, encoder.normalized
        self._row = {text: row for row, text in enumerate(text for texts in shards for text in texts)}
        stored = [np.load(folder / name, allow_pickle=False) for name in _names(shards)]
        self._vectors = np.concatenate([np.empty((0, self.dim), dtype=np.float32), *stored])

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> Float32:
        """Return the vectors of n texts, float32 (n, d); raise InternalError if a text is in no shard."""
        if progress is not None:
            progress(len(set(texts)))
        if not self._row.keys() >= set(texts):
            raise InternalError("the stored vectors lack the vector of a text")
        return self._vectors[[self._row[text] for text in texts]]


def vector_shards(context: StageContext, encoder: Encoder, texts: Sequence[str], title: str) -> Division:
    """Divide the distinct texts into shards, or their distinct segments if the encoder is a `SegmentedEncoder`.

    A segment is a part of a long text, such as the text under one heading. `title` is the title of the progress bar.
    """
    inner, shards = _divided(encoder, texts)
    names = _names(shards)
    texts_of = dict(zip(names, shards, strict=True))

    def write(names_to_write: Sequence[str]) -> None:
        n_left = sum(len(texts_of[name]) for name in names_to_write)
        n_done = sum(len(texts_of[name]) for name in names if (context.shards / name).exists())
        unit = "segments" if isinstance(encoder, SegmentedEncoder) else "texts"
        n_together = max(1, usable_cores() // CORES_PER_SHARD)
        with context.progress.stage(title, total=n_left + n_done, unit=unit, done=n_done) as advance:
            for names_together in (
                names_to_write[start : start + n_together] for start in range(0, len(names_to_write), n_together)
            ):
                vectors = inner.encode([text for name in names_together for text in texts_of[name]], advance)
                ends = np.cumsum([len(texts_of[name]) for name in names_together])
                for name, of_shard in zip(names_together, np.split(vectors, ends[:-1]), strict=True):
                    write_by(context.shards / name, partial(np.save, arr=of_shard, allow_pickle=False))

    def is_intact(name: str) -> bool:
        try:
            stored = np.load(context.shards / name, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return False
        return bool(stored.shape == (len(texts_of[name]), inner.dim) and stored.dtype == np.float32)

    return Division(folder=context.shards, names=names, write=write, is_intact=is_intact)


def stored_encoder(context: StageContext, encoder: Encoder, texts: Sequence[str]) -> Encoder:
    """Return an encoder that reads the vectors of these texts, or of the segments of these texts, from the shards."""
    inner, shards = _divided(encoder, texts)
    stored = StoredVectors(inner, shards, context.shards)
    return SegmentedEncoder(stored, encoder.splitter) if isinstance(encoder, SegmentedEncoder) else stored


def _divided(encoder: Encoder, texts: Sequence[str]) -> tuple[Encoder, list[list[str]]]:
    # returns (the encoder that encodes the texts of the shards, the texts of each shard)
    if not isinstance(encoder, SegmentedEncoder):
        return encoder, in_batches(texts, SHARD_TEXTS)
    pieces = {part.text for text in set(texts) for part in encoder.split(text)}
    return encoder.encoder, in_batches(list(pieces), SHARD_TEXTS)


def _names(shards: Sequence[Sequence[str]]) -> tuple[str, ...]:
    ends = np.cumsum([len(texts) for texts in shards], dtype=int).tolist()
    return tuple(rows_name(range(end - len(texts), end), ".npy") for end, texts in zip(ends, shards, strict=True))
