"""The xRAG decoder: the vector becomes soft tokens in a prompt, the frozen language model writes on."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from synthgen.decode.adapters import merge
from synthgen.decode.base import Settings
from synthgen.decode.bridge import Bridge, check_fit
from synthgen.decode.generic import GenericStepper
from synthgen.decode.llama import LlamaStepper, has_stepper
from synthgen.decode.loading import Placement, load_model
from synthgen.decode.projector import splice
from synthgen.decode.prompts import Template
from synthgen.decode.published import AtLength, Paraphrase, Published
from synthgen.decode.sampling import sample
from synthgen.errors import DataError, ModelError
from synthgen.seeds import SeedTree
from synthgen.types import Candidate, Latents

WORD_TOKENS = 3  # room for each word; what is longer is cut, so that a prompt's length depends on no vector
_SENTENCE = re.compile(r"[.!?][\"')\]]*(?=\s|$)")


class XragDecoder:
    """Decodes latents through a bridge.

    Args:
        folder: a causal language model of transformers, as safetensors.
        bridge: the trained bridge; its adapters are merged into the model's weights. Or `Published`: the projector
            of the model's own checkpoint.
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
    Cost: one pass over the model per token and batch.
    Source: Cheng et al., xRAG, 2024 (arXiv 2405.13792v2); SMOTExT decodes interpolated vectors the same way.
    """

    def __init__(
        self, folder: Path, bridge: Bridge, *, decoder: str, encoder: str, dim: int, device: Placement = "cpu"
    ) -> None:
        published = bridge if isinstance(bridge, Published) else None
        loaded = load_model(folder, dtype="auto" if published is None else published.dtype, device=device)
        self.tokenizer, self.model, self.device = loaded.tokenizer, loaded.model, loaded.device
        self.whole = loaded.whole
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
        self.projector, self.words = projector.to(self.device).eval(), bridge.words
        self.template = self.templates[0]
        eos = self.model.generation_config.eos_token_id
        # the bridge was trained with the tokenizer's own end; a model may name others
        ends = {self.tokenizer.eos_token_id, *(eos if isinstance(eos, list) else [eos])} - {None}
        if not ends:
            raise ModelError(f"{folder}: neither the model nor its tokenizer names an end of text")
        self.eos: set[int] = ends
        special = {int(i) for i in self.tokenizer.all_special_ids} | {bridge.info.placeholder_id}
        size = self.model.get_output_embeddings().weight.shape[0]  # the placeholder may lie beyond the vocabulary
        never = sorted(i for i in special - ends if i < size)
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
        asked, longest = self._prompts(latents, settings, seeds)
        if contexts:
            asked, longest = self._behind(contexts, asked, longest, settings.context_tokens)
        limit = int(getattr(self.model.config, "max_position_embeddings", 0) or 1 << 30)
        if longest + settings.max_new_tokens > limit:
            raise ModelError(f"prompt and new tokens need {longest + settings.max_new_tokens} of {limit} positions")
        rows = [(i, c) for i in range(len(latents)) for c in range(settings.candidates)]
        uniforms = [
            seeds.child(name).generator().random((settings.candidates, settings.max_new_tokens), dtype=np.float32)
            for name in latents.ids
        ]
        stepper = self._stepper(settings.batch, longest + settings.max_new_tokens)
        found: list[Candidate] = []
        for start in range(0, len(rows), settings.batch):
            part = rows[start : start + settings.batch]
            full = part + [part[-1]] * (settings.batch - len(part))  # one shape always, so one result always
            u = torch.from_numpy(np.stack([uniforms[i][c] for i, c in full])).to(self.device)
            ids, is_vector, begin = self._frame([asked[i] for i, _ in full], longest)
            vectors = torch.from_numpy(latents.vectors[[i for i, _ in full]].copy()).to(self.device)
            tokens = self._write(stepper, (ids, is_vector, begin), self.projector(vectors), u, settings)
            for (i, c), row in zip(part, tokens, strict=False):
                text, finish = self._text(row)
                found.append(
                    Candidate(latent_id=latents.ids[i], index=c, text=text, label=latents.labels[i], finish=finish)
                )
            advance(len(part))
        return tuple(found)

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
        said = self.words.read(latents.vectors, settings.words)
        room = WORD_TOKENS * settings.words
        own = {label: self.template.prompt_tokens(self.tokenizer, text) for label, text in settings.prompts.items()}
        return [
            self.template.tokens(
                self.tokenizer, " ".join((settings.prompts[label], *words)).strip(), own[label] + room
            )
            for label, words in zip(latents.labels, said, strict=True)
        ]

    def _behind(
        self, contexts: Sequence[str], asked: list[list[int]], longest: int, most: int
    ) -> tuple[list[list[int]], int]:
        """Return each prompt behind the last `most` tokens of its context, and the length all are padded to."""
        if len(contexts) != len(asked):
            raise DataError(f"{len(contexts)} contexts for {len(asked)} latents; give one for each, or none")
        gap = self._plain_tokens("\n\n")
        heads = [ids[max(0, len(ids) - most) :] for ids in map(self._plain_tokens, contexts)]
        return [[*head, *gap, *ids] if head else ids for head, ids in zip(heads, asked, strict=True)], (
            longest + most + len(gap)
        )

    def _plain_tokens(self, text: str) -> list[int]:
        """Return a text's tokens; what is spelled like a special token, such as the placeholder, stays letters."""
        return list(self.tokenizer(text, add_special_tokens=False, split_special_tokens=True).input_ids)

    def _stepper(self, batch: int, length: int) -> "LlamaStepper | GenericStepper":
        if self.whole and has_stepper(self.model.config):
            return LlamaStepper(self.model, batch, length)
        return GenericStepper(self.model)

    def _frame(self, prompts: list[list[int]], length: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return ids (n, length) padded on the left, where the vector stands, and where each row begins."""
        ids = torch.zeros(len(prompts), length, dtype=torch.long)
        for row, prompt in enumerate(prompts):
            ids[row, length - len(prompt) :] = torch.tensor(prompt)
        begin = torch.tensor([length - len(p) for p in prompts])
        inside = torch.arange(length)[None, :] >= begin[:, None]
        is_vector = (ids == self.template.placeholder_id) & inside
        return ids.to(self.device), is_vector.to(self.device), begin.to(self.device)

    def _write(
        self,
        stepper: "LlamaStepper | GenericStepper",
        frame: tuple[Tensor, Tensor, Tensor],
        soft: Tensor,
        u: Tensor,
        settings: Settings,
    ) -> list[list[int]]:
        ids, is_vector, begin = frame
        embeddings = splice(stepper.embed(ids.masked_fill(is_vector, 0)), soft, is_vector)
        logits = stepper.prefill(embeddings, begin)
        done = torch.zeros(len(u), dtype=torch.bool, device=u.device)
        ends = torch.tensor(sorted(self.eos), device=u.device)
        written: list[Tensor] = []
        for t in range(settings.max_new_tokens):
            if not bool(torch.isfinite(logits.amax(dim=-1)).all()):  # the largest of a row with a NaN is NaN
                raise ModelError("the language model's output is not finite", hint="Its weights are damaged.")
            logits[:, self.never] = float("-inf")
            token = sample(
                logits, u[:, t], top_k=settings.top_k, top_p=settings.top_p, temperature=settings.temperature
            )
            written.append(torch.where(done, ends[0], token))
            done |= torch.isin(token, ends)
            if bool(done.all()) or t + 1 == settings.max_new_tokens:
                break
            logits = stepper.step(written[-1], ids.shape[1] + t)
        return torch.stack(written, dim=1).tolist()

    def _text(self, row: list[int]) -> tuple[str, Literal["stop", "length"]]:
        """Return a row's text; a text the limit cut is shortened to its last whole sentence where that keeps half."""
        end = next((at for at, token in enumerate(row) if token in self.eos), None)
        text = str(self.tokenizer.decode(row[:end], skip_special_tokens=True)).strip()
        if end is not None:
            return text, "stop"
        stops = [m.end() for m in _SENTENCE.finditer(text)]
        if stops and stops[-1] * 2 >= len(text):
            text = text[: stops[-1]]
        return text, "length"
