"""Whether the synthetic table speaks the language of its source: if not, no attack can read it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.core.holdout import HoldoutTables
from audits.core.inputs import take
from audits.core.types import AuditInputs, Table
from audits.membership.kneser_ney import symbol_probabilities
from audits.space.encoders import encode_words
from audits.space.similarity import highest
from audits.text.ngrams import characters
from audits.text.normalise import tokens

MAX_ROWS = 500  # of each table, drawn at random
WINDOW = 50  # characters
FOREIGN_WINDOWS = 0.4  # of a row's windows, for the row to be foreign
FOREIGN_WORDS = 0.5
MAX_FOREIGN = 0.05  # of rows, beyond what control has of train
LEAST_SIMILARITY = 0.5

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageCheck:
    """What the check found.

    Args:
        foreign_rows: share of synthetic rows that are foreign, less that of control rows; at least 0.
        similarity: median cosine of synthetic rows with the nearest control row, over that of train rows.
        n: synthetic rows looked at.
    """

    foreign_rows: float
    similarity: float
    n: int

    @property
    def problems(self) -> tuple[str, ...]:
        """Return why no audit of text may pass this table; empty where all is well."""
        if self.foreign_rows <= MAX_FOREIGN:
            return ()
        problem = (
            f"{self.foreign_rows:.0%} of the synthetic rows, beyond what control has, do not speak the language of "
            "train (at most 5 %): an encoded text cannot be searched; release it as it is read"
        )
        return (problem,)

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
        return {"foreign_rows": self.foreign_rows, "similarity_over_real": self.similarity, "rows": self.n}


def check_language(inputs: AuditInputs, rng: np.random.Generator) -> LanguageCheck:
    """Return how far the synthetic table speaks the language of its source.

    A row is foreign where more than half of its words stand neither in train nor in control (of control: not in
    train), or where in two fifths of its windows of 50 characters a Kneser-Ney model of five characters of train does
    worse than the frequencies of single characters would in train. Rotated alphabets, reversed, spelt or encoded text
    and other languages are foreign; a weak language model's sentences about something else are not.

    The similarity is that of words (TF-IDF, frequencies of control). Text of another kind in the same language is no
    leak, but resembles nobody, and attacks by similarity say nothing about it.

    Privacy: reads all texts; returns shares.
    Random: at most 500 rows of each table.
    Cost: seconds.
    Source: ours.
    """
    train, control, synthetic = (_some(t, rng) for t in (inputs.train, inputs.control, inputs.synthetic))
    of_train, of_control = (_vocabulary(table) for table in (inputs.train, inputs.control))
    shares = [
        _foreign(table, train, known)
        for table, known in ((synthetic, of_train | of_control), (control, of_train))
    ]  # fmt: skip
    encoded = encode_words(
        HoldoutTables(synthetic=synthetic, train=train, control=control, reference=control, reference_is_control=True)
    )
    near = [float(np.median(highest(rows, encoded.control, 1)[:, 0])) for rows in (encoded.synthetic, encoded.train)]
    return LanguageCheck(
        foreign_rows=max(0.0, shares[0] - shares[1]),
        similarity=near[0] / near[1] if near[1] > 0 else 0.0,
        n=len(synthetic),
    )


def _some(table: Table, rng: np.random.Generator) -> Table:
    if len(table) <= MAX_ROWS:
        return table
    return take(table, np.sort(rng.choice(len(table), size=MAX_ROWS, replace=False)))


def _vocabulary(table: Table) -> set[str]:
    return {word for text in table.texts for word in tokens(text)}


def _foreign(table: Table, train: Table, known: set[str]) -> float:
    """Return the share of rows that are foreign to train."""
    model, asked = characters(train.texts), characters(table.texts)
    counts = np.unique(model.symbols, return_counts=True)[1]
    share = counts / counts.sum()
    ignorance = float(-(share * np.log2(share)).sum())
    n_symbols = len(np.unique(np.concatenate([model.symbols, asked.symbols])))
    bits = -np.log2(symbol_probabilities(model, asked, n_symbols))
    foreign = 0
    for i, text in enumerate(table.texts):
        mine = bits[asked.starts[i] : asked.starts[i + 1]]
        windows = np.array([w.mean() for w in np.array_split(mine, max(1, len(mine) // WINDOW))])
        words = tokens(text)
        unknown = sum(word not in known for word in words)
        foreign += bool((windows > ignorance).mean() >= FOREIGN_WINDOWS) or unknown > FOREIGN_WORDS * len(words)
    return foreign / len(table)
