"""The load stage: read the source and write records.parquet, names.json and bad-rows.json."""

from collections.abc import Mapping

from synthgen.core.files import write_json
from synthgen.core.stage import Stage, StageContext
from synthgen.core.tables import write_corpus
from synthgen.load.load import load


def _load(context: StageContext) -> Mapping[str, object]:
    """Write the corpus, the declared names, and for each unusable row its row number and the reason."""
    is_private = context.config("interpolate.is_private")
    report = load(context.config("source"), context.input("file"), context.stream("load"), isolated_rows=is_private)
    write_corpus(context.folder / "records.parquet", report.corpus)
    write_json(context.folder / "names.json", {k: list(v) for k, v in report.names.items()})
    write_json(context.folder / "bad-rows.json", [{"row": row.number, "reason": row.reason} for row in report.bad])
    return {
        "in": report.n_rows,
        "out": len(report.corpus),
        "bad_rows": report.bad_counts(),
        "other_labels": report.n_other_labels,
        "not_sampled": report.n_not_sampled,
        "notes": list(report.notes),
        "classes": report.corpus.counts(),
    }


LOAD = Stage(
    name="load",
    version=4,
    run=_load,
    config=("source", "interpolate.is_private"),
    inputs=("file",),
    streams=("load",),
    libraries=("python", "numpy", "pyarrow", "regex"),
)
