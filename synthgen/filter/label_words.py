"""Find words of class names that real texts do not use, and reject texts that contain such a word.

The language model reads the name of the class in its prompt and tends to write it. If real texts do not name their
class, these words distinguish synthetic from real texts. A classifier that is trained on synthetic texts then relies
on these words.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from synthgen.core.types import Candidate
from synthgen.filter.base import FilterContext, FittedFilter, scored

MIN_USE = 0.02  # a word is used if at least this share of the texts of some class contain it
_WORD, _TOKEN = re.compile(r"[^\W\d_]{3,}"), re.compile(r"\w+")


def unused_label_words(texts: Sequence[str], labels: Sequence[str]) -> tuple[str, ...]:
    """Return the words of the labels, in lower case and sorted, that the texts of no class use.

    `labels[i]` is the class of `texts[i]`. Words of fewer than three letters are left out. A text contains a word if
    one of its words begins with it. Without any text, as under differential privacy, no word is returned, because its
    use is not known.

    Privacy: reads the share of texts that contain a word, by class.
    """
    if not any(texts):
        return ()
    of_class: dict[str, list[str]] = {}
    for text, label in zip(texts, labels, strict=True):
        of_class.setdefault(label, []).append(text)
    words = tuple(sorted({word for label in of_class for word in _WORD.findall(label.casefold())}))
    used: set[str] = set()
    for own in of_class.values():
        counts = Counter(word for text in own for word in _words_in(text, words))
        used |= {word for word, n in counts.items() if n >= MIN_USE * len(own)}
    return tuple(word for word in words if word not in used)


def _words_in(text: str, words: tuple[str, ...]) -> set[str]:
    """Return those of the words with which a word of the text begins."""
    begun = [token for token in _TOKEN.findall(text.casefold()) if token.startswith(words)]
    return {word for word in words for token in begun if token.startswith(word)}


@dataclass(frozen=True, slots=True)
class LabelWords:
    """Keep a candidate that contains no word of `unused_label_words`; always on."""

    name: ClassVar[str] = "label_word"

    def fit(self, context: FilterContext) -> FittedFilter:
        """Return the filter; the score is the number of unused label words that a text contains."""
        words = unused_label_words(context.texts, list(context.labels))

        def counts(candidates: Sequence[Candidate]) -> Iterable[float]:
            return [float(len(_words_in(c.text, words))) for c in candidates]

        return scored(self.name, {"words": float(len(words))}, counts, high=0)
