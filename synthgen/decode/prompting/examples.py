"""Load the example texts that prompts show: invented texts of a built-in set, or public texts of the user."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from audits.core.strictjson import parse
from synthgen.core.errors import ConfigError, DataError
from synthgen.core.files import read_bytes
from synthgen.decode.learnt import sentence_digests
from synthgen.decode.prompt_words import WordReader

EXEMPLARS = Path(__file__).parent / "exemplars.jsonl"  # texts of the built-in sets; `style` is the name of the set
MAX_BYTES = 1 << 22  # largest size of a file of examples
SHOWN = 2  # largest number of examples in a prompt
N_TERMS = 6  # largest number of words that a prompt lists to describe an example


@dataclass(frozen=True, slots=True)
class Example:
    """A text that a prompt shows as an example."""

    text: str
    label: str | None = None  # class for which the text is an example; None for every class


def load_examples(name: str | None, resolve: Callable[[str], Path]) -> tuple[Example, ...]:
    """Return the examples of a built-in set, or of a JSON Lines file with `text` and optionally `label`.

    Raises:
        ConfigError: the file contains no example, or a line is not an object with these keys.
        StorageError: the file cannot be read.
    """
    if name is None:
        return ()
    if name in (built_in := exemplars()):
        return built_in[name]
    path, problems, examples = resolve(name), [], []
    for number, line in enumerate(read_bytes(path, MAX_BYTES).splitlines(), start=1):
        if line.strip():
            try:
                examples.append(_example(parse(line)))
            except (ValueError, TypeError, KeyError, AttributeError):
                problems.append(
                    f"line {number}: must be a JSON object with `text` and optionally `label`, both strings"
                )
    if problems or not examples:
        problems = problems or ["the file contains no example"]
        hint = f"Give a JSON Lines file, or the name of a built-in set: {', '.join(sorted(built_in))}."
        raise ConfigError(f"decode.examples: {path} is not a valid file of examples", problems=problems, hint=hint)
    return tuple(examples)


@cache
def exemplars() -> Mapping[str, tuple[Example, ...]]:
    """Return the examples of each built-in set."""
    of_style: dict[str, tuple[Example, ...]] = {}
    for line in EXEMPLARS.read_text(encoding="utf-8").splitlines():
        read = json.loads(line)
        of_style[read["style"]] = (*of_style.get(read["style"], ()), Example(read["text"]))
    return of_style


def shown_for(examples: Sequence[Example], label: str) -> tuple[Example, ...]:
    """Return at most `SHOWN` examples for a class: first those with this label, then those without a label."""
    return tuple([e for of_label in (label, None) for e in examples if e.label == of_label][:SHOWN])


def terms_of(text: str, reader: WordReader | None) -> tuple[str, ...]:
    """Return up to `N_TERMS` vocabulary words of a text, in text order: those that are rarest in public text."""
    if reader is None:
        return ()
    frequency = _frequency(reader)
    words = [word.strip(".,;:()!?\"'") for word in text.casefold().split()]
    known = [word for word in dict.fromkeys(words) if word in frequency]
    rarest = sorted(known, key=lambda word: frequency[word])[:N_TERMS]
    return tuple(word for word in known if word in rarest)


@cache
def _frequency(reader: WordReader) -> Mapping[str, float]:
    return dict(zip(reader.words, reader.frequency.tolist(), strict=True))


def check_examples(examples: Sequence[Example], texts: Sequence[str]) -> None:
    """Raise DataError if an example and a source text are equal or share a sentence of ten or more words.

    Such an example is probably a private record, and the language model may repeat it.

    Privacy: the error lists such examples, and so reveals that their sentences are in the source.
    """

    def text_and_sentences(text: str) -> set[int | str]:
        return {*sentence_digests(text), " ".join(text.casefold().split())}

    of_source: set[int | str] = set().union(*map(text_and_sentences, texts))
    if shared := [i for i, e in enumerate(examples, start=1) if not of_source.isdisjoint(text_and_sentences(e.text))]:
        raise DataError(
            "decode.examples: examples repeat sentences of the source records",
            problems=[f"example {i}" for i in shared],
            hint="Use public or invented texts; the language model may repeat an example.",
        )


def _example(line: Any) -> Example:
    text, label = line["text"], line.get("label")
    has_types = isinstance(text, str) and isinstance(label, str | None)
    if not has_types or not text.strip() or not set(line) <= {"text", "label"}:
        raise ValueError
    return Example(text.strip(), label)
