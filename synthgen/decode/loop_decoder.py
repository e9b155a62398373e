"""Define the base class of the decoders that run a language model on this machine."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any, Literal

import torch
from torch import Tensor

from synthgen.core.errors import DataError, ModelError
from synthgen.core.progress import Advance
from synthgen.core.seeds import SeedTree
from synthgen.core.sentences import NO_END, SENTENCE_END, without_open_end
from synthgen.core.types import Candidate, Float32, Latents
from synthgen.decode.base import Settings
from synthgen.decode.class_words import TokenBiases
from synthgen.decode.loading import Dtype, Placement, decode_dtype, decodes_in_int8, load_model
from synthgen.decode.loop.batching import Stepper, TokenConstraints, padded, stepper_of, uniforms_of, write
from synthgen.decode.loop.generic import GenericStepper
from synthgen.decode.loop.llama import LlamaWeights, has_stepper
from synthgen.decode.vllm.engine import Task, VllmEngine

Ended = tuple[str, Literal["stop", "length"]]  # a text, and what ended it: the model or the token limit


class LoopDecoder(ABC):
    """Writes texts with a language model; the constructor of a subclass must end with a call of `_prepare`."""

    end_mark: str | None = None  # a string that ends a text, in addition to the end tokens
    reads_vectors = False  # whether prompts contain vectors as input embeddings
    vllm: VllmEngine | None = None  # set by `use_vllm`; if None, `loop.batching.write` writes the texts
    context_comes_first = True  # true: a context (a text to be continued) precedes the prompt; false: it follows

    def __init__(
        self, folder: Path, name: str, *, device: Placement, dtype: Dtype = "auto", own_loop: bool = True
    ) -> None:
        self.in_int8 = own_loop and dtype != "float32" and decodes_in_int8(folder, device)
        if dtype == "auto":
            dtype = decode_dtype(folder, device)
        loaded = load_model(folder, dtype=dtype, device=device)
        self.tokenizer, self.model, self.device = loaded.tokenizer, loaded.model, loaded.device
        self.folder, self.name, self.on_one_device = folder, name, loaded.on_one_device
        self.own_loop = own_loop  # whether `LlamaStepper` may compute the model's forward pass
        self.tokenizing = Lock()  # the tokenizer is not thread-safe

    def _prepare(self, special: AbstractSet[int], additional_ends: AbstractSet[int] = frozenset()) -> None:
        """Set the tokens that end a text, including `additional_ends`, and forbid all other `special` tokens."""
        supported = self.own_loop and self.on_one_device and has_stepper(self.model.config)
        self.weights = LlamaWeights(self.model, in_int8=self.in_int8) if supported else None
        self.eos = ends_of(self.model, self.tokenizer, self.folder) | additional_ends
        size = self.model.get_output_embeddings().weight.shape[0]
        never = sorted(i for i in special - self.eos if i < size)
        self.never = torch.tensor(never, device=self.device, dtype=torch.long)

    @torch.inference_mode()
    def decode(
        self, latents: Latents, settings: Settings, seeds: SeedTree, advance: Advance, contexts: Sequence[str] = ()
    ) -> tuple[Candidate, ...]:
        """Return the candidates of every latent; see `Decoder`.

        Raises:
            DataError: the number of contexts is neither 0 nor the number of latents.
            ModelError: a prompt with its text is too long for the model, the model's output is not finite, vLLM
                fails, or prompt words (words that describe the vector) are requested without a fitting vocabulary.
        """
        with self.tokenizing:
            prefix, favoured = self._prefix(settings), self._tokens_to_favour(latents)
            banned = spellings(self.tokenizer, settings.avoided)
            prompts, longest = self._prompts(latents, settings, seeds)
            before, most_before = last_tokens(self.tokenizer, contexts, len(latents), settings.context_tokens)
        pairs = zip(before, prompts, strict=True)
        prompts = [[*context, *ids] if self.context_comes_first else [*ids, *context] for context, ids in pairs]
        longest += most_before  # prompts are padded to this number of tokens
        if self.vllm is not None:
            rows, surprisal = self.vllm.generate(self._task(latents, settings, seeds, prompts), advance)
        else:
            stepper = self._stepper(settings.batch, longest, longest + settings.max_new_tokens)
            if prefix:
                stepper.read_prefix(stepper.embed(torch.tensor(prefix, device=self.device)))

            def embed_prompts(rows: Sequence[int]) -> tuple[Tensor, Tensor]:
                ids, lengths = padded([prompts[i][len(prefix) :] for i in rows], longest - len(prefix))
                return self._embed(stepper, ids, lengths, latents.vectors[list(rows)]), lengths.to(self.device)

            uniforms = uniforms_of(seeds, latents.ids, settings)
            biases = self._biases(settings.token_biases, latents.labels)
            rules = TokenConstraints(self.eos, self.never, favoured, banned, biases)
            rows, surprisal = write(stepper, embed_prompts, uniforms, settings, rules, advance)
        texts = [text_of(self.tokenizer, row, self.eos, mark=self.end_mark) for row in rows]
        return candidates_of(latents, settings.candidates, texts, surprisal)

    def _biases(self, biases: TokenBiases | None, labels: Sequence[str]) -> tuple[Tensor, Tensor] | None:
        """Return the tokens with a bias, and their biases in the texts of each latent; None without biases."""
        if biases is None:
            return None
        tokens = torch.tensor(biases.tokens, device=self.device, dtype=torch.long)
        return tokens, torch.from_numpy(biases.rows(labels)).to(self.device)

    def use_vllm(self) -> None:
        """Let vLLM write the texts.

        If prompts contain vectors, vLLM loads a copy of `model`, because the weights of `model` can include adapters
        that the model folder lacks.

        Raises:
            DependencyError: vLLM is not installed.
            ModelError: vLLM cannot load the model.
        """
        if not self.reads_vectors:
            self.vllm = VllmEngine(self.folder, self.folder, embeds=False)
            return
        with TemporaryDirectory(prefix="synthgen-merged-") as merged:
            self.model.save_pretrained(merged)
            self.vllm = VllmEngine(Path(merged), self.folder, embeds=True)

    def _task(self, latents: Latents, settings: Settings, seeds: SeedTree, prompts: list[list[int]]) -> Task:
        """Return what vLLM needs to write the texts of latents; `prompts` are the tokens of each latent's prompt."""
        if latents.prompt_words:
            message = "decode.engine: vllm cannot raise the probability of the words that the DP query `words` finds"
            raise ModelError(message, hint="Set decode.words to 0, or use another engine.")
        stepper = GenericStepper(self.model, 1)

        def embeddings(row: int) -> Tensor:
            ids, lengths = padded([prompts[row]], len(prompts[row]))
            return self._embed(stepper, ids, lengths, latents.vectors[[row]])[0]

        return Task(
            ids=latents.ids,
            prompts=prompts,
            embeddings=embeddings if self.reads_vectors else None,
            ends=self.eos,
            never=self.never.tolist(),
            vocabulary=self.model.get_output_embeddings().weight.shape[0],
            settings=settings,
            seeds=seeds,
        )

    @abstractmethod
    def _prompts(self, latents: Latents, settings: Settings, seeds: SeedTree) -> tuple[list[list[int]], int]:
        """Return the tokens of each latent's prompt, and the length to which prompts are padded.

        The padded length does not depend on the latents.
        """

    @abstractmethod
    def _embed(self, stepper: Stepper, ids: Tensor, lengths: Tensor, vectors: Float32) -> Tensor:
        """Return the input embeddings (n, t, width) of padded prompts `ids` (n, t), with the vectors (n, d)."""

    def _prefix(self, settings: Settings) -> list[int]:  # noqa: ARG002 - subclasses use it
        """Return the tokens with which every prompt begins."""
        return []

    def _tokens_to_favour(self, latents: Latents) -> list[list[int]]:  # noqa: ARG002 - subclasses use it
        """Return the tokens to make more likely, as one list per latent; an empty result means no such tokens."""
        return []

    def _stepper(self, batch: int, prompt: int, length: int) -> Stepper:
        return stepper_of(self.model, self.weights, batch=batch, prompt=prompt, length=length)


