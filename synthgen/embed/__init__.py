"""Convert texts to vectors with pretrained text encoders from local folders."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from audits.core.files import read_regular
from synthgen.core.errors import ModelError
from synthgen.core.types import Corpus, Embedded, Float32
from synthgen.embed.base import Encoder, Progress
from synthgen.embed.config import EmbedConfig

__all__ = ["Encoder", "Progress", "build_encoder", "with_ids"]


def build_encoder(config: EmbedConfig, model_folder: Callable[[str], Path], *, one_by_one: bool = False) -> Encoder:
    """Return the encoder that the configuration names; `model_folder` maps a model name to its folder.

    For a Mistral model, the result is a `LastTokenEncoder`, which ignores `one_by_one`. For every other model, the
    result is a `SentenceEncoder`, which encodes texts in batches, or each text separately if `one_by_one` is True.
    Raise ModelError if the folder does not contain a supported encoder.
    """
    folder = model_folder(config.model)
    path = folder / "config.json"
    try:
        model_type = json.loads(read_regular(path))["model_type"]
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: cannot be read as JSON ({type(error).__name__})") from error
    except (KeyError, TypeError) as error:
        raise ModelError(f"{path}: the key `model_type` is missing") from error
    if model_type == "mistral":
        from synthgen.embed.last_token import LastTokenEncoder

        return LastTokenEncoder(folder, config.model)
    from synthgen.embed.sentence import SentenceEncoder

    return SentenceEncoder(folder, config.model, one_by_one=one_by_one)


def with_ids(corpus: Corpus, vectors: Float32, encoder: Encoder) -> Embedded:
    """Combine the vectors of n records, float32 (n, d), with the id, label and person of each record.

    The vectors were made by `encoder` and are in the order of `corpus.records`.
    """
    return Embedded(
        vectors=np.ascontiguousarray(vectors),
        ids=tuple(r.id for r in corpus.records),
        labels=tuple(corpus.labels),
        groups=tuple(r.group for r in corpus.records),
        encoder=encoder.name,
        normalized=encoder.normalized,
    )
