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
PASSAGE_WORDS = 70  # a prompt contains at most this number of first words of a passage
RUN_WORDS = 10  # a text with this number of consecutive words of its passage counts as a copy
Asking = Callable[[Latents, Settings, SeedTree], list[Turns]]


class Conversation(PromptDecoder):
    """Decodes texts as the next turns of the conversations that `asking` returns, one for each latent."""

    def __init__(self, folder: Path, prompter: Prompter, asking: Asking) -> None:
        super().__init__(folder, prompter, decoder=folder.name)
        self.asking = asking
        self.ids: list[list[int]] = []  # the prompts of the current call

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
    """A vocabulary whose prompt words are chosen independently of each other, as for a bridge."""

    def plan(self, vectors: Float32, k: int) -> tuple[tuple[str, ...], ...]:
        """Return k words for each vector, float32 (n, d); see `WordReader.read`."""
        return self.read(vectors, k)


def of_passages(prompter: Prompter, passages: Mapping[str, str]) -> Asking:
    """Return a function that builds prompts to rewrite the public passage of each latent, `passages[id]`."""

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
    """Return a function that builds prompts to rewrite each latent's text, `written[id]`, with its missing words."""

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
    """Return the words that a text does not contain in singular or plural, not even as part of a longer word."""
    return [word for word in words if word.removesuffix("s") not in text.lower()]


def nearest_passages(latents: Latents, public: LabelledTexts) -> dict[str, str]:
    """Return for each latent the public passage that is nearest to its vector."""
    nearest = (latents.vectors @ public.vectors.T).argmax(axis=1)
    return {name: public.texts[i] for name, i in zip(latents.ids, nearest, strict=True)}


def n_copies(texts: Sequence[str], passages: Sequence[str]) -> int:
    """Return the number of texts that share `RUN_WORDS` consecutive words with their passage."""
    pairs = zip(texts, passages, strict=True)
    return sum(not _runs(text).isdisjoint(_runs(passage)) for text, passage in pairs)


def _runs(text: str) -> set[tuple[str, ...]]:
    words = normalised_words(text)
    return {tuple(words[i : i + RUN_WORDS]) for i in range(len(words) - RUN_WORDS + 1)}
