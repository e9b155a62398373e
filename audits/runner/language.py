"""Whether the synthetic table speaks the language of its source: if not, no attack can read it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from audits.core.errors import NotMeasurable
from audits.core.holdout import HoldoutTables
from audits.core.inputs import take
from audits.core.stats import FAIL_LEVEL
from audits.core.types import AuditInputs, Table
from audits.embeddings.encoders import encode_words
from audits.embeddings.similarity import highest
from audits.text.legibility import Legibility, legibility
from audits.text.normalise import tokens

MAX_ROWS = 500  # of each table whose similarity is looked at, drawn at random
FOREIGN_WORDS = 0.5  # of a row's words
MAX_FOREIGN = 0.05  # of rows, beyond what control has of train
LEAST_SIMILARITY = 0.5

Float = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageCheck:
    """What the check found.

    Args:
        foreign_rows: share of synthetic rows that are foreign, less that of control rows; at least 0.
        illegible_rows: synthetic rows that cannot be read at all, beyond what chance brings of control's share.
        similarity: median cosine of synthetic rows with the nearest control row, over that of train rows.
        n: synthetic rows.
    """

    foreign_rows: float
    illegible_rows: int
    similarity: float
    n: int

    @property
    def problems(self) -> tuple[str, ...]:
        """Return why no audit of text may pass this table; empty where all is well."""
        found = []
        if self.foreign_rows > MAX_FOREIGN:
            found.append(
                f"{self.foreign_rows:.0%} of the synthetic rows, beyond what control has, do not speak the language "
                "of train (at most 5 %): an encoded text cannot be searched; release it as it is read"
            )
        if self.illegible_rows > 0:
            found.append(
                f"{self.illegible_rows} synthetic rows are written in letters or an order of letters that these "
                "people do not use, and may hide anything: look at them, and leave them out"
            )
        return tuple(found)

    @property
    def too_far(self) -> tuple[str, ...]:
        """Return why no audit by similarity may pass this table; empty where all is well."""
        if self.similarity >= LEAST_SIMILARITY:
            return ()
        problem = (
            f"the synthetic rows are {self.similarity:.2f} times as similar to control as real records are (at least "
            f"{LEAST_SIMILARITY:g}), so an audit by similarity cannot tell one person from another by them"
        )
        return (problem,)

    def to_json(self) -> dict[str, Any]:
        """Return the numbers for the report."""
        return {
            "foreign_rows": self.foreign_rows,
            "illegible_rows": self.illegible_rows,
            "similarity_over_real": self.similarity,
            "rows": self.n,
        }


def check_language(inputs: AuditInputs, rng: np.random.Generator) -> LanguageCheck:
    """Return how far the synthetic table speaks the language of its source.

    A row is foreign where more than half of its words stand neither in train nor in control (of control: not in
    train), or where a third of its windows cannot be read (`audits.text.legibility`), and illegible where the row
    as a whole cannot. Rotated alphabets, reversed, spelt or encoded text and other languages are foreign; a weak
    language model's sentences about something else are not. One illegible row stops a pass, unless so many are no
    more than control's share brings by chance (one table in twenty).

    The similarity is that of words (TF-IDF, frequencies of control). Text of another kind in the same language is no
    leak, but resembles nobody, and attacks by similarity say nothing about it.

    Privacy: reads all texts; returns shares.
    Random: at most 500 rows of each table.
    Cost: seconds.
    Source: ours.
    """
    odd = np.arange(len(inputs.control)) % 2 == 1
    known = [*inputs.train.texts, *(text for text, out in zip(inputs.control.texts, odd, strict=True) if not out)]
    held_out = [text for text, out in zip(inputs.control.texts, odd, strict=True) if out]
    try:
        read = legibility((*inputs.synthetic.texts, *held_out), known, held_out, rng)
    except NotMeasurable:
        read = None
    n, of_train = len(inputs.synthetic), _vocabulary(inputs.train.texts)
    unknown = [
        _unknown(inputs.synthetic.texts, of_train | _vocabulary(inputs.control.texts)),
        _unknown(held_out, of_train),
    ]
    parts = _parts(read, n, len(held_out))
    shares = [float((words | part).mean()) for words, part in zip(unknown, parts, strict=True)]
    return LanguageCheck(
        foreign_rows=max(0.0, shares[0] - shares[1]),
        illegible_rows=n if read is None else _beyond_chance(read.illegible[:n], read.illegible[n:]),
        similarity=_similarity(inputs, rng),
        n=n,
    )


def _parts(read: Legibility | None, n: int, n_held_out: int) -> tuple[Bools, Bools]:
    if read is None:
        return np.ones(n, dtype=np.bool_), np.zeros(n_held_out, dtype=np.bool_)
    return read.partly[:n], read.partly[n:]


def _beyond_chance(synthetic: Bools, control: Bools) -> int:
    """Return how many synthetic rows are illegible, or 0 where control's share brings as many by chance."""
    found, share = int(synthetic.sum()), float(control.mean())
    return 0 if found <= binom.ppf(1 - FAIL_LEVEL, len(synthetic), share) else found


def _similarity(inputs: AuditInputs, rng: np.random.Generator) -> float:
    train, control, synthetic = (_some(t, rng) for t in (inputs.train, inputs.control, inputs.synthetic))
    encoded = encode_words(
        HoldoutTables(synthetic=synthetic, train=train, control=control, reference=control, reference_is_control=True)
    )
    near = [float(np.median(highest(rows, encoded.control, 1)[:, 0])) for rows in (encoded.synthetic, encoded.train)]
    return near[0] / near[1] if near[1] > 0 else 0.0


def _some(table: Table, rng: np.random.Generator) -> Table:
    if len(table) <= MAX_ROWS:
        return table
    return take(table, np.sort(rng.choice(len(table), size=MAX_ROWS, replace=False)))


def _vocabulary(texts: Sequence[str]) -> set[str]:
    return {word for text in texts for word in tokens(text)}


def _unknown(texts: Sequence[str], known: set[str]) -> Bools:
    """Return for each text whether more than half of its words are unknown."""
    rows = [tokens(text) for text in texts]
    return np.array([sum(w not in known for w in row) > FOREIGN_WORDS * len(row) for row in rows], dtype=np.bool_)
