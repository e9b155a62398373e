"""Store digests of the sentences on which a style adapter was trained, and find these sentences in private records.

If too many records of a run contain such sentences, texts in this style could repeat private text, so the run stops.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthgen.core.digest import sha256_bytes
from synthgen.core.errors import ModelError
from synthgen.core.files import read_bytes
from synthgen.core.sentences import SENTENCE_END

LEARNT = "learnt.u64"  # name of the file with the digests
MIN_WORDS = 10  # smallest number of words of a stored sentence; shorter sentences can be equal by chance
MAX_SHARE = 0.01  # largest allowed share of records with a stored sentence; a few records contain one by chance

Digests = NDArray[np.uint64]


def sentence_digests(text: str) -> set[int]:
    """Return the first 64 bits of the SHA-256 of each sentence of ten or more words; a line break ends a sentence.

    Case, punctuation within the sentence and the number of spaces do not change a digest.

    Privacy: the digests are not keyed, so anyone who guesses a sentence can test whether its digest is stored.
    """
    digests = set()
    for line in text.lower().splitlines():
        for sentence in SENTENCE_END.split(line):
            words = re.findall(r"\w+", sentence)
            if len(words) >= MIN_WORDS:
                digests.add(int(sha256_bytes(" ".join(words).encode())[:16], 16))
    return digests


def write_learnt(texts: Iterable[str], folder: Path) -> None:
    """Write the digests of all sentences in `texts`, in ascending order, as little-endian 64-bit numbers."""
    digests = sorted(set().union(*map(sentence_digests, texts)))
    (folder / LEARNT).write_bytes(np.array(digests, dtype="<u8").tobytes())


def read_learnt(folder: Path) -> Digests:
    """Return the digests that `write_learnt` wrote; raise ModelError if the file is damaged."""
    raw = read_bytes(folder / LEARNT)
    digests = np.frombuffer(raw[: len(raw) // 8 * 8], dtype="<u8").astype(np.uint64)
    if len(raw) % 8 or (digests[1:] <= digests[:-1]).any():
        raise ModelError(f"{folder}: the file {LEARNT} of this style is damaged", hint="Train the style again.")
    return digests


def share_learnt(texts: Sequence[str], *learnt: Digests) -> float:
    """Return the share of texts with a sentence whose digest is in one of `learnt`."""
    trained_on = {digest for digests in learnt for digest in digests.tolist()}
    return sum(not trained_on.isdisjoint(sentence_digests(text)) for text in texts) / max(1, len(texts))
