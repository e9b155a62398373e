"""Measure the rate and the peak memory of extracting notes from a FHIR bulk export.

    python benchmarks/hospital/notes.py [--notes 1000000] [--folder build/notes] [--quick]

The script first makes the export: DocumentReference resources of about 2 kB with different texts, five per patient.
Three tasks are measured, each in its own process: only parsing the JSON and base64 of every line, only reading the
notes (`read_fhir`), and the whole extraction. Each task is measured on a tenth of the notes and on all notes, to show
whether its memory grows with the number of notes.
"""

import argparse
import base64
import json
import resource
import shutil
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from synthgen.extract.extract import ReadOptions, extract
from synthgen.extract.fhir import read_fhir
from synthgen.extract.note import Fields, Note
from synthgen.extract.resolve import NoteSelection

WORDS = 170  # number of words per note
PER_PATIENT = 5
NAME = "DocumentReference.ndjson"


def write_export(folder, n):
    if (folder / "done").is_file():
        return
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    words = [f"{'bcdfghjklm'[i % 10]}{'aeiou'[i // 10 % 5]}{i}" for i in range(5000)]
    with (folder / NAME).open("w") as file:
        for i in range(n):
            text = " ".join(words[j] for j in rng.integers(0, len(words), WORDS))
            file.write(json.dumps(document(i, text)) + "\n")
    (folder / "done").touch()


def document(i, text):
    """Return the DocumentReference number i as a dict, with the keys that exports usually have."""
    return {
        "resourceType": "DocumentReference",
        "id": f"doc-{i}",
        "meta": {"versionId": "1", "lastUpdated": "2024-01-01T00:00:00Z"},
        "identifier": [{"system": "urn:notes", "value": str(i)}],
        "status": "current",
        "type": {"coding": [{"system": "http://loinc.org", "code": "11506-3", "display": f"Type {i % 6}"}]},
        "subject": {"reference": f"Patient/{i // PER_PATIENT}"},
        "date": f"20{i % 24:02d}-01-01T00:00:00Z",
        "content": [{"attachment": {"contentType": "text/plain", "data": base64.b64encode(text.encode()).decode()}}],
    }


def json_alone(folder):
    n = 0
    with (folder / NAME).open("rb") as file:
        for line in file:
            base64.b64decode(json.loads(line)["content"][0]["attachment"]["data"])
            n += 1
    return n


def reader_alone(folder):
    return sum(isinstance(item, Note) for item in read_fhir(folder, Fields()))


def whole(folder):
    target = folder / "extracted"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    kept = NoteSelection(reason_unused=lambda _: None, limit=None, rank=lambda person: person, rows_are_persons=False)
    found = extract("fhir", folder, target, ReadOptions(fields=Fields(), encoding="utf-8"), kept)
    shutil.rmtree(target)
    return found["notes"]


STEPS = {"json and base64 alone": json_alone, "reader": reader_alone, "extract": whole}


def measured(step, folder):
    """Run a task in this process; return the number of notes, the seconds, and the peak memory in MiB."""
    start = time.monotonic()
    n = STEPS[step](folder)
    return n, time.monotonic() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--notes", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, default=Path("build/notes"))
    parser.add_argument("--quick", action="store_true", help="2,000 notes")
    arguments = parser.parse_args()
    n = 2000 if arguments.quick else arguments.notes
    print("| step | notes | MB | seconds | notes/s | peak MiB |")
    print("|---|---|---|---|---|---|")
    for size in (n // 10, n):
        folder = arguments.folder / str(size)
        write_export(folder, size)
        megabytes = (folder / NAME).stat().st_size / 1e6
        for step in STEPS:
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                count, seconds, peak = pool.submit(measured, step, folder).result()
            print(
                f"| {step} | {count:,} | {megabytes:,.0f} | {seconds:.1f} | {count / seconds:,.0f} | {peak:,.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
