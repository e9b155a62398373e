"""The split stage: assign the records of each person to train, to control or to neither.

Synthetic records are made from train only. The audits compare the synthetic records with train and with control.
"""

from collections.abc import Mapping

from synthgen.core.stage import Stage, StageContext
from synthgen.core.tables import read_corpus, write_corpus
from synthgen.split.split import split


def _split(context: StageContext) -> Mapping[str, object]:
    corpus = read_corpus(context.input("load").folder / "records.parquet", "source")
    parts = split(corpus, context.config("split"), context.stream("split"))
    write_corpus(context.folder / "train.parquet", parts.train)
    write_corpus(context.folder / "control.parquet", parts.control)
    report = parts.report
    return {
        "in": len(corpus),
        "out": len(parts.train) + len(parts.control),
        "groups": report.groups,
        "classes": report.records,
        "near_duplicates_set_aside": report.n_near_duplicates,
        "near_duplicate_rate": report.near_duplicate_rate,
    }


SPLIT = Stage(
    name="split",
    version=1,
    run=_split,
    config=("split",),
    inputs=("load",),
    streams=("split",),
    libraries=("python", "numpy", "pyarrow"),
)
