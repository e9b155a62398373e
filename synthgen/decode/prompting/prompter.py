"""Make the prompt of each text: a conversation that shows examples and then requests the text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from synthgen.core.digest import sha256_json
from synthgen.core.errors import ModelError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Float32, Latents
from synthgen.decode.base import Settings
from synthgen.decode.prompt_words import WordReader
from synthgen.decode.prompting.examples import Example, shown_for, terms_of
from synthgen.decode.prompting.facts import RecordFacts
from synthgen.decode.prompting.template import TEMPLATE, fill

# The default example. Without an example, small models list or define the prompt words (words that describe a
# vector), or comment on the task.
EXAMPLE_LABEL = "library"
_EXAMPLE_LIST = "library, books, building, children, moved, shelves, reading, afternoon, visitors, roof"
EXAMPLE_WORDS = tuple(_EXAMPLE_LIST.split(", "))
EXAMPLE = (
    "The library has moved to a new building with a better roof. Its shelves hold twice as many books as before, and "
    "children meet there for reading every afternoon. Most visitors say that they like it."
)
_CONTINUE = "The text begins as follows. Write only its next part.\n\n"
_TAGS_AND_NAMES = """
da Danish, de German, en English, es Spanish, fi Finnish, fr French, it Italian, ja Japanese, ko Korean, nb Norwegian,
nl Dutch, no Norwegian, pl Polish, pt Portuguese, sv Swedish, zh Chinese
"""
LANGUAGES = dict(entry.split() for entry in _TAGS_AND_NAMES.split(","))  # English name of each language, by tag
Turns = list[tuple[str, str]]  # role ("user" or "assistant") and content


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompter:
    """Makes the prompts for latents (vectors with labels) from a template.

    Privacy: a prompt reveals nothing of a vector except the prompt words (see `WordReader`). The rest of the prompt
        comes from the label, the settings and `RecordFacts`.
    Randomness: the facts (a person's description and a text length) of record x are drawn from the stream
        seeds/x/facts. All segments (parts) of x get the same description, but segment s has its own text length,
        which is drawn from the stream seeds/s/facts.
    """

    reader: WordReader | None = None  # public vocabulary; None for prompts without words
    template: str = TEMPLATE
    descriptions: Mapping[str, str] = field(default_factory=dict)  # descriptions of labels
    examples: tuple[Example, ...] = ()
    facts: RecordFacts = field(default_factory=RecordFacts)
    language: str = ""  # English name of the language of the texts; if empty, prompts name no language

    @property
    def digest(self) -> str:
        """SHA-256 of everything except the vocabulary."""
        examples = [[e.text, e.label] for e in self.examples]
        content = [self.template, dict(self.descriptions), examples, self.facts.digest, self.language]
        return sha256_json({"prompter": content})

    def read(self, vectors: Float32, k: int) -> tuple[tuple[str, ...], ...]:
        """Return k prompt words for each of n vectors (n, d); raise ModelError if no vocabulary fits them."""
        if self.reader is None:
            hint = "Set decode.bridge to the folder of a bridge with a vocabulary."
            raise ModelError("decode.words: prompt words are requested, but no vocabulary is loaded", hint=hint)
        if len(self.reader.centre) != vectors.shape[1]:
            hint = "Set decode.bridge to a bridge that was trained for this encoder."
            sizes = f"{len(self.reader.centre)} numbers, but the vectors of this run have {vectors.shape[1]}"
            raise ModelError(f"the vocabulary of the bridge is for vectors of {sizes}", hint=hint)
        return self.reader.plan(vectors, k)

    def turns(
        self,
        label: str,
        label_text: str,
        words: Sequence[str] = (),
        facts: tuple[str, str] = ("", ""),
        *,
        example_has_words: bool | None = None,
    ) -> Turns:
        """Return the turns of a prompt: the examples, then the request.

        Args:
            label: class of the record; for a segment, a second line contains the heading of the segment.
            label_text: the label as it is written in the prompt.
            words: the prompt words.
            facts: description of a person, and length in words; see `RecordFacts`.
            example_has_words: whether the examples show prompt words; by default, if `words` is not empty.
        """
        has_words = len(words) > 0 if example_has_words is None else example_has_words
        record_label = label.partition("\n")[0]
        fields = {
            "label": label_text,
            "description": self.descriptions.get(record_label, ""),
            "language": self.language,
        }
        turns: Turns = []
        for example in shown_for(self.examples, record_label):
            terms = terms_of(example.text, self.reader) if has_words else ()
            length = str(len(example.text.split())) if facts[1] else ""
            # an example without a label serves all classes, so it is shown without label and description
            shown = fields if example.label is not None else {"language": self.language}
            turns += self._exchange({**shown, "terms": ", ".join(terms), "length": length}, example.text)
        if not turns:
            values = {
                "label": EXAMPLE_LABEL if label_text else "",
                "terms": ", ".join(EXAMPLE_WORDS if has_words else ()),
            }
            values |= {"length": str(len(EXAMPLE.split())), "language": self.language} if facts[1] else {}
            turns += self._exchange(values, EXAMPLE)
        values = {**fields, "terms": ", ".join(words), "person": facts[0], "length": facts[1]}
        return [*turns, ("user", fill(self.template, values))]

    def facts_for(self, name: str, label: str, seeds: SeedTree) -> tuple[str, str]:
        """Draw the description of a person and the length in words for the latent with the id `name`.

        The segments of a record have the same person, but each has its own length.
        """
        # the id of a segment is the id of its record, "/" and a number
        record, label = name.rsplit("/", 1)[0], label.partition("\n")[0]
        of_record, of_segment = (
            self.facts.draw(label, seeds.child(id_, "facts").generator()) for id_ in (record, name)
        )
        return of_record[0], of_segment[1]

    def conversations(
        self, latents: Latents, settings: Settings, seeds: SeedTree, contexts: Sequence[str] = ()
    ) -> list[Turns]:
        """Return the turns for each latent; the last turn contains the context of the latent, if any.

        A context is a text that the generated texts of a latent continue; "" stands for no context.
        """
        n = len(latents)
        words = self.read(latents.vectors, settings.words) if settings.words > 0 else ((),) * n
        conversations = []
        for i, (name, label) in enumerate(zip(latents.ids, latents.labels, strict=True)):
            facts = self.facts_for(name, label, seeds)
            turns = self.turns(label, settings.prompts[label], words[i], facts)
            if contexts and contexts[i]:
                turns[-1] = ("user", f"{turns[-1][1]}\n\n{_CONTINUE}{contexts[i]}")
            conversations.append(turns)
        return conversations

    def _exchange(self, values: Mapping[str, str], answer: str) -> Turns:
        return [("user", fill(self.template, values)), ("assistant", answer)]
