"""Whether the files of a bundle say the same of one another: data, sums, description, evidence, report."""

import hashlib
import io
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from audits.core.errors import AuditError, VerifyError
from audits.core.plain_parquet import parquet_bytes
from audits.core.strictjson import JsonError, canonical, parse
from audits.gate.evidence import Evidence, evidence_from
from audits.gate.records import records_digest
from audits.verify.statement import ReleasePredicate
from audits.verify.tree import Tree

PARQUET = "data/train-00000-of-00001.parquet"
JSONL = "data/train-00000-of-00001.jsonl"
METRICS = "evidence/metrics.json"
REPORT_JSON = "report/report.json"
SUMS = "SHA256SUMS"
CROISSANT = "croissant.json"
COLUMNS = ("id", "text", "label")
MAX_DATA_BYTES = 8 << 30
_ID = re.compile(r"[0-9a-f]{16,64}")
Row = tuple[str, str, str]


def check_manifest(held: Mapping[str, bytes], subjects: Mapping[str, str]) -> None:
    """Refuse a bundle whose SHA256SUMS or croissant.json name other files or digests than the statement.

    Raises:
        VerifyError: E_MANIFEST.
    """
    sums = "".join(f"{subjects[name]}  {name}\n" for name in sorted(subjects) if name != SUMS)
    if held[SUMS] != sums.encode():
        raise VerifyError("E_MANIFEST", f"{SUMS}: not the digests of the signed files")
    try:
        files = {
            (item["@id"], item["name"], item["contentUrl"]): item["sha256"]
            for item in parse(held[CROISSANT])["distribution"]
        }
    except (JsonError, KeyError, TypeError):
        raise VerifyError("E_MANIFEST", f"{CROISSANT}: cannot be read") from None
    if files != {(name, name, name): digest for name, digest in subjects.items() if name.startswith("data/")}:
        raise VerifyError("E_MANIFEST", f"{CROISSANT}: describes other data files than are signed")


def check_report(
    tree: Tree,
    held: Mapping[str, bytes],
    subjects: Mapping[str, str],
    predicate: ReleasePredicate,
    evidence: Evidence,
) -> None:
    """Refuse a report, or a file of one audit, that says something else than evidence and statement.

    Raises:
        VerifyError: E_GATE.
    """
    try:
        report = parse(held[REPORT_JSON])
        reported = evidence_from(report["audit"], {})
        results = {f"evidence/{result['name']}.json": canonical(result) for result in report["audit"]["results"]}
        said = (report["releaseId"], report["verdict"], canonical(report["gates"]))
    except (AuditError, KeyError, TypeError, AttributeError):
        raise VerifyError("E_GATE", "the evidence or the report's numbers cannot be read") from None
    measured = {name: one for name, one in evidence.metrics.items() if name.split(".")[0] in evidence.audits}
    if (
        reported.audits != evidence.audits
        or not measured.items() <= reported.metrics.items() <= evidence.metrics.items()
    ):
        raise VerifyError("E_GATE", f"{REPORT_JSON}: says something else than the evidence")
    gates = canonical([gate.model_dump(mode="json", by_alias=True) for gate in predicate.gates])
    if said != (predicate.release_id, predicate.verdict, gates):
        raise VerifyError("E_GATE", f"{REPORT_JSON}: says something else than the statement")
    files = {name for name in subjects if name.startswith("evidence/") and name != METRICS}
    if files != set(results):
        raise VerifyError("E_GATE", f"{REPORT_JSON}: reports other audits than have a file of evidence")
    for name, result in results.items():
        try:
            is_same = canonical(parse(tree.read(name))) == result
        except JsonError:
            is_same = False
        if not is_same:
            raise VerifyError("E_GATE", f"{name}: says something else than {REPORT_JSON}")


