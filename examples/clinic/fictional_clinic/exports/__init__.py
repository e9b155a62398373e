"""Write the fictional clinic in the formats of hospital exports: FHIR, HL7 v2, C-CDA and OMOP."""

import json
from collections.abc import Sequence
from pathlib import Path

from fictional_clinic.exports.ccda import write_ccda
from fictional_clinic.exports.fhir import fallbacks, write_fhir
from fictional_clinic.exports.hl7v2 import write_hl7v2
from fictional_clinic.exports.omop import write_omop
from fictional_clinic.exports.plan import KINDS, Document, former, plan_exports
from fictional_clinic.notes import generate_visits
from synthgen.core.seeds import SeedTree

__all__ = ["FORMATS", "write_exports"]

FORMATS = {"fhir": write_fhir, "hl7v2": write_hl7v2, "ccda": write_ccda, "omop": write_omop}


def write_exports(out: Path, patients: int, seed: int, formats: tuple[str, ...] = tuple(FORMATS)) -> dict[str, int]:
    """Write the clinic's notes in each export format, together with documents that a reader of exports must not use.

    The folder `out` gets a folder per format, and `table.jsonl` with the notes that every reader should find, in the
    order of persons and dates. For each format, `key.json` has the number of documents of each kind (see
    `plan.KINDS`), of merged patients (`merged`), of notes that begin with a copy of the previous note (`copied`), and
    of documents that are not in the encoding or format that they declare (`no-charset`, `no-xhtml`).

    Returns:
        The number of notes in the table, and the number of documents of each format, by name.
    """
    planned = plan_exports(generate_visits(patients, SeedTree(seed).child("clinic").generator()))
    out.mkdir(parents=True, exist_ok=True)
    rows = (json.dumps(document.row(), ensure_ascii=False) for document in planned if document.is_expected)
    table = "".join(f"{row}\n" for row in rows)
    (out / "table.jsonl").write_text(table, encoding="utf-8")
    counts = {"table": table.count("\n")}
    key: dict[str, dict[str, int]] = {}
    for name in formats:
        written = FORMATS[name](out / name, planned)
        counts[name] = len(written)
        key[name] = _planted(name, written)
    (out / "key.json").write_text(
        json.dumps({"notes": counts["table"], "planted": key}, indent=1) + "\n", encoding="utf-8"
    )
    return counts


def _planted(name: str, written: Sequence[Document]) -> dict[str, int]:
    counts = {kind: n for kind in KINDS if (n := sum(d.kind == kind for d in written))}
    if name != "fhir":  # other formats cannot mark a document as superseded, so it counts as a note
        counts["note"] += counts.pop("superseded", 0)
    counts["copied"] = sum(d.is_copied and d.is_expected for d in written)
    counts |= {"merged": len(former(written))} if name in {"fhir", "hl7v2"} else {}
    return counts | (fallbacks(written) if name == "fhir" else {})
