"""Find words that occur in class names but hardly in real texts, and reject generated texts with these words.

The language model tends to write the class name that it reads in its prompt. A classifier trained on the generated
texts would then rely on words that hardly occur in real texts.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from synthgen.core.types import Candidate
from synthgen.filter.base import FilterContext, FittedFilter, scored

MIN_USE = 0.02  # a word counts as used if, in at least one class, at least this share of the texts contain it
_LABEL_WORD, _TEXT_WORD = re.compile(r"[^\W\d_]{3,}"), re.compile(r"\w+")


def unused_label_words(texts: Sequence[str], labels: Sequence[str]) -> tuple[str, ...]:
    """Return the words of the labels, in lower case and sorted, that real texts do not use.

    A word is not used if, in every class, less than the share `MIN_USE` of the texts contain the word. `labels[i]`
    is the label of `texts[i]`. Words of fewer than three letters are omitted. A text contains a label word if a word
    of the text begins with the label word ("sport" is in "sports"). If all texts are empty, no word is returned.
    """
    if not any(texts):
        return ()
    of_class: dict[str, list[str]] = {}
    for text, label in zip(texts, labels, strict=True):
        of_class.setdefault(label, []).append(text)
    words = tuple(sorted({word for label in of_class for word in _LABEL_WORD.findall(label.casefold())}))
    used: set[str] = set()
    for class_texts in of_class.values():
        counts = Counter(word for text in class_texts for word in _words_in(text, words))
        used |= {word for word, n in counts.items() if n >= MIN_USE * len(class_texts)}
    return tuple(word for word in words if word not in used)


def _words_in(text: str, words: tuple[str, ...]) -> set[str]:
    matching = [token for token in _TEXT_WORD.findall(text.casefold()) if token.startswith(words)]
    return {word for word in words for token in matching if token.startswith(word)}


@dataclass(frozen=True, slots=True)
class LabelWords:
    """Keep a candidate (a generated text) that contains no word of `unused_label_words`."""

    name: ClassVar[str] = "label_word"

    def fit(self, context: FilterContext) -> FittedFilter:
        """Return the filter; the score is the number of unused label words that a text contains."""
        words = unused_label_words(context.texts, list(context.labels))

        def counts(candidates: Sequence[Candidate]) -> Iterable[float]:
            return [float(len(_words_in(c.text, words))) for c in candidates]

        return scored(self.name, {"words": float(len(words))}, counts, high=0)
