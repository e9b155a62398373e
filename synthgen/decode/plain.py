"""The training-free decoder: the words a vector lies nearest to, in a plain prompt of any causal language model."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock

import torch
from torch import Tensor

from synthgen.core.errors import ModelError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Candidate, Float32, Latents
from synthgen.decode.base import Settings
from synthgen.decode.context import last_tokens
from synthgen.decode.ending import Ended, candidates_of, ends_of, never_of, text_of
from synthgen.decode.loading import Placement, load_model
from synthgen.decode.loop.batching import (
    TokenConstraints,
    padded,
    shared_of,
    stepper_of,
    uniforms_of,
    weights_of,
    write,
)
from synthgen.decode.prompt_words import WordReader

WORD_TOKENS = 4  # room for each word and its comma; words for which it is not enough are left out, the last first
PROMPT = "[Topic: {label}. ]Write a short paragraph.[ Use these words: {words}.] Write the paragraph only."
# Small instruct models told to use words list them, define them, or speak of their task; one example turn ends that.
EXAMPLE_LABEL = "library"
EXAMPLE_WORDS = (
    "library",
    "books",
    "building",
    "children",
    "moved",
    "shelves",
    "reading",
    "afternoon",
    "visitors",
    "roof",
)
EXAMPLE = (
    "The library has moved to a new building with a better roof. Its shelves hold twice as many books as before, and "
    "children meet there for reading every afternoon. Most visitors say that they like it."
)
TURN = "<|im_start|>", "<|im_end|>"
_PART = re.compile(r"\[([^\[\]]*)\]")


class WordsDecoder:
    """Asks a language model in plain words for a text about a label that uses the words a vector lies nearest to.

    The model is asked in its own chat form, as its tokenizer's chat template says. A tokenizer without a template is
    asked in the form `<|im_start|>user ... <|im_end|>` where it knows these two marks, as that of the embedded
    SmolLM2 does, and otherwise with plain paragraphs; then a text ends at its first empty line, since such a model
    goes on asking itself. Before the prompt stands one example of a prompt and its answer, the same for all.

    With no words it is label-only prompting: what the model writes by itself, whatever the vectors are.

    Args:
        folder: a causal language model of transformers, as safetensors.
        reader: the vocabulary, public, never learned from private text; None where no words will be asked for.
        decoder: the language model's name in the configuration.
        prompt: what is asked, with the fields `{label}` and `{words}`; a part in square brackets is left out where
            its field is empty.
        device: "cpu", "cuda", "auto", or a device map; see `load_model`.

    Raises:
        ModelError: when the model is damaged, or neither it nor its tokenizer names an end of text.

    Privacy: k of v words are all that is read of a vector, at most k log2 v bits, and a person can read them; see
        `WordReader`. That is a bound on what crosses over and no privacy. With no words, nothing of it is read.
    Random: as `XragDecoder`.
    Cost: one pass over the model per token and batch; see `write`.
    """

    def __init__(
        self,
        folder: Path,
        reader: WordReader | None,
        *,
        decoder: str,
        prompt: str = PROMPT,
        device: Placement = "cpu",
    ) -> None:
        loaded = load_model(folder, device=device)
        self.tokenizer, self.model, self.device = loaded.tokenizer, loaded.model, loaded.device
        self.tokenizing = Lock()  # how it treats special tokens is kept in it from one call to the next
        self.weights = weights_of(self.model, on_one_device=loaded.on_one_device)
        self.reader, self.name, self.prompt = reader, decoder, prompt
        ends = ends_of(self.model, self.tokenizer, folder)
        known = self.tokenizer.get_vocab()
        self.turns = self.tokenizer.chat_template is None and set(TURN) <= set(known)
        self.chat = self.tokenizer.chat_template is not None or self.turns
        self.eos = ends | {int(known[TURN[1]])} if self.turns else ends
        self.special = frozenset(map(int, self.tokenizer.all_special_ids))
        never = never_of(self.model, self.special, self.eos)
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

        A context stands as what the model has answered so far, an empty line behind it.

        Raises:
            DataError: when there are contexts and not one for each latent.
            ModelError: when words are asked for and there is no vocabulary, or it is for vectors of another width;
                when a prompt and the new tokens do not fit the model, or its output is not finite.
        """
        with self.tokenizing:
            begin = self._begin(settings)
            asked, longest = self._prompts(latents, settings)
            said, room = last_tokens(self.tokenizer, contexts, len(latents), settings.context_tokens)
        asked, longest = [[*ids, *behind] for behind, ids in zip(said, asked, strict=True)], longest + room
        length = longest + settings.max_new_tokens
        stepper = stepper_of(self.model, self.weights, batch=settings.batch, prompt=longest, length=length)

        if begin:
            stepper.begin(stepper.embed(torch.tensor(begin, device=self.device)))

        def ask(rows: Sequence[int]) -> tuple[Tensor, Tensor]:
            ids, lengths = padded([asked[i][len(begin) :] for i in rows], longest - len(begin))
            return stepper.embed(ids.to(self.device)), lengths.to(self.device)

        uniforms = uniforms_of(seeds, latents.ids, settings)
        rows = write(stepper, ask, uniforms, settings, TokenConstraints(self.eos, self.never), advance)
        return candidates_of(latents, settings.candidates, [self._text(row) for row in rows])

    def tokens(self, label: str, words: Sequence[str], *, worded: bool | None = None) -> list[int]:
        """Return the token ids of what is asked for a label, already in words, and some words.

        Args:
            label: in words.
            words: to be used.
            worded: whether the example uses words; as the prompt does, where nothing is said.
        """
        shown = EXAMPLE_WORDS if (len(words) > 0 if worded is None else worded) else ()
        example = fill(self.prompt, EXAMPLE_LABEL if label else "", shown)
        said = [("user", example), ("assistant", EXAMPLE), ("user", fill(self.prompt, label, words))]
        begin: list[int] = []
        if self.tokenizer.chat_template is not None:
            turns = [{"role": role, "content": content} for role, content in said]
            asked = self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        elif self.turns:
            asked = "".join(f"{TURN[0]}{role}\n{content}{TURN[1]}\n" for role, content in said)
            asked += f"{TURN[0]}assistant\n"
        else:
            asked = "".join(f"{content}\n\n" for _, content in said)
            begin = [] if self.tokenizer.bos_token_id is None else [int(self.tokenizer.bos_token_id)]
        return begin + list(self.tokenizer(asked, add_special_tokens=False).input_ids)

    def _begin(self, settings: Settings) -> list[int]:
        """Return the tokens all prompts begin with, the example; they depend on the settings alone."""
        worded = settings.words > 0
        own = [
            self.tokens(label, words, worded=worded)
            for label in settings.prompts.values()
            for words in ([(), ("a",)] if worded else [()])
        ]
        return own[0][: shared_of(own, self.special)]

    def read(self, vectors: Float32, k: int) -> tuple[tuple[str, ...], ...]:
        """Return k words of each vector (n, d): all that a prompt tells of it, but for words too long for their room.

        Raises:
            ModelError: when there is no vocabulary, or it is for vectors of another width.
        """
        if self.reader is None:
            raise ModelError("decode.words: there is no vocabulary", hint="Set decode.words to 0.")
        if len(self.reader.centre) != vectors.shape[1]:
            raise ModelError(
                f"the vocabulary is for vectors of {len(self.reader.centre)} numbers, not {vectors.shape[1]}",
                hint="The builtin vocabulary is for the builtin encoder; train a bridge with one for another.",
            )
        return self.reader.read(vectors, k)

    def _prompts(self, latents: Latents, settings: Settings) -> tuple[list[list[int]], int]:
        """Return each latent's prompt, and the length all are padded to, which depends on the settings alone."""
        if settings.words == 0:
            own = {label: self.tokens(text, ()) for label, text in settings.prompts.items()}
            return [own[label] for label in latents.labels], max(map(len, own.values()))
        said = self.read(latents.vectors, settings.words)
        room = {
            label: len(self.tokens(text, ("a",))) + WORD_TOKENS * settings.words
            for label, text in settings.prompts.items()
        }
        asked = [
            self._within(settings.prompts[label], words, room[label])
            for label, words in zip(latents.labels, said, strict=True)
        ]
        return asked, max(room.values())

    def _within(self, label: str, words: tuple[str, ...], most: int) -> list[int]:
        while len(asked := self.tokens(label, words, worded=True)) > most:
            words = words[:-1]
        return asked

    def _text(self, row: list[int]) -> Ended:
        return text_of(self.tokenizer, row, self.eos, mark=None if self.chat else "\n\n")


def fill(prompt: str, label: str, words: Sequence[str]) -> str:
    """Return a prompt with its fields filled in; parts in brackets whose field is empty are left out.

    >>> fill("Write[ of {label}].[ Use: {words}.]", "cats", ())
    'Write of cats.'
    """
    fields = {"{label}": label, "{words}": ", ".join(words)}

    def part(match: re.Match[str]) -> str:
        return "" if any(name in match[1] and not value for name, value in fields.items()) else match[1]

    # one pass, so that a label that holds a field's name is left as it is
    return re.sub(r"\{label\}|\{words\}", lambda m: fields[m[0]], _PART.sub(part, prompt))
