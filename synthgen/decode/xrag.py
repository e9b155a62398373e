"""Define the xRAG decoder: a vector becomes soft tokens in a prompt, and a language model continues the prompt.

Soft tokens are input embeddings. A bridge contains the projector that maps a vector to soft tokens.
"""

from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn

from synthgen.core.errors import ModelError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Float32, Latents
from synthgen.decode.base import Settings
from synthgen.decode.bridge import Bridge, check_fit
from synthgen.decode.loading import Placement
from synthgen.decode.loop.batching import Stepper
from synthgen.decode.loop_decoder import LoopDecoder
from synthgen.decode.projector import splice
from synthgen.decode.prompts import Template, token_ids
from synthgen.decode.published import CheckpointBridge, Paraphrase, RescalingProjector
from synthgen.decode.train.adapters import merge

WORD_TOKENS = 3  # tokens reserved for each prompt word (a word that describes the vector); a longer prompt is cut


class XragDecoder(LoopDecoder):
    """Decodes latents (vectors with labels) through a bridge.

    The model reads the prompt with the vector's soft tokens. If a latent has a context (a text that the candidates
    continue, such as the earlier segments of the record), the model first reads the context and an empty line.

    Args:
        folder: causal language model of transformers, as safetensors.
        bridge: trained bridge, whose adapters are merged into the model's weights; or a `CheckpointBridge`.
        decoder, encoder: names of the language model and of the encoder in the configuration.
        dim: dimension of the latents.
        device: see `load_model`.
        own_loop: whether `LlamaStepper` may compute the forward pass instead of transformers.

    Raises:
        ModelError: the model or the bridge is damaged, or the bridge does not fit the model.

    Privacy: latents are computed from vectors of train records, and the texts can reveal what these vectors contain.
        If `settings.words` is not 0, the prompt contains words that describe the vector.
    Randomness: the candidates of latent x are drawn one after another from the stream seeds/x. If there are several
        templates, one is drawn from seeds/x/template.
    Cost: one forward pass per token and batch.
    Reference: Cheng et al., xRAG, 2024 (arXiv 2405.13792v2). SMOTExT also decodes interpolated vectors through xRAG.
    """

    reads_vectors = True

    def __init__(  # noqa: PLR0913 - the check that the parts fit needs all arguments
        self,
        folder: Path,
        bridge: Bridge,
        *,
        decoder: str,
        encoder: str,
        dim: int,
        device: Placement = "cpu",
        own_loop: bool = True,
    ) -> None:
        checkpoint = bridge if isinstance(bridge, CheckpointBridge) else None
        dtype = "auto" if checkpoint is None else checkpoint.dtype
        super().__init__(folder, decoder, device=device, dtype=dtype, own_loop=own_loop)
        self.info, width = bridge.info, self.model.get_input_embeddings().weight.shape[1]
        self.templates: tuple[Template | Paraphrase, ...]
        projector: nn.Module
        if checkpoint is None:
            check_fit(bridge.info, encoder=encoder, dim=dim, decoder=decoder, width=width)
            projector, self.templates = bridge.projector, (bridge.info.parsed_template(),)
        else:
            checkpoint.check_fit(dim=dim, width=width)
            projector = RescalingProjector(bridge.projector, checkpoint.raw_norm)
            self.templates = checkpoint.templates
        merge(self.model, bridge.adapters)
        self.projector, self.reader = projector.to(self.device).eval(), bridge.reader
        self.template = self.templates[0]  # all templates have the same placeholder
        self._prepare({int(i) for i in self.tokenizer.all_special_ids} | {bridge.info.placeholder_id})

    def _prompts(self, latents: Latents, settings: Settings, seeds: SeedTree) -> tuple[list[list[int]], int]:
        prompts = {
            label: [template.tokens(self.tokenizer, text) for template in self.templates]
            for label, text in settings.prompts.items()
        }
        longest = max(len(ids) for prompts_of_label in prompts.values() for ids in prompts_of_label)
        if settings.words > 0:
            return self._prompts_with_words(latents, settings), longest + WORD_TOKENS * settings.words
        n = len(self.templates)
        drawn = [int(seeds.child(name, "template").generator().integers(n)) for name in latents.ids]
        return [prompts[label][i] for label, i in zip(latents.labels, drawn, strict=True)], longest

    def _prompts_with_words(self, latents: Latents, settings: Settings) -> list[list[int]]:
        if self.reader is None or not isinstance(self.template, Template):
            hint = "Set decode.words to 0, or use another bridge."
            raise ModelError("decode.words: this bridge has no vocabulary", hint=hint)
        words_of = latents.prompt_words or self.reader.read(latents.vectors, settings.words)
        prompts = []
        for label, words in zip(latents.labels, words_of, strict=True):
            text = settings.prompts[label]
            limit = len(token_ids(self.tokenizer, text)) + WORD_TOKENS * settings.words
            prompts.append(self.template.tokens(self.tokenizer, " ".join((text, *words)).strip(), limit))
        return prompts

    def _tokens_to_favour(self, latents: Latents) -> list[list[int]]:
        """Return the first tokens of each latent's prompt words, one list per latent; [] without prompt words."""

        @cache
        def first_tokens(word: str) -> set[int]:
            forms = (f" {word}", word, f" {word.capitalize()}", word.capitalize())
            return {int(self.tokenizer(form, add_special_tokens=False).input_ids[0]) for form in forms}

        return [sorted(set[int]().union(*map(first_tokens, words))) for words in latents.prompt_words]

    def _embed(self, stepper: Stepper, ids: Tensor, lengths: Tensor, vectors: Float32) -> Tensor:
        is_token = torch.arange(ids.shape[1])[None, :] < lengths[:, None]
        is_vector = ((ids == self.template.placeholder_id) & is_token).to(self.device)
        embeddings = stepper.embed(ids.to(self.device).masked_fill(is_vector, 0))
        return splice(embeddings, self.projector(torch.from_numpy(vectors).to(self.device)), is_vector)
