"""Names of the files in a bundle (the folder of a released dataset), and checks of its data and its report.

Data and report must agree with the evidence (the published metrics of the audits) and with the signed statement.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import islice
from typing import Any

from audits.core.errors import AuditError, InputError, VerifyError
from audits.core.plain_parquet import read_plain
from audits.core.released import record_ids
from audits.core.strictjson import JsonError, canonical, parse
from audits.gate.evidence import AUDIT_NAMES, Evidence, evidence_from, records_digest
from audits.text.layout import plain_layout
from audits.verify.statement import ReleasePredicate
from audits.verify.tree import Tree

PARQUET = "data/train-00000-of-00001.parquet"
JSONL = "data/train-00000-of-00001.jsonl"
METRICS = "evidence/metrics.json"
REPORT_HTML, REPORT_JSON = "report/report.html", "report/report.json"
POLICY_JSON, POLICY_YAML = "policy/policy.json", "policy/policy.yaml"
RUN, SBOM, CONFIG = "provenance/run.json", "provenance/sbom.cdx.json", "provenance/config.redacted.yaml"
RECORD_SCHEMA = "schema/record.schema.json"
README, LICENSE, CITATION, CROISSANT, SUMS = "README.md", "LICENSE", "CITATION.cff", "croissant.json", "SHA256SUMS"
REQUIRED = (
    README, LICENSE, CITATION, CROISSANT, SUMS, METRICS, POLICY_JSON, POLICY_YAML, RUN, SBOM, CONFIG, REPORT_HTML,
    REPORT_JSON, RECORD_SCHEMA,
)  # fmt: skip
# every file that a bundle may contain outside `attestation/`
ALLOWED = frozenset({*REQUIRED, PARQUET, JSONL, *(f"evidence/{name}.json" for name in AUDIT_NAMES)})
COLUMNS = ("id", "text", "label")
MAX_DATA_BYTES = 1 << 30  # largest size of a data file
MAX_LABEL_CHARACTERS, MAX_TEXT_CHARACTERS = 64, 1 << 20
SAMPLES = 10  # number of records that the report shows
Row = tuple[str, str, str]  # id, text and label of a record


def check_report(report: Any, names: Iterable[str], predicate: ReleasePredicate, evidence: Evidence) -> None:
    """Raise VerifyError (E_GATE) if the parsed report.json contradicts the evidence, the statement or `names`.

    `names` has the names of the signed files in the bundle.
    """
    try:
        reported = evidence_from(report["audit"], {})
        files = {f"evidence/{result['name']}.json" for result in report["audit"]["results"]}
        in_report = (report["releaseId"], report["verdict"], canonical(report["gates"]))
        control_confidences = {
            result["control"]["confidence"] for result in report["audit"]["results"] if result.get("control")
        }
    except (AuditError, KeyError, TypeError, AttributeError):
        problem = "`audit`, `releaseId`, `verdict` or `gates` is missing or malformed"
        raise VerifyError("E_GATE", f"{REPORT_JSON}: {problem}") from None
    measured = {name: value for name, value in evidence.metrics.items() if name.split(".")[0] in evidence.audits}
    # the report must repeat the metrics of all audits, and may repeat other metrics of the evidence
    is_part = measured.items() <= reported.metrics.items() <= evidence.metrics.items()
    if reported.audits != evidence.audits or not is_part:
        raise VerifyError("E_GATE", f"{REPORT_JSON}: its audits or numbers differ from the evidence ({METRICS})")
    if not control_confidences <= {number.confidence for number in evidence.metrics.values()}:
        differs = "the confidence of a number for control is not among the confidences in the evidence"
        raise VerifyError("E_GATE", f"{REPORT_JSON}: {differs}")
    gates = canonical([gate.model_dump(mode="json", by_alias=True) for gate in predicate.gates])
    if in_report != (predicate.release_id, predicate.verdict, gates):
        raise VerifyError("E_GATE", f"{REPORT_JSON}: its release id, verdict or gates differ from the statement")
    if {name for name in names if name.startswith("evidence/") and name != METRICS} != files:
        raise VerifyError("E_GATE", f"{REPORT_JSON}: its audits differ from the files in evidence/")


def check_data(
    tree: Tree, subjects: Mapping[str, str], predicate: ReleasePredicate, evidence: Evidence
) -> tuple[dict[str, int], tuple[tuple[str, str], ...]]:
    """Return the number of records by label, and (label, text) of the `SAMPLES` records with the smallest ids.

    Every data file must have exactly the bytes that SynthGen writes for the audited records. `subjects` maps the name
    of each signed file to its sha256.

    Raises:
        VerifyError: E_DATA if a data file does not have these bytes, a text or label is not allowed, or the number of
            classes differs from the statement; E_DIGEST if a data file changed during verification; E_UNSAFE if a
            data file is larger than `MAX_DATA_BYTES`.
    """
    names, n = sorted(name for name in subjects if name.startswith("data/")), predicate.dataset.records
    tables = []
    for name in names:
        data = tree.read(name, MAX_DATA_BYTES)
        if hashlib.sha256(data).hexdigest() != subjects[name]:
            raise VerifyError("E_DIGEST", f"{name}: changed during verification. Do not use this copy")
        tables.append(read_rows(name, data, n))
    rows = tables[0]
    if any(table != rows for table in tables):
        raise VerifyError("E_DATA", f"{' and '.join(names)} contain different records")
    if rows != (expected := with_ids([(text, label) for _, text, label in rows])):
        has_expected_ids = sorted(rows) == expected
        problem = "the records are not sorted by id" if has_expected_ids else "an id is not the digest of its record"
        raise VerifyError("E_DATA", problem)
    _check_strings(rows)
    classes = Counter(label for _, _, label in rows)
    if len(classes) != predicate.dataset.classes:
        raise VerifyError("E_DATA", "the numbers of classes in the data and the statement differ")
    audited = evidence.digests.get("synthetic")
    if audited is None:
        raise VerifyError("E_DATA", "the evidence contains no digest of the audited records")
    if records_digest([row[1] for row in rows], [row[2] for row in rows]) != audited:
        raise VerifyError("E_DATA", "the data are not the audited records. Do not use this copy")
    return dict(classes), samples_of(rows)


def _check_strings(rows: Iterable[Row]) -> None:
    for _, text, label in rows:
        if not label.strip() or len(label) > MAX_LABEL_CHARACTERS or not label.isprintable():
            problem = f"a label is empty, unprintable or longer than {MAX_LABEL_CHARACTERS} characters"
            raise VerifyError("E_DATA", problem)
        if not text.strip():
            raise VerifyError("E_DATA", "a text is empty")
        if len(text) > MAX_TEXT_CHARACTERS:
            raise VerifyError("E_DATA", f"a text is longer than {MAX_TEXT_CHARACTERS} characters")
        if text != plain_layout(text):
            problem = "a text has repeated or unusual blanks, or invisible characters, which no audit reads"
            raise VerifyError("E_DATA", problem)


def samples_of(rows: Iterable[Row]) -> tuple[tuple[str, str], ...]:
    """Return (label, text) of the first `SAMPLES` records; `rows` must be sorted by id.

    The ids are digests of the records, so the releaser cannot choose which records the report shows.
    """
    return tuple((label, text) for _, text, label in islice(rows, SAMPLES))


def read_rows(name: str, data: bytes, n: int) -> list[Row]:
    """Return the `n` records of a data file; raise VerifyError (E_DATA) if SynthGen would write them differently."""
    if name != PARQUET:
        return _jsonl(name, data, n)
    try:
        return list(zip(*read_plain(data, COLUMNS, n), strict=True))
    except ValueError as error:
        problem = "a value is not Unicode" if isinstance(error, UnicodeError) else str(error)
        raise VerifyError("E_DATA", f"{_other_file(name, n)}: {problem}") from None


def with_ids(records: Iterable[tuple[str, str]]) -> list[Row]:
    """Return (id, text, label) of records (text, label), sorted by id.

    An id is a digest of its record, so ids and order cannot hide information. Raise InputError if two records have
    the same id, and JsonError if a record is not Unicode.
    """
    given = list(records)
    rows = {name: (name, text, label) for name, (text, label) in zip(record_ids(given), given, strict=True)}
    if len(rows) < len(given):
        raise InputError("two records have the same id; change the text of one of them")
    return [rows[name] for name in sorted(rows)]


def _jsonl(name: str, data: bytes, n: int) -> list[Row]:
    rows = []
    lines = data.split(b"\n", n)  # n lines, and the rest of the data as the last item
    for number, line in enumerate(lines[:-1], start=1):
        row: Any = None
        with suppress(JsonError):
            row = parse(line)
        if not isinstance(row, dict) or tuple(row) != COLUMNS or not all(isinstance(v, str) for v in row.values()):
            problem = f"line {number} is not a JSON object with the texts {', '.join(COLUMNS)}"
            raise VerifyError("E_DATA", f"{name}: {problem}")
        rows.append((row["id"], row["text"], row["label"]))
    with suppress(UnicodeEncodeError):
        if (
            len(rows) == n and jsonl_bytes(rows) == data
        ):  # other spellings are refused, because the choice of spaces and escapes could encode text
            return rows
    raise VerifyError("E_DATA", _other_file(name, n))


def _other_file(name: str, n: int) -> str:
    return f"{name}: differs from the file that SynthGen writes for {n} records"


def jsonl_bytes(rows: list[Row]) -> bytes:
    """Return the bytes of the canonical JSON Lines file of records."""
    lines = [json.dumps(dict(zip(COLUMNS, row, strict=True)), ensure_ascii=False) for row in rows]
    return "".join(f"{line}\n" for line in lines).encode()
