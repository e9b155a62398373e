"""Define the decoder that writes texts from prompts with any causal language model in a local folder."""

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from synthgen.core.seeds import SeedTree
from synthgen.core.types import Float32, Latents
from synthgen.decode.base import Settings
from synthgen.decode.loading import Placement
from synthgen.decode.loop.batching import Stepper, shared_prefix
from synthgen.decode.loop_decoder import LoopDecoder
from synthgen.decode.prompting.prompter import Prompter, Turns

WORD_TOKENS = 4  # tokens reserved for a prompt word and its comma; if words need more, the last words are omitted
TURN = "<|im_start|>", "<|im_end|>"  # tokens at the beginning and the end of a turn


class PromptDecoder(LoopDecoder):
    """Decodes latents (vectors with labels) with prompts, which contain the label and words that describe the vector.

    The prompt has the form of the tokenizer's chat template. Without a chat template, the form is
    `<|im_start|>user ... <|im_end|>` if the tokenizer has the tokens of `TURN`, and plain paragraphs otherwise. With
    plain paragraphs, a model may write a new prompt after the text, so an empty line ends the text.

    A context (a text to be continued) becomes the beginning of the model's answer. Without prompt words, texts do not
    depend on vectors.

    Args:
        folder: the language model and its tokenizer.
        prompter: makes the prompts.
        decoder: name of the language model in the configuration.
        device: see `load_model`.
        own_loop: whether `LlamaStepper` may compute the forward pass instead of the library transformers.

    Raises:
        ModelError: the model is damaged, or neither the model nor its tokenizer defines an end-of-text token.

    Privacy: a text can reveal what its prompt contains; see `Prompter`.
    Randomness: the texts of latent x are drawn from the stream seeds/x; for the prompts, see `Prompter`.
    """

    context_comes_first = False  # the context is the beginning of the answer, so it follows the prompt

    def __init__(
        self, folder: Path, prompter: Prompter, *, decoder: str, device: Placement = "cpu", own_loop: bool = True
    ) -> None:
        super().__init__(folder, decoder, device=device, own_loop=own_loop)
        self.prompter = prompter
        known, has_template = self.tokenizer.get_vocab(), self.tokenizer.chat_template is not None
        self.has_turns = not has_template and set(TURN) <= set(known)
        self.end_mark = None if has_template or self.has_turns else "\n\n"
        self.special = frozenset(map(int, self.tokenizer.all_special_ids))
        # the end of a turn also ends a text
        self._prepare(self.special, frozenset({int(known[TURN[1]])} if self.has_turns else ()))

    def tokens(self, turns: Turns) -> list[int]:
        """Return the token ids of a prompt."""
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

    def _tokens(self, label: str, settings: Settings, words: Sequence[str], facts: tuple[str, str]) -> list[int]:
        text, has_words = settings.prompts[label], settings.words > 0
        return self.tokens(self.prompter.turns(label, text, words, facts, example_has_words=has_words))

    def _prefix(self, settings: Settings) -> list[int]:
        # the compared prompts differ in every field that can vary
        facts = [("", "10"), ("a man", "20")] if self.prompter.facts.lengths else [("", "")]
        prompts = [
            self._tokens(label, settings, words, fact)
            for label in settings.prompts
            for words in ([(), ("a",)] if settings.words > 0 else [()])
            for fact in facts
        ]
        return prompts[0][: shared_prefix(prompts, self.special)]

    def _prompts(self, latents: Latents, settings: Settings, seeds: SeedTree) -> tuple[list[list[int]], int]:
        drawn = [self.prompter.facts_for(*pair, seeds) for pair in zip(latents.ids, latents.labels, strict=True)]
        words_room = WORD_TOKENS * settings.words
        words: Sequence[tuple[str, ...]] = ((),) * len(latents)
        fewest_words: tuple[str, ...] = ()
        if settings.words > 0:
            words, fewest_words = self.prompter.read(latents.vectors, settings.words), ("a",)
        longest = self.prompter.facts.longest()
        # for each label, the largest number of tokens of a prompt; the last words of a longer prompt are omitted
        room = {
            label: len(self._tokens(label, settings, fewest_words, longest)) + words_room
            for label in settings.prompts
        }
        prompts = []
        for label, chosen, facts in zip(latents.labels, words, drawn, strict=True):
            kept = chosen
            while len(ids := self._tokens(label, settings, kept, facts)) > room[label] and kept:
                kept = kept[:-1]
            prompts.append(ids)
        return prompts, max(room.values())

    def _embed(self, stepper: Stepper, ids: Tensor, lengths: Tensor, vectors: Float32) -> Tensor:  # noqa: ARG002
        return stepper.embed(ids.to(self.device))
