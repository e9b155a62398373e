"""The xRAG decoder: the vector becomes soft tokens in a prompt, the frozen language model writes on."""

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock

import torch
from torch import Tensor, nn

from synthgen.core.errors import ModelError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Candidate, Latents
from synthgen.decode.base import Settings
from synthgen.decode.bridge import Bridge, check_fit
from synthgen.decode.context import last_tokens
from synthgen.decode.ending import candidates_of, ends_of, never_of, text_of
from synthgen.decode.loading import Placement, load_model
from synthgen.decode.loop.batching import (
    Stepper,
    TokenConstraints,
    padded,
    stepper_of,
    uniforms_of,
    weights_of,
    write,
)
from synthgen.decode.projector import splice
from synthgen.decode.prompts import Template
from synthgen.decode.published import AtLength, CheckpointBridge, Paraphrase
from synthgen.decode.train.adapters import merge

WORD_TOKENS = 3  # room for each word; what is longer is cut, so that a prompt's length depends on no vector


class XragDecoder:
    """Decodes latents through a bridge.

    Args:
        folder: a causal language model of transformers, as safetensors.
        bridge: the trained bridge; its adapters are merged into the model's weights. Or `CheckpointBridge`: the
            projector of the model's own checkpoint.
        decoder: the language model's name in the configuration.
        encoder: the encoder's name in the configuration.
        dim: width of the latents.
        device: "cpu", "cuda", "auto", or a device map; see `load_model`.

    Raises:
        ModelError: when a part is damaged or the parts do not fit one another.

    Privacy: reads latents only, which are functions of train vectors; the text it writes can carry what the
        vectors carry (see docs/privacy.md). It reads no train text.
        With words, some of what a vector says stands in the prompt in plain sight; see `WordReader`.
    Random: row r of latent x draws from seeds/x, candidate by candidate; which of several templates it is asked in,
        from seeds/x/template; nothing else is drawn.
    Cost: one pass over the model per token and batch; see `write`.
    Source: Cheng et al., xRAG, 2024 (arXiv 2405.13792v2); SMOTExT decodes interpolated vectors the same way.
    """

    def __init__(
        self, folder: Path, bridge: Bridge, *, decoder: str, encoder: str, dim: int, device: Placement = "cpu"
    ) -> None:
        published = bridge if isinstance(bridge, CheckpointBridge) else None
        loaded = load_model(folder, dtype="auto" if published is None else published.dtype, device=device)
        self.tokenizer, self.model, self.device = loaded.tokenizer, loaded.model, loaded.device
        self.tokenizing = Lock()  # how it treats special tokens is kept in it from one call to the next
        width = self.model.get_input_embeddings().weight.shape[1]
        self.name, self.info = decoder, bridge.info
        self.templates: tuple[Template | Paraphrase, ...]
        projector: nn.Module
        if published is None:
            check_fit(bridge.info, encoder=encoder, dim=dim, decoder=decoder, width=width)
            projector = bridge.projector
            self.templates = (Template(bridge.info.template, bridge.info.n_soft, bridge.info.placeholder_id),)
        else:
            published.check_fit(dim=dim, width=width)
            projector, self.templates = AtLength(bridge.projector, published.raw_length), published.templates
        merge(self.model, bridge.adapters)
        self.weights = weights_of(self.model, on_one_device=loaded.on_one_device)
        self.projector, self.words = projector.to(self.device).eval(), bridge.words
        self.template = self.templates[0]
        self.eos = ends_of(self.model, self.tokenizer, folder)
        special = {int(i) for i in self.tokenizer.all_special_ids} | {bridge.info.placeholder_id}
        never = never_of(self.model, special, self.eos)
        self.never = torch.tensor(never, device=self.device, dtype=torch.long)

    @torch.inference_mode()
    def decode(
        self,
        latents: Latents,
        settings: Settings,
        seeds: SeedTree,
        advance: Callable[[int], None],
        contexts: Sequence[str] = (),
    ) -> tuple[Candidate, ...]:
        """Return the candidates of every latent; see `Decoder`.

        A context stands before the frame as plain text, an empty line between them.

        Raises:
            DataError: when there are contexts and not one for each latent.
            ModelError: when a prompt and the new tokens do not fit the model, its output is not finite, or words are
                asked for and the bridge has no vocabulary.
        """
        with self.tokenizing:
            wanted = self._wanted(latents)
            asked, longest = self._prompts(latents, settings, seeds)
            said, room = last_tokens(self.tokenizer, contexts, len(latents), settings.context_tokens)
        asked, longest = [[*before, *ids] for before, ids in zip(said, asked, strict=True)], longest + room
        stepper = self._stepper(settings.batch, longest, longest + settings.max_new_tokens)

        def ask(rows: Sequence[int]) -> tuple[Tensor, Tensor]:
            ids, is_vector, lengths = self._frame([asked[i] for i in rows], longest)
            vectors = torch.from_numpy(latents.vectors[list(rows)]).to(self.device)
            read = stepper.embed(ids.masked_fill(is_vector, 0))
            return splice(read, self.projector(vectors), is_vector), lengths

        uniforms = uniforms_of(seeds, latents.ids, settings)
        rows = write(stepper, ask, uniforms, settings, TokenConstraints(self.eos, self.never, wanted), advance)
        texts = [text_of(self.tokenizer, row, self.eos) for row in rows]
        return candidates_of(latents, settings.candidates, texts)

    def _prompts(self, latents: Latents, settings: Settings, seeds: SeedTree) -> tuple[list[list[int]], int]:
        """Return each latent's prompt, and the length all are padded to, which depends on the settings alone."""
        prompts = {
            label: [template.tokens(self.tokenizer, text) for template in self.templates]
            for label, text in settings.prompts.items()
        }
        longest = max(len(ids) for asked in prompts.values() for ids in asked)  # of all, so one result always
        if settings.words > 0:
            return self._prompts_with_words(latents, settings), longest + WORD_TOKENS * settings.words
        return [
            prompts[label][int(seeds.child(name, "template").generator().integers(len(self.templates)))]
            for name, label in zip(latents.ids, latents.labels, strict=True)
        ], longest

    def _prompts_with_words(self, latents: Latents, settings: Settings) -> list[list[int]]:
        if self.words is None or not isinstance(self.template, Template):
            raise ModelError(
                "decode.words: this bridge has no vocabulary", hint="Leave it out, or take another bridge."
            )
        said = latents.prompt_words or self.words.read(latents.vectors, settings.words)
        room = WORD_TOKENS * settings.words
        own = {label: self.template.prompt_tokens(self.tokenizer, text) for label, text in settings.prompts.items()}
        return [
            self.template.tokens(
                self.tokenizer, " ".join((settings.prompts[label], *words)).strip(), own[label] + room
            )
            for label, words in zip(latents.labels, said, strict=True)
        ]

    def _wanted(self, latents: Latents) -> list[list[int]]:
        """Return the first token of each word that a latent is told, as it stands in and at the head of a line."""
        ids = {
            word: {
                int(self.tokenizer(text, add_special_tokens=False).input_ids[0])
                for text in (f" {word}", word, f" {word.capitalize()}", word.capitalize())
            }
            for word in {word for words in latents.prompt_words for word in words}
        }
        return [sorted(set().union(*(ids[word] for word in words))) for words in latents.prompt_words]

    def _stepper(self, batch: int, prompt: int, length: int) -> Stepper:
        return stepper_of(self.model, self.weights, batch=batch, prompt=prompt, length=length)

    def _frame(self, prompts: list[list[int]], length: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return ids (n, length) padded on the right, where the vector stands, and each row's length."""
        ids, lengths = padded(prompts, length)
        is_vector = (ids == self.template.placeholder_id) & (torch.arange(length)[None, :] < lengths[:, None])
        return ids.to(self.device), is_vector.to(self.device), lengths.to(self.device)
