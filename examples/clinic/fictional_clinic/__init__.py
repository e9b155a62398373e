"""Generate outpatient notes of a fictional clinic, and a key: the identifiers and traits that each note contains."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from fictional_clinic.notes import generate
from synthgen.core.seeds import SeedTree

__all__ = ["generate", "write_notes"]


def write_notes(out: Path, patients: int, seed: int) -> int:
    """Write the notes as JSON Lines to `out`, such as notes.jsonl, and the key of each note to notes.key.jsonl.

    Returns:
        The number of notes.
    """
    rng: np.random.Generator = SeedTree(seed).child("clinic").generator()
    rows = generate(patients, rng)
    key_path = out.with_suffix(".key.jsonl")
    notes = [{name: value for name, value in row.items() if name != "key"} for row in rows]
    keys: list[dict[str, Any]] = [
        {"note_id": row["note_id"], "patient_id": row["patient_id"], **row["key"]} for row in rows
    ]
    for path, lines in ((out, notes), (key_path, keys)):
        path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    return len(rows)
