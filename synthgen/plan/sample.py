"""Draw the sample of persons that the pilot (a short test before a run) reads from a large source."""

from collections import Counter
from collections.abc import Mapping

import numpy as np

from synthgen.core.stage import Stage, StageContext
from synthgen.core.tables import read_corpus, write_corpus
from synthgen.core.types import Corpus
from synthgen.pipeline.job import Job
from synthgen.pipeline.workspace import StageResult

MOST_RECORDS = 10_000  # approximate limit of records that the pilot reads from train and control together
SMALL_CLASS = 100  # a class with at most this number of records is kept whole; train and control are counted apart


def sample_for_pilot(job: Job, parts: StageResult) -> StageResult:
    """Return `parts` (train and control) or, above `MOST_RECORDS` records, the records of a sample of persons.

    Randomness: the stream "pilot/sample" draws the persons.
    """
    return parts if parts.counts["out"] <= MOST_RECORDS else job.run(SAMPLE, {"split": parts})


def _sample(context: StageContext) -> Mapping[str, object]:
    parts, n = context.input("split"), 0
    share, rng = MOST_RECORDS / parts.counts["out"], context.stream("pilot/sample").generator()
    for role in ("train", "control"):
        chosen = of_chosen_persons(read_corpus(parts.folder / f"{role}.parquet", role), share, rng)
        write_corpus(context.folder / f"{role}.parquet", chosen)
        n += len(chosen)
    return {"in": parts.counts["out"], "out": n, "near_duplicate_rate": parts.counts["near_duplicate_rate"]}


def of_chosen_persons(corpus: Corpus, share: float, rng: np.random.Generator) -> Corpus:
    """Return all records of a random share of the persons, and of each person with a record of a small class."""
    small = {label for label, n in Counter(corpus.labels).items() if n <= SMALL_CLASS}
    persons = list(dict.fromkeys(record.group for record in corpus.records))
    chosen = {person for person, number in zip(persons, rng.random(len(persons)), strict=True) if number < share}
    chosen |= {record.group for record in corpus.records if record.label in small}
    records = tuple(record for record in corpus.records if record.group in chosen)
    return Corpus(role=corpus.role, records=records, has_groups=corpus.has_groups)


SAMPLE = Stage(
    name="sample-pilot",
    version=1,
    run=_sample,
    inputs=("split",),
    streams=("pilot/sample",),
    libraries=("python", "numpy", "pyarrow"),
)