def spellings(tokenizer: Any, words: Sequence[str]) -> list[tuple[int, ...]]:
    """Return the token sequences of "word", "Word" and "WORD" for each word, with and without a leading space."""
    variants = {lead + form for w in words for lead in (" ", "") for form in (w, w.capitalize(), w.upper())}
    return sorted({tuple(tokenizer(text, add_special_tokens=False).input_ids) for text in variants} - {()})


def ends_of(model: Any, tokenizer: Any, folder: Path) -> frozenset[int]:
    """Return the end tokens of the tokenizer and of the model; raise ModelError if there are none."""
    eos = model.generation_config.eos_token_id
    ends = {tokenizer.eos_token_id, *(eos if isinstance(eos, list) else [eos])} - {None}
    if not ends:
        hint = "Set eos_token in tokenizer_config.json."
        raise ModelError(f"{folder}: neither the model nor its tokenizer defines an end-of-text token", hint=hint)
    return frozenset(ends)


def last_tokens(tokenizer: Any, contexts: Sequence[str], n: int, limit: int) -> tuple[list[list[int]], int]:
    """Return the last `limit` tokens of each context, and the tokens of an empty line; none for an empty context.

    The second result is the largest possible number of these tokens. If there are no contexts, the result has n empty
    lists and the number 0.

    Raises:
        DataError: the number of contexts is neither 0 nor n.
    """
    if not contexts:
        return [[]] * n, 0
    if len(contexts) != n:
        raise DataError(
            f"there are {len(contexts)} contexts for {n} vectors; pass one context for each vector, or no contexts"
        )
    # `split_special_tokens`: the characters "<|im_end|>" in a context must not become this special token
    encoded = [list(tokenizer(t, add_special_tokens=False, split_special_tokens=True).input_ids) for t in contexts]
    gap = list(tokenizer("\n\n", add_special_tokens=False, split_special_tokens=True).input_ids)
    kept = [ids[max(0, len(ids) - limit) :] for ids in encoded]
    return [[*ids, *gap] if ids else [] for ids in kept], limit + len(gap)


