"""Vectors of records: frozen encoders from local folders; the workspace keeps a stage's vectors by digest."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from synthgen.core.errors import ModelError
from synthgen.core.types import Corpus, Embedded, Float32
from synthgen.embed.base import Encoder, Progress
from synthgen.embed.config import EmbedConfig

# config.json's model_type of the causal language models that are pooled at their last token
LAST_TOKEN_TYPES = frozenset({"mistral"})

__all__ = ["Encoder", "Progress", "build_encoder", "embed"]


def build_encoder(config: EmbedConfig, model_folder: Callable[[str], Path], *, alone: bool = False) -> Encoder:
    """Return the encoder the configuration names.

    Args:
        config: names a model of the store, or a local folder.
        model_folder: gives the folder of a model's name; `synthgen.models.store.model_folder`.
        alone: whether each text goes through the model by itself, see `SentenceEncoder`; an encoder that is pooled at
            its last token cannot, and no method that asks for it takes one.

    Raises:
        ModelError: if the folder is no encoder we know.
        ModelMissing: from `model_folder`, if the store lacks the model.
    """
    folder = model_folder(config.model)
    path = folder / "config.json"
    try:
        model_type = json.loads(path.read_bytes())["model_type"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path}: does not say the model's type ({type(error).__name__})") from error
    if model_type in LAST_TOKEN_TYPES:
        from synthgen.embed.last_token import LastTokenEncoder

        return LastTokenEncoder(folder, config.model)
    from synthgen.embed.sentence import SentenceEncoder

    return SentenceEncoder(folder, config.model, alone=alone)


def embed(corpus: Corpus, vectors: Float32, encoder: Encoder) -> Embedded:
    """Return a corpus's vectors with the id, label and person of each row.

    Args:
        corpus: n records.
        vectors: float32 (n, d), row i of record i.
        encoder: what made them.
    """
    return Embedded(
        vectors=np.ascontiguousarray(vectors),
        ids=tuple(r.id for r in corpus.records),
        labels=tuple(corpus.labels),
        groups=tuple(r.group for r in corpus.records),
        encoder=encoder.name,
        normalized=encoder.normalized,
    )
