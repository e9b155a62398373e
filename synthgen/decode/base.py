"""Define the interface of a decoder, which writes several candidate texts for each latent (a vector with a label)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from synthgen.core.progress import Advance
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Candidate, Latents
from synthgen.decode.class_words import TokenBiases


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The parameters with which a decoder writes texts; see `DecodeConfig`."""

    prompts: Mapping[str, str]  # for each label, the text that the model reads before the vector
    candidates: int  # number of texts per latent
    max_new_tokens: int  # largest number of tokens of a text
    temperature: float  # sampling temperature
    top_p: float  # a token is drawn from the most likely tokens with this total probability
    top_k: int  # a token is drawn from this number of most likely tokens
    batch: int  # number of texts decoded at once; affects the rounding, and therefore the texts
    words: int = 0  # number of prompt words (words of a public vocabulary that describe the vector) in a prompt
    avoided: tuple[str, ...] = ()  # words in lower case that must not occur in a text; not sent to a model server
    # numbers added to the logits of tokens; not sent to a model server or to vLLM
    token_biases: TokenBiases | None = None
    # a model on this machine reads only this number of tokens at the end of a context (a text to be continued); a
    # model server reads the whole context
    context_tokens: int = 96


class Decoder(Protocol):
    """Converts vectors to texts."""

    name: str  # name of the language model

    def decode(
        self, latents: Latents, settings: Settings, seeds: SeedTree, advance: Advance, contexts: Sequence[str] = ()
    ) -> tuple[Candidate, ...]:
        """Return `settings.candidates` texts for each latent, in the order of the latents.

        The texts of the latent with id x depend only on the settings, on the vector, label, prompt words and context
        of this latent, and on the random stream seeds/x, the child x of `seeds`. Several threads can call this method
        at once.

        `advance` is called at every step with the number of texts written since its previous call. If `advance`
        raises an exception, the decoding stops. `contexts` is empty, or has one text per latent that the candidates
        continue, such as the earlier segments of the record; "" stands for no text.

        Raises:
            DataError: the number of contexts is neither 0 nor the number of latents.
        """