def text_of(tokenizer: Any, row: Sequence[int], ends: AbstractSet[int], *, mark: str | None = None) -> Ended:
    """Return the text of a row of tokens up to its end token or to the string `mark`, and "stop".

    If the row has neither, the token limit cut the text; its `whole_sentences` and "length" are returned.
    """
    end = next((at for at, token in enumerate(row) if token in ends), None)
    text = str(tokenizer.decode(row[:end], skip_special_tokens=True)).strip()
    if mark is not None and mark in text:
        return text.split(mark)[0].rstrip(), "stop"
    return (text, "stop") if end is not None else (whole_sentences(text), "length")


def whole_sentences(text: str) -> str:
    """Return a text up to its last complete sentence, or the whole text if less than half of it would remain.

    An abbreviation such as "Dr." and the number of a list item without text, such as "2.", end no sentence.
    """
    stops = [m.end() for m in SENTENCE_END.finditer(text) if NO_END.search(text[: m.end()]) is None]
    return text[: stops[-1]] if stops and stops[-1] * 2 >= len(text) else text


def candidates_of(
    latents: Latents, n: int, texts: Sequence[Ended], surprisal: Sequence[float]
) -> tuple[Candidate, ...]:
    """Return texts as candidates, n consecutive texts for each latent.

    Lines without content at the end of a text are removed (`without_open_end`).

    `surprisal` has the surprisal of each text: the mean of -ln p(token), divided by ln(size of the vocabulary).
    """
    return tuple(
        Candidate(
            latent_id=latents.ids[i // n],
            index=i % n,
            text=without_open_end(text),
            label=latents.labels[i // n],
            finish=end,
            surprisal=round(surprisal[i], 4),
        )
        for i, (text, end) in enumerate(texts)
    )
