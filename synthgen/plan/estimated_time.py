"""Estimate the time of a run from the configuration and the lengths of its texts, without a pilot."""

import math
from collections.abc import Iterable

from synthgen.core.errors import ModelError
from synthgen.core.types import Corpus
from synthgen.decode.config import AUTO
from synthgen.decode.loading import Placement, backend_of, slowdown
from synthgen.decode.style_adapter import built_in_styles
from synthgen.pipeline.style_choice import MOST_TEXTS, n_tried

# Conservative estimates for the default decoder on a processor with bfloat16 instructions.
TOKENS_PER_SECOND = 250  # tokens that a core decodes per second
SECONDS_PER_READ = 0.25 / 3  # time of a forward pass over a record on 2 cores
CHARACTERS_PER_SECOND = {"rules": 50_000, "rules+ner": 4_000, "off": math.inf}  # of one core, for finding identifiers
CHARACTERS_PER_TOKEN = 4  # of generated text, which is also searched for identifiers


def decoding_seconds(tokens: float, placement: Placement, cores: int) -> float:
    """Return the time of decoding a number of tokens, in seconds; on the CPU if the configured device is missing."""
    try:
        backend = backend_of(placement)
    except ModelError:  # `setup_problems` lists it
        backend = backend_of("cpu")
    return tokens * slowdown(backend) / (TOKENS_PER_SECOND * cores)


def choosing_seconds(style: str | tuple[str, ...]) -> float:
    """Return the time of choosing the style on the CPU, in seconds; 0 if the configuration names a style."""
    read = n_tried(len(built_in_styles())) * MOST_TEXTS if style == AUTO else 0
    return read * slowdown(backend_of("cpu")) * SECONDS_PER_READ


def deidentifying_seconds(engine: str, corpora: Iterable[Corpus], tokens: float) -> float:
    """Return the time of finding identifiers in the source and in the generated texts, in seconds."""
    read = sum(len(text) for corpus in corpora for text in corpus.texts)
    masking = CHARACTERS_PER_SECOND["rules" if engine == "off" else engine]
    return read / CHARACTERS_PER_SECOND[engine] + tokens * CHARACTERS_PER_TOKEN / masking
