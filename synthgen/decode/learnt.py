"""What a style was trained on, as digests of its sentences: a run whose records are among them is refused."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthgen.core.digest import sha256_bytes
from synthgen.core.errors import ModelError
from synthgen.core.sentences import SENTENCE_END

LEARNT = "learnt.u64"
LEAST_WORDS = 10  # of a sentence that two people hardly write alike
MOST_SHARE = 0.01  # of records that may have such a sentence by chance

Digests = NDArray[np.uint64]


def sentence_digests(text: str) -> set[int]:
    """Return the first 64 bits of the sha256 of each line's sentences of ten words and more, in lower case.

    Privacy: digests without a key: whoever guesses a sentence sees whether it is there.
    """
    found = set()
    for line in text.lower().splitlines():
        for sentence in SENTENCE_END.split(line):
            words = re.findall(r"\w+", sentence)
            if len(words) >= LEAST_WORDS:
                found.add(int(sha256_bytes(" ".join(words).encode())[:16], 16))
    return found


def write_learnt(texts: Iterable[str], folder: Path) -> None:
    """Write the digests of the sentences of some texts, rising, as little-endian 64-bit numbers."""
    digests = sorted(set().union(*map(sentence_digests, texts)))
    (folder / LEARNT).write_bytes(np.array(digests, dtype="<u8").tobytes())


def read_learnt(folder: Path) -> Digests:
    """Return what `write_learnt` wrote.

    Raises:
        ModelError: the file is cut off or its numbers do not rise.
    """
    raw = (folder / LEARNT).read_bytes()
    digests = np.frombuffer(raw[: len(raw) // 8 * 8], dtype="<u8").astype(np.uint64)
    if len(raw) % 8 or (digests[1:] <= digests[:-1]).any():
        raise ModelError(f"{folder}: a damaged style ({LEARNT})", hint="Train it again.")
    return digests


def share_learnt(texts: Sequence[str], *learnt: Digests) -> float:
    """Return the share of texts that have a sentence of ten words or more that any of some styles learnt from."""
    known = {digest for digests in learnt for digest in digests.tolist()}
    return sum(not known.isdisjoint(sentence_digests(text)) for text in texts) / max(1, len(texts))
