"""Test whether an audit that passes would fail if train records were copied (planted) into the synthetic table.

Without this test, an audit could pass only because the texts are too short or too similar for a leak to be detected.
The test uses samples of the tables. It plants one record of each of 10 % of the sampled train persons, with 20 % of
the words removed.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from audits.core.errors import NotMeasurable
from audits.core.inputs import some_persons, take
from audits.core.streams import stream
from audits.core.types import AuditInputs, AuditResult, Rng, Table, persons
from audits.embeddings.encoders import EncodedTables, TableEncoder, encode_tables

MAX_PERSONS = 300  # a sample has at most this many train persons, control persons, synthetic rows and reference rows
SHARE = 0.1  # share of the sampled train persons of whom a record is copied
DROPPED_WORDS = 0.2  # share of the words that are removed from a copy
ROOT = 0  # fixed seed, so that the same copies are planted whenever the same tables are audited

Measure = Callable[[AuditInputs, Rng], AuditResult]


def confirmed(result: AuditResult, inputs: AuditInputs, measure: Measure) -> AuditResult:
    """Return the result; change a pass to insufficient if the audit does not fail on tables with planted copies.

    `measure` is the audit without this test.

    Privacy: the planted copies stay in memory.
    Randomness: draws persons, rows and words from a stream that is the same in every run.
    """
    if result.verdict != "pass":
        return result
    planted, n = plant(inputs, stream(ROOT, "planted"))
    try:
        is_found = measure(planted, stream(ROOT, f"planted {result.name}")).verdict == "fail"
    except NotMeasurable:
        is_found = False
    of_persons = len(set(planted.train.groups))
    planted_leak = {"persons": n, "of_persons": of_persons, "words_left_out": DROPPED_WORDS, "found": is_found}
    checked = replace(result, details={**result.details, "planted": planted_leak})
    reason = (
        f"The audit found no leak, but it also missed a planted leak: copies of records of {n} of {of_persons} train "
        "persons, with 20 % of the words removed. Longer or less uniform records are required."
    )
    return checked if is_found else replace(checked, verdict="insufficient", status="inconclusive", reason=reason)


class EncoderAudit(ABC):
    """An audit that compares texts as vectors and passes only if it detects planted copies; subclasses define `name`.

    `encoder` turns the tables into vectors. Audits of the same tables can share one result (`encode_once`).
    """

    def __init__(self, encoder: TableEncoder = encode_tables) -> None:
        self._encoder = encoder

    def run(self, inputs: AuditInputs, rng: Rng, confidence: float) -> AuditResult:
        """Return the metrics and the verdict.

        Raises:
            NotMeasurable: there are fewer than 20 train persons, control persons, synthetic or reference records.
            InputError: the vectors passed by the caller do not fit the tables.
        """

        def measure_planted(planted: AuditInputs, planted_rng: Rng) -> AuditResult:
            # not `self._encoder`, which may accept only the audited tables (`encode_once`)
            return self._measure(planted, encode_tables(planted, planted_rng), planted_rng, confidence)

        result = self._measure(inputs, self._encoder(inputs, rng), rng, confidence)
        return confirmed(result, inputs, measure_planted)

    @abstractmethod
    def _measure(self, inputs: AuditInputs, tables: EncodedTables, rng: Rng, confidence: float) -> AuditResult: ...


def plant(inputs: AuditInputs, rng: Rng) -> tuple[AuditInputs, int]:
    """Return samples of the tables with planted copies in the synthetic table, and the number of copies.

    For each chosen train person, a copy of the person's longest record replaces a random synthetic row. The copy
    lacks about 20 % of the words, but has the label and the vectors of the record.
    """
    train, control = (some_persons(table, MAX_PERSONS, rng) for table in (inputs.train, inputs.control))
    m = min(MAX_PERSONS, len(inputs.synthetic))
    synthetic = take(inputs.synthetic, np.sort(rng.choice(len(inputs.synthetic), size=m, replace=False)))
    names, owner = persons(train.groups)
    n = max(1, min(round(SHARE * len(names)), m))
    lengths = np.array([len(text) for text in train.texts])
    chosen = [
        int(np.argmax(np.where(owner == person, lengths, -1))) for person in rng.choice(len(names), n, replace=False)
    ]
    places = rng.choice(m, size=n, replace=False)
    copied = _with_copies(synthetic, train, list(zip(places.tolist(), chosen, strict=True)), rng)
    reference = inputs.reference
    if reference is not None and len(reference) > MAX_PERSONS:
        reference = take(reference, np.sort(rng.choice(len(reference), size=MAX_PERSONS, replace=False)))
    return AuditInputs(synthetic=copied, train=train, control=control, reference=reference), n


def drop_words(text: str, rate: float, rng: Rng) -> str:
    """Return the text with each word removed with probability `rate`; one random word is always kept."""
    words = text.split()
    kept = rng.random(len(words)) >= rate
    kept[int(rng.integers(len(words)))] = True
    return " ".join(word for word, stays in zip(words, kept, strict=True) if stays)


def _with_copies(synthetic: Table, train: Table, pairs: list[tuple[int, int]], rng: Rng) -> Table:
    texts, labels = list(synthetic.texts), None if synthetic.labels is None else list(synthetic.labels)
    vectors = {name: matrix.copy() for name, matrix in synthetic.vectors.items()}
    for place, row in pairs:  # a copy of the train row `row` replaces the synthetic row `place`
        texts[place] = drop_words(train.texts[row], DROPPED_WORDS, rng)
        if labels is not None and train.labels is not None:
            labels[place] = train.labels[row]
        for name, matrix in vectors.items():
            if name in train.vectors:
                matrix[place] = train.vectors[name][row]
    return replace(synthetic, texts=tuple(texts), labels=None if labels is None else tuple(labels), vectors=vectors)
