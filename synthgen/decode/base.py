"""Define the decoder interface: it writes several candidate texts for each latent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from synthgen.core.progress import Advance
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Candidate, Latents


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The sampling parameters of the decoder; see `DecodeConfig`."""

    prompts: Mapping[str, str]  # text before the vector, for every label of the run
    candidates: int  # number of texts per latent
    max_new_tokens: int
    temperature: float
    top_p: float
    top_k: int
    batch: int  # number of texts decoded together; the texts depend on it, because it changes the rounding
    words: int = 0  # number of public words nearest to the vector that follow the prompt
    avoided: tuple[str, ...] = ()  # in lower case; the decoder writes no word that is or begins with one of these
    context_tokens: int = 96  # the decoder reads at most this number of tokens at the end of the preceding text


class Decoder(Protocol):
    """Converts vectors to texts."""

    name: str

    def decode(
        self, latents: Latents, settings: Settings, seeds: SeedTree, advance: Advance, contexts: Sequence[str] = ()
    ) -> tuple[Candidate, ...]:
        """Return `settings.candidates` texts for each of n latents, in the order of the latents.

        The texts of a latent depend only on its vector, label and context, the settings and its own random stream (a
        child of `seeds` named by its id). Several threads can call this method at once. `advance` is called at every
        step with the number of texts written since the last call. An exception raised in it stops the decoding.
        A context is the preceding text of the record, which the new text continues, or "". `contexts` has one per
        latent, or is empty.

        Raises:
            DataError: the number of contexts is neither 0 nor n.
        """
