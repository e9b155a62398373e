"""What a decoder is: latents in, several candidate texts per latent out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from synthgen.core.seeds import SeedTree
from synthgen.core.types import Candidate, Latents


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How texts are drawn.

    Args:
        prompts: for every label of the run, the words that go before the vector.
        candidates: texts per latent.
        max_new_tokens: most tokens per text.
        temperature: above 0; lower is safer and duller.
        top_p: probability mass kept.
        top_k: tokens considered.
        batch: rows decoded at once; a fixed shape, so it is part of what decides the result.
        words: how many words of the bridge's vocabulary, those the vector lies nearest to, go behind the prompt.
        context_tokens: most tokens read of the text so far, its last ones.
    """

    prompts: Mapping[str, str]
    candidates: int
    max_new_tokens: int
    temperature: float
    top_p: float
    top_k: int
    batch: int
    words: int = 0
    context_tokens: int = 96


class Decoder(Protocol):
    """Turns vectors into texts."""

    name: str

    def decode(
        self,
        latents: Latents,
        settings: Settings,
        seeds: SeedTree,
        advance: Callable[[int], None],
        contexts: Sequence[str] = (),
    ) -> tuple[Candidate, ...]:
        """Return `candidates` texts for every latent, in the order of the latents.

        A record's texts depend on its vector, its label, its context, the settings and its own random stream (named
        by its id), never on the other records given with it. Several threads may ask at once.

        Args:
            latents: what to write, n vectors.
            settings: how.
            seeds: the stream; every record draws from a child of it.
            advance: told at every step how many texts were written since the last one; what it raises
                ends the writing.
            contexts: the text so far of each latent, which the new text goes on from; an empty one is no context.
                Or none at all.

        Raises:
            DataError: when there are contexts and not n of them.
        """
        ...
