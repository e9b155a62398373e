"""The instrument check of the audits by similarity: a leak put in on purpose must be found, or nothing is shown.

A table that an audit cannot read leaks nothing that it could see. So before such an audit says pass, a tenth of some
train persons are copied into a copy of the table, one word in five left out, and it must fail that.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from audits.core.errors import NotMeasurable
from audits.core.inputs import take
from audits.core.streams import stream
from audits.core.types import AuditInputs, AuditResult, Table, persons

MAX_PERSONS = 300  # of each arm, and rows of the table: enough to prove thirty copies, and seconds of work
SHARE = 0.1
DROPPED_WORDS = 0.2
ROOT = 0  # of the stream: the same persons are planted whenever the same tables are audited

Measure = Callable[[AuditInputs, np.random.Generator], AuditResult]
Int = NDArray[np.int64]


def confirmed(result: AuditResult, inputs: AuditInputs, measure: Measure) -> AuditResult:
    """Return a pass only if the audit fails the same table with a leak of stated size planted in it.

    Args:
        result: what the audit found.
        inputs: the tables it was given.
        measure: the audit without this check.

    Privacy: the planted copies stay in memory.
    Random: which persons, rows and words; a stream of its own, the same at every run.
    Cost: the audit once more, on at most 300 persons in an arm and 300 rows; only where it would pass.
    """
    if result.verdict != "pass":
        return result
    planted, n = plant(inputs, stream(ROOT, "planted"))
    try:
        found = measure(planted, stream(ROOT, f"planted {result.name}")).verdict == "fail"
    except NotMeasurable:
        found = False
    of_persons = len(set(planted.train.groups))
    said = {"persons": n, "of_persons": of_persons, "words_left_out": DROPPED_WORDS, "found": found}
    checked = replace(result, details={**result.details, "planted": said})
    if found:
        return checked
    return replace(
        checked,
        verdict="insufficient",
        reason=(
            f"No leak was found, but neither was one that was planted: {n} of {of_persons} train persons "
            "copied into the table, one word in five left out. Longer or less uniform records would be needed."
        ),
    )


def plant(inputs: AuditInputs, rng: np.random.Generator) -> tuple[AuditInputs, int]:
    """Return smaller tables with records of some train persons copied into the synthetic one, and of how many.

    Of each person the longest record is copied. The copies take the place of as many rows, with label and vectors;
    the ledger of parents is left out.
    """
    train, control = (_some_persons(table, rng) for table in (inputs.train, inputs.control))
    m = min(MAX_PERSONS, len(inputs.synthetic))
    synthetic = take(inputs.synthetic, np.sort(rng.choice(len(inputs.synthetic), size=m, replace=False)))
    names, owner = persons(train.groups)
    n = max(1, min(round(SHARE * len(names)), m))
    lengths = np.array([len(text) for text in train.texts])
    chosen = [
        int(rows[np.argmax(lengths[rows])])
        for rows in (np.flatnonzero(owner == person) for person in rng.choice(len(names), size=n, replace=False))
    ]
    places = rng.choice(m, size=n, replace=False)
    copied = _with_copies(synthetic, train, list(zip(places.tolist(), chosen, strict=True)), rng)
    reference = inputs.reference
    if reference is not None and len(reference) > MAX_PERSONS:
        reference = take(reference, np.sort(rng.choice(len(reference), size=MAX_PERSONS, replace=False)))
    return AuditInputs(synthetic=copied, train=train, control=control, reference=reference), n


def _some_persons(table: Table, rng: np.random.Generator) -> Table:
    names, owner = persons(table.groups)
    if len(names) <= MAX_PERSONS:
        return table
    chosen = rng.choice(len(names), size=MAX_PERSONS, replace=False)
    return take(table, np.flatnonzero(np.isin(owner, chosen)))


def _with_copies(synthetic: Table, train: Table, pairs: list[tuple[int, int]], rng: np.random.Generator) -> Table:
    texts, labels = list(synthetic.texts), None if synthetic.labels is None else list(synthetic.labels)
    vectors = {name: matrix.copy() for name, matrix in synthetic.vectors.items()}
    for place, row in pairs:
        words = train.texts[row].split()
        kept = rng.random(len(words)) >= DROPPED_WORDS
        kept[int(rng.integers(len(words)))] = True
        texts[place] = " ".join(word for word, stays in zip(words, kept, strict=True) if stays)
        if labels is not None and train.labels is not None:
            labels[place] = train.labels[row]
        for name, matrix in vectors.items():
            if name in train.vectors:
                matrix[place] = train.vectors[name][row]
    return replace(synthetic, texts=tuple(texts), labels=None if labels is None else tuple(labels), vectors=vectors)
