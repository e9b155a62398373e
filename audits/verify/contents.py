"""Check that the files of a bundle agree: data, SHA256SUMS, croissant.json, evidence and report."""

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


def check_manifest(files: Mapping[str, bytes], subjects: Mapping[str, str]) -> None:
    """Raise VerifyError (E_MANIFEST) if SHA256SUMS or croissant.json differ from the signed names and digests."""
    sums = "".join(f"{subjects[name]}  {name}\n" for name in sorted(subjects) if name != SUMS)
    if files[SUMS] != sums.encode():
        raise VerifyError("E_MANIFEST", f"{SUMS}: differs from the digests of the signed files")
    try:
        described = {
            (item["@id"], item["name"], item["contentUrl"]): item["sha256"]
            for item in parse(files[CROISSANT])["distribution"]
        }
    except (JsonError, KeyError, TypeError):
        raise VerifyError("E_MANIFEST", f"{CROISSANT}: cannot be read") from None
    if described != {(name, name, name): digest for name, digest in subjects.items() if name.startswith("data/")}:
        raise VerifyError("E_MANIFEST", f"{CROISSANT}: the described data files differ from the signed ones")


def check_report(
    tree: Tree,
    files: Mapping[str, bytes],
    subjects: Mapping[str, str],
    predicate: ReleasePredicate,
    evidence: Evidence,
) -> None:
    """Raise VerifyError (E_GATE) if the report or the file of an audit differs from the evidence or the statement."""
    try:
        report = parse(files[REPORT_JSON])
        reported = evidence_from(report["audit"], {})
        results = {f"evidence/{result['name']}.json": canonical(result) for result in report["audit"]["results"]}
        stated = (report["releaseId"], report["verdict"], canonical(report["gates"]))
    except (AuditError, KeyError, TypeError, AttributeError):
        raise VerifyError("E_GATE", "the evidence or the numbers of the report cannot be read") from None
    measured = {name: value for name, value in evidence.metrics.items() if name.split(".")[0] in evidence.audits}
    is_part = measured.items() <= reported.metrics.items() <= evidence.metrics.items()
    if reported.audits != evidence.audits or not is_part:
        raise VerifyError("E_GATE", f"{REPORT_JSON}: differs from the evidence")
    gates = canonical([gate.model_dump(mode="json", by_alias=True) for gate in predicate.gates])
    if stated != (predicate.release_id, predicate.verdict, gates):
        raise VerifyError("E_GATE", f"{REPORT_JSON}: differs from the statement")
    if {name for name in subjects if name.startswith("evidence/") and name != METRICS} != set(results):
        raise VerifyError("E_GATE", f"{REPORT_JSON}: its audits are not those with an evidence file")
    for name, result in results.items():
        found = b""
        with suppress(JsonError):
            found = canonical(parse(tree.read(name)))
        if found != result:
            raise VerifyError("E_GATE", f"{name}: differs from {REPORT_JSON}")


def check_data(tree: Tree, subjects: Mapping[str, str], predicate: ReleasePredicate, evidence: Evidence) -> str:
    """Return a line on the data; raise VerifyError unless they are the audited records, the same in every format."""
    names = sorted(name for name in subjects if name.startswith("data/"))
    readers = {PARQUET: _parquet, JSONL: _jsonl}
    tables = {}
    for name in names:
        if name not in readers:
            raise VerifyError("E_DATA", f"{name}: not a known data file, so it was not audited")
        data = tree.read(name, MAX_DATA_BYTES)
        if hashlib.sha256(data).hexdigest() != subjects[name]:
            raise VerifyError("E_DIGEST", f"{name}: changed during verification. Do not use this copy")
        tables[name] = readers[name](name, data)
    rows = tables[names[0]]
    if any(table != rows for table in tables.values()):
        raise VerifyError("E_DATA", f"{' and '.join(names)}: contain different records")
    ids = [row[0] for row in rows]
    if ids != sorted(set(ids)) or not all(map(_ID.fullmatch, ids)):
        raise VerifyError("E_DATA", "the record ids must be hex digits, sorted and unique")
    if (len(rows), len({row[2] for row in rows})) != (predicate.dataset.records, predicate.dataset.classes):
        raise VerifyError("E_DATA", "the numbers of records and classes in the data and the statement differ")
    audited = evidence.digests.get("synthetic")
    if audited is None:
        raise VerifyError("E_DATA", "the evidence does not say which records were audited")
    if records_digest([row[1] for row in rows], [row[2] for row in rows]) != audited:
        raise VerifyError("E_DATA", "the data are not the audited records. Do not use this copy")
    return f"{len(rows)} records, which are the audited ones"


def _parquet(name: str, data: bytes) -> list[Row]:
    try:
        file = pq.ParquetFile(io.BytesIO(data), pre_buffer=False)
        table = file.read(use_threads=False)  # with threads, a process that ends at once may abort
    except (pa.ArrowException, OSError, ValueError, MemoryError, OverflowError):
        raise VerifyError("E_DATA", f"{name}: cannot be read as parquet") from None
    plain = pa.schema([pa.field(column, pa.string(), nullable=False) for column in COLUMNS])
    if file.metadata.metadata is not None or not table.schema.equals(plain, check_metadata=True):
        raise VerifyError("E_DATA", f"{name}: must contain only the columns {', '.join(COLUMNS)}")
    try:
        columns = [(column, table[column].to_pylist()) for column in COLUMNS]
    except (UnicodeDecodeError, pa.ArrowException):
        raise VerifyError("E_DATA", f"{name}: contains text that is not Unicode") from None
    if parquet_bytes(columns) != data:
        raise VerifyError("E_DATA", f"{name}: contains bytes besides its records, which were not audited")
    return list(zip(*(values for _, values in columns), strict=True))


def _jsonl(name: str, data: bytes) -> list[Row]:
    rows = []
    for number, line in enumerate(data.split(b"\n")[:-1], start=1):
        row: Any = None
        with suppress(JsonError):
            row = parse(line)
        if not isinstance(row, dict) or tuple(row) != COLUMNS or not all(isinstance(v, str) for v in row.values()):
            raise VerifyError("E_DATA", f"{name}: line {number} is not a record")
        rows.append((row["id"], row["text"], row["label"]))
    with suppress(UnicodeEncodeError):
        if jsonl_bytes(rows) == data:  # other spaces or escapes could contain hidden, unaudited text
            return rows
    raise VerifyError("E_DATA", f"{name}: not in the canonical form of a release")


def jsonl_bytes(rows: list[Row]) -> bytes:
    """Return the canonical jsonl file of records."""
    lines = [json.dumps(dict(zip(COLUMNS, row, strict=True)), ensure_ascii=False) for row in rows]
    return "".join(f"{line}\n" for line in lines).encode()
