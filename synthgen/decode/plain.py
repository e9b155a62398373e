"""The decoder that needs no training: it prompts any causal language model with the words nearest to a vector."""

import re
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from synthgen.core.errors import ModelError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Float32, Latents
from synthgen.decode.base import Settings
from synthgen.decode.loading import Placement
from synthgen.decode.loop.batching import Stepper, shared_prefix
from synthgen.decode.loop_decoder import LoopDecoder
from synthgen.decode.prompt_words import WordReader

WORD_TOKENS = 4  # tokens reserved for each word with its comma; if the words need more, the last ones are omitted
PROMPT = "[Topic: {label}. ]Write a short paragraph.[ Use these words: {words}.] Write the paragraph only."
# Without an example, small instruct models list or define the words, or comment on the task.
EXAMPLE_LABEL = "library"
_EXAMPLE_LIST = "library, books, building, children, moved, shelves, reading, afternoon, visitors, roof"
EXAMPLE_WORDS = tuple(_EXAMPLE_LIST.split(", "))
EXAMPLE = (
    "The library has moved to a new building with a better roof. Its shelves hold twice as many books as before, and "
    "children meet there for reading every afternoon. Most visitors say that they like it."
)
TURN = "<|im_start|>", "<|im_end|>"
_PART = re.compile(r"\[([^\[\]]*)\]")


class WordsDecoder(LoopDecoder):
    """Prompts a language model to write a text that is about a label and uses the words nearest to a vector.

    The form of the prompt is

    - the tokenizer's chat template, if it has one;
    - otherwise `<|im_start|>user ... <|im_end|>`, if the tokenizer knows these two marks, as SmolLM2's does;
    - otherwise plain paragraphs. A text then ends at its first empty line, because such a model continues with
      further prompts.

    All prompts begin with the same example of a prompt and its answer. If a text continues a preceding text of the
    same record (its context), the context is placed after the prompt, as the beginning of the answer. If
    `settings.words` is 0, the texts depend on the label only, not on the vectors.

    Args:
        folder: causal language model of transformers, as safetensors.
        reader: public vocabulary, never learned from private text; None if `settings.words` is 0.
        decoder: the language model's name in the configuration.
        prompt: has the fields `{label}` and `{words}`; a part in square brackets is omitted if its field is empty.
        device: see `load_model`.

    Raises:
        ModelError: if the model is damaged, or neither it nor its tokenizer defines an end of text.

    Privacy: the language model receives only k words of a vector, chosen from a vocabulary of v words. They carry
        at most k · log2 v bits of the vector; see `WordReader`. This limit is not a privacy guarantee. If
        `settings.words` is 0, the model receives nothing of the vector.
    Randomness and cost: see `XragDecoder`.
    """

    context_comes_first = False

    def __init__(
        self,
        folder: Path,
        reader: WordReader | None,
        *,
        decoder: str,
        prompt: str = PROMPT,
        device: Placement = "cpu",
    ) -> None:
        super().__init__(folder, decoder, device=device)
        self.reader, self.prompt = reader, prompt
        known, has_template = self.tokenizer.get_vocab(), self.tokenizer.chat_template is not None
        self.has_turns = not has_template and set(TURN) <= set(known)
        self.end_mark = None if has_template or self.has_turns else "\n\n"
        self.special = frozenset(map(int, self.tokenizer.all_special_ids))
        self._prepare(self.special, frozenset({int(known[TURN[1]])} if self.has_turns else ()))

    def tokens(self, label: str, words: Sequence[str], *, example_has_words: bool | None = None) -> list[int]:
        """Return the token ids of a prompt.

        By default, the example in the prompt has words if and only if `words` is not empty.
        """
        shown = EXAMPLE_WORDS if (len(words) > 0 if example_has_words is None else example_has_words) else ()
        example = fill(self.prompt, EXAMPLE_LABEL if label else "", shown)
        turns = [("user", example), ("assistant", EXAMPLE), ("user", fill(self.prompt, label, words))]
        begin: list[int] = []
        if self.tokenizer.chat_template is not None:
            messages = [{"role": role, "content": content} for role, content in turns]
            text = self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        elif self.has_turns:
            text = "".join(f"{TURN[0]}{role}\n{content}{TURN[1]}\n" for role, content in turns)
            text += f"{TURN[0]}assistant\n"
        else:
            text = "".join(f"{content}\n\n" for _, content in turns)
            begin = [] if self.tokenizer.bos_token_id is None else [int(self.tokenizer.bos_token_id)]
        return begin + list(self.tokenizer(text, add_special_tokens=False).input_ids)

    def read(self, vectors: Float32, k: int) -> tuple[tuple[str, ...], ...]:
        """Return k words for each of the vectors (n, d).

        A prompt contains no other words. If they do not fit, the last ones are omitted.

        Raises:
            ModelError: if there is no vocabulary, or it is for vectors of another width.
        """
        if self.reader is None:
            raise ModelError("decode.words: there is no vocabulary", hint="Set decode.words to 0.")
        if len(self.reader.centre) != vectors.shape[1]:
            raise ModelError(
                f"the vocabulary is for vectors of {len(self.reader.centre)} numbers, not {vectors.shape[1]}",
                hint="The builtin vocabulary is for the builtin encoder; for another, train one with a bridge.",
            )
        return self.reader.read(vectors, k)

    def _prefix(self, settings: Settings) -> list[int]:
        has_words = settings.words > 0
        prompts = [
            self.tokens(label, words, example_has_words=has_words)
            for label in settings.prompts.values()
            for words in ([(), ("a",)] if has_words else [()])
        ]
        return prompts[0][: shared_prefix(prompts, self.special)]

    def _prompts(self, latents: Latents, settings: Settings, seeds: SeedTree) -> tuple[list[list[int]], int]:  # noqa: ARG002
        if settings.words == 0:
            own = {label: self.tokens(text, ()) for label, text in settings.prompts.items()}
            return [own[label] for label in latents.labels], max(map(len, own.values()))
        words_room = WORD_TOKENS * settings.words
        room = {label: len(self.tokens(text, ("a",))) + words_room for label, text in settings.prompts.items()}
        pairs = zip(latents.labels, self.read(latents.vectors, settings.words), strict=True)
        prompts = [self._fitted(settings.prompts[label], words, room[label]) for label, words in pairs]
        return prompts, max(room.values())

    def _fitted(self, label: str, words: tuple[str, ...], limit: int) -> list[int]:
        while len(ids := self.tokens(label, words, example_has_words=True)) > limit:
            words = words[:-1]
        return ids

    def _embed(self, stepper: Stepper, ids: Tensor, lengths: Tensor, vectors: Float32) -> Tensor:  # noqa: ARG002
        return stepper.embed(ids.to(self.device))


def fill(prompt: str, label: str, words: Sequence[str]) -> str:
    """Return a prompt with its fields filled in; parts in brackets with an empty field are omitted.

    >>> fill("Write[ of {label}].[ Use: {words}.]", "cats", ())
    'Write of cats.'
    """
    fields = {"{label}": label, "{words}": ", ".join(words)}

    def part(match: re.Match[str]) -> str:
        return "" if any(name in match[1] and not value for name, value in fields.items()) else match[1]

    # one pass, so a field's name inside a label is not replaced
    return re.sub(r"\{label\}|\{words\}", lambda m: fields[m[0]], _PART.sub(part, prompt))
