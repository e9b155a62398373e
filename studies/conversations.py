"""Prompts that only the study of writers uses: rewriting a public passage, and correcting a first text."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from synthgen.core.progress import Advance
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Candidate, Float32, Latents
from synthgen.decode.base import Settings
from synthgen.decode.loop.batching import shared_prefix
from synthgen.decode.prompt_words import WordReader
from synthgen.decode.prompting.local import PromptDecoder
from synthgen.decode.prompting.prompter import Prompter, Turns
from synthgen.evaluate.classifiers import LabelledTexts
from synthgen.filter.copies import normalised_words

REWRITE = (
    "[Topic: {label}. ][{description} ]Write a short paragraph with the content of the text below, in your own words."
    "[ Write about {length} words.][ Write in {language}.][ The person is {person}.] Write the paragraph only.\n\n"
    "Text: {terms}"
)
PASSAGE_WORDS = 70  # a passage is cut to this number of words in a prompt
RUN_WORDS = 10  # a text that shares this number of consecutive words with its passage counts as a copy
Asking = Callable[[Latents, Settings, SeedTree], list[Turns]]  # returns the conversation for each latent


class Conversation(PromptDecoder):
    """Decodes a text for each latent, as the next turn of the conversation that `asking` returns for the latent."""

    def __init__(self, folder: Path, prompter: Prompter, asking: Asking) -> None:
        super().__init__(folder, prompter, decoder=folder.name)
        self.asking = asking
        self.ids: list[list[int]] = []  # the tokens of the prompts of the current call of `decode`

    def decode(
        self, latents: Latents, settings: Settings, seeds: SeedTree, advance: Advance, contexts: Sequence[str] = ()
    ) -> tuple[Candidate, ...]:
        """Return the candidates of every latent; see `Decoder`."""
        self.ids = [self.tokens(turns) for turns in self.asking(latents, settings, seeds)]
        return super().decode(latents, settings, seeds, advance, contexts)

    def _prefix(self, settings: Settings) -> list[int]:  # noqa: ARG002 - the prompts are known already
        return self.ids[0][: shared_prefix(self.ids, self.special)]

    def _prompts(self, latents: Latents, settings: Settings, seeds: SeedTree) -> tuple[list[list[int]], int]:  # noqa: ARG002
        return self.ids, max(map(len, self.ids))


class OneByOne(WordReader):
    """A vocabulary that chooses prompt words one by one, as for a bridge, and not all words of a vector together."""

    def plan(self, vectors: Float32, k: int) -> tuple[tuple[str, ...], ...]:
        """Return k words for each vector, float32 (n, d); see `WordReader.read`."""
        return self.read(vectors, k)


def of_passages(prompter: Prompter, passages: Mapping[str, str]) -> Asking:
    """Return a function that asks the model to rewrite the public passage `passages[id]` for each latent."""

    def asking(latents: Latents, settings: Settings, seeds: SeedTree) -> list[Turns]:
        rewriting = replace(prompter, template=REWRITE)
        found = []
        for name, label in zip(latents.ids, latents.labels, strict=True):
            text, facts = settings.prompts[label], prompter.facts_for(name, label, seeds)
            examples = prompter.turns(label, text, ("a",), facts)[:-1]
            passage = " ".join(passages[name].split()[:PASSAGE_WORDS])
            found.append([*examples, rewriting.turns(label, text, (passage,), facts)[-1]])
        return found

    return asking


def of_corrections(prompter: Prompter, written: Mapping[str, str]) -> Asking:
    """Return a function that asks the model to rewrite the text `written[id]` of each latent.

    The new text should also contain the prompt words of the latent that `written[id]` lacks.
    """

    def asking(latents: Latents, settings: Settings, seeds: SeedTree) -> list[Turns]:
        found = prompter.conversations(latents, settings, seeds)
        for turns, name, words in zip(
            found, latents.ids, prompter.read(latents.vectors, settings.words), strict=True
        ):
            absent = missing(words, written[name])
            also = f" Also mention: {', '.join(absent)}." if absent else ""
            turns += [("assistant", written[name]), ("user", f"Rewrite it.{also} Write the paragraph only.")]
        return found

    return asking


def missing(words: Sequence[str], text: str) -> list[str]:
    """Return the words that occur in a text neither alone nor in a longer word; a final "s" of a word is ignored."""
    return [word for word in words if word.removesuffix("s") not in text.lower()]


def nearest_passages(latents: Latents, public: LabelledTexts, n: int) -> dict[str, tuple[str, ...]]:
    """Return for each latent the n public passages that are nearest to its vector, nearest first."""
    nearest = (-latents.vectors @ public.vectors.T).argsort(axis=1, kind="stable")[:, :n]
    return {name: tuple(public.texts[i] for i in rows) for name, rows in zip(latents.ids, nearest, strict=True)}


def n_copies(texts: Sequence[str], passages: Sequence[str]) -> int:
    """Return the number of texts that share `RUN_WORDS` consecutive words with their passage."""
    pairs = zip(texts, passages, strict=True)
    return sum(not _runs(text).isdisjoint(_runs(passage)) for text, passage in pairs)


def _runs(text: str) -> set[tuple[str, ...]]:
    words = normalised_words(text)
    return {tuple(words[i : i + RUN_WORDS]) for i in range(len(words) - RUN_WORDS + 1)}
