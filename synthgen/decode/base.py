"""Define the interface of a decoder, which writes several candidate texts for each latent (vector)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from synthgen.core.progress import Advance
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Candidate, Latents


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The sampling parameters of the decoder; see `DecodeConfig`."""

    prompts: Mapping[str, str]  # for each label, the text that the model reads before the vector
    candidates: int  # number of texts per latent
    max_new_tokens: int
    temperature: float
    top_p: float
    top_k: int
    batch: int  # number of texts decoded together; it changes the rounding, and therefore the texts
    words: int = 0  # number of prompt words, which are words of a public vocabulary that describe the vector
    avoided: tuple[str, ...] = ()  # words in lower case that a local decoder does not write
    context_tokens: int = 96  # number of last tokens of a context that a local decoder reads


class Decoder(Protocol):
    """Converts vectors to texts."""

    name: str

    def decode(
        self, latents: Latents, settings: Settings, seeds: SeedTree, advance: Advance, contexts: Sequence[str] = ()
    ) -> tuple[Candidate, ...]:
        """Return `settings.candidates` texts for each of n latents, in the order of the latents.

        If a record is written segment by segment, the context of a segment is the text before it, which the new text
        continues. `contexts` has one context per latent ("" for none), or is empty. The texts of a latent depend only
        on its vector, label, prompt words and context, on the settings, and on its own random stream (a child of
        `seeds` named by its id). `advance` is called at every step with the number of texts written since the last
        call; if it raises an exception, the decoding stops. Several threads can call this method at once.

        Raises:
            DataError: the number of contexts is neither 0 nor n.
        """
