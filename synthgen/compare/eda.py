"""Easy data augmentation: new texts from a real text by swapping and deleting words."""

import numpy as np

from synthgen.core.errors import DataError

ALPHA = 0.1  # the share of changed words that the EDA paper recommends for sets of a thousand texts or more


def eda(text: str, rng: np.random.Generator) -> str:
    """Return a text in which some words are either swapped or deleted, each with probability one half.

        swap:     n = max(1, ⌊α·l⌋) times, the words at two random positions (possibly the same) change places
        deletion: each of the l words is deleted with probability α

    If all words would be deleted, one is kept. Synonym replacement and insertion, the paper's other two operations,
    need a thesaurus and are not implemented.

    Args:
        text: at least one word; white space becomes single spaces.
        rng: the generator.

    Raises:
        DataError: the text has no words.

    Reference: Wei & Zou, EDA: Easy Data Augmentation Techniques, EMNLP 2019, section 2.
    """
    words = text.split()
    if not words:
        raise DataError("a text without words cannot be augmented")
    if rng.random() < 0.5:
        for _ in range(max(1, int(ALPHA * len(words)))):
            i, j = rng.integers(len(words), size=2)
            words[i], words[j] = words[j], words[i]
        return " ".join(words)
    kept = [word for word, u in zip(words, rng.random(len(words)), strict=True) if u >= ALPHA]
    return " ".join(kept or [words[int(rng.integers(len(words)))]])