def check_data(tree: Tree, subjects: Mapping[str, str], predicate: ReleasePredicate, evidence: Evidence) -> str:
    """Refuse data that are not those that were audited, or that say different things in their two formats.

    Raises:
        VerifyError: E_DATA; E_DIGEST where a file changed since it was hashed.
    """
    names = sorted(name for name in subjects if name.startswith("data/"))
    readers = {PARQUET: _parquet, JSONL: _jsonl}
    tables = {}
    for name in names:
        if name not in readers:
            raise VerifyError("E_DATA", f"{name}: no file of records, so nobody audited it")
        data = tree.read(name, MAX_DATA_BYTES)
        if hashlib.sha256(data).hexdigest() != subjects[name]:
            raise VerifyError("E_DIGEST", f"{name}: changed while it was verified. Do not use this copy")
        tables[name] = readers[name](name, data)
    rows = tables[names[0]]
    if any(table != rows for table in tables.values()):
        raise VerifyError("E_DATA", f"{' and '.join(names)}: hold different records")
    ids = [row[0] for row in rows]
    if ids != sorted(set(ids)) or not all(_ID.fullmatch(one) for one in ids):
        raise VerifyError("E_DATA", "the ids of the records are not plain, sorted and different")
    if (len(rows), len({row[2] for row in rows})) != (predicate.dataset.records, predicate.dataset.classes):
        raise VerifyError("E_DATA", "the data have other numbers of records and classes than the statement")
    audited = evidence.digests.get("synthetic")
    if audited is None:
        raise VerifyError("E_DATA", "the evidence does not say which records were audited")
    if records_digest([row[1] for row in rows], [row[2] for row in rows]) != audited:
        raise VerifyError("E_DATA", "these are not the records that were audited. Do not use this copy")
    return f"{len(rows)} records, those that were audited"


def _parquet(name: str, data: bytes) -> list[Row]:
    try:
        file = pq.ParquetFile(io.BytesIO(data), pre_buffer=False)
        table = file.read(use_threads=False)  # or a process that ends at once may abort among Arrow's threads
    except (pa.ArrowException, OSError, ValueError, MemoryError, OverflowError):
        raise VerifyError("E_DATA", f"{name}: cannot be read as parquet") from None
    plain = pa.schema([pa.field(column, pa.string(), nullable=False) for column in COLUMNS])
    if file.metadata.metadata is not None or not table.schema.equals(plain, check_metadata=True):
        raise VerifyError("E_DATA", f"{name}: holds something else than the columns {', '.join(COLUMNS)}")
    try:
        columns = [(column, table[column].to_pylist()) for column in COLUMNS]
    except (UnicodeDecodeError, pa.ArrowException):
        raise VerifyError("E_DATA", f"{name}: holds text that is not Unicode") from None
    if parquet_bytes(columns) != data:
        raise VerifyError("E_DATA", f"{name}: holds something beside its records, which nobody audited")
    return list(zip(*(values for _, values in columns), strict=True))


def _jsonl(name: str, data: bytes) -> list[Row]:
    rows = []
    for number, line in enumerate(data.split(b"\n")[:-1], start=1):
        row: Any = None
        with suppress(JsonError):
            row = parse(line)
        if not isinstance(row, dict) or tuple(row) != COLUMNS or not all(isinstance(v, str) for v in row.values()):
            raise VerifyError("E_DATA", f"{name}: line {number} is no record")
        rows.append((row["id"], row["text"], row["label"]))
    try:
        is_plain = jsonl_bytes(rows) == data  # spaces, escapes and the like could carry what nobody audited
    except UnicodeEncodeError:
        is_plain = False
    if not is_plain:
        raise VerifyError("E_DATA", f"{name}: is not written as a release writes it")
    return rows


def jsonl_bytes(rows: list[Row]) -> bytes:
    """Return the lines of a jsonl file of records, in the one spelling that a release has."""
    return b"".join(
        json.dumps(dict(zip(COLUMNS, row, strict=True)), ensure_ascii=False).encode() + b"\n" for row in rows
    )
