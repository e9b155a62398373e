"""Write the records of a bundle (a release folder) as an unsigned copy: CSV, Hugging Face `datasets` or FHIR."""

import csv
import io
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from audits.core.files import disk_reason
from audits.verify.card import escape
from audits.verify.contents import COLUMNS
from synthgen.core.errors import StorageError
from synthgen.receive.fhir import fhir_files
from synthgen.receive.received import ReceivedBundle, read_intact

ExportFormat = Literal["csv", "hf", "fhir"]
README = "README.md"
FORMULA_STARTS = ("=", "+", "-", "@")  # a spreadsheet evaluates a cell that begins with such a character
_ARROW = "data-00000-of-00001.arrow"
_HUB_DIGITS = 16  # hex digits of the fingerprint by which `datasets` identifies a data set


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """The result of an export: its files, and the bundle from which they were made."""

    folder: Path
    format: ExportFormat
    release_id: str
    digest: str  # sha256 of the signed statement of the bundle
    records: int
    formula_cells: int  # number of CSV cells that a spreadsheet would evaluate as a formula; 0 in other formats
    files: Mapping[str, int]  # size in bytes of each file, by file name

    def to_json(self) -> dict[str, Any]:
        """Return the result as JSON-compatible data."""
        return {
            "folder": str(self.folder),
            "format": self.format,
            "releaseId": self.release_id,
            "digest": self.digest,
            "records": self.records,
            "formulaCells": self.formula_cells,
            "files": dict(self.files),
        }

    def to_text(self) -> str:
        """Return the result as text for a terminal."""
        lines = [f"{self.records} records of release {self.release_id}: {self.folder}", *self.files]
        if self.formula_cells:
            lines.append(f"WARNING {_formula_warning(self.formula_cells)}")
        lines.append("The copy is not signed. The signature of the bundle was not checked: run `synthgen verify`.")
        return "\n".join(lines)


def export(bundle: Path, to: ExportFormat, out: Path) -> Exported:
    """Write the records of a bundle in the format `to` into a new or empty folder; if a step fails, no file remains.

    A new folder appears only with all its files. An existing folder can be the current folder or a mount point, which
    cannot be replaced. Therefore, the files are moved into an existing folder one by one.

    Raises:
        VerifyError: the files of the bundle differ from its statement.
        StorageError: the folder is in the bundle, is not empty, or cannot be written.
    """
    out = Path(os.path.abspath(out))  # noqa: PTH100 - `Path.resolve` would replace links in the path
    if Path(os.path.realpath(out)).is_relative_to(os.path.realpath(bundle)):
        message = f"{out}: is in the bundle, and added files would make the bundle invalid; nothing was written"
        raise StorageError(message, hint="Choose a folder outside the bundle.")
    if out.exists() and not out.is_dir():
        raise StorageError(f"{out}: is not a folder; nothing was written", hint="Choose a new folder.")
    if out.exists() and any(out.iterdir()):
        raise StorageError(f"{out}: exists and is not empty; nothing was written", hint="Choose a new folder.")
    received = read_intact(bundle)
    files = _WRITERS[to](received)
    rows = received.rows if to == "csv" else ()
    n_formulas = sum(cell.startswith(FORMULA_STARTS) for row in rows for cell in row)
    files = {**files, README: _readme(received, to, n_formulas)}
    _write_folder(out, files)
    return Exported(
        folder=out,
        format=to,
        release_id=received.statement.predicate.release_id,
        digest=received.digest,
        records=len(received.rows),
        formula_cells=n_formulas,
        files={name: len(data) for name, data in files.items()},
    )


def csv_file(bundle: ReceivedBundle) -> dict[str, bytes]:
    """Return the records as CSV in UTF-8 with a header (RFC 4180); every cell is quoted.

    A text that a spreadsheet would evaluate as a formula is not escaped, because the id of a record is derived
    from its text.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerows([COLUMNS, *bundle.rows])
    return {"records.csv": text.getvalue().encode()}


def hub_files(bundle: ReceivedBundle) -> dict[str, bytes]:
    """Return the files that `datasets.load_from_disk` reads: an Arrow stream, and two JSON files that describe it."""
    import pyarrow as pa

    stated = bundle.statement.predicate
    columns = dict(zip(COLUMNS, map(list, zip(*bundle.rows, strict=True)), strict=True))
    table = pa.table(columns, schema=pa.schema([(name, pa.string()) for name in COLUMNS]))
    stream = io.BytesIO()
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    info = {
        "citation": "",
        "description": f"Synthetic records of {bundle.urn}, digest {bundle.digest}. This copy is not signed.",
        "features": {name: {"dtype": "string", "_type": "Value"} for name in COLUMNS},
        "homepage": "",
        "license": stated.dataset.license,
    }
    state: dict[str, Any] = {
        "_data_files": [{"filename": _ARROW}],
        "_fingerprint": bundle.digest[:_HUB_DIGITS],
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": "train",
    }
    described = {"dataset_info.json": info, "state.json": state}
    texts = {name: (json.dumps(value, indent=2) + "\n").encode() for name, value in described.items()}
    return {_ARROW: stream.getvalue(), **texts}


Writer = Callable[[ReceivedBundle], dict[str, bytes]]
_WRITERS: Mapping[ExportFormat, Writer] = {"csv": csv_file, "hf": hub_files, "fhir": fhir_files}


def _formula_warning(count: int) -> str:
    remedy = "Import all columns as text, or do not open the file in a spreadsheet."
    return f"{count} cells begin with a character that marks a formula in spreadsheets, such as `=`. {remedy}"


def _readme(bundle: ReceivedBundle, to: ExportFormat, n_formulas: int) -> bytes:
    stated = bundle.statement.predicate
    lines = [
        f"# {escape(stated.dataset.name)}, exported as {to}",
        "",
        "Every record is synthetic. This copy is not signed, and nobody can verify it. Keep the bundle from which it",
        "was made, and verify the bundle with `synthgen verify`.",
        "",
        f"- release: `{bundle.urn}`",
        f"- sha256 of the signed statement of the bundle: `{bundle.digest}`",
        f"- policy: `{stated.policy.name}` version {escape(stated.policy.version)}",
        f"- intended use: {stated.use.scope} the institution. {escape(stated.use.statement)}",
        f"- license: {escape(stated.dataset.license)}",
        f"- records: {len(bundle.rows)}",
        *([f"- {_formula_warning(n_formulas)}"] if n_formulas else []),
        "",
    ]
    return "\n".join(lines).encode()


def _write_folder(out: Path, files: Mapping[str, bytes]) -> None:
    partial = None
    try:
        exists = out.is_dir()
        if not exists:
            out.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=".export-", dir=out if exists else out.parent))
        for name, data in files.items():
            (partial / name).write_bytes(data)
        if exists:
            _move_all(partial, out)
        else:
            partial.rename(out)
    except OSError as error:
        needed = sum(map(len, files.values()))
        raise StorageError(f"{out}: cannot be written ({disk_reason(error, out, needed)})") from error
    finally:
        if partial is not None:
            shutil.rmtree(partial, ignore_errors=True)


def _move_all(source: Path, target: Path) -> None:
    """Move all files of a folder into another folder; after an error, remove the moved files."""
    moved: list[Path] = []
    try:
        for path in sorted(source.iterdir()):
            moved.append(target / path.name)
            path.rename(moved[-1])
    except BaseException:  # includes KeyboardInterrupt, if the user stops the process
        for path in moved:
            path.unlink(missing_ok=True)
        raise
