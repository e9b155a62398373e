"""The stage `load`: read the source, and write the records, the names of persons and staff, and the unusable rows."""

from collections.abc import Mapping

from synthgen.core.files import read_json, write_json
from synthgen.core.stage import Stage, StageContext
from synthgen.core.tables import write_corpus
from synthgen.extract.extract import STAFF
from synthgen.load.load import bad_rows_json, load

BAD_ROWS = "bad-rows.json"


def _load(context: StageContext) -> Mapping[str, object]:
    is_dp = context.config("interpolate.is_dp")
    source, file = context.config("source"), context.input("file")
    report = load(source, file, context.stream("load"), isolated_rows=is_dp)
    write_corpus(context.folder / "records.parquet", report.corpus)
    write_json(context.folder / "names.json", {k: list(v) for k, v in report.names.items()})
    staff = list(report.staff) if source.kind == "table" else read_json(file.parent / STAFF)
    write_json(context.folder / "staff.json", staff)
    write_json(context.folder / BAD_ROWS, bad_rows_json(report.bad))
    return report.counts()


LOAD = Stage(
    name="load",
    version=8,
    run=_load,
    config=("source", "interpolate.is_dp"),
    inputs=("file",),
    streams=("load",),
    libraries=("python", "numpy", "pyarrow", "regex"),
)
