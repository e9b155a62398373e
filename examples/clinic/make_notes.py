"""Write the notes of the fictional clinic: python make_notes.py --out notes.jsonl --patients 900 --seed 7.

With `--exports FOLDER`, the same clinic is written as hospital exports instead: FHIR, HL7 v2, C-CDA and OMOP.
"""

import argparse
from pathlib import Path

from fictional_clinic import write_notes  # the folder beside this script
from fictional_clinic.exports import FORMATS, write_exports


def main() -> None:
    """Parse the command line, and write either the notes with their key, or the exports."""
    parser = argparse.ArgumentParser(
        description="Write fictional outpatient notes, and the key with their identifiers and traits."
    )
    parser.add_argument("--out", type=Path, default=Path("notes.jsonl"))
    parser.add_argument("--patients", type=int, default=900)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--exports", type=Path, help="folder of the hospital exports")
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=list(FORMATS), help="formats of the exports")
    arguments = parser.parse_args()
    if arguments.exports is not None:
        counts = write_exports(arguments.exports, arguments.patients, arguments.seed, tuple(arguments.formats))
        print(f"{counts} written to {arguments.exports}")
        return
    count = write_notes(arguments.out, arguments.patients, arguments.seed)
    print(f"{count} notes of {arguments.patients} patients written to {arguments.out}")


if __name__ == "__main__":
    main()
