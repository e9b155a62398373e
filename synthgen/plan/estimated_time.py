"""Estimate the duration of a run from its configuration and the lengths of its texts, without writing any text."""

import math
from collections.abc import Iterable

from synthgen.core.errors import ModelError
from synthgen.core.types import Corpus
from synthgen.decode.config import AUTO
from synthgen.decode.loading import SLOW, Placement, backend_of
from synthgen.decode.style_adapter import built_in_styles
from synthgen.pipeline.style_choice import MAX_TEXTS, n_tried

# conservative estimates for the default language model on a processor with bfloat16 instructions
TOKENS_PER_SECOND = 250  # number of tokens that one core writes per second
# seconds in which 2 cores compute the likelihood of one record: a third of a training step of 0.25 seconds
SECONDS_PER_READ = 0.25 / 3
# factors by which a processor without bfloat16 instructions is slower when it writes tokens, and when it computes
# likelihoods
SLOWER_WRITING, SLOWER_READING = 2, 5
# key: de-identification engine; value: number of characters that one core searches for identifiers per second
CHARACTERS_PER_SECOND = {"rules": 50_000, "rules+ner": 4_000, "off": math.inf}
CHARACTERS_PER_TOKEN = 4  # mean number of characters of a generated token


def tokens_per_second(backend: str) -> float:
    """Return the number of tokens that one core writes per second with a backend of `backend_of`."""
    return TOKENS_PER_SECOND / (SLOWER_WRITING if backend == SLOW else 1)


def decoding_seconds(tokens: float, placement: Placement, cores: int) -> float:
    """Return the time in seconds to write `tokens` tokens on a device, or on the CPU if the device is missing."""
    try:
        backend = backend_of(placement)
    except ModelError:  # `setup_problems` reports this error
        backend = backend_of("cpu")
    return tokens / (tokens_per_second(backend) * cores)


def choosing_seconds(style: str | tuple[str, ...]) -> float:
    """Return the time in seconds to choose a writing style on the CPU; 0 if the configuration names a style."""
    n_reads = n_tried(len(built_in_styles())) * MAX_TEXTS if style == AUTO else 0
    return n_reads * SECONDS_PER_READ * (SLOWER_READING if backend_of("cpu") == SLOW else 1)


def deidentifying_seconds(engine: str, corpora: Iterable[Corpus], tokens: float) -> float:
    """Return the time in seconds to search the source and `tokens` generated tokens for identifiers.

    With the engine `off`, only the generated texts are searched, by the rules.
    """
    n_source = sum(len(text) for corpus in corpora for text in corpus.texts)
    speed_on_generated = CHARACTERS_PER_SECOND["rules" if engine == "off" else engine]
    return n_source / CHARACTERS_PER_SECOND[engine] + tokens * CHARACTERS_PER_TOKEN / speed_on_generated
