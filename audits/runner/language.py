"""Check whether the synthetic texts are unencoded and in the language of train, so that the audits can read them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import binom

from audits.core.errors import NotMeasurable
from audits.core.holdout import HoldoutTables
from audits.core.inputs import take
from audits.core.quarantine import most_quarantined
from audits.core.stats import FAIL_LEVEL
from audits.core.types import AuditInputs, Bool, Int, Table
from audits.embeddings.encoders import encode_words
from audits.embeddings.similarity import highest
from audits.text.legibility import legibility
from audits.text.normalise import tokens

MAX_ROWS = 500  # largest number of random rows of each table on which the similarity is computed
FOREIGN_WORDS = 0.5  # a row is foreign if more than this share of its words is unknown
MAX_FOREIGN = 0.05  # largest allowed difference: share of foreign synthetic rows - share of foreign control rows
# a wordy row has at least 100 different words, and more than 4 times as many as any row of train and control
WORDY, MIN_WORDY = 4, 100
MIN_SIMILARITY = 0.5  # smallest `LanguageCheck.similarity` at which audits that compare similarities may pass

_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageCheck:
    """The result of the language check."""

    foreign_rows: float  # share of foreign synthetic rows minus the share of foreign control rows; at least 0
    illegible_rows: int  # number of illegible synthetic rows; 0 if not significantly more frequent than in control
    # median cosine of a synthetic row to the nearest control row, divided by the same median of train rows
    similarity: float
    n: int  # number of synthetic rows
    wordy_rows: int = 0  # number of synthetic rows with many more different words than any real row
    # indices of the illegible and wordy synthetic rows; empty if they are over 1 % of the synthetic rows
    quarantined: tuple[int, ...] = ()

    @property
    def problems(self) -> tuple[str, ...]:
        """Return the reasons why no audit of texts may pass on this table; empty if the audits may pass."""
        problems = []
        if self.foreign_rows > MAX_FOREIGN:
            problems.append(
                "the share of rows that are not in the language of train is higher in the synthetic table than in "
                f"control, by {self.foreign_rows:.0%} (at most 5 % allowed), and the audits cannot search these "
                "rows: release plain, unencoded text"
            )
        if self.illegible_rows > len(self.quarantined):
            problems.append(
                f"{self.illegible_rows} synthetic rows are illegible: their letter sequences do not occur in real "
                f"records, so they may encode private text. At most {most_quarantined(self.n)} may be quarantined "
                "and listed by row number, so the report does not list these rows. Find out which step of the "
                "generator writes such text, and release plain, unencoded text in all rows"
            )
        if self.wordy_rows > len(self.quarantined):
            problems.append(
                f"{self.wordy_rows} synthetic rows have more than {WORDY} times as many different words as any real "
                "row, so every record is similar to them and copies in other rows are not detected: remove these rows"
            )
        return tuple(problems)

    @property
    def similarity_problems(self) -> tuple[str, ...]:
        """Return why no audit that compares similarities may pass on this table; empty if these audits may pass."""
        problem = (
            f"the similarity of synthetic rows to control is {self.similarity:.2f} times the similarity of "
            f"train rows to control (at least {MIN_SIMILARITY:g} required), so "
            "audits of similarity cannot distinguish train from control"
        )
        return () if self.similarity >= MIN_SIMILARITY else (problem,)

    def to_json(self) -> dict[str, Any]:
        """Return the numbers for the report."""
        shares = {"foreign_rows": self.foreign_rows, "similarity_over_real": self.similarity}
        return shares | {"illegible_rows": self.illegible_rows, "rows": self.n}


def check_language(inputs: AuditInputs, rng: np.random.Generator) -> LanguageCheck:
    """Measure whether the synthetic table is in the language of the real tables, and find rows of three kinds.

    The real tables are train, which the generator read, and control, which it never read. The kinds of rows are:

    - Illegible rows: their character sequences do not occur in real text (`audits.text.legibility`), for example
      because the text is reversed or encoded. Synthetic rows count as illegible only if such rows are significantly
      more frequent than in control (one-sided binomial test, 5 %). If legibility cannot be measured, all synthetic
      rows count as illegible.
    - Foreign rows: more than half of the words are unknown, the row is illegible, or at least a third of its windows
      of 50 to 99 characters are illegible. Known words are the words of train and, for a synthetic row, also of
      control.
    - Wordy rows: at least 100 different words, and more than four times as many as any real row. A row with all words
      of the corpus is similar to all records, so it hides copies in other rows.

    If at most 1 % (rounded up) of the synthetic rows are illegible or wordy, these rows are quarantined: the audits
    exclude them, and a release must not contain them. If there are more, no audit of texts may pass.

    The shares of illegible and foreign control rows are computed on every second control row. The model of legible
    text is fitted on train and the remaining control rows.

    `LanguageCheck.similarity` is computed from cosines of TF-IDF word vectors, on a random sample of at most 500 rows
    of each table. The document frequencies are those of the sampled control rows.
    """
    fitted, held_out = [*inputs.train.texts, *inputs.control.texts[::2]], inputs.control.texts[1::2]
    n, train_words = len(inputs.synthetic), _vocabulary(inputs.train.texts)
    try:
        judged = legibility((*inputs.synthetic.texts, *held_out), fitted, held_out, rng)
        partly, illegible = judged.partly, _beyond_chance(judged.illegible[:n], judged.illegible[n:])
    except NotMeasurable:
        partly, illegible = np.arange(n + len(held_out)) < n, np.arange(n)
    real_words = train_words | _vocabulary(inputs.control.texts)
    synthetic = float((_unknown(inputs.synthetic.texts, real_words) | partly[:n]).mean())
    control = float((_unknown(held_out, train_words) | partly[n:]).mean())
    wordy = _wordy(inputs)
    unfit = np.union1d(illegible, wordy)
    quarantined = tuple(unfit.tolist()) if len(unfit) <= most_quarantined(n) else ()
    return LanguageCheck(
        foreign_rows=max(0.0, synthetic - control),
        illegible_rows=len(illegible),
        similarity=_similarity(inputs, rng),
        n=n,
        wordy_rows=len(wordy),
        quarantined=quarantined,
    )


def _beyond_chance(synthetic: Bool, control: Bool) -> Int:
    """Return the indices of illegible synthetic rows.

    The result is empty if these rows are not significantly more frequent than in control.
    """
    illegible, share = np.flatnonzero(synthetic), float(control.mean())
    return illegible[:0] if len(illegible) <= binom.ppf(1 - FAIL_LEVEL, len(synthetic), share) else illegible


def _wordy(inputs: AuditInputs) -> Int:
    synthetic, *real = (
        np.array([len(set(_WORD.findall(text.casefold()))) for text in table.texts])
        for table in (inputs.synthetic, inputs.train, inputs.control)
    )
    most = max(int(counts.max(initial=0)) for counts in real)
    return np.flatnonzero((synthetic > WORDY * most) & (synthetic >= MIN_WORDY))


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


def _unknown(texts: Sequence[str], known: set[str]) -> Bool:
    """Return for each text whether more than half of its words are not in `known`."""
    rows = [tokens(text) for text in texts]
    return np.array([sum(w not in known for w in row) > FOREIGN_WORDS * len(row) for row in rows], dtype=np.bool_)
